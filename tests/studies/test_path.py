"""What protects the path of a sweep: every point once, whoever walks it, and only whole levels after a stop."""

import threading
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from planner.studies.path import Level, Line, lines, walk

MONTHS, LEVELS = (12.0, 6.0, 3.0, 1.0), (None, 40.0, 50.0, 60.0)


def points(path: Iterable[Line]) -> list[tuple[float, float]]:
    return [(level or 0.0, months) for line in path for months, level in line]


EVERY = sorted((level or 0.0, months) for level in LEVELS for months in MONTHS)


@pytest.mark.parametrize(("due", "cut"), [((0, 5, 6, 6), 1), ((0, 1, 2, 9), 3), ((4, 4, 4, 4), 2)])
def test_the_path_is_cut_where_most_training_becomes_due(due: tuple[float, ...], cut: int) -> None:
    path = list(lines(MONTHS, LEVELS, due))
    assert sorted(points(path)) == EVERY
    assert path[0] == [(m, None) for m in MONTHS[:cut]] and path[-1] == [(m, None) for m in MONTHS[cut:]], (
        "both ends are at the lowest level"
    )
    assert all([(m, level) for m in MONTHS] in path for level in LEVELS[-2:])


@pytest.mark.parametrize("levels", [LEVELS[:1], LEVELS[:2], LEVELS[:3]])
def test_few_levels_are_walked_whole(levels: tuple[Level, ...]) -> None:
    found = points(lines(MONTHS, levels, (0, 0, 0, 0)))
    assert len(found) == len(set(found)) == len(MONTHS) * len(levels)


def test_low_levels_are_walked_limit_by_limit_and_high_ones_are_come_to_where_delay_is_loosest() -> None:
    months, levels = [9.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.0], [10.0 * n for n in range(10)]
    due = [0, *[1] * 6]
    path = lines(months, levels, due)
    assert sorted(points(path)) == sorted((level, m) for level in levels for m in months)
    side = [line for line in path if all(m < 9.0 for m, _ in line)][::-1]
    assert side == [[(m, level) for m in months[1:]] for level in levels[:8]], "an even number of limits"
    assert [*lines(months[1:6], levels, due[1:6], along_delay=True)][:8] == [
        [(m, level) for m in months[1:4]] for level in levels[:8]
    ]
    fewer = [*lines(months, levels[:6], [0] * 5 + [1] * 2)]
    assert fewer[:4] == [[(m, level) for m in months[:5]] for level in levels[:4]], "fewer levels than limits"
    side = [*lines(months, levels, [0] * 5 + [1] * 2)][:9]
    assert side[:5] == [[(m, level) for level in levels[:4]] for m in months[:5]]
    assert side[5:] == [[(m, level) for m in months[:5]] for level in levels[4:8]]
    asked: list[tuple[float, Level]] = []

    def ask(worker: str, *spot: Any) -> bool:
        asked.append(spot)
        return True

    walk(lines(months, levels, [0] * 5 + [1] * 2), ("up",), ask, lambda *_: False, None)
    climbs = [m for (m, low), (_, high) in pairwise(asked) if (high or 0.0) > (low or 0.0) >= 30.0]
    assert climbs[:4] == [3.0, 9.0, 3.0, 9.0]


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
    assert sorted((level or 0.0, m) for _, level, m in asked) == EVERY
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


def test_an_interrupt_ends_both_workers_before_their_next_point() -> None:
    """Ctrl-C is raised where the workers are waited for: what they have left would take minutes."""
    asked: list[Any] = []

    def ask(worker: str, *spot: Any) -> bool:
        asked.append(spot)
        raise KeyboardInterrupt

    def once(worker: str, *spot: Any) -> bool:
        asked.append(spot)
        if worker == "up":
            raise KeyboardInterrupt
        met.wait(5.0)
        return True

    met = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        walk(lines(MONTHS, LEVELS, (0, 5, 6, 6)), ("up",), ask, lambda *_: False, None)
    assert len(asked) == 1
    asked.clear()
    threading.Timer(0.2, met.set).start()
    with pytest.raises(KeyboardInterrupt):
        walk(lines(MONTHS, LEVELS, (0, 5, 6, 6)), ("up", "down"), once, lambda *_: False, None)
    assert len(asked) <= 2, "the other ends the point it is at"
