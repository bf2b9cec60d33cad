"""Runs side by side: which inputs differ, how the results differ.

comparison = compare_runs([find_run("base"), find_run("stricter")])
comparison.inputs    # path, one column a run
comparison.results   # kpi, unit, one column a run, difference to the first
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from planner.facts.numbers import number
from planner.intake.scenario_file import plain_scenario
from planner.runs.disk import RunError
from planner.runs.run import FRONTIER, POINTS, SHOWN_HASH, Run
from planner.scenario.paths import flatten

if TYPE_CHECKING:
    from rich.table import Table

ABSENT = "-"
SAME = 1e-9


@dataclass(frozen=True)
class Comparison:
    """``inputs``: path and one column a run; ``results``: kpi, unit, one column a run, ``delta <run>`` columns; ``notes``:
    whose figures those of a frontier are."""

    runs: list[str]
    inputs: pd.DataFrame
    results: pd.DataFrame
    notes: list[str]


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """Inputs (scenario, options, facts, versions) that differ, and all KPIs; the first run is the base.

    ``RunError`` where none has a plan, or one has to be solved again.
    """
    for run in runs:
        run.check_periods()
    names = _names(runs)
    values = [_inputs(run) for run in runs]
    paths = list(dict.fromkeys(path for each in values for path in each))
    rows = [
        {"path": path, **{n: each.get(path, ABSENT) for n, each in zip(names, values, strict=True)}}
        for path in paths
        if any(each.get(path, ABSENT) != values[0].get(path, ABSENT) for each in values[1:])
    ]
    inputs = pd.DataFrame(rows, columns=["path", *names])
    notes = [_of_frontier(run, name) for run, name in zip(runs, names, strict=True) if run.kind == FRONTIER]
    return Comparison(names, inputs, _results(runs, names), notes)


def _of_frontier(run: Run, name: str) -> str:
    """Whose figures a frontier shows: it has those of its plan at the scenario's own limits, or none."""
    if run.outcome.get("kpis"):
        return f"{name} is a trade-off: its results are those of its plan at the scenario's own limits"
    where = f"the plans at other limits are in {run.path / POINTS}"
    return f"{name} is a trade-off without a plan at the scenario's own limits, and has no results: {where}"


def _names(runs: Sequence[Run]) -> list[str]:
    """Directory names, numbered where two runs share one."""
    names = [run.name for run in runs]
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def _inputs(run: Run) -> dict[str, Any]:
    found = dict(flatten(plain_scenario(run.scenario)))
    found |= {f"options.{k}": v for k, v in run.manifest.get("options", {}).items() if v is not None}
    found |= {f"versions.{k}": v for k, v in run.manifest.get("versions", {}).items()}
    found["catalog"] = str(run.manifest.get("catalog_hash", "unknown"))[:SHOWN_HASH]
    return found


def _results(runs: Sequence[Run], names: list[str]) -> pd.DataFrame:
    known = [run.outcome.get("kpis", {}) for run in runs]
    if not any(known):
        raise RunError("none of these runs has a plan")
    rows = []
    for kpi in dict.fromkeys(name for each in known for name in each):
        facts = [each.get(kpi, {}) for each in known]
        row: dict[str, Any] = {"kpi": kpi, "unit": next((f["unit"] for f in facts if "unit" in f), "")}
        numbers = [float("nan") if f.get("value") is None else float(f["value"]) for f in facts]
        row |= dict(zip(names, numbers, strict=True))
        for name, other in zip(names[1:], numbers[1:], strict=True):
            delta = other - numbers[0]
            row[f"delta {name}"] = 0.0 if abs(delta) <= SAME * max(1.0, abs(numbers[0])) else delta
        rows.append(row)
    return pd.DataFrame(rows, columns=["kpi", "unit", *names, *(f"delta {name}" for name in names[1:])])


def named(
    comparison: Comparison, label: Callable[[str], str], first: Sequence[str] = ()
) -> list[Table | str]:
    """The comparison as two tables for a terminal, KPIs in words; those that are equal everywhere are counted only.

    Results begin with the KPIs of ``first``, which are shown where they are equal too.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    inputs = Table(title="inputs that differ", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    results = Table(title="results", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in comparison.inputs.columns:
        inputs.add_column(column, overflow="fold")
    for row in comparison.inputs.itertuples(index=False):
        inputs.add_row(*(Text(str(value)) for value in row))
    results.add_column("result", overflow="fold")
    for column in comparison.results.columns[1:]:
        results.add_column(column, justify="left" if column == "unit" else "right", overflow="fold")
    deltas = [c for c in comparison.results.columns if c.startswith("delta ")]
    order = {kpi: i for i, kpi in enumerate(first)}
    rows = comparison.results.sort_values(
        "kpi", key=lambda kpis: kpis.map(order).fillna(len(order)), kind="stable"
    )
    equal = (rows[deltas] == 0).all(axis=1)
    left_out = equal & ~rows["kpi"].isin(first)
    for name, *row in rows[~left_out].itertuples(index=False):
        cells = [label(str(name)), *(_number(v) if isinstance(v, float) else str(v) for v in row)]
        results.add_row(*(Text(cell) for cell in cells))
    out: list[Table | str] = [inputs if len(comparison.inputs) else "no input differs"]
    out.append(results if not equal.all() else "all results are equal")
    if left_out.any() and not equal.all():
        out.append(f"{int(left_out.sum())} further results are equal")
    return out


def _number(value: float) -> str:
    if value != value:
        return ABSENT
    return number(value, 4)
