"""A frontier as a run directory: its tables, and one whole run a solved plan under ``points/``.

While plans are made, ``points/`` also has the values that the next of a chain starts from: what goes on from a frontier that
did not come to its end makes the plans it would have made.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from planner import __version__
from planner.facts.catalog import Catalog
from planner.facts.errors import PlannerError
from planner.planning.events import Event, OnEvent
from planner.planning.solve_run import Outcome
from planner.runs.disk import RunError, copy_folder, make_folder, parts_of, remove_file, sync, write_bytes
from planner.runs.run import FRONTIER, POINTS, Run
from planner.runs.solve import audited
from planner.runs.writer import start_run
from planner.scenario.schema import Scenario
from planner.solver.arrays import Floats
from planner.studies.frontier import USUAL_POINTS, frontier, frontier_tables, live_frontier
from planner.studies.frontier_plans import OWN_POINT, Made, unbound
from planner.studies.next_step import proven
from planner.studies.patterns import patterns_of_table
from planner.studies.screening import LiveFrontier

NONE_FITS = "none of those left fits (scenario, quality, facts and version of the planner): all are made anew"
VALUES = ".npy"
"""Ending of the file with the values of a plan, beside its run."""


def run_frontier(
    scenario: Scenario,
    options: dict[str, Any],
    directory: Path | str | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    root: Path | str = "runs",
    catalog: Catalog | None = None,
    earlier: Sequence[Path] = (),
    on_kept: Callable[[Path, int], None] | None = None,
) -> Run:
    """Makes the frontier and writes it; facts are those the scenario carries where no others are given.

    Options: ``points``, ``quality``, ``workers``. ``earlier`` are the folders of plans that runs of the same scenario and
    options left (``points_left``): they are taken over as they are. Each new plan is a whole run as soon as it is made. What
    is made is left behind by an interrupt and by whatever fails (a full disk, a process that dies at work): ``on_kept`` is
    told the place of the run and how many plans it has.
    """
    began = time.perf_counter()
    catalog = catalog or scenario.catalog
    with start_run(directory, scenario, catalog, options, root, kind=FRONTIER) as writer:

        def report(event: Event) -> None:
            stamped = replace(event, seconds=round(time.perf_counter() - began, 2))
            writer.event(stamped)
            if on_event is not None:
                on_event(stamped)

        folder = writer.path / POINTS
        left, used = _fitting(earlier, scenario, catalog, str(options.get("quality") or "plan"))
        made = _taken_over(left, folder)
        if earlier:
            report(Event("plans", f"{len(made)} taken over" if made else NONE_FITS))
        audits: dict[int, Mapping[str, Any]] = {
            n: Run(folder / f"point-{n}").outcome.get("audit") or {} for n in made
        }

        def keep(point: int, outcome: Outcome) -> None:
            chosen = {"quality": outcome.quality, "objective": outcome.objective, "frontier_point": point}
            with start_run(folder / f"point-{point}", outcome.resolved, catalog, chosen) as sub:
                assert outcome.plan is not None
                if outcome.values is not None:
                    _leave_values(sub.target, outcome.values)
                found = audited(sub, outcome.plan)
                sub.finish(outcome, found)
            audits[point] = found

        try:
            result = frontier(
                scenario,
                points=int(options.get("points") or USUAL_POINTS),
                quality=str(options.get("quality") or "plan"),
                workers=int(options.get("workers") or 2),
                on_event=report,
                should_stop=should_stop,
                catalog=catalog,
                made=made,
                on_plan=keep,
            )
            for name, table in frontier_tables(result).items():
                writer.table(name, table)
            plans = {n: Run(folder / f"point-{n}") for n in sorted(audits)}
            own = plans[OWN_POINT].outcome if OWN_POINT in plans else {"objective": "cost", "kpis": {}}
            facts = {name: value for name, value in own.items() if name not in ("audit", "finished")}
            whole = all(run.status == "optimal" for run in plans.values())
            facts |= {
                "status": "optimal" if whole else "feasible",
                "quality": str(options.get("quality") or "plan"),
                "seconds": {"total": round(time.perf_counter() - began, 3)},
                "points": len(result.points),
                "plans": len(plans),
                "proven_of": result.programme,
                "worst_gap": max(run.outcome.get("gap") or 0.0 for run in plans.values()),
                **({"taken_over": len(made)} if earlier else {}),
            }
            for run in plans.values():
                remove_file(_values(run.path))
            whole_run = writer.finish(facts, worst([audits[n] for n in plans]))
        except (KeyboardInterrupt, Exception):  # not by a run that is given up, which leaves nothing
            if audits:
                writer.leave()
                if on_kept is not None:
                    on_kept(writer.target, len(audits))
            raise
    _clear(used, writer.target)
    return whole_run


def points_left(directory: Path) -> list[Path]:
    """Folders of the plans that a frontier left in its own, or in the hidden ones of processes that ended too early."""
    found = [path / POINTS for path in (directory, *reversed(parts_of(directory)))]
    return [path for path in found if path.is_dir()]


def plans_fitting(earlier: Sequence[Path], scenario: Scenario, catalog: Catalog, quality: str) -> int:
    """How many plans of earlier frontiers (``points_left``) one of this scenario takes over, of like limits one."""
    return len(_fitting(earlier, scenario, catalog, quality)[0])


def _fitting(
    earlier: Sequence[Path], scenario: Scenario, catalog: Catalog, quality: str
) -> tuple[dict[int, tuple[Path, Made]], list[Path]]:
    """Plans of earlier frontiers by their number, or the next where another has that; of the same limits the first.

    Those at the scenario's own limits only where the earlier scenario states the same. Also the folders whose plans all fit.
    """
    found: dict[int, tuple[Path, Made]] = {}
    used = list(earlier)
    for left in earlier:
        own = _same_limits(left.parent, scenario)
        for path in sorted(left.glob("point-*[0-9]")):
            made, number = _fits(path, scenario, catalog, quality), int(path.name.removeprefix("point-"))
            if made is None or (not own and (number == OWN_POINT or made.objective != "cost")):
                used = [each for each in used if each != left]
                continue
            if number == OWN_POINT:
                known = number in found
            else:
                known = any(n != OWN_POINT and one.limits == made.limits for n, (_, one) in found.items())
            if known:
                continue
            while number in found:
                number += 1
            found[number] = path, made
    return found, used


def _taken_over(left: Mapping[int, tuple[Path, Made]], folder: Path) -> dict[int, Made]:
    """Copies plans of earlier frontiers, with the values that the next of a chain starts from, to their numbers."""
    make_folder(folder)
    for number, (path, made) in left.items():
        place = folder / f"point-{number}"
        if made.values is not None:
            _leave_values(place, made.values)
        copy_folder(path, place)
    return {number: made for number, (_, made) in left.items()}


def _clear(used: Sequence[Path], target: Path) -> None:
    """Removes what lost processes left beside a frontier that is whole now, where it has all of their plans."""
    for part in {left.parent for left in used} & set(parts_of(target)):
        with contextlib.suppress(RunError):
            if Run(part).status == "lost":
                shutil.rmtree(part, ignore_errors=True)


def _same_limits(frontier: Path, scenario: Scenario) -> bool:
    """Whether an earlier frontier's scenario states the same limits on delay and control."""
    try:
        before = Run(frontier).scenario.limits
    except PlannerError:
        return False
    now = scenario.limits
    return (before.max_delay_months, before.min_control) == (now.max_delay_months, now.min_control)


def _fits(path: Path, scenario: Scenario, catalog: Catalog, quality: str) -> Made | None:
    """A plan that is whole, was not stopped on its way, and is of the same quality, facts, version of the planner and
    scenario, but for the limits that a frontier varies; else none."""
    try:
        run = Run(path)
        run.verify()
        fits = (
            run.has_plan
            and not run.outcome.get("stopped")
            and run.outcome.get("quality") == quality
            and run.manifest["versions"]["planner"] == __version__
            and unbound(run.scenario) == unbound(scenario)
            and not run.catalog_notes(catalog)
        )
        return _made(run) if fits else None
    except PlannerError:
        return None


def _values(run: Path) -> Path:
    """Where the values of a plan are, by the place of its run."""
    return run.with_name(run.name + VALUES)


def _leave_values(run: Path, values: Floats) -> None:
    content = io.BytesIO()
    np.save(content, values)
    write_bytes(_values(run), content.getvalue())
    sync(_values(run))


def _values_left(run: Path) -> Floats | None:
    """None where they are gone or torn."""
    try:
        return np.asarray(np.load(_values(run)), float)
    except (OSError, ValueError, EOFError):
        return None


def _made(run: Run) -> Made:
    """What a frontier reads of a plan, from its run."""
    values = dict(zip(run.kpis["kpi"], run.kpis["value"], strict=True))
    tables = {name: run.table(name) for name in ("demand", "fleet", "opens", "stacks")}
    known = run.outcome
    return Made(
        run.scenario, str(known["quality"]), run.status, known.get("gap"), values, tables,
        str(known["objective"]), known.get("control_bound"), known.get("relaxed_bound"), _values_left(run.path),
    )  # fmt: skip


def worst(audits: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The state of several audits: the first that is not clean."""
    return next((each for each in audits if each["state"] != "clean"), audits[0])


def live_of_run(run: Run) -> LiveFrontier:
    """The live trade-off of a run, of a frontier or of one plan; built in seconds, asked in milliseconds.

    What a frontier has proven of costs holds there too, where its programme is the same number by number. (Outcomes that
    name theirs ``programme`` have bounds of whole plans among their proofs.)
    """
    if "patterns" in run.tables:
        least = run.table("least_delays").set_index("w")["months"].to_dict()
        patterns = patterns_of_table(run.table("patterns"))
        live = live_frontier(run.scenario, run.catalog, patterns=patterns, least=least)
        if run.outcome.get("proven_of") == live.base.arrays.fingerprint():
            for months, points, musd in proven(run.table("points")):
                live.prove(live.caps(months), points, musd)
        return live
    tables: dict[str, pd.DataFrame] = {n: run.table(n) for n in ("opens", "stacks") if n in run.tables}
    return live_frontier(run.scenario, run.catalog, tables if len(tables) == 2 else None)
