import pytest

from tests.unit.thermal_bms.can.can_samples import vectors
from thermal_bms.can.j1939.name import Name, name_number
from thermal_bms.errors import ConfigError

FIELDS = {
    "identity_number": "identity",
    "manufacturer_code": "manufacturer",
    "arbitrary_address_capable": "arbitrary_address",
}


def test_names_are_packed_as_the_oracle_packs_them() -> None:
    for case in vectors("j1939_vectors.json")["names"]:
        fields = {
            "arbitrary_address": False,
            **{FIELDS.get(key, key): value for key, value in case["fields"].items()},
        }
        assert Name(**fields).data.hex() == case["bytes"]


def test_a_field_that_does_not_fit_is_refused_with_its_range() -> None:
    with pytest.raises(ConfigError, match=r"name\.manufacturer = 2048: must be 0 to 2047"):
        Name(identity=0, manufacturer=2048)
    with pytest.raises(ConfigError, match=r"name\.identity = -1"):
        Name(identity=-1, manufacturer=0)


def test_a_short_claim_has_no_name() -> None:
    assert name_number(b"\x01\x02") is None
    assert (
        name_number(Name(identity=7, manufacturer=1).data + b"\xff")
        == Name(identity=7, manufacturer=1).number
    )
