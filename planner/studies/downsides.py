"""Downside cases by planning again: decisions of the first year are held, the rest answers the event at least cost.

    base = run.plan()
    table = replanned(base, found, events)       # found: planner.finance.from_plan.finance_of of the same plan

Debt stays as it was signed for the first plan, at the prices signed; owners pay what is short. By flows alone
(``planner.finance.cases``) nothing is decided anew: together the two bracket what an event costs. Events of price, rate,
currency, running cost and of a lender leave the plan as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.periods import add_months
from planner.case.power import FIRM, connection_table
from planner.facts.catalog import Catalog
from planner.finance.cases import FIGURES, figures_of, largest, signed
from planner.finance.faults import FinanceError
from planner.finance.from_plan import PlanFinance, finance_of
from planner.finance.sources import EQUITY, MONTHS_PER_QUARTER
from planner.planning.events import Event, OnEvent
from planner.plans.plan import Plan
from planner.scenario.finance import Downside
from planner.scenario.schema import Cut, Path, Point, Scenario, Workload
from planner.studies.supplier_loss import answer

HELD_MONTHS = 12
"""Decisions this far from the start are held where an event has no date of its own."""
LEAST = 1e-3
"""Share of demand that stays where all of it is lost: a case needs something to serve."""
LICENSOR = "USA"
DEARER = {"systems": ("price_usd",), "countries": ("construction_musd_per_mw_it",), "connections": ("capex_musd",),
          "backup": ("capex_musd",), "cooling": ("capex_musd",), "power_options": ("capex_usd",)}  # fmt: skip
"""Tables and starts of columns that a rise of capital cost moves."""
LATE = {"grid-late": ("connect",), "licence-late": ("order",), "licence-lost": ("order",)}
"""Events that make deliveries impossible -> variables that cannot be held."""


@dataclass(frozen=True)
class Changed:
    """A scenario after an event, on facts that may have changed with it."""

    scenario: Scenario
    catalog: Catalog


def after(
    scenario: Scenario, event: Downside, known: date, lost: Collection[str] | None = None
) -> Changed | None:
    """The scenario after an event that is known from a day on; None where the plan stays as it is.

    ``lost``: workloads of the payer that a case of an off-taker loses; None for all.
    """
    catalog = scenario.catalog
    if event.what == "capex":
        return Changed(_dearer(scenario, 1.0 + event.size), _dearer_facts(catalog, 1.0 + event.size))
    if event.what in ("utilisation", "off-taker"):
        less = [
            _less(w, max(LEAST, 1.0 - event.size), known)
            if event.what == "utilisation" or lost is None or w.id in lost
            else w
            for w in scenario.demand
        ]
        return Changed(_with(scenario, demand=less), catalog)
    if event.what == "grid-late":
        return Changed(_late_grid(scenario, round(event.size), known), catalog)
    if event.what == "licence-late":
        lead = (scenario.supply.licence.lead_months or 0.0) + event.size
        licence = scenario.supply.licence.model_copy(update={"mode": "required", "lead_months": lead})
        return Changed(
            _with(scenario, supply=scenario.supply.model_copy(update={"licence": licence})), catalog
        )
    if event.what == "licence-lost":
        cut = Cut(id=event.id, what="supply", chip_origins=[LICENSOR], **{"from": known})
        return Changed(_with(scenario, cuts=[*scenario.cuts, cut]), catalog)
    if event.what == "residual":
        finance = scenario.finance.model_copy(update={"residual": "none"})
        return Changed(_with(scenario, finance=finance), catalog)
    return None


def replanned(
    base: Plan,
    found: PlanFinance,
    events: Iterable[Downside],
    quality: str = "quick",
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """case, what, size, fault, cost_npv_musd, delay_months and ``FIGURES`` of the plan made again under each event.

    Events that leave the plan as it is are left out; a case without a plan, or whose finance cannot be worked out, has
    its reason under ``fault``.
    """
    lost, first_year = _largest(base, found), add_months(base.case.calendar.start, HELD_MONTHS)
    days = [(event, event.from_ or first_year) for event in events]
    asked = [(e, day, new) for e, day in days if (new := after(base.case.scenario, e, day, lost)) is not None]
    rows = []
    for number, (event, known, changed) in enumerate(asked, 1):
        if on_event is not None:
            on_event(Event("downsides", f"{event.id}, {number} of {len(asked)}"))
        row = {"case": event.id, "what": event.what, "size": event.size, "fault": ""}
        rows.append(row | _answered(base, found, event, changed, known, quality, on_event, should_stop))
    columns = ["case", "what", "size", "fault", "cost_npv_musd", "delay_months", *FIGURES]
    return pd.DataFrame(rows, columns=columns)


def _answered(
    base: Plan,
    found: PlanFinance,
    event: Downside,
    changed: Changed,
    known: date,
    quality: str,
    on_event: OnEvent | None,
    should_stop: Callable[[], bool] | None,
) -> dict[str, object]:
    first = base.case.calendar.containing(known)
    free = LATE.get(event.what, ())
    outcome, notes = answer(
        base, changed.scenario, changed.catalog, first, quality, on_event, should_stop, free
    )
    if outcome.plan is None:
        return {"fault": "; ".join([f"no plan holds the first decisions ({outcome.status})", *notes])}
    own = {name: outcome.plan.kpi(name) for name in ("cost_npv_musd", "delay_months")}
    try:
        return {**own, **_figures(found, changed, outcome.plan)}
    except FinanceError as error:
        return {**own, "fault": str(error.faults[0])}


def _figures(found: PlanFinance, changed: Changed, plan: Plan) -> dict[str, float]:
    """Key figures of the new plan under the debt and the prices signed for the first, operating from the same quarter."""
    opens = add_months(found.project.start, MONTHS_PER_QUARTER * found.project.operation_from)
    asked = {"operation_from": opens, "sources": [], "target_dscr": None, "target_equity_irr": None}
    finance = changed.scenario.finance.model_copy(update=asked)
    new = finance_of(_with(changed.scenario, finance=finance), plan.tables).project
    lives = {**found.project.life_years, **new.life_years}
    usable = tuple(
        t for t in signed(found).sources
        if t.kind == EQUITY or any(t.eligibility.allows(spend) and spend.musd.any() for spend in new.spending)
    )  # fmt: skip
    project = replace(
        new, sources=usable, revenue_musd=found.price_factor * new.revenue_musd, life_years=lives,
        exchange=found.project.exchange, covenants=found.project.covenants,
    )  # fmt: skip
    return figures_of(project)


def _with(scenario: Scenario, **changes: object) -> Scenario:
    return scenario.model_copy(update=changes)


def _dearer_facts(catalog: Catalog, factor: float) -> Catalog:
    frames = {name: catalog.table(name) for name in catalog.tables}
    for name, starts in DEARER.items():
        frame = frames[name].copy()
        columns = [c for c in frame.columns if c.startswith(starts) and frame[c].dtype.kind == "f"]
        frame[columns] = frame[columns] * factor
        frames[name] = frame
    return Catalog(frames, catalog._resources)


def _dearer(scenario: Scenario, factor: float) -> Scenario:
    """What the scenario itself states of capital cost, times a factor."""

    def times(value: float | None) -> float | None:
        return None if value is None else value * factor

    systems = [s.model_copy(update={"price_usd": times(s.price_usd)}) for s in scenario.systems]
    field = "construction_musd_per_mw_it"
    sites = [s.model_copy(update={field: times(s.construction_musd_per_mw_it)}) for s in scenario.sites]
    hosts = [h.model_copy(update={"open_cost_musd": times(h.open_cost_musd)}) for h in scenario.hosts]
    return _with(scenario, systems=systems, sites=sites, hosts=hosts)


def _late_grid(scenario: Scenario, months: int, known: date) -> Scenario:
    """What of the grid is not there by the day: later dates, and a longer wait for lines that cannot stand by then."""
    context = Context.of(scenario, scenario.catalog)
    lines = connection_table(context).reset_index(drop=True)
    opens, day = lines.groupby(["h", "n"])["t"].min(), context.calendar.containing(known)
    site_of = {host.id: host.site for host in scenario.hosts}
    late = {(site_of[h], n) for (h, n), t in opens.items() if t >= day}
    sites = []
    for site in scenario.sites:
        dates = [
            step.model_copy(update={"from_": add_months(step.from_, months)}) if step.from_ >= known else step
            for step in site.grid_mw
        ]
        changes: dict[str, object] = {"grid_mw": dates}
        if (site.id, FIRM) in late:
            changes["grid_lead_months"] = context.grid_connect_months(site) + months
        flexible = site.power.flexible if site.power else None
        if site.power and flexible and (site.id, flexible.id) in late:
            wait = context.pick(flexible.lead_months, "connections", flexible.id, "lead_months") + months
            longer = flexible.model_copy(update={"lead_months": wait})
            changes["power"] = site.power.model_copy(update={"flexible": longer})
        sites.append(site.model_copy(update=changes))
    return _with(scenario, sites=sites)


def _less(workload: Workload, factor: float, known: date) -> Workload:
    """A workload whose demand is less from a day on; training runs stay as they are."""
    size = workload.size
    if not isinstance(size, Path):
        return workload
    days, values = [p.at.toordinal() for p in size.points], [p.value for p in size.points]
    now = values[0] if known < size.points[0].at else float(np.interp(known.toordinal(), days, values))
    kept = [p for p in size.points if p.at < known]
    later = [Point(at=p.at, value=p.value * factor) for p in size.points if p.at > known]
    turn = [Point(at=known, value=now * factor)] if kept else []
    return workload.model_copy(update={"size": size.model_copy(update={"points": [*kept, *turn, *later]})})


def _largest(base: Plan, found: PlanFinance) -> Collection[str] | None:
    """Workloads of the contract that pays most; None where it pays for all, or there is none."""
    most = largest(found)
    if most is None:
        return None
    return next(c.workloads for c in base.case.scenario.finance.revenue if c.id == most.id)
