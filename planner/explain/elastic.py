"""The elastic model: the case's own matrix with a priced column for every policy value that may give.

    elastic = Elastic(case)
    found = elastic.least_change(time_limit_s=30)   # None where the case is feasible as it stands
    found.changes                                    # [(handle, change in the unit of its value), ...]

First the LP relaxation; then with whole hosts, stacks and halls, and at last with whole servers and racks
around the pattern found, so that the change is one a plan can be made with. Objective: the sum of relative
changes, tier by tier.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array, hstack

from planner.case.case import Case
from planner.explain.handles import TIER_FACTOR, TIERS, Handle
from planner.explain.policies import handles_of, with_policy_rows
from planner.models.build import build_model
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.compile import compile_model
from planner.solver.highs import LiveHighs
from planner.solver.solution import Solution, Status

NEGLIGIBLE = 1e-7
"""Relative changes below this are noise of the linear programme."""
SHORT_NOISE = 1e-6
PLACES = ("open", "use", "halls")
MARGINS = (0.0, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Shares of the change that are added until the true model, whole units included, is feasible."""
HEADROOM = 0.02
"""Share of the change that is added at last, so that plans with other integers than those found fit too."""
MIP_GAP = 0.01
CRUMBS = 0.02
"""Share of the whole change below which a value that gives is worth another look."""


@dataclass(frozen=True)
class Duty:
    """The must-serve date of a workload: from ``first`` on its demand must be met in full."""

    workload: str
    first: int
    columns: Any
    periods: Any


@dataclass(frozen=True)
class Found:
    """The least change: values that give, must-serve dates that move, and whether it is proven.

    ``delays``: workload -> new first period (the horizon's length means never). ``verified``: the changed true
    model has a plan with whole hosts, halls and units. ``bound`` <= the least sum of relative changes <= ``total``.
    """

    changes: list[tuple[Handle, float]]
    delays: dict[str, int]
    total: float
    bound: float
    verified: bool
    relaxed_total: float
    seconds: float
    x: Floats = field(repr=False)


class Elastic:
    """A case's arrays, its handles and the live elastic model."""

    def __init__(
        self, case: Case, arrays: Arrays | None = None, tiers: Mapping[str, float] | None = None
    ) -> None:
        self.case = case
        self.tiers = {**TIERS, **(tiers or {})}
        base = compile_model(build_model(case)[0]) if arrays is None else arrays
        self.arrays, policy = with_policy_rows(case, base)
        self.handles = [*handles_of(case, self.arrays), *policy]
        self.duties = _duties(case, self.arrays)
        self.width = self.arrays.shape[1]
        self.prices = np.array([h.price(self.tiers) for h in self.handles])
        self.live = LiveHighs(self._elastic_arrays(), seed=case.scenario.solve.seed)
        self.integer = np.flatnonzero(self.arrays.integrality)

    def _elastic_arrays(self) -> Arrays:
        """The base model with one column a handle, ``short`` free at a price where it was forbidden."""
        a = self.arrays
        rows = [h.rows for h in self.handles]
        at = np.repeat(np.arange(len(rows)), [len(r) for r in rows]) if rows else np.zeros(0, int)
        entries = (
            np.concatenate([h.coefficients for h in self.handles]) if rows else np.zeros(0),
            (np.concatenate(rows) if rows else np.zeros(0, int), at),
        )
        slack = csr_array(entries, shape=(a.shape[0], len(rows)))
        cost, upper = np.zeros(self.width), a.col_upper.copy()
        duty_price = TIER_FACTOR ** self.tiers["must serve"] * 0.1
        for duty in self.duties:
            upper[duty.columns] = 1.0
            # Later periods cost more: a shortage is taken at the start, where moving the date cures it.
            cost[duty.columns] = duty_price * (1.0 + duty.periods - duty.first)
        scaled = Block(self.width, ())
        return replace(
            a,
            matrix=csr_array(hstack([a.matrix, slack], format="csr")),
            cost=np.concatenate([cost, self.prices]),
            offset=0.0,
            maximize=False,
            col_lower=np.concatenate([a.col_lower, np.zeros(len(rows))]),
            col_upper=np.concatenate([upper, [h.most for h in self.handles]]),
            integrality=np.concatenate([a.integrality, np.zeros(len(rows), np.int32)]).astype(np.int32),
            columns={**a.columns, "change": replace(scaled, leaves=_numbered(len(rows)))},
        )

    # ---- the least change

    def least_change(self, time_limit_s: float = 60.0) -> Found | None:
        """The cheapest set of changes, integers included; None where none is needed."""
        began = time.perf_counter()
        self.live.relax()
        relaxed = self.live.solve(time_limit_s=time_limit_s)
        if relaxed.x is None or relaxed.objective is None:
            raise NoCure(relaxed.status)
        best, bound = relaxed, relaxed.objective
        if self.case.scenario.solve.integers != "none" and len(self.integer):
            best, bound = self._whole(relaxed, time_limit_s - (time.perf_counter() - began))
        assert best.x is not None and best.objective is not None
        if best.objective <= NEGLIGIBLE:
            return None
        changes, delays = self.read(best.x)
        changes, verified = self._verified(changes, delays, best.x)
        seconds = time.perf_counter() - began
        return Found(changes, delays, best.objective, bound, verified, relaxed.objective, seconds, best.x)

    def _whole(self, relaxed: Solution, seconds: float) -> tuple[Solution, float]:
        """Whole hosts, stacks and halls; then whole units within one of the values found."""
        live = self.live
        for family in PLACES:
            live.set_integrality(family, True)
        places = live.solve(gap=MIP_GAP, time_limit_s=max(seconds * 0.7, 2.0))
        if places.x is None:
            return relaxed, relaxed.objective or 0.0
        bound = max(relaxed.objective or 0.0, places.bound or 0.0)
        if (places.objective or 0.0) <= NEGLIGIBLE:
            live.relax()
            return places, bound
        for family in PLACES:
            self._hold(family, places.x)
        units = live.columns("units")
        values = np.maximum(places.x[units], 0.0)
        lower, upper = self.arrays.col_lower[units], self.arrays.col_upper[units]
        live.set_col_bounds(units, np.maximum(np.floor(values) - 1, 0), np.ceil(values) + 1)
        live.set_integrality(units, True)
        whole = live.solve(gap=MIP_GAP, time_limit_s=max(seconds * 0.3, 2.0))
        if (whole.objective or np.inf) > (places.objective or 0.0) * 1.02:  # too narrow: any number of units
            live.set_col_bounds(units, lower, upper)
            wider = live.solve(gap=MIP_GAP, time_limit_s=max(seconds * 0.3, 2.0))
            whole = whole if wider.x is None else wider
        whole = self._without_crumbs(places if whole.x is None else whole, seconds * 0.3)
        live.set_col_bounds(units, lower, upper)
        for family in PLACES:
            self._hold(family, None)
        live.relax()
        return whole, bound

    def _without_crumbs(self, found: Solution, seconds: float) -> Solution:
        """The same with no change that is worth next to nothing, where that costs next to nothing.

        An answer within the gap may spend a little on values that are no cause.
        """
        assert found.x is not None and found.objective is not None
        worth = np.maximum(found.x[self.width :], 0.0) * self.prices
        columns = np.arange(self.width, self.width + len(worth))
        most = np.array([h.most for h in self.handles])
        small = worth < CRUMBS * found.objective
        if not (small & (worth > NEGLIGIBLE)).any():
            return found
        self.live.set_col_bounds(columns, 0.0, np.where(small, 0.0, most))
        fewer = self.live.solve(gap=MIP_GAP, time_limit_s=max(seconds, 2.0))
        self.live.set_col_bounds(columns, 0.0, most)
        kept = fewer.x is not None and (fewer.objective or 0.0) <= (1 + 2 * CRUMBS) * found.objective
        return fewer if kept else found

    def _hold(self, family: str, x: Floats | None) -> None:
        columns = self.live.columns(family)
        if x is None:
            lower, upper = self.arrays.col_lower[columns], self.arrays.col_upper[columns]
        else:
            lower = upper = np.round(x[columns])
        self.live.set_col_bounds(columns, lower, upper)

    def read(self, x: Floats) -> tuple[list[tuple[Handle, float]], dict[str, int]]:
        """Changes and new must-serve periods in an elastic solution."""
        values = np.maximum(x[self.width :], 0.0)
        used = values * self.prices > NEGLIGIBLE
        changes = [(h, float(v)) for h, v, keep in zip(self.handles, values, used, strict=True) if keep]
        delays = {}
        for duty in self.duties:
            late = duty.periods[x[duty.columns] > SHORT_NOISE]
            if len(late):
                delays[duty.workload] = int(late.max()) + 1
        return [(h, v * _of_served(self.arrays, h, x)) for h, v in changes], delays

    # ---- the true model under a change

    def true_model(self, changes: Iterable[tuple[Handle, float]], delays: Mapping[str, int]) -> LiveHighs:
        """The case's own model, no column added, with the changed values written in; no objective."""
        live = LiveHighs(self.arrays, seed=self.case.scenario.solve.seed)
        live.set_objective(np.zeros(self.width))
        for handle, change in changes:
            handle.write(live, change)
        for duty in self.duties:
            first = delays.get(duty.workload, duty.first)
            live.set_col_bounds(duty.columns, 0.0, np.where(duty.periods < first, 1.0, 0.0))
        live.relax()
        return live

    def _verified(
        self, changes: list[tuple[Handle, float]], delays: dict[str, int], x: Floats
    ) -> tuple[list[tuple[Handle, float]], bool]:
        """The changes, topped up by the least margin with which the integers found make a plan."""
        if not changes:
            return changes, self.holds(changes, delays, x)
        for margin in MARGINS:
            grown = [(h, min(v * (1 + margin) + 1e-9, h.most)) for h, v in changes]
            if self.holds(grown, delays, x):
                least = self._trimmed(grown, delays, x)
                return [(h, min(v * (1 + HEADROOM), h.most)) for h, v in least], True
        return changes, False

    def _trimmed(
        self, changes: list[tuple[Handle, float]], delays: dict[str, int], x: Floats
    ) -> list[tuple[Handle, float]]:
        """Bisect down the changes whose columns only approximate their rows, integers held."""
        if not any(h.exact is not None for h, _ in changes):
            return changes
        low, high = 0.0, 1.0
        while high - low > 1e-3:
            middle = (low + high) / 2
            smaller = [(h, v * middle if h.exact is not None else v) for h, v in changes]
            low, high = (low, middle) if self.holds(smaller, delays, x) else (middle, high)
        return [(h, v * high if h.exact is not None else v) for h, v in changes]

    def holds(self, changes: list[tuple[Handle, float]], delays: Mapping[str, int], x: Floats) -> bool:
        """Whether the true model under these changes is feasible with the integers of ``x``."""
        live = self.true_model(changes, delays)
        if self.case.scenario.solve.integers != "none":
            for family in (*PLACES, "units"):
                columns = live.columns(family)
                live.set_col_bounds(columns, np.round(x[columns]), np.round(x[columns]))
        return live.solve(time_limit_s=30.0).status is Status.OPTIMAL

    def alone(self, handle: Handle, time_limit_s: float = 10.0) -> float | None:
        """The least change of one value that cures the LP relaxation by itself; None if it cannot."""
        number = self.handles.index(handle)
        upper = np.zeros(len(self.handles))
        upper[number] = handle.most
        columns = np.arange(self.width, self.width + len(self.handles))
        shorts = np.concatenate([d.columns for d in self.duties]) if self.duties else np.zeros(0, int)
        self.live.set_col_bounds(columns, 0.0, upper)
        self.live.set_col_bounds(shorts, 0.0, 0.0)
        try:
            found = self.live.solve(time_limit_s=time_limit_s)
        finally:
            self.live.set_col_bounds(columns, 0.0, [h.most for h in self.handles])
            self.live.set_col_bounds(shorts, 0.0, 1.0)
        return None if found.x is None else float(found.x[self.width + number])


class NoCure(RuntimeError):
    """Even with every policy value free the rows of physics contradict one another."""

    def __init__(self, status: Status) -> None:
        self.status = status
        super().__init__(f"no policy value cures this case ({status.value}): expert detail by iis(case)")


def _of_served(arrays: Arrays, handle: Handle, x: Floats) -> float:
    """The floor on control is per share served: a change of its row weighs more where less is served."""
    if handle.kind != "control":
        return 1.0
    served = float(x[arrays.columns["served"].start])
    return 1.0 / served if served > 1e-9 else 1.0


def _numbered(n: int) -> Any:
    return Block.of(0, range(n)).leaves


def _duties(case: Case, arrays: Arrays) -> list[Duty]:
    block = arrays.columns["short"]
    by: dict[str, list[tuple[int, int]]] = {}
    for i, (w, t) in enumerate(block.index):
        if t >= int(case.workloads.loc[w, "must_t"]):
            by.setdefault(str(w), []).append((block.start + i, int(t)))
    return [
        Duty(
            w,
            int(case.workloads.loc[w, "must_t"]),
            np.array([c for c, _ in found]),
            np.array([t for _, t in found]),
        )
        for w, found in by.items()
    ]
