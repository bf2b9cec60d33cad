"""What the branch and bound branches on: candidates, their pseudo-costs, and the plans one step from a plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from planner.case.registry import ADOPTION, LEVEL, ONCE
from planner.solver.arrays import Floats
from planner.solver.engine import HALLS, PATTERN, PLACED, YES_OR_NO, Engine
from planner.solver.members import Ints
from planner.solver.rounding import PLANT_UNITS
from planner.solver.totals import TOTALS

WHOLE = 1e-6
TRACE = 0.01
"""Share of a host or stack in the relaxation below which it is not had."""

Key = tuple[str, int, int]


@dataclass(frozen=True)
class Candidate:
    """A question to branch on: is a stack adopted or a level held (``use``), is a host opened or an agreement signed at all
    (``open``), is it by a date (``by``), does one hall more stand at a date (``total``), is a run done here (``more``).
    ``share`` is how far the relaxation says yes.
    """

    key: Key
    share: float


@dataclass(order=True)
class Node:
    """Bounds of what is searched and of its sums, and the answer that led here."""

    bound: float
    number: int
    low: Floats = field(compare=False)
    high: Floats = field(compare=False)
    least: Floats = field(compare=False)
    most: Floats = field(compare=False)
    asked: Candidate | None = field(compare=False, default=None)
    yes: bool = field(compare=False, default=False)


class Searched:
    """The columns that are searched, one after the other: openings and signatures by date, stacks, halls."""

    def __init__(self, tree: Engine) -> None:
        blocks, solved = tree.arrays.columns, tree.live.arrays
        families = [f for f in (*PATTERN, *HALLS) if f in solved.columns]
        self.full: Ints = np.concatenate([np.arange(blocks[f].start, blocks[f].stop) for f in families])
        """Their numbers in the model, and below in the reduced programme."""
        self.own: Ints = np.concatenate([tree.live.columns(f) for f in families])
        self.dates: list[Ints] = []
        """Columns of each thing that is had at one date or never, the earliest first."""
        rows, at = [], 0
        for family, rule in ONCE.items():
            index = blocks[family].index
            things = list(dict.fromkeys(thing for thing, _ in index))
            for thing in things:
                own = sorted((t, i) for i, (other, t) in enumerate(index) if other == thing)
                self.dates.append(np.array([at + i for _, i in own]))
            number = {}
            if things:
                number = dict(
                    zip((i[0] for i in tree.arrays.rows[rule].index), tree.live.rows(rule), strict=True)
                )
            rows += [number[thing] for thing in things]
            at += len(index)
        self.stacks = range(at, at + blocks[ADOPTION].size)
        self.levels = range(self.stacks.stop, self.stacks.stop + blocks[LEVEL].size)
        sums = tree.live.rows(TOTALS).tolist() if TOTALS in solved.rows else []
        self.totals = csr_array(csr_array(solved.matrix[sums])[:, self.own])
        """What stands at each date of each thing that is bought in whole numbers, by column."""
        totalled = set(self.totals.indices.tolist())
        self.others = [i for i in range(self.levels.stop, len(self.full)) if i not in totalled]
        """All else that is whole at the places."""
        self.sums = np.array([*rows, *sums], np.int32)
        """Rows by which each of the first is had at most once, and those of totals."""
        self.least, self.most = np.full(len(self.sums), -np.inf), np.full(len(self.sums), np.inf)
        self.most[: len(rows)] = 1.0
        ends = np.cumsum([blocks[f].size for f in families])
        at_family = {
            f: slice(int(end) - blocks[f].size, int(end)) for f, end in zip(families, ends, strict=True)
        }
        self.spare = at_family.get(YES_OR_NO, slice(0, 0))
        """Whether more than a unit of plant stands."""
        self.follows = np.zeros(len(self.full), bool)
        """Not dropped alone: a place of a training run would leave its run undone, and units stand with or without a yes."""
        for family in (PLACED, YES_OR_NO):
            self.follows[at_family.get(family, slice(0, 0))] = True
        self.runs = by_run(blocks[PLACED].index, at_family[PLACED].start) if PLACED in at_family else []
        """Places of each training run."""
        hosts = set(tree.case.hosts.index)
        owners = np.array([owner(i, hosts) for f in families for i in blocks[f].index], object)
        free = solved.col_lower[self.own] < solved.col_upper[self.own]
        of = [np.flatnonzero(free & (owners == host)) for host in tree.case.hosts.index]
        self.hosts = sorted((own for own in of if len(own) > 1), key=len, reverse=True)
        """Columns of each host that has several, most of them first."""
        self.plant = any(free[at_family[f]].any() for f in PLANT_UNITS if f in at_family)
        """Whether units of plant are searched."""
        self.low, self.high = solved.col_lower[self.own], solved.col_upper[self.own]

    def candidates(self, values: Floats) -> list[Candidate]:
        """Everything the linear programme has not answered with yes or no."""
        found = [Candidate(("use", i, 0), float(values[i])) for i in (*self.stacks, *self.levels)]
        for h, dates in enumerate(self.dates):
            by = np.cumsum(values[dates])
            found.append(Candidate(("open", h, 0), float(by[-1])))
            if by[-1] > 1 - WHOLE:  # by which date, asked at the middle
                k = int(np.searchsorted(by, 0.5))
                k -= k > 0 and by[k] > 1 - WHOLE
                found.append(Candidate(("by", h, k), float(by[k])))
        for i in self.others:
            fewer = int(np.floor(values[i] + WHOLE))
            found.append(Candidate(("more", i, fewer), float(values[i]) - fewer))
        for row, (fewer, part) in enumerate(
            zip(*self._split(self.totals @ values), strict=True), len(self.dates)
        ):
            found.append(Candidate(("total", row, int(fewer)), float(part)))
        return [c for c in found if WHOLE < c.share < 1 - WHOLE]

    def answered(self, node: Node, asked: Candidate, yes: bool) -> tuple[Floats, Floats, Floats, Floats]:
        """Bounds of what is searched and of its sums once a candidate is answered."""
        low, high, least, most = (a.copy() for a in (node.low, node.high, node.least, node.most))
        kind, i, k = asked.key
        if kind == "use":
            low[i], high[i] = (1.0, high[i]) if yes else (low[i], 0.0)
        elif kind == "open":
            least[i] = 1.0 if yes else least[i]
            high[self.dates[i]] = high[self.dates[i]] if yes else 0.0
        elif kind == "total":
            least[i], most[i] = (k + 1.0, most[i]) if yes else (least[i], float(k))
        elif kind == "more":
            low[i], high[i] = (k + 1.0, high[i]) if yes else (low[i], float(k))
        else:
            dates = self.dates[i]
            high[dates[k + 1 :] if yes else dates[: k + 1]] = 0.0
        return low, high, least, most

    @staticmethod
    def _split(amount: Floats) -> tuple[Floats, Floats]:
        """Whole numbers below, and what is above them."""
        below = np.floor(amount + WHOLE)
        return below, amount - below

    def opening(self, share: Floats, things: Iterable[int]) -> Floats:
        """Of what is had at one date or never these, each at the first date at which the relaxation has a trace of it, and
        every stack and level of which it has more than that; ``share`` is what it has of all that is searched.
        """
        values = np.zeros(len(share))
        for several in (self.stacks, self.levels):
            values[several] = share[several] > TRACE
        for thing in things:
            dates = self.dates[thing]
            by = np.cumsum(share[dates])
            values[dates[np.searchsorted(by, min(TRACE, by[-1]))]] = 1.0
        return np.clip(values, self.low, self.high)

    def neighbours(self, values: Floats) -> Iterator[Floats]:
        """Plans with one host, stack or hall less, with one host a date earlier or later, or with one run elsewhere."""
        for change in (*self._drops(values), *self._shifts(values), *self._moves(values)):
            near = values.copy()
            for at, value in change.items():
                near[at] = value
            if ((near >= self.low) & (near <= self.high)).all():
                yield near

    def _drops(self, values: Floats) -> Iterator[dict[int, float]]:
        for at in np.flatnonzero(np.where(self.follows, 0.0, values)):
            yield {int(at): 0.0}

    def _shifts(self, values: Floats) -> Iterator[dict[int, float]]:
        for dates in self.dates:
            for k in np.flatnonzero(values[dates]):
                for other in (k + 1, k - 1):
                    if 0 <= other < len(dates):
                        yield {int(dates[k]): 0.0, int(dates[other]): 1.0}

    def _moves(self, values: Floats) -> Iterator[dict[int, float]]:
        for places in self.runs:
            for here in places[values[places] > 0]:
                for other in places[values[places] == 0]:
                    yield {int(here): 0.0, int(other): 1.0}


def owner(index: Any, hosts: Collection[str]) -> str:
    """The host that a member of a family is of; empty where it is of none.

    >>> owner(("chat", "first", "a"), {"a", "b"}), owner("stack", {"a", "b"})
    ('a', '')
    """
    parts = index if isinstance(index, tuple) else (index,)
    return next((part for part in parts if part in hosts), "")


def by_run(index: Iterable[tuple[Any, ...]], start: int) -> list[Ints]:
    """Numbers, from ``start`` on, of the places of each run; the index names workload, run and place.

    >>> [own.tolist() for own in by_run([("w", "first", "a"), ("w", "first", "b"), ("w", "second", "a")], 5)]
    [[5, 6], [7]]
    """
    places: dict[tuple[Any, ...], list[int]] = {}
    for number, (*run, _) in enumerate(index, start):
        places.setdefault(tuple(run), []).append(number)
    return [np.array(own, np.int32) for own in places.values()]


class PseudoCosts:
    """What answers have added to the bound, per unit of what they moved, by candidate and answer."""

    def __init__(self) -> None:
        self.seen: dict[tuple[Key, bool], list[float]] = {}

    def score(self, candidate: Candidate) -> float:
        """Product of what both answers are expected to add to the bound (product rule)."""
        up = (1 - candidate.share) * self.expected(candidate.key, True)
        return max(up, WHOLE) * max(candidate.share * self.expected(candidate.key, False), WHOLE)

    def expected(self, key: Key, yes: bool) -> float:
        """The candidate's own mean, else that of all others with this answer, else 1."""
        own = self.seen.get((key, yes))
        if own:
            return sum(own) / len(own)
        others = [sum(v) / len(v) for (_, answer), v in self.seen.items() if answer == yes]
        return sum(others) / len(others) if others else 1.0

    def learn(self, node: Node, objective: float) -> None:
        """From the objective of a node whose bound is its parent's objective."""
        if node.asked is None:
            return
        moved = 1 - node.asked.share if node.yes else node.asked.share
        added = max(0.0, objective - node.bound) / moved
        self.seen.setdefault((node.asked.key, node.yes), []).append(added)
