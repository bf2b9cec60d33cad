"""Results as the pages read them: a run, or one point of a frontier, its tables read once and shared.

A reference is the id of a run, or ``<run>~<point>`` for the plan of a point of its frontier.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from planner.app.services import NotFound, Refused
from planner.plans.schema import SCHEMA

if TYPE_CHECKING:
    from planner.app.services import Services

KEPT = 24
"""Results kept in memory; the tables of one are a few MB."""


@dataclass
class Result:
    """One plan. Frames handed out are shared: read them, never write to them."""

    ref: str
    run_id: str
    run: Any
    key: tuple[str, float] = ("", 0.0)
    """Directory and time of its outcome: what is drawn from it alone may be kept under this."""
    screened: pd.DataFrame | None = None
    """Screening points around a single plan, once they are worked out."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _frames: dict[str, pd.DataFrame] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """A table of the plan; without rows where it has none of that name, as plans of earlier versions may."""
        with self.lock:
            if name not in self._frames:
                known = name in self.run.tables
                self._frames[name] = (
                    self.run.table(name) if known else pd.DataFrame(columns=[*SCHEMA.get(name, ())])
                )
            return self._frames[name]

    @property
    def kpis(self) -> pd.DataFrame:
        return self.run.kpis

    @property
    def title(self) -> str:
        name = str(self.run.manifest.get("title") or self.run.manifest.get("scenario") or self.run_id)
        _, _, point = self.ref.partition("~")
        return f"{name} · {point}" if point else name

    @property
    def price_year(self) -> int:
        return int(self.run.scenario.money.price_year)


_results: OrderedDict[tuple[str, float], Result] = OrderedDict()
_guard = threading.Lock()


def load(services: Services, ref: str) -> Result:
    """The plan of a reference the user may see; ``NotFound`` where there is none, it has no plan or is to be
    solved again."""
    from planner.runs.disk import RunError
    from planner.runs.run import Run

    run_id, _, point = ref.partition("~")
    path = services.run_path(run_id)
    if point:
        path = point_path(path, point)
    outcome = path / "outcome.json"
    if not outcome.is_file():
        raise NotFound(f"The run {ref} has no result yet.")
    key = (str(path), outcome.stat().st_mtime)
    with _guard:
        if key in _results:
            _results.move_to_end(key)
            return _results[key]
    try:
        result = Result(ref, run_id, Run(path), key)
        result.run.check_periods()
        usable = result.run.has_plan or result.run.kind == "frontier"
    except RunError as error:
        raise NotFound(str(error)) from error
    if not usable:
        raise NotFound(f"The run {ref} ended as {result.run.status}: it has no plan to show.")
    with _guard:
        _results[key] = result
        while len(_results) > KEPT:
            _results.popitem(last=False)
    return result


def load_plan(services: Services, ref: str) -> Result:
    """As ``load``; for a frontier, the first of its plans."""
    one = load(services, ref)
    if one.run.kind != "frontier":
        return one
    plans = one.table("points").get("plan", pd.Series(dtype=int))
    made = plans[plans >= 0]
    if not len(made):
        raise NotFound(f"The frontier {ref} holds no plan.")
    return load(services, f"{ref}~{int(made.min())}")


def point_path(path: Path, plan: str) -> Path:
    """The sub-run of a plan of a frontier; ``NotFound`` where there is none of that number."""
    folder = path / "points" / f"point-{plan}"
    if not plan.isdigit() or not (folder / "outcome.json").is_file():
        raise NotFound("This point of the frontier has no plan of its own.")
    return folder


def baseline(services: Services, ref: str | None) -> Result | None:
    """The plan compared with, or nothing where the reference leads nowhere (an old link still opens)."""
    if not ref:
        return None
    try:
        return load_plan(services, ref)
    except (NotFound, Refused):
        return None
