"""Whether a frontier keeps what is promised of it, from the files its run leaves behind.

    python benchmarks/front_check.py RUN [RUN ...] [--points N] [--than OTHER] [--json]

One object a run, with ``fails``, the promises that are broken:

``beaten``    points on the front that a plan of the run beats: no dearer, later or less controlled, and better in one of the
              three by more than 1e-6. Plans are read from their own runs, not from the table of points
``plans``     plans that no other beats and that differ in a figure, against the number asked; fewer are right where the
              stretches left open between them, of control and of delay, are all shorter than what is divided
``anchors``   the plan at the scenario's own limits, and at the same delay one within 0.15 points of the most control that
              any plan has: by the relaxation of the case, or by the bound stated with the plan of most control. A stated
              bound that a plan at that delay exceeds proves nothing
``bounds_exceeded``  plans with more control than a bound stated for limits on delay that they keep
``prices``    prices shown, prices not known, those shown though their two ends are more than half of them apart, and those
              outside of their ends, or whose ends have changed places
``volume``    with ``--than``: hypervolume of the points on the front, plans and screening, as a share of the box between the
              best figures of all runs and the worst, a tenth of their range further; it must not be less than that run's.
              ``plans_volume`` is of the plans alone: so few that it depends on where they are more than on how good
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from planner.runs.frontier import live_of_run
from planner.runs.run import POINTS, Run
from planner.studies.frontier import USUAL_POINTS
from planner.studies.next_step import CONTROL, KNOWN_WITHIN, SPEED, least, most
from planner.studies.screening import LiveFrontier

OBJECTIVES = ["cost_npv_musd", "delay_months", "control_score"]
MORE = 1e-6
DIGITS = 3
FURTHER = 0.1
"""Of the range of a figure, how far beyond the worst the box goes: else the end of a front would not count."""
SHORT_POINTS = 0.15
"""Points of control at the same delay that are no stretch."""


def figures(run: Run) -> pd.DataFrame:
    """Cost, delay and control of every plan of a run, by its number, as its own files say."""
    rows = {}
    for path in sorted((Path(run.path) / POINTS).glob("point-*")):
        one = Run(path)
        rows[int(path.name.removeprefix("point-"))] = {name: one.kpi(name) for name in OBJECTIVES}
    return pd.DataFrame.from_dict(rows, orient="index")


def beats(plan: np.ndarray, point: np.ndarray) -> bool:
    """Whether a plan is nowhere worse and somewhere better, both as (cost, delay, -control)."""
    return bool((plan <= point).all() and (plan < point - MORE).any())


def losses(table: pd.DataFrame) -> np.ndarray:
    return np.asarray(table[OBJECTIVES].to_numpy(float) * [1.0, 1.0, -1.0])


def on_front(run: Run) -> np.ndarray:
    """Losses of all points on the front of a run."""
    points = run.table("points")
    return losses(points[points["on_front"].astype(bool)])


def corners(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best and worst corner of the box that holds all points. What differs by no more than ``MORE`` does not differ there:
    it would be scaled to a whole side of the box."""
    best, worst = np.min(points, axis=0), np.max(points, axis=0)
    return best, best + (1.0 + FURTHER) * np.where(worst - best > MORE, worst - best, 0.0)


def volume(points: np.ndarray, best: np.ndarray, worst: np.ndarray) -> float:
    """Share of the box between two corners that some point is at least as good as, by sweeping the first figure."""
    scaled = np.clip((points - best) / np.where(worst > best, worst - best, 1.0), 0.0, 1.0)
    scaled = scaled[np.argsort(scaled[:, 0])]
    total = 0.0
    for i, cost in enumerate(scaled[:, 0]):
        end = scaled[i + 1, 0] if i + 1 < len(scaled) else 1.0
        known = scaled[: i + 1, 1:]
        known = known[np.argsort(known[:, 0])]
        area, lowest = 0.0, 1.0
        for delay, control in known:
            if control < lowest:
                area += (1.0 - delay) * (lowest - control)
                lowest = control
        total += (end - cost) * area
    return total


def asked_of(run: Run) -> int:
    """How many plans were asked of a run."""
    return int(run.manifest["options"].get("points") or USUAL_POINTS)


def check(run: Run, asked: int) -> dict[str, Any]:
    """The promises of one run, but for its volume."""
    points, plans = run.table("points"), figures(run)
    front = points[points["on_front"].astype(bool)]
    own = losses(plans)
    beaten = [
        int(p)
        for p, at in zip(front["point"], losses(front), strict=True)
        if any(beats(one, at) for one in own)
    ]
    good = [not any(beats(other, one) for other in own) for one in own]
    differ = len(plans[good].round(DIGITS).drop_duplicates())
    priced = points[[CONTROL, SPEED]].notna().sum().sum()
    wide = unknown = 0
    for name in (CONTROL, SPEED):
        width = points[most(name)] - points[least(name)]
        wide += int((points[name].notna() & (width > KNOWN_WITHIN * points[name] + 1e-9)).sum())
        unknown += int((points[name].isna() & width.notna()).sum())
    result = {
        "run": str(run.path), "points": len(points), "on_front": len(front), "beaten": beaten, "plans": len(plans),
        "plans_asked": asked, "distinct_unbeaten_plans": differ, "prices_shown": int(priced),
        "prices_not_known": unknown, "prices_too_wide": wide,
        "prices_outside": outside(points), **_ends(run, plans),
    }  # fmt: skip
    fails = [
        name for name in ("beaten", "prices_too_wide", "prices_outside", "bounds_exceeded") if result[name]
    ]
    if differ < asked and not result["nothing_open"]:
        fails.append("plans")
    if not result["own_plan"] or not result["most_control_plan"]:
        fails.append("anchors")
    return result | {"fails": fails}


def outside(points: pd.DataFrame) -> int:
    """How many prices are not between their ends, or have none, and how many pairs of ends have changed places."""
    wrong = 0
    for name in (CONTROL, SPEED):
        low, high, shown = points[least(name)], points[most(name)], points[name]
        inside = (low <= shown + MORE) & (shown <= high + MORE)  # false where an end is missing
        wrong += int(((high - low < -MORE) | (shown.notna() & ~inside)).sum())
    return wrong


def _ends(run: Run, plans: pd.DataFrame) -> dict[str, Any]:
    """Whether the plans of both anchors are there, and whether control and delay leave room for others."""
    first = Run(Path(run.path) / POINTS / "point-0") if 0 in plans.index else None
    live = live_of_run(run)
    months = live.least_delay_months
    if first is not None and (caps := first.bounds.max_delay_months_by_workload):
        months += min(caps[w] - least for w, least in live.least.items() if w in caps)
    elif first is not None:
        weighted = first.bounds.max_delay_months
        months = weighted if weighted is not None else float(plans.at[0, "delay_months"])
    late = plans[plans["delay_months"] <= months + 1e-3]
    top = float(late["control_score"].max()) if len(late) else float("nan")
    relaxed = LiveFrontier(live.case, [], live.least, live.base)
    low, high = relaxed.at(months)["control_score"], relaxed.most_control(months)
    stated = [bound for n in plans.index if (bound := _stated_bound(run, n)) is not None]
    bound = min([high, *(each for each in stated if each >= top - MORE)])
    spread = plans["delay_months"].max() - plans["delay_months"].min()
    return {
        "own_plan": first is not None, "control_at_least_cost": low, "most_control_relaxed": high,
        "most_control_bound": bound, "most_control_of_a_plan": top,
        "most_control_plan": bool(top >= bound - SHORT_POINTS), "bounds_exceeded": _exceeded(run, plans),
        "delay_of_plans": [
            float(plans["delay_months"].min()), float(plans["delay_months"].max())],
        "nothing_open": bool(bound - low < SHORT_POINTS and spread < SHORT_POINTS),
    }  # fmt: skip


def _exceeded(run: Run, plans: pd.DataFrame) -> int:
    """How many plans have more control than a bound stated for limits on delay that they keep."""
    caps = {
        n: Run(Path(run.path) / POINTS / f"point-{n}").bounds.max_delay_months_by_workload
        for n in plans.index
    }
    return sum(
        bool(plans.loc[m, "control_score"] > bound + MORE)
        for n in plans.index
        if (bound := _stated_bound(run, n)) is not None
        for m in plans.index
        if caps[m].keys() == caps[n].keys() and all(caps[m][w] <= months for w, months in caps[n].items())
    )


def _stated_bound(run: Run, point: int) -> float | None:
    """Points of control that no plan has more of, as a plan of the run says; None where it was not made for control."""
    bound: float | None = Run(Path(run.path) / POINTS / f"point-{point}").outcome.get("control_bound")
    return bound


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--points", type=int, help="plans that were asked for; left out, as the run says")
    parser.add_argument("--than", type=Path, help="run of the same scenario whose volume is not to be more")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = [check(run := Run(path), args.points or asked_of(run)) for path in args.runs]
    if args.than:
        runs = [Run(path) for path in [*args.runs, args.than]]
        fronts, plans = [on_front(run) for run in runs], [losses(figures(run)) for run in runs]
        best, worst = corners(np.vstack(fronts + plans))
        for name, sets in (("volume", fronts), ("plans_volume", plans)):
            *own, before = (volume(points, best, worst) for points in sets)
            for result, value in zip(results, own, strict=True):
                result |= {name: value, f"{name}_before": before}
                if name == "volume" and value < before - MORE:
                    result["fails"].append(name)
    if args.json:
        print(json.dumps({"benchmark": "front_check", "results": results}, indent=2))
    else:
        for result in results:
            print("\n".join(f"{name}: {value}" for name, value in result.items()), "\n")
    raise SystemExit(any(result["fails"] for result in results))


if __name__ == "__main__":
    main()
