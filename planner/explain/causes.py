"""One reason why a case has no plan, in the planner's words and units, and the value that removes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from planner.case.case import Case
from planner.case.commitments import committed_musd
from planner.case.prechecks import lost_by_cuts, precheck
from planner.case.readiness import servable
from planner.explain.bridges import line_decides
from planner.explain.elastic import Change, Elastic
from planner.explain.least import Found
from planner.explain.relaxations import Relaxation
from planner.explain.resource_limits import grid_steps, unnamed_shares
from planner.facts.numbers import number, quantity

STEP_NAMES = {1: "month", 3: "quarter", 6: "half-year", 12: "year"}


@dataclass(frozen=True)
class Cause:
    """One reason, and the change of one scenario value that removes it (with the others, if several).

    ``change`` and ``value`` are in ``unit``; ``share`` is the change as a share of the value, None where the
    value is no amount. ``new`` is what to write at ``path``; ``besides`` is a way out that is no value.
    """

    kind: str
    path: str
    value: Any
    new: Any
    unit: str
    change: float
    share: float | None
    text: str
    relaxation: Relaxation | None = field(default=None, repr=False)
    besides: str = ""

    @property
    def divisible(self) -> bool:
        """Whether a part of the change can be made: amounts and dates, not what is taken or left as a whole."""
        return (
            self.relaxation.changed is None
            if self.relaxation
            else isinstance(self.new, date) and bool(self.value)
        )


class GridRelaxation(Relaxation):
    """The stretches of one site's grid that give, for partial changes."""

    pairs: list[Change]

    def __init__(self, pairs: list[Change]) -> None:
        first = pairs[0][0]
        super().__init__(
            "grid", first.path, first.value, first.unit, first.what, first.rows, first.coefficients
        )
        object.__setattr__(self, "pairs", pairs)


def causes_of(case: Case, found: Found, elastic: Elastic) -> list[Cause]:
    """The causes the elastic model has found, the largest share first."""
    grid: dict[str, list[Change]] = {}
    for relaxation, change in found.changes:
        if relaxation.kind == "grid":
            grid.setdefault(relaxation.where["site"], []).append((relaxation, change))
    out = [_grid_cause(case, pairs) for pairs in grid.values()]
    out += [cause_of(case, h, v) for h, v in found.changes if h.kind != "grid"]
    never = any(first >= case.calendar.n for first in found.delays.values())
    curable = never and elastic.on_time()
    out += [_duty_cause(case, w, first, curable) for w, first in found.delays.items()]
    return sorted(out, key=lambda c: -(c.share or 0.0))


def cause_of(case: Case, relaxation: Relaxation, change: float) -> Cause:
    """The cause that one value too tight is."""
    share = change / abs(relaxation.value) if abs(relaxation.value) > 1e-9 else None
    return Cause(
        relaxation.kind, relaxation.path, relaxation.value, relaxation.new_value(change), relaxation.unit, change, share,
        _words(case, relaxation, change, share), relaxation,
    )  # fmt: skip


def _words(case: Case, h: Relaxation, change: float, share: float | None) -> str:
    amount = f"{number(change, 4)} {h.unit}".strip()
    new = h.new_value(change)
    if h.kind in ("capital", "cost", "quota", "crew", "land", "water", "heat", "host size"):
        needed = f"{number(h.value, 6)} now, {number(new, 6)} needed"
        if share is None:
            return f"{h.what} is short: {needed} ({h.unit}){_committed(case, h)}"
        return f"{h.what} is short by {number(100 * share, 2)} % ({amount}): {needed}{_committed(case, h)}"
    if h.kind == "delay":
        return f"{h.what} is {amount} too short: {h.value:g} now, {new:.4g} needed"
    if h.kind in ("control", "class floor"):
        return f"{h.what} of {h.value:g} is {change:.3g} points too high: {new:.4g} can be reached"
    if h.kind in ("share", "survival", "heat share"):
        points, now, can = number(100 * change), quantity(h.value, "share", 5), quantity(new, "share", 5)
        if h.kind == "share":
            return f"{h.what} is too tight by {points} points: {now} now, {can} needed"
        return f"{h.what} is {points} points too high: {now} now, {can} can be met"
    if h.kind == "allocation":
        return f"{h.what} is too small by about {number(change, 4)} accelerators"
    if h.kind == "lapse":
        return f"{h.what} cannot be kept: {number(100 * change)} % of demand would have to be withdrawn"
    if new is None:
        contradiction = next((t.message for t in precheck(case) if t.reason == "decision"), "")
        return f"{h.what} cannot be kept with the rest of the scenario{': ' + contradiction if contradiction else ''}"
    return f"{h.what} asks for {h.value:g}; {number(new, 6)} can be had"


def _committed(case: Case, h: Relaxation) -> str:
    """What of a money cap is gone already, where that is much of it."""
    if h.kind not in ("capital", "cost"):
        return ""
    spent = committed_musd(case, discounted=h.kind == "cost")
    year = h.where.get("year", "total")
    musd = float(spent.sum() if year == "total" else spent.get(year, 0.0))
    if musd < 0.1 * h.value or musd < 1e-3:
        return ""
    return (
        f"; {number(musd, 4)} MUSD are committed before anything is decided (contracts, teams, less grants)"
    )


def _grid_cause(case: Case, pairs: list[Change]) -> Cause:
    site = pairs[0][0].where["site"]
    more = {h.where["first"]: v for h, v in pairs}
    text = ", and ".join(f"{number(v, 4)} MW missing {h.where['until']}" for h, v in pairs)
    worst = max(v for _, v in pairs)
    base = max(h.scale for h, _ in pairs)
    own = next(s for s in case.scenario.sites if s.id == site)
    now = [s.model_dump(by_alias=True, include={"from_", "mw"}) for s in own.grid_mw]
    return Cause(
        "grid", f"sites[{site}].grid_mw", now, grid_steps(case, site, more), "MW", worst, worst / base,
        f"grid at {site}: {text}", GridRelaxation(pairs),
    )  # fmt: skip


def _duty_cause(case: Case, w: str, first: int, curable: bool) -> Cause:
    """``curable``: whether other values, changed far more, would let every date be kept."""
    before, calendar = int(case.workloads.loc[w, "must_t"]), case.calendar
    never = first >= calendar.n
    path, new = (
        (f"demand[{w}].optional", True) if never else (f"demand[{w}].must_serve_by", calendar.date_of(first))
    )
    periods, besides = calendar.step_of(first) - calendar.step_of(before), _lifted(case)
    unit = STEP_NAMES[calendar.step_months]
    if never:
        cuts = lost_by_cuts(case, w, calendar.n - 1)
        limits = "whatever the other limits tried"
        if curable:
            limits = "unless other limits are changed many times over"
        why = f" ({cuts})" if cuts else f"; what stands by the last period is not enough, {limits}"
        besides = f"take the cut out, or add an offer for {w} that outlasts it" if cuts else besides
        text = f"{w} cannot be served in full within the horizon: asked from {calendar.label(before)}{why}"
    else:
        text = (
            f"must-serve date of {w} is {periods} {unit}{'s' if periods > 1 else ''} too early: asked from "
            f"{calendar.label(before)}, first possible {calendar.label(first)}{_soonest(case, w)}"
        )
    return Cause(
        "must serve", path, calendar.date_of(before), new, unit, float(periods), None, text, besides=besides
    )


def _lifted(case: Case) -> str:
    """The laws on reused heat whose share is not tried as a value."""
    values = ", ".join(f"sites[{p}].heat.least_share=0" for p in unnamed_shares(case))
    return f"{values}, if the law on reused heat is what forbids it: no share was tried" if values else ""


def _soonest(case: Case, w: str) -> str:
    """The lead times behind a date: the first host that can be ready for the workload, a cloud too, and its licences."""
    rows = servable(case)
    ready = rows[rows["w"] == w].groupby("h", sort=False)["t"].min()
    if not len(ready):
        return ""
    host = str(ready.idxmin())
    there = case.offers.index.get_level_values(0) == host
    licence = float(case.offers.loc[there, "licence_months"].max())
    asked = f", licences of up to {licence:g} months included" if licence else ""
    soonest = case.calendar.label(int(ready.min()))
    return f"; first host ready: {host} in {soonest}{asked}{line_decides(case, host, w)}"


# ---- values as they are written


def written(value: Any) -> str:
    """A value as ``--set`` and a scenario file take it; what is taken out is ``null``.

    >>> written([{"from": date(2027, 1, 1), "mw": 3.5}]), written(None), written(True)
    ('[{from: 2027-01-01, mw: 3.5}]', 'null', 'true')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(v) for v in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:.12g}" if isinstance(value, float) else str(value)
