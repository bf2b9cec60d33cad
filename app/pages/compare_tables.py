"""Tables of the comparison: results with what is better marked, what is built beside each other, finance with reasons."""

from __future__ import annotations

import pandas as pd

from planner.app.state.result import Result
from planner.facts.errors import PlannerError
from planner.facts.numbers import MISSING, fixed, number, quantity, signed
from planner.finance.side_by_side import Side, side_by_side
from planner.report.kpis import verdict
from planner.report.names import spoken
from planner.report.strings import t
from planner.runs.finance import plan_tables

LEAST_HELD = 0.5
"""Accelerators below which a host holds none."""


def results(table: pd.DataFrame, ordered: list[str], names: dict[str, str]) -> pd.DataFrame:
    """Values with units and signed differences as text, with a mark where a difference is good or bad news."""
    out = pd.DataFrame({t("compare.measure"): table["words"]})
    for i, ref in enumerate(ordered):
        name = names[ref] if i else t("compare.base-column", run=names[ref])
        out[name] = [quantity(v, str(u)) for v, u in zip(table[ref], table["unit"], strict=True)]
        if f"Δ {ref}" in table:
            rows = zip(table["kpi"], table[f"Δ {ref}"], table["unit"], strict=True)
            out[f"Δ {names[ref]}"] = [_marked(kpi, delta, str(unit)) for kpi, delta, unit in rows]
    return out


def _marked(kpi: str, delta: float, unit: str) -> str:
    told, mood = signed(delta, unit), verdict(str(kpi), delta)
    return t(f"compare.{mood}", delta=told) if mood in ("better", "worse") else told


def built(found: dict[str, Result], ordered: list[str], names: dict[str, str]) -> pd.DataFrame:
    """Accelerators at each host at the end of the horizon, a column a run; a dash where it holds none."""
    held: dict[str, pd.Series] = {}
    for ref in ordered:
        fleet = found[ref].table("fleet")
        last = fleet[fleet["t"] == fleet["t"].max()] if len(fleet) else fleet
        held[names[ref]] = last.groupby("h")["accelerators"].sum() if len(last) else pd.Series(dtype=float)
    table = pd.DataFrame(held).fillna(0.0)
    table = table[(table > LEAST_HELD).any(axis=1)]
    text = table.map(lambda value: fixed(value) if value > LEAST_HELD else MISSING)
    called = {
        h: name for ref in reversed(ordered) for h, name in spoken(found[ref].run.scenario, "h").items()
    }
    return text.rename(index=called).rename_axis("h").reset_index()


def finance(base: Result, other: Result, names: tuple[str, str]) -> pd.DataFrame:
    """Figures a lender asks for, of two plans, with the reason of each difference; no rows where one cannot be financed."""
    try:
        sides = [Side.of(one.run.scenario, plan_tables(one.run)) for one in (base, other)]
        rows = side_by_side(*sides)
    except PlannerError:
        return pd.DataFrame()
    return pd.DataFrame(
        {
            t("compare.figure"): rows["figure"],
            t("compare.of"): rows["of"],
            t("compare.unit"): rows["unit"],
            names[0]: [number(v, 4) for v in rows["base"]],
            names[1]: [number(v, 4) for v in rows["other"]],
            t("compare.difference"): [number(v, 4) for v in rows["difference"]],
            t("compare.because"): rows["reason"],
        }
    )
