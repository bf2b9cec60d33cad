"""Patterns of hosts and stacks: which opens when and which is adopted, from plans, runs and tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.bounds import Bounds
from planner.case.registry import LEVEL
from planner.solver.engine import PATTERN, Engine
from planner.studies.screening import Pattern


def pattern_of_tables(engine: Engine, tables: dict[str, pd.DataFrame]) -> Pattern:
    """Hosts and stacks of a plan, from its tables ``opens`` and ``stacks``, in the order of the model's columns."""
    opened = _dated(tables["opens"], "h")
    adopted = set(tables["stacks"].loc[tables["stacks"]["adopted"].astype(bool), "a"])
    signed, left = _dated(tables.get("agreements"), "e"), _dated(tables.get("exits"), "a")
    put_off = _dated(tables.get("adoptions"), "a")
    held = promised_levels(tables.get("levels"))
    chosen = {
        "open": lambda i: (i[0], i[1]) in opened,
        "sign": lambda i: (i[0], i[1]) in signed,
        "adopt": lambda i: (i[0], i[1]) in put_off,
        "leave": lambda i: (i[0], i[1]) in left,
        "use": lambda i: i[0] in adopted,
        "hold": lambda i: i in held,
    }
    return {f: [float(chosen[f](i)) for i in engine.arrays.columns[f].index] for f in PATTERN}


def _dated(table: pd.DataFrame | None, name: str) -> set[tuple[Any, int]]:
    """Things and their periods; none of a table that a run from before did not have."""
    return set() if table is None else set(zip(table[name], table["t"].astype(int), strict=True))


def promised_levels(levels: pd.DataFrame | None) -> set[tuple[Any, Any]]:
    """Hosts and the levels they are held to."""
    return set() if levels is None else {(r.h, r.l) for r in levels.itertuples() if r.promised}


def everything_early(engine: Engine) -> Pattern:
    """Every host open at its first date, every stack adopted: the widest choice. Nothing is signed or held to a level."""
    first: dict[Any, int] = {}
    for h, t in engine.arrays.columns["open"].index:
        first[h] = min(t, first.get(h, t))
    opens = [float(first[h] == t) for h, t in engine.arrays.columns["open"].index]
    none: Pattern = {f: [0.0] * engine.arrays.columns[f].size for f in ("sign", "adopt", "leave", LEVEL)}
    return {"open": opens, **none, "use": [1.0] * engine.arrays.columns["use"].size}


def cheapest_pattern(engine: Engine, bounds: Bounds, gap: float, time_limit_s: float) -> Pattern | None:
    """Hosts and stacks of least cost (MUSD) within bounds, halls and servers divisible; None where none was found in time.

    The programme of ``engine`` keeps these bounds, and whole hosts and stacks.
    """
    engine.policy(bounds)
    engine.integers(*PATTERN)
    engine.minimise("cost")
    found = engine.live.solve(gap=gap, time_limit_s=time_limit_s)
    if found.x is None:
        return None
    x = found.x
    return {f: x[engine.arrays.columns[f].slice].round().tolist() for f in PATTERN}


def patterns_of_table(table: pd.DataFrame) -> list[Pattern]:
    """Patterns as written by ``table_of_patterns``."""
    out = []
    for _, part in table.groupby("pattern", sort=True):
        ordered = part.sort_values("position")
        out.append(
            {str(f): g["value"].astype(float).tolist() for f, g in ordered.groupby("family", sort=False)}
        )
    return out


def table_of_patterns(patterns: list[Pattern]) -> pd.DataFrame:
    """pattern, family, position, value: what ``patterns_of_table`` reads."""
    rows = [
        (i, family, position, value)
        for i, pattern in enumerate(patterns)
        for family, values in pattern.items()
        for position, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["pattern", "family", "position", "value"])
