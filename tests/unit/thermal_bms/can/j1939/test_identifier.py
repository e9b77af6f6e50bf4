from tests.unit.thermal_bms.can.can_samples import vectors
from thermal_bms.can.j1939.identifier import acknowledgement, build_identifier, parse_identifier


def test_identifiers_are_read_as_the_oracle_reads_them() -> None:
    for case in vectors("j1939_vectors.json")["identifiers"]:
        header = parse_identifier(case["identifier"])
        expected = (case["priority"], case["pgn"], case["destination"], case["source"])
        assert header == expected
        assert case["identifier"] == build_identifier(
            header.pgn, header.source, destination=header.destination, priority=header.priority
        )


def test_a_group_for_everybody_ignores_the_destination() -> None:
    assert build_identifier(0xFECA, 0xF3, destination=0x27) == 0x18FECAF3


def test_a_refusal_names_group_and_requester() -> None:
    identifier, data = acknowledgement(0xFC5D, 0xF9, 0xF3, positive=False)
    assert identifier == 0x18E8FFF3
    assert data.hex() == "01fffffff95dfc00"
    assert acknowledgement(0xFC5D, 0xF9, 0xF3, positive=True)[1][0] == 0
