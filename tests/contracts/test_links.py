"""Every link keeps the contract of a link."""

from pathlib import Path

import pytest

from tests.contracts.check_link import check_link
from tests.unit.thermal_bms.recorded_truck import FakeTruck, commands, record_truck
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.quantised_link import QuantisedLink
from thermal_bms.interfaces import Link
from thermal_bms.link import DirectLink, ReplayLink
from thermal_bms.recording import Recording


@pytest.fixture(scope="module")
def recording_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_truck(tmp_path_factory.mktemp("links") / "run.rec", n_ticks=30)


@pytest.mark.parametrize("kind", ["direct", "replay", "quantised"])
def test_every_link_keeps_the_contract(kind: str, recording_path: Path) -> None:
    def new_link() -> Link:
        if kind == "replay":
            return ReplayLink(Recording(recording_path))
        direct = DirectLink(FakeTruck())
        return direct if kind == "direct" else QuantisedLink(direct, PackShape(2, 4, 2))

    check_link(new_link, commands(30))
