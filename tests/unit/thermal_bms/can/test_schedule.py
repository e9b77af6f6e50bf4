from thermal_bms.can.schedule import Schedule


def count(period_s: list[float], phase_s: list[float], step_s: float, steps: int) -> list[int]:
    schedule = Schedule(period_s, phase_s)
    schedule.due(0.0)
    sent = [0] * len(period_s)
    for k in range(1, steps + 1):
        for i, due in enumerate(schedule.due(step_s * k)):
            sent[i] += int(due)
    return sent


def test_everything_is_due_at_first_and_nothing_right_after() -> None:
    schedule = Schedule([0.02, 1.0], [0.0, 0.5])
    assert schedule.due(5.0).all()
    assert not schedule.due(5.001).any()


def test_each_message_keeps_its_period() -> None:
    assert count([0.02, 0.1, 1.0], [0.0, 0.0, 0.5], 0.01, 1000) == [500, 100, 10]


def test_a_slow_tick_sends_each_message_once() -> None:
    assert count([0.02, 0.1, 1.0], [0.0, 0.033, 0.5], 1.0, 10) == [10, 10, 10]


def test_after_a_long_gap_each_message_is_due_once() -> None:
    schedule = Schedule([0.02], [0.0])
    schedule.due(0.0)
    assert schedule.due(3600.0).tolist() == [True]
    assert schedule.due(3600.001).tolist() == [False]


def test_pages_are_spread_over_the_period() -> None:
    schedule = Schedule([1.0] * 10, [0.1 * k for k in range(10)])
    schedule.due(0.0)
    sent = [int(schedule.due(0.1 * k).sum()) for k in range(1, 31)]
    assert sent == [1] * 30


def test_a_clock_that_runs_back_does_not_stop_the_sending() -> None:
    schedule = Schedule([0.1], [0.0])
    schedule.due(100.0)
    assert schedule.due(0.0).tolist() == [True]
    assert schedule.due(0.1).tolist() == [True]


def test_a_reset_makes_everything_due_again() -> None:
    schedule = Schedule([0.1], [0.0])
    schedule.due(0.0)
    schedule.reset()
    assert schedule.due(0.0).tolist() == [True]
