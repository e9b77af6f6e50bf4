from pathlib import Path

import pytest

from tests.unit.thermal_bms.bms_samples import TRUCK
from thermal_bms.can.bus_map import PackShape
from thermal_bms.errors import ConfigError
from thermal_bms.gateway_config import load_gateway
from thermal_bms.gateway_parts import address_of, build_node, check_sources, shape_of
from thermal_bms.toml_text import toml_text

CONFIG = """\
truck = "truck.toml"
n_temp_sensors = 4
state_folder = "state"

[bus]
interface = "socketcan"
channel = "can0"

[[controller]]
name = "pid"
"""


def written(folder: Path, config: str = CONFIG) -> Path:
    (folder / "truck.toml").write_text(toml_text(TRUCK.model_dump(mode="json")))
    (folder / "gateway.toml").write_text(config)
    return folder / "gateway.toml"


def test_the_smallest_file_gives_a_gateway_that_only_watches(tmp_path: Path) -> None:
    loaded = load_gateway(written(tmp_path))
    settings = loaded.settings
    assert settings.mode == "shadow"
    assert settings.transmit.allow == ()
    assert settings.state_folder == tmp_path / "state"
    assert settings.recording.folder is None
    assert loaded.truck == TRUCK
    assert shape_of(loaded) == PackShape(3, 20, 4)
    assert address_of(loaded) == 243


def test_paths_are_relative_to_the_file_and_sizes_are_megabytes(tmp_path: Path) -> None:
    text = CONFIG.replace("[bus]", '[recording]\nfolder = "log"\nfile_mb = 2.0\ntotal_mb = 8.0\n[bus]')
    recording = load_gateway(written(tmp_path, text)).settings.recording
    assert recording.folder == tmp_path / "log"
    assert (recording.file_bytes, recording.total_bytes) == (2_000_000, 8_000_000)


def test_addresses_can_be_changed_by_sender(tmp_path: Path) -> None:
    text = CONFIG.replace("[bus]", "[network]\nidentity = 77\n[sources]\nBMS = 200\n[bus]")
    loaded = load_gateway(written(tmp_path, text))
    assert address_of(loaded) == 200
    node = build_node(loaded)
    assert node is not None
    assert node.start(0.0)[-1].identifier & 0xFF == 200


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[bus]", "[buss]", "bus: missing"),
        ('interface = "socketcan"', "", r"bus\.interface: missing"),
        ("n_temp_sensors = 4", "n_temp_sensors = 0", "n_temp_sensors = 0: must be >= 1"),
        ("n_temp_sensors = 4", 'mode = "activ"', "mode = 'activ'|n_temp_sensors: missing"),
        ("n_temp_sensors = 4", 'n_temp_sensors = 4\nmode = "active"', r"needs transmit\.allow"),
        ("n_temp_sensors = 4", "n_temp_sensors = 4\nperiod_s = 0.001", "period_s = 0.001: must be >= 0.02"),
        ("n_temp_sensors = 4", "n_temp_sensors = 4\nperiodd_s = 1", "periodd_s: unknown key; did you mean"),
        ("[bus]", "[sources]\nBMS = 254\n[bus]", "BMS = 254: an address must be 0 to 253"),
        ("[bus]", "[recording]\nfile_mb = 9.0\ntotal_mb = 10.0\n[bus]", "must be at least twice file_mb = 9"),
        ('name = "pid"', 'name = "pid"\n[[controller]]\nname = "pid"', "a name stands twice"),
        ('truck = "truck.toml"', 'truck = "trck.toml"', r"trck\.toml: no such file; did you mean truck"),
        ("[bus]", "[bus", r"gateway\.toml: not valid TOML"),
    ],
)
def test_a_mistake_is_one_line_with_place_and_remedy(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load_gateway(written(tmp_path, CONFIG.replace(old, new)))
    assert "\n" not in str(caught.value)
    assert ".toml" in str(caught.value)


def test_a_damaged_truck_is_told_by_its_own_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    truck = tmp_path / "truck.toml"
    truck.write_text(truck.read_text().replace("n_series = 20", "n_series = 0"))
    with pytest.raises(ConfigError, match=r"pack\.n_series = 0: must be >= 1 \(truck\.toml\)"):
        load_gateway(path)


def test_an_address_of_nobody_is_refused(tmp_path: Path) -> None:
    loaded = load_gateway(written(tmp_path, CONFIG.replace("[bus]", "[sources]\nBMSS = 3\n[bus]")))
    with pytest.raises(ConfigError, match=r"sources\.BMSS: nobody of that name sends; did you mean BMS"):
        check_sources(loaded)
