from pathlib import Path

import pytest

from thermal_bms.can.database import BUNDLED, FOLDER, bundled_messages, load_messages
from thermal_bms.can.layout import SignalKind
from thermal_bms.errors import CodecError

HEAD = 'VERSION ""\nNS_ :\nBS_:\nBU_: A B\n'
MESSAGE = "BO_ 2566852736 X: 8 A\n"
ENUMS = (
    'BA_DEF_ SG_ "Kind" ENUM "Value","Full","Counter","Crc","Page";\n'
    'BA_DEF_ BO_ "E2eProfile" ENUM "None","P01","P02";\n'
    'BA_DEF_ BO_ "E2eDataIdList" STRING;\n'
    'BA_DEF_DEF_ "Kind" "Value";\nBA_DEF_DEF_ "E2eProfile" "None";\nBA_DEF_DEF_ "E2eDataIdList" "";\n'
)


def signal(
    name: str = "S", place: str = "0|16@1+", scaling: str = "(1,0)", limits: str = "[0|0]", mux: str = ""
) -> str:
    return f' SG_ {name}{mux} : {place} {scaling} {limits} "" B\n'


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "x.dbc"
    path.write_text(text, encoding="ascii")
    with pytest.raises(CodecError) as caught:
        load_messages(path)
    return str(caught.value)


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_definition_loads_and_no_signals_overlap(name: str) -> None:
    messages = bundled_messages(name)
    assert messages
    for layout in messages.values():
        fixed = [s for s in (layout.page_signal, layout.counter, layout.crc) if s is not None]
        for signals in layout.pages.values():
            taken = 0
            for found in (*fixed, *signals):
                bits = found.mask << found.start
                assert taken & bits == 0, f"{layout.name}.{found.name}"
                assert bits < 1 << 8 * layout.length, f"{layout.name}.{found.name}"
                taken |= bits


def test_no_two_messages_of_one_bus_share_group_and_source() -> None:
    vehicle = [*bundled_messages("hvess").values(), *bundled_messages("hvesp").values()]
    for bus in (vehicle, *(bundled_messages(name).values() for name in ("cells", "thermal", "gbt27930"))):
        names = {layout.identifier & 0x3FFFFFF for layout in bus}
        assert len(names) == len(bus)


def test_known_identifiers_of_public_captures_are_met() -> None:
    vehicle = bundled_messages("hvess")
    known = {"HVESSD7": 0x0CF0A0F3, "HVESSS1": 0x0CF096F3, "HVESSCFG": 0x18FC5DF3, "HVESSHIST": 0x1CFC5EF3}
    assert {name: vehicle[name].identifier for name in known} == known
    charger = bundled_messages("gbt27930")
    known = {"CHM": 0x1826F456, "BHM": 0x182756F4, "CML": 0x1808F456, "BRO": 0x100956F4, "BCL": 0x181056F4,
             "CCS": 0x1812F456, "BSM": 0x181356F4, "BST": 0x101956F4, "CST": 0x101AF456, "BSD": 0x181C56F4,
             "CSD": 0x181DF456, "BEM": 0x081E56F4, "CEM": 0x081FF456}  # fmt: skip
    assert {name: charger[name].identifier for name in known} == known


def test_packs_follow_each_other_fifteen_groups_apart() -> None:
    packs = bundled_messages("hvesp")
    groups = [packs[f"HVESP{n}D1"].identifier >> 8 & 0x3FFFF for n in range(1, 27)]
    assert groups == [61841 + 15 * n for n in range(26)]
    assert packs["HVESP1S1"].identifier >> 8 & 0x3FFFF == 61847


def test_every_protected_message_has_an_identifier_of_its_own() -> None:
    seen: dict[int | bytes, str] = {}
    for name in BUNDLED:
        for layout in bundled_messages(name).values():
            if layout.profile != "None":
                key = layout.data_id_list if layout.profile == "P02" else layout.data_id
                assert key not in seen, f"{layout.name} and {seen.get(key)}"
                seen[key] = layout.name


def test_a_missing_or_broken_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match=r"nothing\.dbc: cannot be read"):
        load_messages(tmp_path / "nothing.dbc")
    text = refusal(tmp_path, "BO_ this is no definition")
    assert text.startswith(str(tmp_path / "x.dbc"))
    assert "\n" not in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (MESSAGE + signal() + signal("T", "8|16@1+"), "not a usable DBC"),
        ("BO_ 291 X: 8 A\n" + signal(), "x.dbc: X: has a standard identifier"),
        (MESSAGE + signal(place="7|16@0+"), "x.dbc: X.S: must be little-endian"),
        (MESSAGE + signal(place="0|16@1-"), "x.dbc: X.S: must be little-endian and unsigned"),
        (MESSAGE + signal(scaling="(0,0)"), "x.dbc: X.S: a scale of 0"),
        (MESSAGE + signal(limits="[-9|-5]"), "x.dbc: X.S: no code lies within its limits"),
        (MESSAGE + signal(mux=" M") + signal("T", "16|8@1+", mux=" m0"), r"multiplexed by \['S'\]"),
        (MESSAGE + signal() + ENUMS + 'BA_ "Kind" SG_ 2566852736 S 4;\n', "multiplexed by nothing"),
        (MESSAGE + signal() + ENUMS + 'BA_ "Kind" SG_ 2566852736 S 9;\n', "x.dbc: X.S: kind '9'; known"),
        (MESSAGE + signal() + ENUMS + 'BA_ "E2eProfile" BO_ 2566852736 9;\n', "x.dbc: X: E2eProfile '9'; known"),
        (MESSAGE + signal() + ENUMS + 'BA_ "E2eProfile" BO_ 2566852736 1;\n', "E2eProfile P01 needs a counter"),
        (MESSAGE + signal() + ENUMS + 'BA_ "E2eDataIdList" BO_ 2566852736 "xy";\n', "must be hexadecimal"),
        (
            MESSAGE + signal() + signal("T", "16|8@1+") + ENUMS
            + 'BA_ "Kind" SG_ 2566852736 S 3;\nBA_ "Kind" SG_ 2566852736 T 3;\n',
            "X.T: a second signal of kind CRC",
        ),
        (
            MESSAGE + signal(mux=" M") + signal("T", "16|8@1+", mux=" m0") + signal("U", "24|8@1+") + ENUMS
            + 'BA_ "Kind" SG_ 2566852736 S 4;\n',
            "X: a value outside the pages",
        ),
    ],
)  # fmt: skip
def test_a_layout_that_this_bus_does_not_have_is_refused(tmp_path: Path, body: str, expected: str) -> None:
    path = tmp_path / "x.dbc"
    path.write_text(HEAD + body, encoding="ascii")
    with pytest.raises(CodecError, match=expected):
        load_messages(path)


def test_a_definition_without_attributes_is_read_with_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / "x.dbc"
    path.write_text(HEAD + "BO_ 2566852736 X: 8 Vector__XXX\n" + signal(), encoding="ascii")
    layout = load_messages(path)["X"]
    assert (layout.profile, layout.period_s, layout.sender) == ("None", 0, "")
    assert layout.pages[0][0].kind is SignalKind.VALUE
    assert layout.pages[0][0].code_max == 0xFAFF


def test_an_attribute_that_repeats_its_default_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "x.dbc"
    explicit = 'BA_ "Kind" SG_ 2566852736 S 0;\nBA_ "E2eProfile" BO_ 2566852736 0;\n'
    path.write_text(HEAD + MESSAGE + signal() + ENUMS + explicit, encoding="ascii")
    layout = load_messages(path)["X"]
    assert (layout.profile, layout.pages[0][0].kind) == ("None", SignalKind.VALUE)


def test_limits_are_read_as_codes() -> None:
    voltage = bundled_messages("gbt27930")["BCL"].pages[0][0]
    assert (voltage.code_min, voltage.code_max, voltage.kind) == (0, 7500, SignalKind.FULL)


def test_the_folder_holds_exactly_the_bundled_definitions() -> None:
    assert {path.stem for path in FOLDER.glob("*.dbc")} == set(BUNDLED)
