"""What protects the path of a sweep: every point once, whoever walks it, and only whole levels after a stop."""

import threading
from itertools import pairwise

import pytest

from planner.studies.path import Level, lines, walk

MONTHS, LEVELS = (12.0, 6.0, 3.0, 1.0), (None, 40.0, 50.0, 60.0)


@pytest.mark.parametrize(("due", "cut"), [((0, 5, 6, 6), 1), ((0, 1, 2, 9), 3), ((4, 4, 4, 4), 2)])
def test_the_path_is_cut_where_most_training_becomes_due(due: tuple[float, ...], cut: int) -> None:
    path = list(lines(MONTHS, LEVELS, due))
    assert sorted((level or 0.0, m) for level, block in path for m in block) == sorted(
        (level or 0.0, m) for level in LEVELS for m in MONTHS
    )
    assert path[0] == (None, MONTHS[:cut]) and path[-1] == (None, MONTHS[cut:]), (
        "both ends are at the lowest level"
    )
    assert [block for level, block in path if level in LEVELS[-2:]] == [MONTHS, MONTHS]


@pytest.mark.parametrize("levels", [LEVELS[:1], LEVELS[:2], LEVELS[:3]])
def test_few_levels_are_walked_whole(levels: tuple[Level, ...]) -> None:
    points = [(level, m) for level, block in lines(MONTHS, levels, (0, 0, 0, 0)) for m in block]
    assert len(points) == len(set(points)) == len(MONTHS) * len(levels)


def test_two_workers_ask_every_point_once_and_go_back_where_they_ended() -> None:
    asked: list[tuple[str, Level, float]] = []
    both = threading.Barrier(2, timeout=10.0)

    def ask(worker: str, months: float, level: Level) -> bool:
        asked.append((worker, level, months))
        if sum(w == worker for w, *_ in asked) == 1:
            both.wait()
        return True

    done = walk(lines(MONTHS, LEVELS, (0, 0, 0, 0)), ("up", "down"), ask, lambda *_: False, None)
    assert done == set(LEVELS)
    assert sorted((level or 0.0, m) for _, level, m in asked) == sorted(
        (level or 0.0, m) for level in LEVELS for m in MONTHS
    )
    for worker in ("up", "down"):
        own = [(level, m) for w, level, m in asked if w == worker]
        for (level, months), (other, again) in pairwise(own):
            near = MONTHS.index(again) - MONTHS.index(months)
            assert level == other or abs(near) <= 2, "from the last point, or the nearer end of the next line"


def test_what_is_hopeless_is_not_asked_and_a_stop_leaves_whole_levels() -> None:
    asked: list[tuple[Level, float]] = []

    def ask(_: str, months: float, level: Level) -> bool:
        asked.append((level, months))
        return months > 1.0

    out_of_reach = (60.0, 1.0)
    walk(
        lines(MONTHS, LEVELS, (0, 0, 0, 0)),
        ("up", "down"),
        ask,
        lambda m, level: (level, m) == out_of_reach,
        None,
    )
    assert out_of_reach not in asked and len(asked) == len(MONTHS) * len(LEVELS) - 1
    asked.clear()
    done = walk(
        lines(MONTHS, LEVELS, (0, 0, 0, 0)), ("up", "down"), ask, lambda *_: False, lambda: len(asked) >= 8
    )
    assert done < set(LEVELS)
    for level in done:
        assert sorted(m for own, m in asked if own == level) == sorted(MONTHS)
