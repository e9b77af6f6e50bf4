from tests.unit.thermal_bms.can.can_samples import vectors
from thermal_bms.can.database import bundled_messages
from thermal_bms.can.j1939.diagnostics import (
    CODES_MAX,
    OWN_SPN,
    TROUBLE,
    Diagnosis,
    Lamp,
    Lamps,
    TroubleCode,
    decode_diagnosis,
    diagnosis_of,
    encode_diagnosis,
    trouble_code,
)
from thermal_bms.faults import Fault, FaultCode, Severity

VECTORS = vectors("j1939_vectors.json")["diagnoses"]
LAMP_OF_ORACLE = list(Lamp)


def fault(code: FaultCode, severity: Severity = Severity.WARNING) -> Fault:
    return Fault(code, severity, 0.0, 1.0, 2.0, 0)


def test_codes_are_packed_as_the_oracle_packs_them() -> None:
    for spn, fmi, occurrences, word in VECTORS["codes"]:
        data = encode_diagnosis(Lamps(), [TroubleCode(spn, fmi, occurrences)])
        assert int.from_bytes(data[2:6], "little") == word


def test_lamps_are_packed_as_the_oracle_packs_them() -> None:
    for lamps, expected in VECTORS["lamps"]:
        states = {key: LAMP_OF_ORACLE[value] for key, value in lamps.items()}
        sent = Lamps(states["mil"], states["rsl"], states["awl"], states["pl"])
        data = encode_diagnosis(sent, [])
        assert list(data[:2]) == expected
        assert decode_diagnosis(data) == Diagnosis(sent, ())


def test_no_code_is_sent_as_one_empty_code() -> None:
    assert encode_diagnosis(Lamps(), []).hex() == "00ff00000000ffff"


def test_many_codes_come_back_as_sent() -> None:
    codes = tuple(TroubleCode(8075 + k, k % 32, k % 127) for k in range(CODES_MAX))
    data = encode_diagnosis(Lamps(red_stop=Lamp.ON), codes)
    assert len(data) == 1782
    assert decode_diagnosis(data) == Diagnosis(Lamps(red_stop=Lamp.ON), codes)


def test_more_codes_than_a_message_holds_are_left_out() -> None:
    assert len(encode_diagnosis(Lamps(), [TroubleCode(1, 2)] * 600)) == 2 + 4 * CODES_MAX


def test_a_short_message_says_nothing() -> None:
    assert decode_diagnosis(b"\x00\xff\x00\x00\x00") is None


def test_half_a_code_at_the_end_is_ignored() -> None:
    data = encode_diagnosis(Lamps(), [TroubleCode(100, 1), TroubleCode(200, 2)])
    found = decode_diagnosis(data[:-1])
    assert found is not None
    assert [code.spn for code in found.codes] == [100]


def test_a_code_in_an_old_conversion_is_marked() -> None:
    code = TroubleCode(100, 1, 5, old_conversion=True)
    assert decode_diagnosis(encode_diagnosis(Lamps(), [code])) == Diagnosis(Lamps(), (code,))


def test_definition_and_code_agree_on_the_first_trouble_code() -> None:
    layout = bundled_messages("hvess")["DM1"]
    sent = TroubleCode(0x5A5A5, 0x15, 100)
    decoded = layout.decode(
        encode_diagnosis(Lamps(Lamp.ON, Lamp.OFF, Lamp.SLOW_FLASH, Lamp.FAST_FLASH), [sent])
    )
    assert decoded is not None
    values = dict(zip([signal.name for signal in layout.pages[0]], decoded.values, strict=True))
    assert values["SpnLow"] + values["SpnHigh"] * 65536 == sent.spn
    assert (values["Fmi"], values["OccurrenceCount"], values["ConversionMethod"]) == (21, 100, 0)
    assert (values["MalfunctionLamp"], values["RedStopLamp"]) == (1, 0)
    assert (values["AmberWarningLamp"], values["AmberWarningFlash"]) == (1, 0)
    assert (values["ProtectLamp"], values["ProtectFlash"]) == (1, 1)


def test_every_fault_has_a_trouble_code_and_severity_decides_its_mode() -> None:
    for code in FaultCode:
        found = [trouble_code(fault(code, severity)) for severity in Severity]
        assert len({one.spn for one in found}) == 1
        assert all(0 < one.spn < 1 << 19 and 0 <= one.fmi <= 31 for one in found)
    hot = [trouble_code(fault(FaultCode.CELL_TEMP_HIGH_CHARGE, severity)) for severity in Severity]
    assert [(code.spn, code.fmi) for code in hot] == [(8075, 15), (8075, 16), (8075, 0)]
    cold = [trouble_code(fault(FaultCode.CELL_TEMP_LOW_CHARGE, severity)).fmi for severity in Severity]
    assert cold == [17, 18, 1]
    assert trouble_code(fault(FaultCode.MEASUREMENT_STALE)).fmi == 9


def test_trouble_codes_point_at_the_signals_of_the_vehicle_bus() -> None:
    spn = {
        signal.name: signal.spn
        for name in ("HVESSD1", "HVESSD2", "HVESSD3", "HVESSD5", "HVESSD8", "HVESSS1", "HVESSTS1")
        for signal in bundled_messages("hvess")[name].pages[0]
    }
    signals = {
        FaultCode.CELL_VOLTAGE_HIGH: "CellVoltageMaxV",
        FaultCode.CELL_VOLTAGE_LOW: "CellVoltageMinV",
        FaultCode.CELL_TEMP_HIGH_CHARGE: "CellTempMaxDegc",
        FaultCode.CELL_TEMP_HIGH_DISCHARGE: "CellTempMaxDegc",
        FaultCode.CELL_TEMP_LOW_CHARGE: "CellTempMinDegc",
        FaultCode.CELL_TEMP_LOW_DISCHARGE: "CellTempMinDegc",
        FaultCode.CURRENT_HIGH_CHARGE: "ChargeCurrentMaxA",
        FaultCode.CURRENT_HIGH_DISCHARGE: "DischargeCurrentMaxA",
        FaultCode.CELL_VOLTAGE_INVALID: "CellVoltageMeanV",
        FaultCode.CELL_TEMP_INVALID: "CellTempMeanDegc",
        FaultCode.CURRENT_INVALID: "PackCurrentA",
        FaultCode.STRING_VOLTAGE_MISMATCH: "PackVoltageV",
        FaultCode.MEASUREMENT_STALE: "OperationalStatus",
        FaultCode.SCALAR_LOST: "ThermalMode",
        FaultCode.CONTACTOR_MISMATCH: "PositiveContactorState",
        FaultCode.STRING_NOT_CONNECTED: "BusConnectionStatus",
        FaultCode.CONTROLLER_FAILED: "ThermalMode",
        FaultCode.HVIL_OPEN: "HvilStatus",
        FaultCode.CRASH: "InertiaSwitchStatus",
        FaultCode.PRECHARGE_FAILED: "PrechargeRelayState",
        FaultCode.NEGATIVE_CONTACTOR_MISMATCH: "NegativeContactorState",
        FaultCode.COOLANT_LEVEL_LOW: "CoolantLevel",
        FaultCode.HEATER_STUCK_ON: "HeaterStatus",
        FaultCode.COMPRESSOR_STANDS: "CompressorSpeedRpm",
    }
    for code, name in signals.items():
        assert TROUBLE[code][0] == spn[name], code.name


def test_every_trouble_code_names_a_parameter_that_a_signal_carries() -> None:
    carried = {
        signal.spn
        for layout in bundled_messages("hvess").values()
        for page in layout.pages.values()
        for signal in page
    }
    assert {spn for spn, _ in TROUBLE.values()} <= carried


def test_every_severity_of_every_fault_has_a_trouble_code() -> None:
    for code in FaultCode:
        for severity in Severity:
            found = trouble_code(fault(code, severity))
            assert 0 < found.spn < 1 << 19
            assert 0 <= found.fmi < 32


def test_a_fault_without_a_parameter_gets_a_number_of_its_own() -> None:
    known = TROUBLE.pop(FaultCode.CONTROLLER_FAILED)
    try:
        found = trouble_code(fault(FaultCode.CONTROLLER_FAILED), occurrences=500)
    finally:
        TROUBLE[FaultCode.CONTROLLER_FAILED] = known
    assert found == TroubleCode(OWN_SPN + FaultCode.CONTROLLER_FAILED, 31, 126)


def test_lamps_follow_the_worst_fault_and_each_code_is_sent_once() -> None:
    warning = fault(FaultCode.CELL_TEMP_HIGH_CHARGE)
    assert diagnosis_of([]) == Diagnosis(Lamps(), ())
    twice = diagnosis_of([warning, warning])
    assert twice.lamps == Lamps(amber_warning=Lamp.ON)
    assert len(twice.codes) == 1
    trip = diagnosis_of([warning, fault(FaultCode.CELL_VOLTAGE_LOW, Severity.TRIP)])
    assert trip.lamps == Lamps(red_stop=Lamp.ON)
    assert len(trip.codes) == 2
