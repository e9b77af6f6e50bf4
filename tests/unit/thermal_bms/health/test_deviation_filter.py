import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thermal_bms.health.deviation_filter import DeviationFilter, robust_centre


def test_a_member_converges_to_its_own_level_and_leaves_the_others_alone() -> None:
    watch = DeviationFilter(5, np.array([1.0]))
    truth = np.array([0.0, 0.0, 3.0, 0.0, 0.0])
    for _ in range(50):
        watch.predict(np.eye(1), np.array([1e-6]))
        watch.correct(truth, np.array([1.0]), 0.1)
    assert np.allclose(watch.states[0], truth, atol=0.02)


def test_what_is_not_observed_stays_unknown() -> None:
    watch = DeviationFilter(3, np.array([1.0, 2.0]))
    for _ in range(20):
        watch.correct(np.zeros(3), np.array([1.0, 0.0]), 0.1)
    assert watch.sd(1) == 2.0
    assert watch.sd(0) < 0.1


def test_a_surprising_member_is_believed_faster() -> None:
    slow, fast = (DeviationFilter(1, np.array([0.01])) for _ in range(2))
    slow.correct(np.array([0.3]), np.array([1.0]), 0.01)  # 3 deviations
    fast.correct(np.array([3.0]), np.array([1.0]), 0.01)  # 30 deviations
    assert fast.states[0, 0] / 3.0 > 10.0 * slow.states[0, 0] / 0.3


@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=60), st.floats(-1e3, 1e3))
def test_the_robust_centre_moves_with_its_population_and_ignores_one_wild_value(
    values: list[float], shift: float
) -> None:
    population = np.array(values)
    centre, sd = robust_centre(population)
    moved, moved_sd = robust_centre(population + shift)
    assert np.isclose(moved, centre + shift, atol=1e-6)
    assert np.isclose(moved_sd, sd, atol=1e-6)
    wild = population.copy()
    wild[int(population.argmax())] = 1e9
    assert robust_centre(wild)[0] <= population.max()


@given(st.integers(1, 6), st.integers(0, 1000))
def test_the_covariance_stays_symmetric_and_positive(n_states: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    watch = DeviationFilter(4, rng.uniform(0.1, 2.0, n_states))
    for _ in range(30):
        watch.predict(
            np.eye(n_states) + 0.01 * rng.standard_normal((n_states, n_states)), np.full(n_states, 1e-4)
        )
        watch.correct(rng.standard_normal(4), rng.standard_normal(n_states), 0.1)
    assert np.array_equal(watch.covariance, watch.covariance.T)
    assert np.linalg.eigvalsh(watch.covariance).min() > -1e-12
