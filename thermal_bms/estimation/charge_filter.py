"""State of charge of one string: an adaptive extended Kalman filter on the mean cell.

State: charge s, offset of the current sensor b, resistance factor k, and error of the open-circuit voltage e.
The branch voltages and the hysteresis follow the current without uncertainty of their own; k and e carry it::

    ds = -(i - b) dt / q          de = -e |ds| / L + ...     (first-order Markov in charge moved, not in time)
    v  = u(s) + m h + e - k n     with n = (i - b) r0 + v1 + v2

e is the part that makes the filter honest: a wrong open-circuit voltage stays wrong however long one looks at it, so
on the flat of LFP more samples add no certainty. Because the slope of u changes with the estimate, which a linear
filter takes for new information, a second voltage at the same charge is worth half of the first, and so on; charge
moved gives the worth back. Errors that last some ten seconds are counted as noise
``voltage_noise_time_s / dt`` times its variance. Where the table is curved the smaller slope to both sides counts, so
that a wrong start never looks more certain than it is; far jumps are left to the bound of ``charge_bound``.

Adaptive: the voltage noise follows the innovations. Robust: an innovation beyond ``gate_sd`` standard deviations is
left out, unless it goes on for ``outlier_s``; then the filter starts again from the voltage.

References: Plett, J. Power Sources 134 (2004) 252, doi 10.1016/j.jpowsour.2004.02.031; Mohamed and Schwarz,
J. Geodesy 73 (1999) 193, doi 10.1007/s001900050236 (innovation-based adaptation).
"""

import math
from typing import final

from thermal_bms.estimation.cell_model import CellModel, Circuit
from thermal_bms.estimation.settings import EstimationSettings
from thermal_bms.units import SECONDS_PER_HOUR

SOC_VARIANCE_MIN = 1e-7
SLOPE_REACH = 0.01
STEP_SD = 2.0
CREDIT_KEPT, CREDIT_MIN = 0.5, 0.001
UNIFORM_SD = 1.0 / math.sqrt(12.0)  # standard deviation of a uniform value, per width
NOISE_TIME_S = 300.0
COUNT_LENGTH = 0.5  # charge moved over which errors of gain and capacity are taken as one
RESISTANCE_DRIFT_PER_ROOT_H = 0.02
RESISTANCE_DRIFT_PER_K = 0.01
OFFSET_DRIFT_PER_ROOT_H = 0.1
SLOW_TIME_S = 600.0
RESISTANCE_MIN = 0.3
UNSEEN_C_RATE = 0.5  # a current that may have flowed until just before the start


@final
class ChargeFilter:
    """The filter of one string.

    ``predict`` runs every tick and costs little; ``update`` runs at the string's turn and covers the time since the
    turn before.

    Parameters
    ----------
    model : nominal cell
    settings : error levels
    rating_a : rated current of the string, to which the sensor's offset relates [A]
    soc : charge to start from
    soc_sd : how sure that is
    """

    __slots__ = (
        "_circuit_soc",
        "_circuit_temp_degc",
        "_count_variance",
        "_credit",
        "_decay_dt_s",
        "_keep1",
        "_keep2",
        "_model",
        "_noise_v2",
        "_outlier_s",
        "_p_bb",
        "_p_be",
        "_p_bk",
        "_p_ee",
        "_p_ke",
        "_p_kk",
        "_p_sb",
        "_p_se",
        "_p_sk",
        "_p_ss",
        "_per_as",
        "_rating_a",
        "_settings",
        "capacity_as",
        "capacity_sd",
        "circuit",
        "current_a",
        "hysteresis",
        "innovation_v",
        "moved",
        "ocv_error_v",
        "offset_a",
        "overpotential_v",
        "rc1_v",
        "rc2_v",
        "resistance",
        "since_s",
        "slow_v",
        "soc",
        "temp_degc",
        "unsettled_v",
    )

    def __init__(
        self, model: CellModel, settings: EstimationSettings, *, rating_a: float, soc: float, soc_sd: float
    ) -> None:
        self._model, self._settings, self._rating_a = model, settings, rating_a
        self.soc, self.offset_a, self.resistance, self.ocv_error_v = soc, 0.0, 1.0, 0.0
        self.rc1_v = self.rc2_v = self.hysteresis = self.overpotential_v = 0.0
        self.slow_v = 0.0
        self.current_a = self.moved = self.since_s = self.innovation_v = 0.0
        self.temp_degc = model.reference_temp_degc
        self.set_capacity(model.capacity_as, settings.capacity_sd)
        self.circuit: Circuit = model.circuit(soc, self.temp_degc)
        self._circuit_soc = self._circuit_temp_degc = math.inf
        unseen_a = UNSEEN_C_RATE * model.capacity_as / SECONDS_PER_HOUR
        self.unsettled_v = unseen_a * (self.circuit.r1_ohm + self.circuit.r2_ohm)
        self._decay_dt_s = self._keep1 = self._keep2 = 0.0
        self._noise_v2 = settings.voltage_noise_v**2
        self._outlier_s = 0.0
        self._credit = 1.0
        self._p_ss = soc_sd**2
        self._p_bb = (settings.current_offset_sd * rating_a) ** 2
        self._p_kk = settings.resistance_sd**2
        self._p_ee = settings.ocv_error_v**2 + model.hysteresis_v**2 / 3.0
        self._p_sb = self._p_sk = self._p_se = self._p_bk = self._p_be = self._p_ke = 0.0

    @property
    def soc_sd(self) -> float:
        """One standard deviation of the charge."""
        return math.sqrt(self._p_ss)

    @property
    def resistance_sd(self) -> float:
        """One standard deviation of the resistance factor."""
        return math.sqrt(self._p_kk)

    @property
    def offset_sd_a(self) -> float:
        """One standard deviation of the current sensor's offset [A]."""
        return math.sqrt(self._p_bb)

    @property
    def ocv_error_sd_v(self) -> float:
        """One standard deviation of the error of the open-circuit voltage [V]."""
        return math.sqrt(self._p_ee)

    @property
    def ocv_error_v2(self) -> float:
        """Variance that the error of the open-circuit voltage tends to: table, and diffusion outside the circuit."""
        slow_v = self._settings.slow_error * self.slow_v
        return self._settings.ocv_error_v**2 + slow_v * slow_v

    @property
    def noise_sd_v(self) -> float:
        """Voltage noise as the innovations show it [V]."""
        return math.sqrt(self._noise_v2)

    @property
    def open_circuit_v(self) -> float:
        """Open-circuit voltage at the estimate, hysteresis and error included [V]."""
        off_k = self.temp_degc - self._model.reference_temp_degc
        return (
            self._model.open_circuit_v(self.soc, off_k)
            + self._model.hysteresis_v * self.hysteresis
            + self.ocv_error_v
        )

    def set_capacity(self, capacity_as: float, relative_sd: float) -> None:
        """Count against another capacity from now on [As], known with a relative standard deviation."""
        self.capacity_as = capacity_as
        self.capacity_sd = relative_sd
        self._per_as = 1.0 / capacity_as
        self._count_variance = (relative_sd**2 + self._settings.current_gain_sd**2) * COUNT_LENGTH

    def predict(self, current_a: float, dt_s: float) -> None:
        """Count a tick of measured current [A]."""
        if dt_s != self._decay_dt_s:
            self._set_decay(dt_s)
        i = current_a - self.offset_a
        circuit, keep1, keep2 = self.circuit, self._keep1, self._keep2
        step = i * dt_s * self._per_as
        self.soc -= step
        self.moved += step
        self.since_s += dt_s
        self.rc1_v = rc1_v = circuit[2] * i + keep1 * (self.rc1_v - circuit[2] * i)
        self.rc2_v = rc2_v = circuit[3] * i + keep2 * (self.rc2_v - circuit[3] * i)
        self.overpotential_v = i * (circuit[0] if i > 0.0 else circuit[1]) + rc1_v + rc2_v
        self.current_a = i

    def rest(self, time_s: float) -> None:
        """Let the branches relax for a time without current [s]."""
        self.rc1_v *= math.exp(-time_s / self.circuit.tau1_s)
        keep2 = math.exp(-time_s / self.circuit.tau2_s)
        self.rc2_v *= keep2
        self.unsettled_v *= keep2
        self.overpotential_v = self.rc1_v + self.rc2_v
        self.current_a = 0.0

    def update(self, voltage_v: float, temp_degc: float) -> float:
        """Bring the uncertainty up to now and take in a mean cell voltage [V]; return the charge moved since.

        A missing voltage or temperature is NaN: without a voltage the filter counts on, without a temperature the last
        one holds.
        """
        moved, since_s = self.moved, self.since_s
        self.moved = self.since_s = 0.0
        if since_s <= 0.0:
            return 0.0
        self._spread(moved, since_s, temp_degc)
        if voltage_v - voltage_v == 0.0:
            self._correct(voltage_v, since_s)
        if self.soc < 0.0 or self.soc > 1.0:
            self.soc = min(max(self.soc, 0.0), 1.0)
        return moved

    def lose(self, soc_sd: float) -> None:
        """Take up an uncertainty of the charge that nothing else tells, as after counting blind."""
        self._p_ss += soc_sd**2

    def take_offset(self, current_a: float, noise_a: float) -> None:
        """Take in a reading of the current sensor while its contactors are open: it reads its offset [A]."""
        gain_sum = self._p_bb + noise_a**2
        ks, kb = self._p_sb / gain_sum, self._p_bb / gain_sum
        kk, ke = self._p_bk / gain_sum, self._p_be / gain_sum
        y = current_a - self.offset_a
        self.soc += ks * y
        self.offset_a += kb * y
        self.resistance += kk * y
        self.ocv_error_v += ke * y
        sb, bk, be, bb = self._p_sb, self._p_bk, self._p_be, self._p_bb
        self._p_ss -= ks * sb
        self._p_sb -= ks * bb
        self._p_sk -= ks * bk
        self._p_se -= ks * be
        self._p_bk -= kb * bk
        self._p_be -= kb * be
        self._p_bb -= kb * bb
        self._p_kk -= kk * bk
        self._p_ke -= kk * be
        self._p_ee -= ke * be

    def hold(self, low: float, high: float) -> None:
        """Keep the estimate within a bound that is known by other means."""
        sd = (high - low) * UNIFORM_SD
        if self._p_ss > sd * sd:
            shrink = sd / math.sqrt(self._p_ss)
            self._p_ss = sd * sd
            self._p_sb *= shrink
            self._p_sk *= shrink
            self._p_se *= shrink
        self.soc = min(max(self.soc, low), high)

    def look_up(self) -> None:
        """Read the circuit at the present charge and temperature."""
        self.circuit = self._model.circuit(self.soc, self.temp_degc)
        self._set_decay(self._decay_dt_s)

    def _set_decay(self, dt_s: float) -> None:
        self._decay_dt_s = dt_s
        self._keep1 = math.exp(-dt_s / self.circuit.tau1_s)
        self._keep2 = math.exp(-dt_s / self.circuit.tau2_s)

    def _spread(self, moved: float, since_s: float, temp_degc: float) -> None:
        """Move hysteresis and covariance over the time since the last turn."""
        settings, model = self._settings, self._model
        gross = moved if moved >= 0.0 else -moved
        if model.hysteresis_v > 0.0:
            x = model.hysteresis_rate * gross
            self.hysteresis = (self.hysteresis - (x if moved > 0.0 else -x)) / (1.0 + x)
        drift = RESISTANCE_DRIFT_PER_ROOT_H**2 * since_s / SECONDS_PER_HOUR
        change_k = temp_degc - self.temp_degc
        if change_k - change_k == 0.0:
            drift += (RESISTANCE_DRIFT_PER_K * change_k) ** 2
            self.temp_degc = temp_degc
            if not (
                -0.5 < temp_degc - self._circuit_temp_degc < 0.5
                and -0.005 < self.soc - self._circuit_soc < 0.005
            ):
                self._circuit_temp_degc, self._circuit_soc = temp_degc, self.soc
                self.look_up()
        self.unsettled_v /= 1.0 + since_s / self.circuit.tau2_s
        g = since_s * self._per_as
        keep = 1.0 / (1.0 + gross / settings.ocv_error_length)
        p_sb, p_bb = self._p_sb, self._p_bb
        self._p_ss += g * (2.0 * p_sb + g * p_bb) + self._count_variance * gross
        self._p_sb = p_sb + g * p_bb
        self._p_sk += g * self._p_bk
        self._p_se = (self._p_se + g * self._p_be) * keep
        self._p_bb = p_bb + (
            (OFFSET_DRIFT_PER_ROOT_H * settings.current_offset_sd * self._rating_a) ** 2
            * (since_s / SECONDS_PER_HOUR)
        )
        self.ocv_error_v *= keep
        self._credit = min(self._credit + gross / settings.ocv_error_length, 1.0)
        self._p_be *= keep
        self._p_kk += drift
        self._p_ke *= keep
        load_v = abs(self.resistance * self.overpotential_v)
        self.slow_v += since_s / (SLOW_TIME_S + since_s) * (load_v - self.slow_v)
        limit_v2 = self.ocv_error_v2
        self._p_ee = limit_v2 + (self._p_ee - limit_v2) * keep * keep

    def _linearise(self) -> tuple[float, float]:
        """Return the open-circuit voltage and the smallest of its slopes over the uncertain charge."""
        soc, at, off_k = (
            self.soc,
            self._model.open_circuit_v,
            self.temp_degc - self._model.reference_temp_degc,
        )
        sd = math.sqrt(self._p_ss)
        reach = sd if sd > SLOPE_REACH else SLOPE_REACH
        here_v = at(soc, off_k)
        slopes = []
        if soc < 1.0 - SLOPE_REACH:
            up_v = at(soc + reach, off_k)
            slopes.append(up_v - here_v)
            if sd > SLOPE_REACH:
                slopes.append(at(soc + 2.0 * reach, off_k) - up_v)
        if soc > SLOPE_REACH:
            down_v = at(soc - reach, off_k)
            slopes.append(here_v - down_v)
            if sd > SLOPE_REACH:
                slopes.append(down_v - at(soc - 2.0 * reach, off_k))
        return here_v, min(slopes) / reach

    def _correct(self, voltage_v: float, since_s: float) -> None:
        settings = self._settings
        mean_v, slope = self._linearise()
        eta = self.overpotential_v
        y = voltage_v - (
            mean_v + self._model.hysteresis_v * self.hysteresis + self.ocv_error_v - self.resistance * eta
        )
        p_ss, p_sb, p_sk, p_se = self._p_ss, self._p_sb, self._p_sk, self._p_se
        p_bk, p_be, p_kk, p_ke, p_ee = self._p_bk, self._p_be, self._p_kk, self._p_ke, self._p_ee
        ps = slope * p_ss - eta * p_sk + p_se
        pb = slope * p_sb - eta * p_bk + p_be
        pk = slope * p_sk - eta * p_kk + p_ke
        pe = slope * p_se - eta * p_ke + p_ee
        unsettled_v = self.unsettled_v
        explained = slope * ps - eta * pk + pe + unsettled_v * unsettled_v
        lasting = settings.voltage_noise_time_s / since_s
        lasting = lasting if lasting > 1.0 else 1.0
        credit = self._credit
        total = explained + self._noise_v2 * lasting + self.ocv_error_v2 * (1.0 / credit - 1.0)
        self.innovation_v = y
        gate = settings.gate_sd
        single = explained + self._noise_v2
        if y * y > gate * gate * single:
            self._outlier_s += since_s
            if self._outlier_s < settings.outlier_s:
                return
            self._restart(voltage_v)
            return
        self._outlier_s = 0.0
        self._credit = credit * CREDIT_KEPT if credit > CREDIT_MIN else CREDIT_MIN
        weight = since_s / (NOISE_TIME_S + since_s)
        floor = settings.voltage_noise_v**2
        seen = y * y - explained
        noise = self._noise_v2 + weight * ((seen if seen > floor else floor) - self._noise_v2)
        self._noise_v2 = noise
        inverse = 1.0 / total
        ks, kb, kk, ke = ps * inverse, pb * inverse, pk * inverse, pe * inverse
        step, reach = ks * y, STEP_SD * math.sqrt(p_ss)
        self.soc += step if -reach < step < reach else math.copysign(reach, step)
        self.offset_a += kb * y
        resistance = self.resistance + kk * y
        self.resistance = min(max(resistance, RESISTANCE_MIN), settings.resistance_growth_max)
        self.ocv_error_v += ke * y
        p_ss -= ks * ps
        self._p_ss = p_ss if p_ss > SOC_VARIANCE_MIN else SOC_VARIANCE_MIN
        self._p_sb = p_sb - ks * pb
        self._p_sk = p_sk - ks * pk
        self._p_se = p_se - ks * pe
        self._p_bb -= kb * pb
        self._p_bk = p_bk - kb * pk
        self._p_be = p_be - kb * pe
        self._p_kk = p_kk - kk * pk
        self._p_ke = p_ke - kk * pe
        self._p_ee = p_ee - ke * pe

    def _restart(self, voltage_v: float) -> None:
        """Start again from the voltage: what was believed has not fitted for a while."""
        settings, model = self._settings, self._model
        open_v = voltage_v + self.resistance * self.overpotential_v - model.hysteresis_v * self.hysteresis
        self.soc = model.soc_of(open_v, self.temp_degc - model.reference_temp_degc)
        self.ocv_error_v = 0.0
        self._outlier_s = 0.0
        self._credit = 1.0
        self._p_ss = max(self._p_ss, settings.initial_soc_sd**2)
        self._p_kk = max(self._p_kk, settings.resistance_sd**2)
        self._p_ee = max(self._p_ee, self.ocv_error_v2 + model.hysteresis_v**2 / 3.0)
        self._p_sb = self._p_sk = self._p_se = self._p_bk = self._p_be = self._p_ke = 0.0
