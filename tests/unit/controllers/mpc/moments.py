"""A planner's surroundings for tests: settings, model, and one moment of a truck."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from controllers.conditioning import CHEMISTRY_DEFAULTS
from controllers.modes import Surroundings
from controllers.mpc.observer import Seen
from controllers.mpc.outlook import Doing
from controllers.mpc.planner import Moment, Planner
from controllers.mpc.reduced_model import N_INPUTS, Weather, build_model
from controllers.mpc.settings import MpcSettings
from tests.unit.controllers.examples import LIQUID, believed, measured
from thermal_bms.description import TruckDescription
from thermal_bms.signals import NO_PREVIEW, Preview


def settings(truck: TruckDescription = LIQUID, **changes: Any) -> MpcSettings:
    """Return the default settings for a truck, with ``changes``."""
    return MpcSettings.model_validate({"conditioning": CHEMISTRY_DEFAULTS[truck.pack.chemistry], **changes})


def weather(n: int = 1, **changes: Any) -> Weather:
    """Return mild surroundings of the model without anything learned, with ``changes``."""
    calm = Weather(np.zeros(n), np.full(n, 20.0), np.zeros(n), np.zeros(n), 20.0, 5.0, 1.0, 1.0, 25.0)
    return calm._replace(**changes)


@dataclass
class Bench:
    """A planner that has seen one temperature."""

    planner: Planner
    moment: Moment


def bench(
    cell_degc: float,
    *,
    truck: TruckDescription = LIQUID,
    ambient_degc: float = 30.0,
    heat_w: float = 3e3,
    preview: Preview = NO_PREVIEW,
    **changes: Any,
) -> Bench:
    """Return a planner and a moment of a driving truck whose pack and medium have one temperature."""
    chosen = settings(truck, **changes)
    planner = Planner(chosen, truck, build_model(truck, chosen.actuation))
    seen = Seen(
        cell_degc, cell_degc, heat_w, ambient_degc, ambient_degc, 5.0, np.zeros(N_INPUTS), 0.0, True, 20.0
    )
    planner.observer.step(seen)
    planner.forecast.learn(heat_w, plugged=False, dt_s=20.0)
    around = Surroundings(ambient_degc, cell_degc, cell_degc, ambient_degc, 0.0, 0.2)
    moment = Moment(
        measured(ambient_temp_degc=ambient_degc),
        believed(cell_degc, heat_w=heat_w),
        preview,
        around,
        Doing(plugged=False, charging=False, parked=False),
        np.zeros(N_INPUTS),
        20.0,
    )
    return Bench(planner, moment)
