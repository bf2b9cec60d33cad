"""The elastic model: the case's own matrix with a priced column for every value of the scenario that may give.

The column of a value is its change in its own unit; the objective is the sum of relative changes, tier by tier
(``relaxations.TIERS``). ``unserved`` is free at a high price where a must-serve date forbids it, so that dates give last.
``planner.explain.least`` searches it; ``true_model`` is the case itself with changed values written in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array, hstack

from planner.case.case import Case
from planner.explain.host_sizes import with_size_rows
from planner.explain.relaxations import TIER_FACTOR, TIERS, Relaxation
from planner.explain.resource_limits import relaxations_of, with_bound_rows
from planner.facts.errors import NoPlan
from planner.models.build import build_model
from planner.solver.arrays import Arrays, Block, Floats
from planner.solver.compile import compile_model
from planner.solver.engine import HALLS, PATTERN, UNITS
from planner.solver.highs import LiveHighs
from planner.solver.solution import Status

NEGLIGIBLE = 1e-7
"""Relative changes below this are noise of the linear programme."""
SHORT_NOISE = 1e-6
PLACES = (*PATTERN, *HALLS)

Change = tuple[Relaxation, float]
"""A value that gives, and its change in the value's unit."""


@dataclass(frozen=True)
class Duty:
    """The must-serve date of a workload: from ``first`` on its demand must be met in full."""

    workload: str
    first: int
    columns: Any
    periods: Any


class Elastic:
    """A case's arrays, its relaxations and the live elastic model."""

    def __init__(
        self, case: Case, arrays: Arrays | None = None, tiers: Mapping[str, float] | None = None
    ) -> None:
        self.case = case
        self.tiers = {**TIERS, **(tiers or {})}
        base = compile_model(build_model(case)[0]) if arrays is None else arrays
        self.arrays, bounds = with_bound_rows(case, with_size_rows(case, base))
        self.relaxations = [*relaxations_of(case, self.arrays), *bounds]
        self.duties = _duties(case, self.arrays)
        self.width = self.arrays.shape[1]
        self.prices = np.array([h.price(self.tiers) for h in self.relaxations])
        self.live = LiveHighs(self._elastic_arrays(), seed=case.scenario.solve.seed)
        self.weights: Floats = self.live.arrays.cost
        self.integer = np.flatnonzero(self.arrays.integrality)
        self.restricted = False

    def _elastic_arrays(self) -> Arrays:
        """The base model with one column a relaxation, ``unserved`` free at a price where it was forbidden."""
        a = self.arrays
        rows = [h.rows for h in self.relaxations]
        at = np.repeat(np.arange(len(rows)), [len(r) for r in rows]) if rows else np.zeros(0, int)
        entries = (
            np.concatenate([h.coefficients for h in self.relaxations]) if rows else np.zeros(0),
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
            col_upper=np.concatenate([upper, [h.most for h in self.relaxations]]),
            integrality=np.concatenate([a.integrality, np.zeros(len(rows), np.int32)]).astype(np.int32),
            columns={**a.columns, "change": replace(scaled, leaves=_numbered(len(rows)))},
        )

    # ---- which values may give

    def allow(self, numbers: set[int] | None, duties: Iterable[str] | None = None) -> None:
        """Only these relaxations (by number) and must-serve dates (by workload) may give; None means all."""
        most, self.restricted = np.array([h.most for h in self.relaxations]), numbers is not None
        if numbers is not None:
            most = np.where(np.isin(np.arange(len(most)), list(numbers)), most, 0.0)
        self.live.set_col_bounds(np.arange(self.width, self.width + len(most)), 0.0, most)
        late = None if duties is None else set(duties)
        for duty in self.duties:
            self.live.set_col_bounds(duty.columns, 0.0, float(late is None or duty.workload in late))

    def worth(self, x: Floats) -> Floats:
        """Relative change of every relaxation, times the factor of its tier, in an elastic solution."""
        return np.asarray(np.maximum(x[self.width :], 0.0) * self.prices)

    def hold(self, family: str, x: Floats | None) -> None:
        """Hold a family of columns at whole values, or free it again."""
        columns = self.live.columns(family)
        if x is None:
            lower, upper = self.arrays.col_lower[columns], self.arrays.col_upper[columns]
        else:
            lower = upper = np.round(x[columns])
        self.live.set_col_bounds(columns, lower, upper)

    def read(self, x: Floats) -> tuple[list[Change], dict[str, int]]:
        """Changes and new must-serve periods in an elastic solution."""
        values, used = np.maximum(x[self.width :], 0.0), self.worth(x) > NEGLIGIBLE
        changes = [(h, float(v)) for h, v, keep in zip(self.relaxations, values, used, strict=True) if keep]
        return [(h, v * _of_served(self.arrays, h, x)) for h, v in changes], self.delays(x)

    def delays(self, x: Floats) -> dict[str, int]:
        """Workload -> first period from which it is served in full, where that is after its must-serve date."""
        out = {}
        for duty in self.duties:
            late = duty.periods[x[duty.columns] > SHORT_NOISE]
            if len(late):
                out[duty.workload] = int(late.max()) + 1
        return out

    # ---- the true model under a change

    def true_model(self, changes: Iterable[Change], delays: Mapping[str, int]) -> LiveHighs:
        """The case's own model, no column added, with the changed values written in; no objective."""
        live = LiveHighs(self.arrays, seed=self.case.scenario.solve.seed)
        live.set_objective(np.zeros(self.width))
        for relaxation, change in changes:
            relaxation.write(live, change)
        for duty in self.duties:
            first = delays.get(duty.workload, duty.first)
            live.set_col_bounds(duty.columns, 0.0, np.where(duty.periods < first, 1.0, 0.0))
        live.relax()
        return live

    def held(self, changes: Iterable[Change], delays: Mapping[str, int], x: Floats) -> LiveHighs:
        """The true model under these changes with the integers of ``x``."""
        live = self.true_model(changes, delays)
        if self.case.scenario.solve.integers != "none":
            for family in (*PLACES, UNITS):
                columns = live.columns(family)
                live.set_col_bounds(columns, np.round(x[columns]), np.round(x[columns]))
        return live

    def alone(self, relaxation: Relaxation, time_limit_s: float = 10.0) -> float | None:
        """The least change of one value that cures the LP relaxation by itself; None if it cannot."""
        number = self.relaxations.index(relaxation)
        self.allow({number}, ())
        try:
            found = self.live.solve(time_limit_s=time_limit_s)
        finally:
            self.allow(None)
        return None if found.x is None else float(found.x[self.width + number])

    def on_time(self, time_limit_s: float = 10.0) -> bool:
        """Whether other values may cure the LP relaxation with every must-serve date kept, or that is not decided."""
        self.allow(None, ())
        try:
            return self.live.solve(time_limit_s=time_limit_s).status is not Status.INFEASIBLE
        finally:
            self.allow(None)


class NoCure(NoPlan):
    """Even with every value of the scenario free the rows of physics contradict one another."""

    def __init__(self, status: Status) -> None:
        self.status = status
        super().__init__(
            f"no value of the scenario cures this case ({status.value}): expert detail by iis(case)"
        )


def _of_served(arrays: Arrays, relaxation: Relaxation, x: Floats) -> float:
    """The floor on control is per share served: a change of its row weighs more where less is served."""
    if relaxation.kind != "control":
        return 1.0
    served = float(x[arrays.columns["served"].start])
    return 1.0 / served if served > 1e-9 else 1.0


def _numbered(n: int) -> Any:
    return Block.of(0, range(n)).leaves


def _duties(case: Case, arrays: Arrays) -> list[Duty]:
    block = arrays.columns["unserved"]
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
