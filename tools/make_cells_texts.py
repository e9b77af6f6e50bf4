"""How ``make_cells.py`` writes a cell besides its measured tables: ratings, heat paths, origins."""

import textwrap
from dataclasses import dataclass

ALUMINIUM_KG_PER_M3 = 2700.0
ALUMINIUM_J_PER_KGK = 900.0
CAN_WALL_M = 0.8e-3  # assumed: usual wall of a 50-300 Ah can
LID_TERMINALS_KG = 0.10  # assumed: lid thicker than the wall, terminals, vent
ROLL_SHARE = 0.92  # assumed: jelly roll in the can's cross-section, from wall, foil and corner radius
FOIL_W_PER_MK = 0.2  # polypropylene or polyester insulation foil
FOIL_M = 0.1e-3  # assumed thickness at the can's bottom


def comment_lines(text: str) -> list[str]:
    """Return a text as TOML comment lines."""
    return [f"# {line}" for line in textwrap.wrap(text, width=106)]


@dataclass(frozen=True)
class Origin:
    """One [[source]] table."""

    title: str
    kind: str
    reference: str
    notes: str

    def text(self) -> str:
        """Return the table as TOML."""
        pairs = (
            ("title", self.title),
            ("kind", self.kind),
            ("reference", self.reference),
            ("notes", self.notes),
        )
        return "\n".join(["[[source]]", *(f'{key} = "{value}"' for key, value in pairs)])


@dataclass(frozen=True)
class Body:
    """Mass, size and inner heat paths of a cell; a prismatic can stands on the plate, a pouch on an edge."""

    kind: str  # prismatic or pouch
    mass_kg: float
    specific_heat_j_per_kgk: float
    length_m: float
    width_m: float
    height_m: float
    in_plane_w_per_mk: float
    through_plane_w_per_mk: float
    comment: str
    face_cooled: bool = False
    can_contact_w_per_m2k: float = 0.0
    core_to_surface_k_per_w: float = 0.0

    def cooled_area_m2(self) -> float:
        """Return the face towards plate or air."""
        return self.length_m * (self.height_m if self.face_cooled else self.width_m)

    def core_to_plate_k_per_w(self) -> float:
        """Return L/(3 k A), core mean to cooled face, plus the foil or the contact to the module's can."""
        area = self.cooled_area_m2()
        if self.face_cooled:
            return self.width_m / (3.0 * self.through_plane_w_per_mk * area) + 1.0 / (
                self.can_contact_w_per_m2k * area
            )
        roll = ROLL_SHARE if self.kind == "prismatic" else 1.0
        foil = FOIL_M / (FOIL_W_PER_MK * area) if self.kind == "prismatic" else 0.0
        return self.height_m / (3.0 * self.in_plane_w_per_mk * roll * area) + foil

    def surface_path_k_per_w(self) -> float:
        """Return t/(12 k A), core mean to both large faces, unless a measured value is given."""
        area = self.length_m * self.height_m
        return self.core_to_surface_k_per_w or self.width_m / (12.0 * self.through_plane_w_per_mk * area)

    def surface_fraction(self) -> float:
        """Return the share of can, lid and terminals in the heat capacity; 0.05 for a pouch (assumed)."""
        if self.kind != "prismatic":
            return 0.05
        a, b, c = self.length_m, self.width_m, self.height_m
        shell_kg = 2.0 * (a * b + a * c + b * c) * CAN_WALL_M * ALUMINIUM_KG_PER_M3 + LID_TERMINALS_KG
        return shell_kg * ALUMINIUM_J_PER_KGK / (self.mass_kg * self.specific_heat_j_per_kgk)


@dataclass(frozen=True)
class CellText:
    """One cell."""

    name: str
    title: str
    chemistry: str
    tables: str
    resistance_ohm_ah: float  # after pulse_s, 25 degC, half charge; 0 keeps the measured table
    pulse_s: float
    capacity_ah: float
    voltage_v: tuple[float, float]
    charge_current_max_a: float
    discharge_current_max_a: float
    rating_comment: str
    hysteresis_v: float
    body: Body
    origins: tuple[Origin, ...]
    circuit_comment: str = ""

    def head(self) -> str:
        """Return ratings and sources as TOML."""
        lines = [
            f"# {self.title}",
            "# Written by tools/make_cells.py from the measured tables; change the script, not this file.",
            f'name = "{self.name}"',
            f'chemistry = "{self.chemistry}"',
            f"# {self.rating_comment}",
            f"capacity_ah = {self.capacity_ah}",
            f"voltage_min_v = {self.voltage_v[0]}",
            f"voltage_max_v = {self.voltage_v[1]}",
            f"charge_current_max_a = {self.charge_current_max_a}",
            f"discharge_current_max_a = {self.discharge_current_max_a}",
        ]
        return "\n".join([*lines, *("\n" + origin.text() for origin in self.origins)]) + "\n"

    def thermal(self) -> str:
        """Return the [thermal] table as TOML."""
        body = self.body
        lines = [
            "[thermal]",
            *comment_lines(body.comment),
            f"mass_kg = {body.mass_kg}",
            f"specific_heat_j_per_kgk = {body.specific_heat_j_per_kgk}",
            f"surface_fraction = {body.surface_fraction():.3f}",
            f"core_to_plate_k_per_w = {body.core_to_plate_k_per_w():.3f}",
            f"core_to_surface_k_per_w = {body.surface_path_k_per_w():.3f}",
            f"cooled_area_m2 = {body.cooled_area_m2():.5f}",
            f"length_m = {body.length_m}",
            f"width_m = {body.width_m}",
            f"height_m = {body.height_m}",
        ]
        return "\n".join(lines) + "\n"
