import numpy as np

from tests.contracts.check_link import same_bits
from tests.unit.thermal_bms.can.can_samples import SHAPE, command, measurement
from thermal_bms.can.bus_image import BusReceiver, BusSender
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.can.quantised_link import QuantisedLink
from thermal_bms.signals import Command, Measurement

NAN = float("nan")


class Truck:
    """A link that gives what it is told and keeps what it gets."""

    def __init__(self) -> None:
        self.now = measurement()
        self.taken: list[Command] = []

    def read(self) -> Measurement:
        return self.now

    def write(self, sent: Command) -> None:
        self.taken.append(sent)


def random_measurement(rng: np.random.Generator, time_s: float) -> Measurement:
    voltage_v = rng.uniform(2.5, 3.65, (SHAPE.n_strings, SHAPE.n_series))
    voltage_v[0, 3] = -NAN
    return measurement(
        time_s=time_s,
        cell_voltage_v=voltage_v,
        cell_temp_degc=rng.uniform(-30.0, 60.0, (SHAPE.n_strings, SHAPE.n_temp_sensors)),
        string_current_a=rng.uniform(-1000.0, 1000.0, SHAPE.n_strings),
        ambient_temp_degc=float(rng.uniform(-40.0, 50.0)),
        charger_current_max_a=float(rng.uniform(0.0, 6000.0)),
    )


def test_the_link_gives_bit_for_bit_what_crosses_as_frames() -> None:
    truck = Truck()
    link = QuantisedLink(truck, SHAPE, status=lambda: {"pack_current_a": -2000.0})
    measured, commanded = MeasurementCodec(SHAPE), CommandCodec(SHAPE.n_strings)
    up, down = BusSender(measured.bus_map), BusSender(commanded.bus_map)
    controller, plant = BusReceiver(measured.bus_map), BusReceiver(commanded.bus_map)
    rng = np.random.default_rng(5)
    for k in range(100):
        time_s = 0.1 * k
        truck.now = random_measurement(rng, time_s)
        controller.tick(time_s)
        plant.tick(time_s)
        for frame in up.frames(measured.flatten(truck.now), time_s):
            controller.take(frame, time_s)
        assert same_bits(link.read(), measured.restore(controller.image, time_s))
        wanted = command(charge_current_a=float(rng.uniform(0.0, 500.0)))
        for frame in down.frames(commanded.flatten(wanted, {"pack_current_a": -2000.0}), time_s):
            plant.take(frame, time_s)
        link.write(wanted)
        assert truck.taken[-1] == commanded.restore(plant.image)
        assert link.saturated == up.saturated + down.saturated


def test_the_link_reports_what_does_not_fit() -> None:
    truck = Truck()
    truck.now = measurement(bus_voltage_v=1700.0)
    link = QuantisedLink(truck, SHAPE)
    assert link.read().bus_voltage_v == 1596.375
    link.write(command())
    assert link.saturated == ("bus_voltage_v",)
