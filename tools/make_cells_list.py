"""The cells that ``make_cells.py`` writes: ratings, geometry, origins."""

from make_cells_texts import Body, CellText, Origin

DATABASE = "CellDatabase_v6.xlsx, repository TUMFTM/TruckBatteryDesign @820cc49, Step1"
SIMSES = "SimSES 1.3.12 (PyPI), TUM EES, BSD-3-Clause"

LFP_HEAT = Origin(
    "Anisotropic thermal characterisation of large-format lithium-ion pouch cells",
    "paper",
    "arXiv:2112.09768",
    "20 Ah LFP: 26.6 W/mK in plane, 0.52 W/mK through plane, 541 J/K of 0.489 kg at full and 6 % "
    "less at half charge",
)
SONY = Origin(
    "Sony US26650 LFP: open-circuit voltage, resistance, entropic coefficient, hysteresis",
    "measured",
    f"Naumann, PhD thesis, TU Munich 2018; {SIMSES}, CLFP_Sony_US26650; SimSES 2 for the last two",
    "shape over charge and temperature only; measured at 10, 25 and 40 degC; hysteresis gap mean 22 "
    "mV over 5-95 %",
)
LFP_CLASS = Origin(
    "DC resistance of the 300 Ah LFP class and its split",
    "assumed",
    "",
    "0.30-0.45 mohm at 25 degC, half charge, 10-30 s (91-136 mohm Ah); shares 0.65/0.15/0.20 of the "
    "steady value, "
    "time constants 25 and 150 s as of an NMC cell; below 10 degC two processes of 12 and 50 kJ/mol",
)
NMC_HEAT = Origin(
    "Heat capacity and conductivity of NMC cells",
    "paper",
    "doi 10.1016/j.jpowsour.2021.230829; doi 10.1149/1945-7111/ab9050; doi 10.3390/app13052870",
    "Steinhardt 2022: 1045 J/kgK mean of many cells; layers of Chen 2020: 24.7 W/mK in plane; Droese "
    "and Kowal 2023: "
    "0.47 W/mK through plane at 46 Ah, 15 % more at 60 Ah; 0.5 used",
)
NMC_ENTROPY = Origin(
    "Entropic coefficients of NMC111 and graphite",
    "paper",
    "doi 10.1016/j.jpowsour.2009.11.103; doi 10.1016/j.electacta.2022.140700",
    "Viswanathan 2010, positive -0.1 mV/K; O'Regan 2022, graphite fit; window 0.0055-0.7567 of the "
    "About:Energy BPX "
    "example cell",
)
NMC_SPLIT = Origin(
    "Pulses and relaxations of CALB L148N58A cells",
    "measured",
    "CALB L148N58A data set (Mendeley Data); repository birol91/calb-3rc-param-extraction",
    "mean of five, 25 degC, half charge: 1.44 mohm after 10 s at 53.5 Ah, that is 77 mohm Ah; branches of "
    "3, 25 and 158 s; rounded here to shares 0.50/0.20/0.30 with 25 and 150 s",
)
AKASOL = Origin(
    "Truck-class NMC cell: resistance from -25 to 40 degC",
    "measured",
    f"{SIMSES}, NMC_Akasol_OEM_Rint",
    "shape over charge and temperature only",
)
SANYO = Origin(
    "Sanyo UR18650E NMC: open-circuit voltage",
    "measured",
    f"{SIMSES}, NMC_Sanyo_OCV; Schmalstieg 2014, doi 10.1016/j.jpowsour.2014.02.012",
    "stands in for the pouch cell's own curve",
)

LFP_CIRCUIT = (
    "Open-circuit voltage: Sony, charge rescaled so that 0 is 2.5 V. Hysteresis: half the "
    "mean measured gap. Resistance: Sony's shape, scaled; see docs/parameters.md. Beyond "
    "10-40 degC extrapolated."
)
NMC_CIRCUIT = (
    "Hysteresis of NMC is a few millivolts; assumed. Entropic coefficient: positive less "
    "negative electrode. Resistance: see docs/parameters.md. Split so that the resistance "
    "after 10 s is the table's."
)


def lfp_body(mass_kg: float, length_m: float, width_m: float, height_m: float) -> Body:
    """Return an LFP can that stands on its plate."""
    comment = (
        "Size and mass: datasheet. 1040 J/kgK: 541 J/K / 0.489 kg less 6 % at half charge "
        "(arXiv:2112.09768). core_to_plate = H/(3 k A) with 26.6 W/mK in plane over 92 % of the "
        "bottom (assumed), and 0.1 mm of foil at 0.2 W/mK (assumed). core_to_surface = t/(12 k A) "
        "with 0.52 W/mK. surface_fraction: 0.8 mm can and 0.1 kg."
    )
    return Body("prismatic", mass_kg, 1040.0, length_m, width_m, height_m, 26.6, 0.52, comment)


LFP_302_BODY = lfp_body(5.51, 0.173, 0.071, 0.207)

LFP_302AH = CellText(
    name="lfp_302ah",
    title="LFP prismatic, 302 Ah, of the CATL LEP71H3L7-01 kind",
    chemistry="lfp",
    tables="sony",
    resistance_ohm_ah=0.36e-3 * 302.0,
    pulse_s=30.0,
    capacity_ah=302.0,
    voltage_v=(2.5, 3.65),
    charge_current_max_a=302.0,
    discharge_current_max_a=302.0,
    rating_comment="Datasheet: 3.2 V nominal, 1C fast charge and 1C discharge, 0.5C standard charge.",
    hysteresis_v=0.011,
    body=LFP_302_BODY,
    origins=(
        Origin("CATL LEP71H3L7-01", "datasheet", DATABASE, "capacity, voltages, currents, mass, size"),
        SONY,
        LFP_CLASS,
        LFP_HEAT,
    ),
    circuit_comment="0.36 mohm after 30 s: middle of the class; assumed. " + LFP_CIRCUIT,
)

LFP_302AH_FAST = CellText(
    name="lfp_302ah_fast_charge",
    title=(
        "LFP prismatic, 302 Ah, ASSUMED variant that may be charged at megawatt rates; no such "
        "datasheet was found"
    ),
    chemistry="lfp",
    tables="sony",
    resistance_ohm_ah=0.091,
    pulse_s=30.0,
    capacity_ah=302.0,
    voltage_v=(2.5, 3.65),
    charge_current_max_a=604.0,
    discharge_current_max_a=302.0,
    rating_comment="Assumed: 2C charge. Discharge as of the 302 Ah datasheet cell.",
    hysteresis_v=0.011,
    body=LFP_302_BODY,
    origins=(
        Origin(
            "Fast-charge variant of the 302 Ah cell",
            "assumed",
            "",
            "2C charge rating, and the low edge of the class resistance, 91 mohm Ah after 30 s",
        ),
        Origin(
            "CATL LEP71H3L7-01", "datasheet", DATABASE, "capacity, voltages, discharge current, mass, size"
        ),
        SONY,
        LFP_CLASS,
        LFP_HEAT,
    ),
    circuit_comment="0.301 mohm after 30 s: low edge of the class; assumed. " + LFP_CIRCUIT,
)

LFP_202AH = CellText(
    name="lfp_202ah",
    title="LFP prismatic, 202 Ah, of the CATL LEP54H4K1 kind",
    chemistry="lfp",
    tables="sony",
    resistance_ohm_ah=0.36e-3 * 302.0,
    pulse_s=30.0,
    capacity_ah=202.0,
    voltage_v=(2.5, 3.65),
    charge_current_max_a=202.0,
    discharge_current_max_a=202.0,
    rating_comment="Datasheet: 3.2 V nominal, 1C fast charge and 1C discharge, 0.5C standard charge.",
    hysteresis_v=0.011,
    body=lfp_body(3.84, 0.174, 0.057, 0.201),
    origins=(
        Origin("CATL LEP54H4K1", "datasheet", DATABASE, "capacity, nominal voltage, currents, mass, size"),
        Origin(
            "Lishen LP54173207",
            "datasheet",
            "Lishen LP54173207 datasheet",
            "3.65 and 2.5 V, AC 0.2 mohm at most",
        ),
        SONY,
        LFP_CLASS,
        LFP_HEAT,
    ),
    circuit_comment="0.54 mohm after 30 s: ohm Ah of the 302 Ah cell. " + LFP_CIRCUIT,
)

NMC_94AH = CellText(
    name="nmc_94ah",
    title="NMC111 prismatic, 94 Ah, Samsung SDI",
    chemistry="nmc",
    tables="samsung",
    resistance_ohm_ah=0.0,
    pulse_s=10.0,
    capacity_ah=94.0,
    voltage_v=(2.7, 4.15),
    charge_current_max_a=72.0,
    discharge_current_max_a=150.0,
    rating_comment="Database: 3.68 V nominal, 72 A fast charge, 31 A standard charge, 150 A discharge.",
    hysteresis_v=0.002,
    body=Body(
        "prismatic",
        2.1,
        1045.0,
        0.173,
        0.045,
        0.125,
        24.7,
        0.5,
        (
            "Size and mass: database. 1045 J/kgK: mean of NMC cells (Steinhardt 2022); SimSES and "
            "foxBMS list 823 and 850 for this cell. core_to_plate = H/(3 k A) with 24.7 W/mK in plane "
            "over 92 % of the bottom (assumed), and 0.1 mm of foil at 0.2 W/mK (assumed). "
            "core_to_surface = t/(12 k A) with 0.5 W/mK. Can 0.8 mm and 0.1 kg."
        ),
    ),
    origins=(
        Origin("Samsung SDI 94 Ah", "datasheet", DATABASE, "capacity, voltages, currents, mass, size"),
        Origin(
            "Samsung SDI 94 Ah, laboratory cell: open-circuit voltage and resistance",
            "measured",
            f"{SIMSES}, NMC_Samsung_LabTest_cell_00",
            "25 degC voltage; 1C resistance at 5, 15, 25 and 35 degC, taken as the value after 10 s "
            "(length not stated); "
            "45 and 55 degC extrapolated, colder by the ratios of the truck-class cell",
        ),
        AKASOL,
        NMC_ENTROPY,
        NMC_SPLIT,
        NMC_HEAT,
    ),
    circuit_comment=NMC_CIRCUIT,
)

NMC_78AH = CellText(
    name="nmc_78ah_pouch",
    title="NMC pouch, 78 Ah, of the LG E78 kind as in the VW ID.3",
    chemistry="nmc",
    tables="akasol",
    resistance_ohm_ah=0.077,
    pulse_s=10.0,
    capacity_ah=78.0,
    voltage_v=(2.5, 4.2),
    charge_current_max_a=125.0,
    discharge_current_max_a=250.0,
    rating_comment=(
        "Database: 3.7 V nominal, 125 A fast charge; 250 A discharge is the limit of the published model."
    ),
    hysteresis_v=0.002,
    body=Body(
        "pouch",
        1.101,
        1045.0,
        0.515,
        0.0087,
        0.098,
        24.7,
        0.5,
        (
            "Size and mass: database (VW ID.3). 1045 J/kgK: mean of NMC pouch cells (Steinhardt "
            "2022). Cooled at the long edge: core_to_plate = H/(3 k A) with 24.7 W/mK in plane. "
            "core_to_surface: 0.578 K/W, cell to sensor, fitted to the ID.3 pack. surface_fraction "
            "assumed."
        ),
        core_to_surface_k_per_w=0.578,
    ),
    origins=(
        Origin(
            "VW ID.3 78 Ah pouch, LG E78",
            "datasheet",
            DATABASE,
            "capacity, voltages, charge current, mass, size",
        ),
        Origin(
            "Thermal network of the ID.3 pack, discharge limit",
            "paper",
            "repository TUMFTM/TruckBatteryDesign @820cc49, Step2, Cell.jl and ThermalModel.jl",
            "cell to sensor 0.578 K/W, cell to housing 0.899 K/W, 250 A",
        ),
        AKASOL,
        SANYO,
        NMC_ENTROPY,
        NMC_SPLIT,
        NMC_HEAT,
    ),
    circuit_comment="0.99 mohm after 10 s: 77 mohm Ah, as of the CALB cells. " + NMC_CIRCUIT,
)

NMC_56AH = CellText(
    name="nmc_56ah_pouch",
    title="NMC pouch, 56.3 Ah, of the AESC kind in the 40 kWh Nissan packs",
    chemistry="nmc",
    tables="akasol",
    resistance_ohm_ah=0.077,
    pulse_s=10.0,
    capacity_ah=56.3,
    voltage_v=(2.5, 4.2),
    charge_current_max_a=65.0,
    discharge_current_max_a=120.0,
    rating_comment="Assumed from the vehicle: 50 kW charging and an 80 kW motor on 96s2p.",
    hysteresis_v=0.002,
    body=Body(
        "pouch",
        0.917,
        1045.0,
        0.261,
        0.0079,
        0.216,
        24.7,
        0.5,
        (
            "Mass and thickness: 205.5 Wh at 224 Wh/kg and 460 Wh/L, with a 261 x 216 mm face "
            "(assumed, recalled). 1045 J/kgK: mean of NMC cells (Steinhardt 2022). Cooled through one "
            "face and the module's can: core_to_plate = t/(3 k A) with 0.5 W/mK plus a dry contact of "
            "200 W/m2K (assumed); the sensor sits on the can, so core_to_surface is the same path. "
            "surface_fraction assumed."
        ),
        face_cooled=True,
        can_contact_w_per_m2k=200.0,
        core_to_surface_k_per_w=0.182,
    ),
    origins=(
        Origin(
            "2018 Nissan Leaf battery real specs",
            "paper",
            "pushevs.com/2018/01/29/2018-nissan-leaf-battery-real-specs",
            "56.3 Ah, 3.65 V, 224 Wh/kg, 460 Wh/L, 192 cells as 96s2p, 39.46 kWh",
        ),
        Origin("Currents, face and contact of the laminated cell", "assumed", "", "see the comments"),
        AKASOL,
        SANYO,
        NMC_ENTROPY,
        NMC_SPLIT,
        NMC_HEAT,
    ),
    circuit_comment="1.4 mohm after 10 s: 77 mohm Ah, as of the CALB cells. " + NMC_CIRCUIT,
)

CELLS = (LFP_302AH, LFP_302AH_FAST, LFP_202AH, NMC_94AH, NMC_78AH, NMC_56AH)
