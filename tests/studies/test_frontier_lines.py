"""What protects the finer grid of a front: limits go where cost changes, and gain more than as many at equal distances."""

import numpy as np
import pytest

from planner.studies.frontier_lines import finer

MONTHS, LEVELS = [1.0, 2.0, 4.0, 13.0], [50.0, 55.0, 60.0]


def test_limits_go_where_cost_changes() -> None:
    by_delay = np.array([[40.0] * 3, [39.0] * 3, [30.0] * 3, [20.0] * 3])
    later, higher = finer(MONTHS, LEVELS, by_delay, 4)
    assert higher == [] and len(later) == 4
    assert sum(4.0 < month < 13.0 for month in later) >= 3, "the step of 10 MUSD over nine months"
    by_control = np.array([[10.0, 11.0, 40.0]] * 4)
    assert finer(MONTHS, LEVELS, by_control, 2) == ([], [56.66, 58.33])
    assert finer(MONTHS, LEVELS, np.full((4, 3), 10.0), 4) == ([], [])


def test_a_case_without_choice_of_control_gets_limits_on_delay() -> None:
    later, higher = finer(MONTHS, [67.5], np.array([[9.0], [8.0], [6.0], [1.0]]), 3)
    assert higher == [] and len(later) == 3


def test_what_is_not_reached_is_as_dear_as_the_dearest() -> None:
    costs = np.array([[10.0, 10.0, np.nan], [10.0, 10.0, 40.0], [10.0, 10.0, 40.0], [10.0, 10.0, 40.0]])
    assert finer(MONTHS, LEVELS, costs, 1) == ([], [57.5])


def test_chosen_limits_miss_less_than_equal_ones() -> None:
    def missed(months: list[float]) -> float:
        """Between the cost at the stricter limit and the least, over all months."""
        return float(np.diff(months) @ cost(np.array(months))[:-1])

    def cost(months: np.ndarray) -> np.ndarray:
        return 100.0 / months

    later, _ = finer(MONTHS, [50.0], cost(np.array(MONTHS))[:, None], 6)
    equal = list(np.linspace(1.0, 13.0, 10))
    assert missed(sorted([*MONTHS, *later])) < missed(equal)
    assert missed(sorted([*MONTHS, *later])) < 0.75 * missed(MONTHS)


@pytest.mark.parametrize("lines", [0, 3])
def test_no_more_limits_than_asked(lines: int) -> None:
    rng = np.random.default_rng(0)
    later, higher = finer(MONTHS, LEVELS, rng.random((4, 3)), lines)
    assert len(later) + len(higher) <= lines


def test_a_stretch_too_short_to_be_told_apart_gets_no_limit() -> None:
    months, levels = finer([6.0, 6.01], [31.056, 31.06], np.array([[9.0, 90.0], [1.0, 50.0]]), 3)
    assert not months and not levels
