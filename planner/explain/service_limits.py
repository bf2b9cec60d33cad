"""Service limits and decisions that may give: share caps, control floor, survival, service kept, what a user decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.limits import floor_name, share_name
from planner.case.registry import DECIDED
from planner.case.resilience import SITES, class_name, class_words
from planner.explain.relaxations import POINT_DECIMALS, Exact, Relaxation, rows_of
from planner.scenario.schema import Decision
from planner.solver.arrays import Arrays
from planner.solver.highs import LiveHighs

# ---- shares and floors


def shares(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    demand = case.demand.groupby("t")["demand_kref"].sum()
    for j, cap in enumerate(case.scenario.limits.shares):
        rows = rows_of(arrays, "share_cap", share_name(cap))
        total = np.array([float(demand.get(_period(arrays, "share_cap", r), 0.0)) for r in rows])
        yield Relaxation(
            "share", f"limits.shares[{j}].max_share", cap.max_share, "share", f"the cap on {share_name(cap)}", rows, -total,
            most=1.0 - cap.max_share, scale=0.1, exact=_share_exact(case, arrays, rows, cap.max_share),
        )  # fmt: skip


def _index(arrays: Arrays, rule: str, row: int) -> tuple[Any, ...]:
    block = arrays.rows[rule]
    return tuple(block.tuple_at(int(row) - block.start))


def _period(arrays: Arrays, rule: str, row: int) -> Any:
    return _index(arrays, rule, row)[-1]


def _share_exact(case: Case, arrays: Arrays, rows: Any, share: float) -> Exact:
    """sum of members <= share x sum of all: every entry of the row falls by change x rate of its column."""
    rate = pd.Series(case.serve["rate"].to_numpy(float), index=arrays.columns["serve"].index)

    def exact(live: LiveHighs, change: float) -> None:
        a = live.arrays
        block = a.columns["serve"]
        for row in rows:
            t = _period(a, "share_cap", int(row))
            held = dict(zip(*_entries(a, int(row)), strict=True))
            for index in (i for i in block.index if i[-1] == t):
                column = block.position(index)
                live.change_coefficient(int(row), column, held.get(column, 0.0) - change * float(rate[index]))

    return exact


def _entries(arrays: Arrays, row: int) -> tuple[list[int], list[float]]:
    span = slice(arrays.matrix.indptr[row], arrays.matrix.indptr[row + 1])
    return arrays.matrix.indices[span].tolist(), arrays.matrix.data[span].tolist()


def control(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    floor = case.scenario.limits.min_control
    if floor is None:
        return
    rows = rows_of(arrays, "control_floor")

    def exact(live: LiveHighs, change: float) -> None:
        live.change_coefficient("control_floor", "served", -(floor - change) / 100.0)

    yield Relaxation("control", "limits.min_control", floor, "points", "the control floor", rows, np.full(len(rows), 0.01),
                 direction=-1, most=floor, scale=1.0, exact=exact, decimals=POINT_DECIMALS)  # fmt: skip


def class_floors(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    """Floors of the scenario, each over its workloads and years; a point is worth the work asked for in the year."""
    months = case.periods["months"].astype(float)
    asked = case.demand["demand_kref"] * case.demand["t"].map(months)
    periods = case.floor_periods.reset_index(drop=True)
    periods = periods.assign(
        asked=asked.reindex(pd.MultiIndex.from_frame(periods[["w", "t"]])).to_numpy(float)
    )
    work = periods.groupby(["i", "w", "y"])["asked"].sum()
    for j, floor in enumerate(case.scenario.limits.control_floors):
        name = floor_name(floor)
        rows = rows_of(arrays, "class_floor", name)
        amounts = np.array([0.01 * float(work[_index(arrays, "class_floor", r)]) for r in rows])
        yield Relaxation(
            "class floor", f"limits.control_floors[{j}].min", floor.min, "points", f"the control floor of {name}", rows,
            amounts, direction=-1, most=floor.min, scale=1.0, exact=_floor_exact(case, rows),
        )  # fmt: skip


def _floor_exact(case: Case, rows: Any) -> Exact:
    """sum of months rate serve (sigma - least): every entry of the row rises by change x months x rate."""
    serve = case.serve
    work = pd.Series(serve["rate"].to_numpy(float), index=serve.index) * serve["t"].map(
        case.periods["months"]
    ).astype(float)

    def exact(live: LiveHighs, change: float) -> None:
        a = live.arrays
        block = a.columns["serve"]
        members = case.floor_periods.reset_index(drop=True).groupby(["i", "w", "y"])["t"].agg(set)
        for row in rows:
            index = _index(a, "class_floor", int(row))
            held = dict(zip(*_entries(a, int(row)), strict=True))
            for key in (i for i in block.index if i[0] == index[1] and i[-1] in members[index]):
                column = block.position(key)
                live.change_coefficient(
                    int(row), column, held.get(column, 0.0) + 0.01 * change * float(work[key])
                )

    return exact


def survival(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    """Shares that must be left after a loss: of a workload's sites, or of the members of a class."""
    for w in case.scenario.demand:
        if w.survival_share > 0:
            yield _survival(case, arrays, f"demand[{w.id}].survival_share", SITES, [w.id], w.survival_share,
                            f"the share of {w.id} that survives the loss of a site")  # fmt: skip
    for j, duty in enumerate(case.scenario.limits.survival):
        if duty.share > 0:
            whom = [w.id for w in case.scenario.demand if duty.workloads is None or w.id in duty.workloads]
            yield _survival(case, arrays, f"limits.survival[{j}].share", class_name(duty), whom, duty.share,
                            f"the share that survives the loss of {class_words(duty)}")  # fmt: skip


def _survival(
    case: Case, arrays: Arrays, path: str, i: str, workloads: list[str], share: float, what: str
) -> Relaxation:
    """Rows in which this duty is the one that asks for most."""
    asked = case.survival["share"]
    rows = np.array([r for r in rows_of(arrays, "survive", i)
                     if (at := _index(arrays, "survive", r))[1] in workloads and asked[at] <= share], dtype=int)  # fmt: skip
    demand = case.demand["demand_kref"]
    amounts = np.array([float(demand[_index(arrays, "survive", r)[1::2]]) for r in rows])
    ahead = set(arrays.columns["ahead"].index)

    def exact(live: LiveHighs, change: float) -> None:
        a = live.arrays
        room = (1.0 - share + change) * amounts
        for row, amount in zip(rows, room, strict=True):
            _, w, _, t = _index(a, "survive", int(row))
            live.change_coefficient(int(row), a.columns["unserved"].position((w, t)), float(amount))
            if (w, t) in ahead:
                live.change_coefficient(int(row), a.columns["ahead"].position((w, t)), share - change - 1.0)
        live.set_row_bounds(rows, a.row_lower[rows], room)

    return Relaxation(
        "survival", path, share, "share", what, rows, -amounts, direction=-1, most=share, exact=exact
    )


def continuity(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    """Service once given is kept, or may lapse: no part of that can be written down."""
    for w in case.scenario.demand:
        rows = rows_of(arrays, "service_kept", w.id)
        yield Relaxation(
            "lapse", f"demand[{w.id}].may_lapse", 0.0, "share", f"service of {w.id} once given", rows, -np.ones(len(rows)),
            scale=1.0, changed=lambda _change: True,
        )  # fmt: skip


# ---- decisions


def decisions(case: Case, arrays: Arrays) -> Iterator[Relaxation]:
    for d in case.scenario.decisions:
        rows = rows_of(arrays, f"decide_{d.what}", d.id)
        per_unit = 1.0 / DECIDED[d.what].per if d.what in DECIDED else 1.0
        value = 1.0 if d.value is None else d.value
        base = Relaxation("decision", f"decisions[{d.id}].value", value, _decision_unit(d.what), _decision(d), rows,
                      np.full(len(rows), per_unit), scale=1.0)  # fmt: skip
        whole = d.what in ("open", "stack")

        def out(_change: float) -> None:
            return None

        if d.do in ("require", "fix"):
            lower = replace(base, direction=-1, most=value)
            yield replace(lower, path=f"decisions[{d.id}]", changed=out) if whole and value <= 1 else lower
        if d.do in ("forbid", "fix"):
            upper = replace(base, coefficients=-base.coefficients)
            yield (
                replace(upper, path=f"decisions[{d.id}]", value=0.0, changed=out)
                if d.do == "forbid"
                else upper
            )


def _decision(d: Decision) -> str:
    """A decision as its author would call it: decision a (require open of champion-busan)."""
    parts = (d.hosts, d.owner_classes, d.stacks, d.systems, d.vendors)
    chosen = ", ".join(name for part in parts for name in part or ())
    return f"decision {d.id} ({d.do} {d.what}{' of ' + chosen if chosen else ''})"


def _decision_unit(what: str) -> str:
    return DECIDED[what].unit if what in DECIDED else ""
