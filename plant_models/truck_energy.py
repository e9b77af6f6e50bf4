"""What a whole truck stores: chemically in its cells, and as heat everywhere."""

from plant_models.chiller import chiller_stored_heat_j
from plant_models.circuit import circuit_stored_heat_j
from plant_models.kernels import RecordArray, kernel
from plant_models.pack import CircuitTables, PackArrays, chemical_energy_j, pack_stored_heat_j, views
from plant_models.pack_spme import SpmeArrays, spme_chemical_energy_j


@kernel
def stored_heat_j(
    p: RecordArray, s: RecordArray, chiller_p: RecordArray, chiller_s: RecordArray, pack: PackArrays
) -> float:
    """Return the stored heat of the whole truck [J], a function of state alone."""
    constants, state, _ = views(pack)
    heat_j = pack_stored_heat_j(constants, state)
    return heat_j + circuit_stored_heat_j(p[0], s[0]) + chiller_stored_heat_j(chiller_p[0], chiller_s[0])


@kernel
def circuit_chemical_energy_j(tables: CircuitTables, pack: PackArrays) -> float:
    """Return the chemical energy of a pack of equivalent circuits [J]."""
    constants, state, _ = views(pack)
    return chemical_energy_j(tables, constants, state)


def stored_chemical_j(cells: CircuitTables | SpmeArrays, pack: PackArrays) -> float:
    """Return the chemical energy of the pack [J], a function of state alone."""
    if isinstance(cells, SpmeArrays):
        return spme_chemical_energy_j(cells)
    return circuit_chemical_energy_j(cells, pack)
