"""Why something is not in a plan: the reason it was never an offer, or how much cheaper it would have to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.case.bounds import Bounds
from planner.case.case import Case
from planner.explain.late_places import comes_late
from planner.facts.errors import BadValue, UnknownName
from planner.facts.numbers import fixed, number
from planner.solver.arrays import Floats
from planner.solver.engine import Engine
from planner.solver.progress import DEFAULT_GAP
from planner.solver.solution import Solution

NOISE = 1e-4
FAMILIES = ("order", "rent")
BEST = {"order": "bought for", "rent": "rented from"}
"""What is said of either before its period."""
SOLVE_S = 60.0
FORCED_KREF = 0.05
"""Work (thousand reference-accelerator equivalents, summed over periods) that is forced on the choice."""


@dataclass(frozen=True)
class Answer:
    """``excluded``: rows of ``why_not`` that speak of the choice; ``text`` says it in one or two sentences.

    ``cheaper``: by what share its purchases (price, upkeep, fees or rent, less residual value) would have to cost less;
    None where it is excluded, in the plan already, or held out by fixed costs. ``dearer_musd``: what work on it
    costs more than in the plan, in MUSD for 1,000 reference-accelerator equivalents over a year. ``fixed_musd``: what
    the cost of the plan rises by with the whole places it needs, where it would be used in parts.
    """

    text: str
    excluded: pd.DataFrame
    cheaper: float | None = None
    in_plan: bool = False
    dearer_musd: float | None = None
    fixed_musd: float | None = None


def why_not(
    case: Case,
    tables: Mapping[str, pd.DataFrame] | None = None,
    *,
    workload: str | None = None,
    host: str | None = None,
    stack: str | None = None,
    system: str | None = None,
    engine: Engine | None = None,
) -> Answer:
    """Why no capacity of this kind is in the plan; fields left out mean any.

    ``tables`` are those of the plan (or of its run) and ``case`` is that of its resolved scenario; without tables
    only the recorded reasons are given. ``engine`` is a live model of the case, made if absent. UnknownName for
    names the scenario does not know.
    """
    chosen = {"workload": workload, "host": host, "stack": stack, "system": system}
    _known(case, chosen)
    name = _name(chosen)
    excluded = _reasons(case, chosen)
    if not len(_matching(case.serve, workload, host, stack, system)):
        return Answer(_excluded_text(name, excluded), excluded)
    if host is not None and (late := comes_late(case, host)):
        end = case.calendar.end
        return Answer(f"{name} can serve nothing before the horizon ends on {end}: {late}", excluded)
    if tables is None:
        some = (
            f"; {len(excluded)} combinations of it are left out: {_summary(excluded)}"
            if len(excluded)
            else ""
        )
        return Answer(f"{name} is an offer in this case{some}", excluded)
    peak = _in_plan(tables, workload, host, stack, system)
    if peak >= 1.0:
        verb = "serve" if workload else "stand"
        return Answer(
            f"{name} is in the plan: at most {fixed(peak)} accelerators {verb} there", excluded, None, True
        )
    engine = engine or Engine(case)
    forced = _Forced(case, engine, tables, chosen)
    if forced.fixed is not None:
        return Answer(_fixed_text(name, *forced.fixed), excluded, fixed_musd=forced.fixed[0])
    if forced.found is None:
        return Answer(
            f"{name} cannot do any work beside what the plan holds: its limits, hosts and halls leave no room",
            excluded,
        )
    share, dearer, when = forced.found
    if share <= NOISE:
        return Answer(
            f"{name} would be as good as what the plan holds: it costs no more", excluded, 0.0, False, dearer
        )
    more = (
        f"work on it costs {number(dearer)} MUSD more for 1,000 reference-accelerator equivalents over a year"
    )
    text = f"{name} would have to be {_percent(share)} cheaper to enter the plan (best {when}); {more}"
    if share >= 1:
        text = f"{name} would not enter the plan at any price: what it needs besides costs more than it saves; {more}"
    return Answer(text, excluded, float(share), False, dearer)


def _fixed_text(name: str, rise: float, cost: float) -> str:
    part = (
        f"{number(abs(rise))} MUSD ({number(100 * abs(rise) / max(abs(cost), 1e-9), 2)} % of the plan's cost)"
    )
    if rise > 0:
        return (
            f"{name} does not earn its fixed cost: with the whole hosts, halls and stacks it needs beside those of "
            f"the plan the cost rises by {part}; in parts it would be used"
        )
    return (
        f"{name} would do as well: with the whole hosts, halls and stacks it needs beside those of the plan the "
        f"cost falls by {part}, which the gap of the plan allows"
    )


def _percent(share: float) -> str:
    return f"{number(100 * share, 2)} %"


def _in_plan(
    tables: Mapping[str, pd.DataFrame],
    workload: str | None,
    host: str | None,
    stack: str | None,
    system: str | None,
) -> float:
    """Largest number of accelerators of the choice in any period."""
    rows = _matching(tables["serving" if workload else "fleet"], workload, host, stack, system)
    return float(rows.groupby("t")["accelerators"].sum().max()) if len(rows) else 0.0


def _known(case: Case, chosen: dict[str, str | None]) -> None:
    scenario = case.scenario
    known = {
        "workload": [w.id for w in scenario.demand],
        "host": [h.id for h in scenario.hosts],
        "stack": [s.id for s in scenario.stacks],
        "system": [s.id for s in scenario.systems],
    }
    bad = [
        f"{kind} {v!r} (there are {', '.join(known[kind])})"
        for kind, v in chosen.items()
        if v and v not in known[kind]
    ]
    if bad:
        raise UnknownName(f"not in this scenario: {'; '.join(bad)}")
    if not any(chosen.values()):
        raise BadValue("name a workload, a host, a stack or a system")


def _name(chosen: dict[str, str | None]) -> str:
    words = [chosen["system"], chosen["stack"] and f"stack {chosen['stack']}", chosen["host"] and f"at {chosen['host']}",
             chosen["workload"] and f"for {chosen['workload']}"]  # fmt: skip
    text = " ".join(str(w) for w in words if w)
    return text if chosen["system"] or chosen["stack"] else f"capacity {text}"


def _matching(
    table: pd.DataFrame, workload: str | None, host: str | None, stack: str | None, system: str | None
) -> Any:
    out = table.reset_index(drop=True)
    for column, value in (("w", workload), ("h", host), ("a", stack), ("k", system)):
        if value is not None and column in out:
            out = out[out[column] == value]
    return out


def _reasons(case: Case, chosen: dict[str, str | None]) -> pd.DataFrame:
    out = case.why_not
    for column, value in chosen.items():
        if value is not None:
            out = out[out[column].isin([value, ""])]
    return out.reset_index(drop=True)


def _summary(reasons: pd.DataFrame) -> str:
    counts = reasons["detail"].value_counts()
    return "; ".join(str(detail) for detail in counts.index[:3])


def _excluded_text(name: str, excluded: pd.DataFrame) -> str:
    if not len(excluded):
        return f"{name} is no offer of this scenario: no host lists it"
    return f"{name} is left out: {_summary(excluded)}"


def _columns(
    engine: Engine, family: str, host: str | None, stack: str | None, system: str | None
) -> list[int]:
    block = engine.arrays.columns[family]
    wanted = (host, stack, system)
    return [
        block.start + i
        for i, index in enumerate(block.index)
        if all(v is None or v == part for v, part in zip(wanted, index, strict=False))
    ]


class _Forced:
    """What a little work that the choice must do costs more, places held but for those the choice needs.

    ``found``: the rise per MUSD of its own purchases, the rise in MUSD per 1,000 equivalents and year,
    and how and when it is best had; with needed places divisible, so that their fixed cost is in the answer and not a
    wall before it. Reduced costs do not say it: a choice that is out is so by a chain of columns, over which they
    are split. ``fixed``: where divisible places would be used anyway, the rise with whole ones, and the plan's cost.
    """

    def __init__(
        self, case: Case, engine: Engine, tables: Mapping[str, pd.DataFrame], chosen: dict[str, str | None]
    ) -> None:
        self.case, self.engine, self.live, self.chosen = case, engine, engine.live, chosen
        rate, block = case.serve["rate"].to_numpy(float), engine.arrays.columns["serve"]
        wanted = [chosen[k] for k in ("workload", "host", "stack", "system")]
        work = [
            i
            for i, index in enumerate(block.index)
            if all(v in (None, part) for v, part in zip(wanted, index, strict=False))
        ]
        self.columns, self.rate = (block.start + np.array(work, int)).astype(np.int32), rate[work]
        self.found: tuple[float, float, str] | None = None
        self.fixed: tuple[float, float] | None = None
        held = held_places(tables)
        self.hold(held)
        plan = self.live.solve(time_limit_s=SOLVE_S)
        needed = self.free(held)
        free = self.live.solve(time_limit_s=SOLVE_S)
        if free.x is None or free.objective is None:
            return
        if float(free.x[self.columns] @ self.rate) > FORCED_KREF:
            if not len(needed):  # another plan with the same places, at no more cost
                self.found = (0.0, 0.0, "")
                return
            self.live.set_integrality(needed, True)
            whole = self.at_work(gap=1e-3)
            if whole.objective is not None and plan.objective is not None:
                self.fixed = (whole.objective - plan.objective, plan.objective)
            return
        found = self.at_work()
        if found.objective is not None and found.x is not None:
            self.found = self.compared(found.x, free.x, found.objective - free.objective)

    def hold(self, held: Mapping[str, Mapping[Any, float]]) -> None:
        """Least cost under the plan's bounds, its hosts, stacks and halls held."""
        _apply_limits(self.case, self.engine)
        self.engine.minimise("cost")
        self.engine.integers()
        for family, values in held.items():
            index = self.engine.arrays.columns[family].index
            self.engine.fix(family, np.array([values.get(i, 0.0) for i in index], float))

    def free(self, held: Mapping[str, Mapping[Any, float]]) -> Any:
        """Sets the places free that the choice needs; their columns."""
        hosts, stacks = _needed(self.case, held, self.chosen)
        out = []
        for family, names in (("open", hosts), ("halls", hosts), ("use", stacks)):
            block = self.engine.arrays.columns[family]
            out += [block.start + i for i, index in enumerate(block.index) if index[0] in names]
        columns, arrays = np.array(out, int), self.engine.arrays
        self.live.set_col_bounds(columns, arrays.col_lower[columns], arrays.col_upper[columns])
        return columns

    def at_work(self, gap: float = DEFAULT_GAP) -> Solution:
        """The solve with a little work forced on the choice."""
        highs, row = self.live.highs, self.engine.arrays.shape[0]
        highs.addRow(FORCED_KREF, np.inf, len(self.columns), self.columns, self.rate)
        try:
            return self.live.solve(gap=gap, time_limit_s=SOLVE_S)
        finally:
            highs.deleteRows(1, np.array([row], np.int32))

    def compared(self, x: Floats, before: Floats, rise: float) -> tuple[float, float, str] | None:
        _, host, stack, system = (self.chosen[k] for k in ("workload", "host", "stack", "system"))
        own = own_costs(self.engine, host, stack, system)
        spent = {c: v * float(x[c] - before[c]) for c, v in own.items()}
        total = sum(spent.values())
        if total <= 0:
            return None
        best = max(spent, key=lambda c: spent[c])
        blocks = [self.engine.arrays.columns[f] for f in FAMILIES]
        got, when = next(
            (BEST[f], int(b.tuple_at(best - b.start)[-1]))
            for f, b in zip(FAMILIES, blocks, strict=True)
            if b.start <= best < b.stop
        )
        more = rise / (float(self.rate @ (x - before)[self.columns]) * float(self.case.calendar.years[when]))
        return rise / total, more, f"{got} {self.case.calendar.label(when)}"


def _needed(
    case: Case, held: Mapping[str, Mapping[Any, float]], chosen: dict[str, str | None]
) -> tuple[set[str], set[str]]:
    """Hosts and stacks to set free: those asked for, and all that offer the choice where the plan has none."""
    offers = _matching(case.serve, chosen["workload"], chosen["host"], chosen["stack"], chosen["system"])
    ready = case.hosts["exists"].astype(bool) | (case.hosts["mode"] == "cloud")
    standing = {str(i[0]) for i in held["open"]} | set(case.hosts.index[ready])
    adopted = {str(i[0]) for i, value in held["use"].items() if value > 0.5}
    there = offers[offers["h"].isin(standing) & offers["a"].isin(adopted)]
    if len(there):
        return {chosen["host"] or ""}, {chosen["stack"] or ""}
    return set(offers["h"]), set(offers["a"]) - adopted


def own_costs(engine: Engine, host: str | None, stack: str | None, system: str | None) -> dict[int, float]:
    """Column -> MUSD per thousand accelerators of its purchases: price, upkeep, fees or rent, less residual value."""
    a = engine.arrays
    row = a.matrix[[a.rows["cost_sum"].start], :].toarray()[0]
    return {c: -float(row[c]) for family in FAMILIES for c in _columns(engine, family, host, stack, system)}


def held_places(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[tuple[object, ...], float]]:
    """Family -> index -> value: the hosts, stacks, halls, levels and agreements of a plan."""
    opens, stacks, halls = tables["opens"], tables["stacks"], tables["halls"]
    signed, left, put_off, levels = (
        tables.get(name) for name in ("agreements", "exits", "adoptions", "levels")
    )
    return {
        "open": {(r.h, int(r.t)): 1.0 for r in opens.itertuples()},
        "use": {(r.a,): float(r.adopted) for r in stacks.itertuples()},
        "adopt": {(r.a, int(r.t)): 1.0 for r in put_off.itertuples()} if put_off is not None else {},
        "leave": {(r.a, int(r.t)): 1.0 for r in left.itertuples()} if left is not None else {},
        "sign": {(r.e, int(r.t)): 1.0 for r in signed.itertuples()} if signed is not None else {},
        "hold": {(r.h, r.l): float(r.promised) for r in levels.itertuples()} if levels is not None else {},
        "halls": {(r.h, r.b, int(r.t)): float(r.halls) for r in halls.itertuples()},
    }


def _apply_limits(case: Case, engine: Engine) -> None:
    engine.policy(Bounds.of_limits(case.scenario.limits))
