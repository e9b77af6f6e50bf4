import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.thermal_bms.bms_samples import TRUCK
from thermal_bms.description import TruckDescription
from thermal_bms.toml_text import toml_text

WORDS = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=6)
TEXT = st.text(st.characters(codec="ascii", exclude_characters="\x7f"), max_size=10)
VALUES = st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | TEXT
TABLES = st.recursive(
    st.dictionaries(WORDS, VALUES | st.lists(VALUES, max_size=3), max_size=4),
    lambda inner: st.dictionaries(
        WORDS, VALUES | inner | st.lists(inner.filter(bool), min_size=1, max_size=2), max_size=3
    ),
    max_leaves=8,
)


@given(TABLES)
def test_what_is_written_is_read_again(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(table)) == table


def test_a_truck_survives_its_file() -> None:
    text = toml_text(TRUCK.model_dump(mode="json"))
    assert TruckDescription.model_validate(tomllib.loads(text)) == TRUCK


def test_what_is_none_is_left_out() -> None:
    assert toml_text({"a": None, "b": 1}) == "b = 1"
