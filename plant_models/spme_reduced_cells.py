"""The reduced discretisation's memory: fitted relaxations of a sphere, a few volumes, cells made of both."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares, nnls

from plant_models.spme import SpmeView, SpmeWork
from plant_models.spme_parameters import SpmeParameters
from plant_models.spme_reference import reference_mesh
from thermal_bms.units import FloatArray

N_RELAXATIONS = 4
N_VOLUMES = 4
FIRST_EIGENVALUE = 4.493409457909064  # smallest root of tan b = b
SHORTEST = 1e-4  # D dt/R^2 of one second in the slowest particles of the sets: 1.5e-4
FIT_POWER = 0.7  # the fit weighs errors by response^-0.7, between absolute and relative


class ReducedMesh(NamedTuple):
    """Relaxations and volumes.

    Attributes
    ----------
    rate : relaxation rates times R^2/D, rising, shape (N_RELAXATIONS,)
    weight : their shares of the steady surface excess, shape (N_RELAXATIONS,)
    prompt : w_0
    volume_m, source, ohmic_m : as in the reference, shape (n_volumes,)
    half_n_m, half_s_m, half_p_m : half width over transport efficiency
    n_electrode : volumes per electrode; the separator is one
    """

    rate: FloatArray
    weight: FloatArray
    prompt: float
    volume_m: FloatArray
    source: FloatArray
    ohmic_m: FloatArray
    half_n_m: float
    half_s_m: float
    half_p_m: float
    n_electrode: int


class ReducedScratch(NamedTuple):
    """Decays of the relaxations; sweep and face conductances of the electrolyte; its properties by region.

    ``line`` holds, for each region, the concentration looked up, diffusivity and conductivity there, each
    followed by its slope, shape (3, 5, n_cells); ``transference`` three regions and the source of the step;
    ``turn`` counts steps.
    """

    decay: FloatArray
    upper: FloatArray
    conductance: FloatArray
    transference: FloatArray
    line: FloatArray
    turn: FloatArray


class ReducedCells(NamedTuple):
    """Cells in the reduced discretisation: state rows by cells, and the space to step them."""

    mesh: ReducedMesh
    state: FloatArray
    work: SpmeWork
    shown: SpmeView
    scratch: ReducedScratch


def sphere_response(time: FloatArray, n_terms: int = 400) -> FloatArray:
    """Return surface less mean stoichiometry of a sphere after a unit step of ``f R^2/D``, time over R^2/D.

    >>> round(float(sphere_response(np.array([1.0]))[0]), 6)
    0.2
    """
    n = np.arange(1.0, n_terms + 1.0)
    centre = (n + 0.5) * np.pi
    root = centre - 1.0 / centre - 2.0 / (3.0 * centre**3)
    for _ in range(3):
        root -= (np.sin(root) - root * np.cos(root)) / (root * np.sin(root))
    return np.asarray(0.2 - 2.0 * (np.exp(-np.outer(time, root**2)) / root**2).sum(axis=1))


@lru_cache
def relaxations(
    n: int = N_RELAXATIONS, shortest: float = SHORTEST
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return rates, and weights followed by the prompt share, fitted to the response of a sphere.

    >>> rates, weights = relaxations()
    >>> round(sum(weights), 6)
    0.2
    """
    time = np.geomspace(shortest, 1.0, 200)
    exact = sphere_response(time)
    scale = exact**-FIT_POWER
    sure = 1e3 * scale.max()  # makes the sum of the weights hold

    def weights(log_rate: FloatArray) -> tuple[FloatArray, FloatArray]:
        growth = np.column_stack([1.0 - np.exp(-np.outer(time, np.exp(log_rate))), np.ones(time.size)])
        rows = np.vstack([growth * scale[:, np.newaxis], np.full(n + 1, sure)])
        found, _ = nnls(rows, np.append(exact * scale, 0.2 * sure))
        return found, growth @ found

    def misfit(log_rate: FloatArray) -> FloatArray:
        return (weights(log_rate)[1] - exact) * scale

    start = np.log(np.geomspace(FIRST_EIGENVALUE**2, 1.0 / shortest, n))
    log_rate = np.sort(least_squares(misfit, start).x)
    return tuple(np.exp(log_rate).tolist()), tuple(weights(log_rate)[0].tolist())


def reduced_mesh(
    cell: SpmeParameters, *, n_relaxations: int = N_RELAXATIONS, n_electrode: int = N_VOLUMES
) -> ReducedMesh:
    """Return relaxations and volumes of a cell."""
    rates, weights = relaxations(n_relaxations)
    volumes = reference_mesh(cell, n_shells=2, n_electrode=n_electrode, n_separator=1)
    return ReducedMesh(
        rate=np.array(rates),
        weight=np.array(weights[:-1]),
        prompt=weights[-1],
        volume_m=volumes.volume_m,
        source=volumes.source,
        ohmic_m=volumes.ohmic_m,
        half_n_m=float(volumes.half_m[0]),
        half_s_m=float(volumes.half_m[n_electrode]),
        half_p_m=float(volumes.half_m[-1]),
        n_electrode=n_electrode,
    )
