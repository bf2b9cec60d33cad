"""Why something is not in a plan: the reason it was never an offer, or how much cheaper it would have to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.solver.engine import Engine

NOISE = 1e-4
FAMILIES = ("order", "rent")
FORCED_KREF = 0.05
"""Work (thousands of reference accelerators, summed over periods) that is forced on the choice."""


@dataclass(frozen=True)
class Answer:
    """``excluded``: rows of ``why_not`` that speak of the choice; ``text`` says it in one or two sentences.

    ``cheaper``: by what share its purchases (price, upkeep, fees or rent, less residual value) would have to cost less;
    None where it is excluded, or is in the plan already.
    """

    text: str
    excluded: pd.DataFrame
    cheaper: float | None = None
    in_plan: bool = False


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
    only the recorded reasons are given. ``engine`` is a live model of the case, made if absent. ValueError for
    names the scenario does not know.
    """
    chosen = {"workload": workload, "host": host, "stack": stack, "system": system}
    _known(case, chosen)
    name = _name(chosen)
    excluded = _reasons(case, chosen)
    if not len(_matching(case.serve, workload, host, stack, system)):
        return Answer(_excluded_text(name, excluded), excluded)
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
            f"{name} is in the plan: at most {peak:,.0f} accelerators {verb} there", excluded, None, True
        )
    cheaper = _cheaper(case, engine or Engine(case), tables, workload, host, stack, system)
    if cheaper is None:
        return Answer(f"{name} can be bought in no period of this case", excluded)
    share, when = cheaper
    if share <= NOISE:
        return Answer(f"{name} would be as good as what the plan holds: it costs no more", excluded, 0.0)
    text = f"{name} would have to be {share:.0%} cheaper to enter the plan (best bought for {when})"
    if share >= 1:
        text = f"{name} would not enter the plan at any price: what it needs besides costs more than it saves"
    return Answer(text, excluded, float(share))


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
        raise ValueError(f"not in this scenario: {'; '.join(bad)}")
    if not any(chosen.values()):
        raise ValueError("name a workload, a host, a stack or a system")


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


def _cheaper(
    case: Case,
    engine: Engine,
    tables: Mapping[str, pd.DataFrame],
    workload: str | None,
    host: str | None,
    stack: str | None,
    system: str | None,
) -> tuple[float, str] | None:
    """Share of the own cost of its purchases by which the choice would have to be cheaper, and when it is best had.

    Hosts, stacks and halls are held as in the plan. The stack and the host asked for are
    set free (divisible), so that their fixed cost is in the answer and not a wall before it.
    """
    _apply_limits(case, engine)
    engine.minimise("cost")
    engine.integers()
    held = {"open": ["h", "t"], "use": ["a"], "halls": ["h", "b", "t"]}
    for family, values in _held(tables).items():
        index = engine.arrays.columns[family].index
        engine.fix(family, np.array([values.get(i, 0.0) for i in index], float))
    for family, letter, value in (("open", "h", host), ("halls", "h", host), ("use", "a", stack)):
        if value is not None:
            block = engine.arrays.columns[family]
            at = held[family].index(letter)
            free = np.array(
                [block.start + i for i, index in enumerate(block.index) if index[at] == value], int
            )
            engine.live.set_col_bounds(free, engine.arrays.col_lower[free], engine.arrays.col_upper[free])
    return _forced(case, engine, workload, host, stack, system)


def _forced(
    case: Case, engine: Engine, workload: str | None, host: str | None, stack: str | None, system: str | None
) -> tuple[float, str] | None:
    """What the plan's cost rises by where the choice must do a little work, per MUSD of its own purchases.

    Reduced costs do not say it: a choice that is out is so by a chain of columns, over which they are split.
    """
    rate = case.serve["rate"].to_numpy(float)
    block = engine.arrays.columns["serve"]
    wanted = (workload, host, stack, system)
    work = [
        i
        for i, index in enumerate(block.index)
        if all(v in (None, part) for v, part in zip(wanted, index, strict=False))
    ]
    free = engine.live.solve(time_limit_s=60.0)
    if not work or free.objective is None:
        return None
    columns = (block.start + np.array(work)).astype(np.int32)
    highs, row = engine.live.highs, engine.arrays.shape[0]
    highs.addRow(FORCED_KREF, np.inf, len(columns), columns, rate[work])
    try:
        found = engine.live.solve(time_limit_s=60.0)
    finally:
        highs.deleteRows(1, np.array([row], np.int32))
    if found.objective is None or found.x is None or free.x is None:
        return None
    spent = {c: v * (found.x[c] - free.x[c]) for c, v in own_costs(engine, host, stack, system).items()}
    total = sum(spent.values())
    if total <= 0:
        return None
    best = max(spent, key=lambda c: spent[c])
    label = next(case.calendar.label(int(b.tuple_at(best - b.start)[-1])) for f in FAMILIES
                 if (b := engine.arrays.columns[f]).start <= best < b.stop)  # fmt: skip
    return (found.objective - free.objective) / total, label


def own_costs(engine: Engine, host: str | None, stack: str | None, system: str | None) -> dict[int, float]:
    """Column -> MUSD per thousand accelerators of its purchases: price, upkeep, fees or rent, less residual value."""
    a = engine.arrays
    row = a.matrix[[a.rows["cost_sum"].start], :].toarray()[0]
    return {c: -float(row[c]) for family in FAMILIES for c in _columns(engine, family, host, stack, system)}


def _held(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[tuple[object, ...], float]]:
    opens, stacks, halls = tables["opens"], tables["stacks"], tables["halls"]
    return {
        "open": {(r.h, int(r.t)): 1.0 for r in opens.itertuples()},
        "use": {(r.a,): float(r.adopted) for r in stacks.itertuples()},
        "halls": {(r.h, r.b, int(r.t)): float(r.halls) for r in halls.itertuples()},
    }


def _apply_limits(case: Case, engine: Engine) -> None:
    limits = case.scenario.limits
    months = limits.max_delay_months
    engine.policy(
        max_delay_by_workload=months if isinstance(months, dict) else None,
        max_delay_months=None if isinstance(months, dict) else months,
        min_control=limits.min_control,
        max_cost_musd=limits.max_cost_musd,
    )
