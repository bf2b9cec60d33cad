"""Checks on the tables of a case, before any model: what is hopeless, in milliseconds.

    for trouble in precheck(case):
        print(trouble.message, trouble.cure)

Every finding is certain: a case with one has no plan. A case without one may still be infeasible; then
``planner.explain`` says why. All findings are reported at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.case.columns import looked_up, records
from planner.case.commitments import committed_musd
from planner.case.context import Context
from planner.case.decision_limits import forbidding, most
from planner.case.levels import most_gained
from planner.case.limits import PARTNER, TOTAL, budget_words, floor_name
from planner.case.permits import permit_from, permit_wait
from planner.case.readiness import servable
from planner.case.registry import DECIDED
from planner.case.resilience import alone, duty_paths, one_of
from planner.case.training_reach import undoable
from planner.scenario.schema import Decision, Host

TOLERANCE = 1e-9
REASON_WORDS = {
    "locality": "data locality",
    "latency": "latency",
    "seal": "the SEAL floor",
    "chip": "an inference-only chip",
    "protection": "missing confidential computing",
    "memory": "too little memory",
    "speed": "the speed asked for",
    "licence": "an export licence",
    "cooling": "missing cooling",
    "efficiency": "a cap on PUE or water",
    "late": "delivery after the horizon",
    "ended": "the end of its sale",
    "stack": "the stack's vendors",
    "owner": "the class of owner",
    "mode": "the way the stack is offered",
    "host": "the host's own list",
    "rent": "no published rent",
    "layer": "a layer of the stack that never carries it",
}
"""Reasons of ``case.why_not`` in words."""
AFTER_PERMIT = ("open", "halls", "lease")
"""Decisions on what follows a permit or contract of its host."""


@dataclass(frozen=True)
class Trouble:
    """Why a case cannot be solved, in the planner's words, and what would cure it.

    ``workload`` is empty where the trouble is not of one workload. ``cure`` is a sentence; ``change`` holds
    scenario paths and new values where one change cures it, for ``with_overrides``.
    """

    workload: str
    reason: str
    message: str
    cure: str
    change: dict[str, Any] = field(default_factory=dict)


def precheck(case: Case) -> list[Trouble]:
    """Everything that is hopeless already in the tables; empty where a model is worth building."""
    if not len(case.demand):
        return [_nothing_asked(case)]
    possible = servable(case)
    return [
        *_unserved(case),
        *_too_early(case, possible),
        *_runs(case),
        *_waiting(case, possible),
        *_survival(case, possible),
        *_control(case),
        *_class_floors(case),
        *_decisions(case),
        *_budget(case),
    ]


def due(case: Case) -> pd.DataFrame:
    """Rows of demand that must be served in full: (w, t) from the must-serve date on."""
    return case.demand[case.demand["t"] >= looked_up(case.demand["w"], case.workloads["must_t"])]


# ---- nothing is asked, nothing may serve


def _nothing_asked(case: Case) -> Trouble:
    first, last = case.calendar.label(0), case.calendar.label(case.calendar.n - 1)
    message = f"no workload asks for anything from {first} to {last}: there is nothing to plan"
    return Trouble("", "demand", message, "give a workload of demand a size above 0 within the horizon")


def _unserved(case: Case) -> Iterator[Trouble]:
    """Workloads with a duty that no offer may serve, with the reasons that left every offer out."""
    served = set(case.serve["w"])
    for w in dict.fromkeys(due(case)["w"]):
        if w in served:
            continue
        why = excluded(case, str(w))
        first = str(why["reason"].iloc[0]) if len(why) else "offers"
        reasons = "; ".join(
            f"{n} offer{'s' if n > 1 else ''} left out by {words} ({detail})"
            for words, detail, n in _counted(why)
        )
        yield Trouble(
            str(w),
            first,
            f"no offer may serve {w}: {reasons or 'the scenario has no offer at all'}",
            *_cure_of(case, str(w), first, why),
        )


def excluded(case: Case, w: str) -> pd.DataFrame:
    """Rows of ``why_not`` that keep offers from a workload, the most frequent reason first."""
    rows = case.why_not[case.why_not["workload"].isin([w, ""])]
    own = rows[rows["workload"] == w]
    rows = own if len(own) else rows
    count = rows.groupby("reason")["reason"].transform("size")
    return rows.assign(n=count).sort_values("n", ascending=False, kind="stable")


def _counted(why: pd.DataFrame) -> Iterator[tuple[str, str, int]]:
    for reason, part in why.groupby("reason", sort=False):
        detail = str(part["detail"].value_counts().index[0])
        yield REASON_WORDS.get(str(reason), str(reason)), detail, len(part)


def _cure_of(case: Case, w: str, reason: str, why: pd.DataFrame) -> tuple[str, dict[str, Any]]:
    workload = case.workloads.loc[w]
    if reason == "seal":
        levels = why.loc[why["reason"] == "seal", "detail"].str.extract(r"SEAL (\d)")[0]
        best = int(levels.astype(float).max())
        path = f"control.floors.{workload['data_class']}"
        return f"lower {path} to {best}, or exclude the binding criteria by name", {path: best}
    if reason == "locality":
        home = workload["country"]
        return (
            f"add a host in {home}, agree on a data embassy (agreements), or relax "
            f"demand[{w}].locality", {},
        )  # fmt: skip
    if reason == "latency":
        return f"add a site nearer to {workload['country']}, or another latency class for {w}", {}
    if reason in ("memory", "chip", "protection"):
        return f"add a system that {w} can use to systems, and to the hosts that may serve it", {}
    if reason == "late":
        return "lengthen the horizon, or add an offer that is ready sooner", {}
    if reason == "licence":
        return "add a system that needs no licence, or set supply.licence", {}
    if reason == "efficiency":
        return (
            f"raise the cap (limits.efficiency), or add a host or cooling that keeps it and may serve {w}",
            {},
        )
    return f"add a host, stack or system that may serve {w}", {}


# ---- dates


def _too_early(case: Case, possible: pd.DataFrame) -> Iterator[Trouble]:
    """Duties that begin before anything can be live, lead times of site, hall, grid and delivery included."""
    served = set(case.serve["w"]) - set(case.trainings["w"])  # runs have a finding of their own
    waits = _impossible(case, possible)
    for w, part in due(case).groupby("w", sort=False):
        late = [t for t in part["t"] if (w, t) in waits]
        if not late or w not in served:
            continue
        asked = case.calendar.label(int(part["t"].min()))
        first = max(late) + 1
        if first >= case.calendar.n:
            cuts = lost_by_cuts(case, str(w), case.calendar.n - 1)
            yield Trouble(
                str(w), "late",
                f"{w} must be served from {asked}; nothing can serve it in the last period{cuts and f': {cuts}'}",
                f"{'take out the cut' if cuts else 'lengthen the horizon'}, add an offer that "
                f"{'outlasts it' if cuts else 'is ready sooner'}, or make the workload optional",
                {f"demand[{w}].optional": True},
            )  # fmt: skip
            continue
        day = case.calendar.date_of(first)
        yield Trouble(
            str(w), "late",
            f"must-serve date of {w} is {first - int(part['t'].min())} periods too early: asked from {asked}, "
            f"first possible {case.calendar.label(first)}",
            f"set must_serve_by of {w} to {day}, or add an offer that is ready sooner",
            {f"demand[{w}].must_serve_by": day},
        )  # fmt: skip


def _runs(case: Case) -> Iterator[Trouble]:
    """Training runs with a duty to be done that no fleet could do between start and deadline."""
    for run in undoable(case):
        if max(run.periods) < case.workloads.loc[run.workload, "must_t"]:
            continue
        path = f"demand[{run.workload}].size.runs[{run.run}].deadline"
        change = {} if run.least_deadline is None else {path: run.least_deadline}
        yield Trouble(run.workload, "training", run.message, run.cure, change)


def _impossible(case: Case, possible: pd.DataFrame) -> set[tuple[str, int]]:
    """(w, t) of demand for which nothing can be live then."""
    ready = set(zip(possible["w"], possible["t"], strict=True))
    return {key for key in zip(case.demand["w"], case.demand["t"], strict=True) if key not in ready}


def lost_by_cuts(case: Case, w: str, t: int) -> str:
    """The cuts in force in period t, where they leave a workload no offer; empty otherwise."""
    if len(case.serve[(case.serve["w"] == w) & (case.serve["t"] == t)]):
        return ""
    names = [f"{c.id} (from {c.from_})" for c in case.scenario.cuts if case.calendar.containing(c.from_) <= t]
    return f"cut {' and '.join(names)} leaves no offer for it" if names else ""


def unavoidable_months(case: Case, possible: pd.DataFrame | None = None) -> pd.Series:
    """w -> months in which demand waits whatever is decided: nothing can be live yet, or no fleet could do a run."""
    none = _impossible(case, servable(case) if possible is None else possible)
    runs = set(case.trainings["w"])
    waits = [
        w not in runs and (w, t) in none for w, t in zip(case.demand["w"], case.demand["t"], strict=True)
    ]
    months = looked_up(case.demand["t"], case.periods["months"]).where(waits, 0.0)
    months = months.groupby(case.demand["w"], sort=False).sum()
    for run in undoable(case):
        months[run.workload] += case.trainings.loc[(run.workload, run.run), "months"]
    return months


def _waiting(case: Case, possible: pd.DataFrame) -> Iterator[Trouble]:
    """Caps on delay below the months nobody can avoid."""
    cap = case.scenario.limits.max_delay_months
    if cap is None:
        return
    served = set(case.serve["w"])  # the others have a finding of their own
    months = unavoidable_months(case, possible).loc[lambda m: m.index.isin(served)]
    if isinstance(cap, dict):
        for w, limit in cap.items():
            least = float(months.get(w, 0.0))
            if least > limit + TOLERANCE:
                yield Trouble(
                    w, "delay", f"{w} may wait {limit:g} months, but {least:g} pass before anything can serve it",
                    f"allow {w} at least {least:g} months", {f"limits.max_delay_months.{w}": least},
                )  # fmt: skip
        return
    least = float((months * case.workloads["priority"].reindex(months.index)).sum())
    if least > cap + TOLERANCE:
        text = f"a weighted delay of {cap:g} months is asked, but {least:.4g} are unavoidable"
        yield Trouble("", "delay", text, f"allow at least {least:.4g} months",
                      {"limits.max_delay_months": float(np.ceil(least * 1e4) / 1e4)})  # fmt: skip


# ---- survival, control


def _survival(case: Case, possible: pd.DataFrame) -> Iterator[Trouble]:
    """Workloads that must survive a loss after which no offer is left that may serve them."""
    ends = alone(case, possible)
    wanted = due(case).index
    ends = ends[pd.MultiIndex.from_frame(ends[["w", "t"]]).isin(wanted)]
    for (i, w), part in ends.groupby(["i", "w"], sort=False):
        last, member = int(part["t"].max()), str(part["f"].iloc[-1])
        share = float(case.survival.loc[[(i, w, member, last)], "share"].iloc[0])
        after, word = last + 1, str(i).replace("-", " ")
        path, since = duty_paths(case, str(i), str(w))
        never = after >= case.calendar.n
        fix: dict[str, Any] = {path: 0.0} if never else {since: case.calendar.date_of(after)}
        until = "ever" if never else f"until {case.calendar.label(after)}"
        yield Trouble(
            str(w), "survival",
            f"{share:.0%} of {w} must survive the loss of {one_of(str(i))}, but no {word} other than {member} "
            f"may serve it {until}",
            f"add a second {word} that may serve {w}, or set {next(iter(fix))} to {next(iter(fix.values()))}",
            fix,
        )  # fmt: skip


def _control(case: Case) -> Iterator[Trouble]:
    floor = case.scenario.limits.min_control
    if floor is None or floor <= case.control_max + TOLERANCE or not len(case.serve):
        return
    best = case.serve.loc[_reach(case).idxmax()]
    yield Trouble(
        "", "control",
        f"control of at least {floor:g} is asked; the best offer reaches {case.control_max:.1f} "
        f"({best['a']} on {best['k']} at {best['h']})",
        f"lower limits.min_control to {case.control_max:.1f} or less, or add an offer with more control",
        {"limits.min_control": float(np.floor(case.control_max * 10) / 10)},
    )  # fmt: skip


def _reach(case: Case) -> pd.Series:
    """Score of every row of ``case.serve`` at a host that is held to all its levels."""
    return case.serve["sigma"] + most_gained(case.serve, case.level_gains)


def _class_floors(case: Case) -> Iterator[Trouble]:
    """Floors above what any offer reaches: in a year with a duty to serve, or in every year they speak of."""
    periods = case.floor_periods.reset_index(drop=True)
    if not len(periods) or not len(case.serve):
        return
    serve = case.serve.assign(sigma=_reach(case)).reset_index(drop=True)
    best = serve.groupby(["w", "t"])["sigma"].max().rename("best").reset_index()
    obliged = due(case).reset_index(drop=True)[["w", "t"]].assign(duty=True)
    years = periods.merge(best, on=["w", "t"], how="left").merge(obliged, on=["w", "t"], how="left")
    years = (
        years.groupby(["i", "w", "y"], sort=False)
        .agg(best=("best", "max"), duty=("duty", "any"))
        .reset_index()
    )
    for j, floor in enumerate(case.scenario.limits.control_floors):
        own = years[(years["i"] == floor_name(floor)) & years["best"].notna()]
        for w, part in own.groupby("w", sort=False):
            bound = part[part["duty"].astype(bool)]
            reached = 100.0 * float(bound["best"].min() if len(bound) else part["best"].max())
            if floor.min <= reached + TOLERANCE:
                continue
            year = "" if not len(bound) else f" in {bound.loc[bound['best'].idxmin(), 'y']}"
            path = f"limits.control_floors[{j}].min"
            least = float(np.floor(reached * 10) / 10)
            yield Trouble(
                str(w), "control",
                f"control of at least {floor.min:g} is asked of {w} ({floor_name(floor)}); no offer that may serve it "
                f"reaches more than {reached:.1f}{year}",
                f"lower {path} to {least:g}, or add an offer with more control that may serve {w}", {path: least},
            )  # fmt: skip


# ---- decisions


def _decisions(case: Case) -> Iterator[Trouble]:
    """Decisions that ask for more than exists, or for what another decision forbids."""
    members = case.decision_members
    forbidden: dict[str, set[Any]] = {}
    for d in records(case.decisions[case.decisions["upper"] <= 0]):
        own = members.loc[members["d"] == d.d, "index"]
        forbidden.setdefault(str(d.what), set()).update(own)
    told: set[str] = set()
    for d in records(case.decisions[case.decisions["lower"] > 0]):
        own = members[(members["d"] == d.d) & (members["t"] == d.t)]
        free = own[~own["index"].isin(forbidden.get(str(d.what), set()))]
        reach, why = most(case, str(d.what), free)
        if not len(own):
            reach, why = 0.0, "its selection and dates match nothing"
        elif not len(free):
            reach, why = 0.0, f"{' and '.join(forbidding(case, str(d.what), own))} forbids all of it"
        if d.lower <= reach + TOLERANCE or d.d in told:
            continue
        told.add(str(d.d))
        if not len(own) and (
            dated := _between_periods(case, str(d.d)) or _too_soon(case, str(d.d), int(d.first_t))
        ):
            yield dated
            continue
        scale = DECIDED[str(d.what)].per if d.what in DECIDED else 1.0
        path, out = f"decisions[{d.d}]", reach <= TOLERANCE
        change: dict[str, Any] = {path: None} if out else {f"{path}.value": reach * scale}
        yield Trouble(
            "", "decision", f"decision {d.d} asks for {d.lower * scale:g}, but at most {reach * scale:g} can be: {why}",
            f"take {path} out" if out else f"lower {path}.value to {reach * scale:g}, or take the decision out", change,
        )  # fmt: skip


def _between_periods(case: Case, name: str) -> Trouble | None:
    """A decision whose dates hold the first day of no period, and so nothing; None where they hold one."""
    calendar, decision = case.calendar, next(d for d in case.scenario.decisions if d.id == name)
    if decision.from_ is None or decision.to is None:
        return None
    held = calendar.containing(decision.to)
    begin = calendar.date_of(held)
    if calendar.first_from(decision.from_) <= held or not 0 <= held < calendar.n:
        return None
    path = f"decisions[{name}].from"
    return Trouble(
        "", "decision",
        f"decision {name} speaks of {decision.from_} to {decision.to}, and no period begins then: that of "
        f"{calendar.label(held)} begins on {begin} and ends after them",
        f"set {path} to {begin}, or take shorter periods (horizon.step)", {path: str(begin)},
    )  # fmt: skip


def _too_soon(case: Case, name: str, first: int) -> Trouble | None:
    """A decision whose dates end before the first period in which any of it can be; None where none ever can."""
    calendar, decision = case.calendar, next(d for d in case.scenario.decisions if d.id == name)
    if decision.to is None or not calendar.containing(decision.to) < first < calendar.n:
        return None
    day, path = calendar.date_of(first), f"decisions[{name}].to"
    permit, sooner = "", ""
    if found := _permit_that_binds(case, decision, first):
        host, label = found
        word = "permit" if host.mode == "build" else "contract"
        permit = f": {host.id} has its {word} from {label} on (hosts[{host.id}].open_lead_months)"
        sooner = f", or have the {word} sooner (hosts[{host.id}].permit_applied)"
    return Trouble(
        "", "decision",
        f"decision {name} speaks of what is to be by {decision.to}, and none of it can be before {day}{permit}",
        f"set {path} to {day} or later{sooner}", {path: str(day)},
    )  # fmt: skip


def _permit_that_binds(case: Case, decision: Decision, first: int) -> tuple[Host, str] | None:
    """The host whose permit or contract alone keeps what a decision speaks of from being there in time, of those where it
    can be from period ``first`` on, and the period from which that permit is there; else None.
    """
    if decision.what not in AFTER_PERMIT or decision.to is None:
        return None
    calendar, context = case.calendar, Context.of(case.scenario, case.catalog)
    rows: pd.DataFrame = getattr(case, DECIDED[decision.what].table)
    asked = [h.id for h in case.scenario.hosts
             if (decision.hosts is None or h.id in decision.hosts)
             and (decision.owner_classes is None or h.owner_class in decision.owner_classes)]  # fmt: skip
    rows = rows[(rows["t"] == first) & rows["h"].isin(asked)]
    host = context.host(str(rows["h"].iloc[0]))
    permit = permit_from(context, host)
    works = lead = calendar.step_of(first) - calendar.step_of(permit)
    if decision.what == "halls":
        own = rows[rows["h"] == host.id]
        works, lead = int(own["works"].min()), int(own["lead"].min())
    free = permit > permit_wait(context, host)[1] or calendar.after(permit, works) < first
    if free or calendar.after(0, lead) > calendar.containing(decision.to):
        return None  # its own day of opening, or what it takes to build, comes too late
    return host, calendar.label(permit)


# ---- money


def _budget(case: Case) -> Iterator[Trouble]:
    """Caps on outlay below what is committed already: signed contracts and teams of open hosts, less grants."""
    every = case.money_caps
    whole = every["until"] == case.calendar.n
    caps = every[(every["what"] == "outlay") & (every["payer"] == PARTNER) & whole]
    if not len(caps):
        return
    spent = committed_musd(case)
    owed = float(case.existing["due_after_musd"].sum() + case.existing_leases["due_after_musd"].sum())
    for cap in records(caps):
        least = float(spent.sum() + owed if cap.year == TOTAL else spent.get(str(cap.year), 0.0))
        if least <= cap.musd + TOLERANCE:
            continue
        text = f"{budget_words(cap)} is {cap.musd:g} MUSD, but {least:.4g} are committed already"
        yield Trouble(
            "", "budget", text, f"raise {cap.path} above {least:.4g}", {str(cap.path): float(np.ceil(least))}
        )
