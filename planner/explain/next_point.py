"""Control by decision, and what the cheapest next point of it is: its price, the work that moves, what is gained.

The hosts, stacks and halls of the plan are held; servers are divisible, levels of efficiency and energy free. Two least
costs are compared, at the control of the plan and one point above, with the same bounds: the price is that of the step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from planner.case import control
from planner.case.bounds import Bounds
from planner.case.case import Case
from planner.case.measures import serving_weights
from planner.case.registry import LEVEL
from planner.explain.why_not import held_places
from planner.facts.numbers import number, percent
from planner.plans.kpis import WHAK, points_by_criterion
from planner.solver.arrays import Floats
from planner.solver.engine import Engine
from planner.solver.progress import SolveOptions

GAP = 1e-4
"""Of least cost where levels are whole."""
STEP_POINTS = 1.0
SLACK_POINTS = 1e-4
MOVES = 0.0005
"""A share of the work below this is not told to move."""


@dataclass(frozen=True)
class NextPoint:
    """``decisions``: decision, points, attainable, gained; ``moves``: h, a, share, change; ``musd`` NaN out of reach."""

    score: float
    most: float
    musd: float
    decisions: pd.DataFrame
    moves: pd.DataFrame
    text: str


def next_point(
    case: Case, tables: Mapping[str, pd.DataFrame], score: float, step_points: float = STEP_POINTS
) -> NextPoint:
    """Of a plan with its case, whose limits are the bounds that were in force, and its control of what is served."""
    engine = Engine(case)
    engine.integers(LEVEL)
    for family, values in held_places(tables).items():
        if family == LEVEL:
            continue
        index = engine.arrays.columns[family].index
        engine.fix(family, pd.Series([values.get(i, 0.0) for i in index], dtype=float).to_numpy())
    bounds = Bounds.of_limits(case.scenario.limits)
    now = _cheapest(case, engine, bounds, score - SLACK_POINTS)
    most = score if now is None else max(score, engine.control(now))
    then = _cheapest(case, engine, bounds, most + step_points)
    if now is not None and then is not None:
        most, musd = most + step_points, engine.value(then, "cost") - engine.value(now, "cost")
    else:
        engine.policy(bounds)
        found = engine.most_control(None if case.levels.empty else SolveOptions(gap=GAP))
        most = most if found.x is None else max(most, engine.control(found.x))
        then, musd = now, float("nan")
    before, after = _of_offers(case, engine, now), _of_offers(case, engine, then)
    held = [_levels(case, engine, x) for x in (now, then)]
    decisions = _decisions(case, tables["control"], (before, after), held)
    moves = _moves(before, after)
    new = [key for key in held[1] if key not in held[0]]
    return NextPoint(score, most, musd, decisions, moves, _text(score, most, musd, decisions, moves, new))


def _cheapest(case: Case, engine: Engine, bounds: Bounds, floor: float) -> Floats | None:
    engine.policy(replace(bounds, min_control_points=floor))
    engine.minimise("cost")
    return engine.lp().x if case.levels.empty else engine.solve(gap=GAP).x


def _levels(case: Case, engine: Engine, x: Floats | None) -> list[tuple[str, str]]:
    """(h, l) that hosts are held to."""
    if x is None or case.levels.empty:
        return []
    held = engine.family(x, LEVEL)
    return list(held.index[held > 0.5])


def _of_offers(case: Case, engine: Engine, x: Floats | None) -> pd.Series:
    """(w, h, a, k) -> share of what is served, by the measure of the headline."""
    weight = serving_weights(case, case.scenario.limits.min_control_by).to_numpy(float)
    serve = 0.0 if x is None else engine.family(x, "serve").to_numpy(float)
    share = case.serve.reset_index(drop=True)[WHAK].assign(share=weight * serve).groupby(WHAK)["share"].sum()
    return share / share.sum() if share.sum() > 0 else share


def _decisions(
    case: Case, plan: pd.DataFrame, work: Sequence[pd.Series], held: Sequence[Collection[tuple[str, str]]]
) -> pd.DataFrame:
    """decision, points of the plan, attainable, gained; they add up to the score, the full mark and the step.

    ``work`` and ``held`` are what is served by offer, and the levels of hosts, before the step and after it.
    """
    criteria = control.prepare_criteria(case.catalog)
    now, then = (
        points_by_criterion(case, offers, criteria, own) for offers, own in zip(work, held, strict=True)
    )
    top = [[len(v) for v in part] for _, part in criteria.groupby("objective", sort=False)["level_values"]]
    full = control.contributions(top, case.scenario.control.weighting, criteria).to_numpy()
    table = pd.DataFrame(
        {
            "decision": criteria["decision"],
            "points": plan["points"].to_numpy(float),
            "attainable": full,
            "gained": then - now,
        }
    )
    return (
        table.groupby("decision", as_index=False)
        .sum()
        .sort_values("points", ascending=False, ignore_index=True)
    )


def _moves(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    share, then = (offers.groupby(level=["h", "a"]).sum() for offers in (before, after))
    table = pd.DataFrame({"share": share, "change": then - share}).reset_index()
    return table[table["change"].abs() > MOVES].sort_values("change", ignore_index=True)


def _text(
    score: float,
    most: float,
    musd: float,
    decisions: pd.DataFrame,
    moves: pd.DataFrame,
    new: list[tuple[str, str]],
) -> str:
    lines = [f"Control of what is served is {number(score, 3)} points, by decision:"]
    lines += [
        f"  - {d.decision}: {number(d.points, 3)} of {number(d.attainable, 3)}"
        for d in decisions.itertuples()
    ]
    if musd != musd:
        lines.append(
            f"The next point is out of reach of these hosts, stacks and halls: they reach {number(most, 3)}."
        )
        return "\n".join(lines)
    lines.append(
        f"The cheapest next point costs {number(musd, 4)} MUSD (these hosts, stacks and halls, divisible servers):"
    )
    lines += [
        f"  - work of {m.a} at {m.h}: {'+' if m.change > 0 else '-'}{percent(abs(m.change), 1)} of what is served"
        for m in moves.itertuples()
    ]
    lines += [f"  - {h} is held to {level} in every year" for h, level in new]
    gained = decisions[decisions["gained"] > 0.005].sort_values("gained", ascending=False)
    lines += [f"  - {d.decision}: {number(d.gained, 2)} points more" for d in gained.itertuples()]
    return "\n".join(lines)
