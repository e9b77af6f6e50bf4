import pytest

from thermal_bms.clock import ManualClock, MonotonicClock
from thermal_bms.errors import ConfigError


def test_the_clock_begins_at_zero_and_rises() -> None:
    clock = MonotonicClock()
    first = clock.now_s()
    assert 0.0 <= first <= clock.now_s()
    clock.sleep_until(first + 0.01)
    assert clock.now_s() >= first + 0.01
    clock.sleep_until(0.0)


def test_a_fast_clock_does_not_wake_early() -> None:
    clock = MonotonicClock(speed=50.0)
    clock.sleep_until(1.0)
    assert clock.now_s() >= 1.0


def test_a_manual_clock_only_moves_forwards() -> None:
    clock = ManualClock(5.0)
    clock.sleep_until(3.0)
    assert clock.now_s() == 5.0
    clock.sleep_until(6.0)
    assert clock.now_s() == 6.0


@pytest.mark.parametrize("speed", [0.0, -1.0, 101.0, float("nan")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match=r"speed = .*: must be > 0 and <= 100"):
        MonotonicClock(speed)
