"""What concessions are worth: to the country at the table, and so the most it should pay for them.

    negotiation_table(scenario)

Each row is a difference of two least costs at the same bounds on the wait of every workload and the same floors: those of
the scenario, with waits measured from the soonest plan that signs nothing optional. The interval holds for certain: it is
made of the cost of one plan and the bound of the other. Where it holds 0, the two cannot be told apart.

- an agreement: cost with it forbidden less cost with it signed for nothing; its price less that is the least change that
  makes it the choice; decisions of the scenario on this agreement are set aside in both;
- a month of licence: all licences sooner by one period, by month;
- a thousand of quota: one thousand accelerators more of each cap on orders or on what is held;
- keys at home, a local operator: these attributes for all stacks, and for all hosts run from abroad.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from planner.case.agreements import costs_of
from planner.case.build import build_case
from planner.case.case import Case
from planner.case.context import Context
from planner.facts.catalog import Catalog
from planner.facts.errors import BadValue
from planner.planning.events import Event, OnEvent
from planner.planning.pipeline import solve
from planner.planning.solve_run import Outcome
from planner.plans.plan import Plan
from planner.scenario.schema import Decision, Scenario

COLUMNS = [
    "what",
    "item",
    "unit",
    "status",
    "worth_musd",
    "low_musd",
    "high_musd",
    "told_apart",
    "price_musd",
    "change_musd",
]
AGREEMENT, LICENCE, QUOTA, KEYS, OPERATOR = "agreement", "licence", "quota", "keys", "operator"
WHATS = (AGREEMENT, LICENCE, QUOTA, KEYS, OPERATOR)
FOREIGN = ("foreign", "partner")
"""Operators that a local one would take the place of."""
LEADS = ("lead_months_low", "lead_months_mid", "lead_months_high")


@dataclass
class _Table:
    """One table: its scenario with waits frozen, the plan to compare with, and what each solve is told."""

    scenario: Scenario
    catalog: Catalog
    quality: str
    on_event: OnEvent | None
    should_stop: Callable[[], bool] | None
    began: float = field(default_factory=time.perf_counter)

    def solve(self, words: str, case: Case) -> Outcome:
        if self.on_event is not None:
            self.on_event(Event("negotiate", words, round(time.perf_counter() - self.began, 2)))
        return solve(case, self.quality, on_event=self.on_event, should_stop=self.should_stop)

    def case(self, scenario: Scenario, catalog: Catalog | None = None) -> Case:
        return build_case(scenario, catalog or self.catalog)


def negotiation_table(
    scenario: Scenario,
    quality: str = "quick",
    catalog: Catalog | None = None,
    on_event: OnEvent | None = None,
    should_stop: Callable[[], bool] | None = None,
    whats: tuple[str, ...] = WHATS,
) -> pd.DataFrame:
    """Rows (columns ``COLUMNS``), MUSD of present value; ``whats`` says which kinds.

    ``worth_musd`` is the difference of the costs of the two plans, ``low_musd`` to ``high_musd`` what it certainly lies in,
    infinite where there is no plan without the concession. ``price_musd`` is what the scenario asks for an agreement at
    the date at which it would be signed; ``change_musd`` what of it must go for the agreement to be the choice.
    Raises ``BadValue`` where the scenario itself has no plan.
    """
    table = _Table(scenario, catalog or scenario.catalog, quality, on_event, should_stop)
    base = table.solve("the plan to compare with", table.case(scenario))
    if base.plan is None:
        raise BadValue(f"the scenario has no plan: {base.status}")
    table.scenario = scenario.model_copy(update={"limits": base.bounds.in_limits(scenario.limits)})
    makers: dict[str, Callable[[_Table, Outcome, Plan], Iterator[dict[str, Any]]]] = {
        AGREEMENT: _agreements, LICENCE: _licence, QUOTA: _quotas, KEYS: _keys, OPERATOR: _operator,
    }  # fmt: skip
    rows = [row for what in whats for row in makers[what](table, base, base.plan)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(
    what: str, item: str, unit: str, without: Outcome, having: Outcome, per: float = 1.0
) -> dict[str, Any]:
    """What it is worth to have a thing, of two plans that ask for the same."""
    row: dict[str, Any] = {
        "what": what,
        "item": item,
        "unit": unit,
        "status": str(having.status),
        "told_apart": False,
    }
    if having.plan is None or having.bound is None:
        return row
    cost = having.plan.kpi("cost_npv_musd")
    if without.plan is None or without.bound is None:
        if without.status == "infeasible":
            row |= {"worth_musd": np.inf, "low_musd": np.inf, "high_musd": np.inf, "told_apart": True}
        return row
    other = without.plan.kpi("cost_npv_musd")
    low, high = (without.bound - cost) / per, (other - having.bound) / per
    return row | {"worth_musd": (other - cost) / per, "low_musd": low, "high_musd": high,
                  "told_apart": not low <= 0.0 <= high}  # fmt: skip


def _agreements(table: _Table, base: Outcome, plan: Plan) -> Iterator[dict[str, Any]]:
    """Each optional agreement: forbidden, and signed for nothing; the others stay a choice in both."""
    signed = set(plan.tables["agreements"]["e"])
    for a in table.scenario.agreements:
        if not a.optional or a.id not in set(plan.case.terms["e"]):
            continue
        without = base
        if a.id in signed:
            without = table.solve(f"{a.id} forbidden", table.case(_decided(table.scenario, "forbid", a.id)))
        free = [
            x if x.id != a.id else x.model_copy(update={"sign_musd": 0.0, "musd_per_year": 0.0})
            for x in table.scenario.agreements
        ]
        given = _decided(table.scenario.model_copy(update={"agreements": free}), "require", a.id)
        having = table.solve(f"{a.id} signed for nothing", table.case(given))
        row = _row(AGREEMENT, a.id, "", without, having)
        if having.plan is not None:
            price = _price(plan.case, a.id, having.plan)
            row["price_musd"] = price
            if "worth_musd" in row:
                row["change_musd"] = max(0.0, price - row["worth_musd"])
        yield row


def _decided(scenario: Scenario, do: str, agreement: str) -> Scenario:
    """The agreement required or forbidden; what the scenario decides of it is set aside."""
    rest = [a.id for a in scenario.agreements if a.id != agreement]
    kept = []
    for rule in scenario.decisions:
        of = rest if rule.agreements is None else [e for e in rule.agreements if e != agreement]
        if rule.what != "agreement" or rule.agreements == of:
            kept.append(rule)
        elif of and (rule.do == "forbid" or rule.value is None):
            kept.append(rule.model_copy(update={"agreements": of}))
    mine = Decision.model_validate(
        {"id": f"{do}-{agreement}", "do": do, "what": "agreement", "agreements": [agreement]}
    )
    return scenario.model_copy(update={"decisions": [*kept, mine]})


def _price(case: Case, agreement: str, having: Plan) -> float:
    """Present value of what the scenario asks, at the date at which it would be signed for nothing."""
    terms = next(a for a in case.scenario.agreements if a.id == agreement)
    rows = having.tables["agreements"]
    t = int(rows.loc[rows["e"] == agreement, "t"].iloc[0])
    once, yearly = costs_of(Context.of(case.scenario, case.catalog), terms)
    end = int(case.terms.at[agreement, "end_t"])
    discount = case.periods["discount"].to_numpy(float)
    return once * float(discount[t]) + yearly * case.calendar.years * float(discount[t:end].sum())


def _licence(table: _Table, base: Outcome, plan: Plan) -> Iterator[dict[str, Any]]:
    """All licences one period sooner, but those that agreements state; none can be there before it is applied for."""
    offers, months = plan.case.offers, plan.case.calendar.step_months
    if not (offers["licensed"] & (offers["licence_months"] > 0)).any():
        return
    facts, licence = table.catalog, table.scenario.supply.licence
    frames = {name: facts.table(name) for name in facts.tables}
    for name in ("licence_rules", "licence_tiers", "licence_reviews"):
        frame = frames[name].copy()
        for column in LEADS:
            if column in frame:
                frame[column] = (frame[column] - months).clip(lower=0)
        frames[name] = frame
    own = None if licence.lead_months is None else max(0.0, licence.lead_months - months)
    supply = table.scenario.supply.model_copy(
        update={"licence": licence.model_copy(update={"lead_months": own})}
    )
    sooner = table.scenario.model_copy(update={"supply": supply})
    having = table.solve("licences sooner", table.case(sooner, Catalog(frames, facts._resources)))
    yield _row(LICENCE, "all licences", "month", base, having, float(months))


def _quotas(table: _Table, base: Outcome, plan: Plan) -> Iterator[dict[str, Any]]:
    """A thousand accelerators more of each cap: of every year or period, in all, or held, as it counts."""
    for q in dict.fromkeys(plan.case.quotas["q"].astype(str)):
        case = table.case(table.scenario)
        more = case.quotas["amount_k"] + (case.quotas["q"] == q)
        having = table.solve(
            f"a thousand more of {q}", replace(case, quotas=case.quotas.assign(amount_k=more))
        )
        yield _row(QUOTA, q, "thousand accelerators", base, having)
    for e in plan.tables["agreements"]["e"]:
        case = table.case(table.scenario)
        if np.isfinite(case.terms.at[e, "quota_k"]):
            terms = case.terms.assign(quota_k=case.terms["quota_k"] + (case.terms["e"] == e))
            having = table.solve(f"a thousand more under {e}", replace(case, terms=terms))
            yield _row(QUOTA, str(e), "thousand accelerators", base, having)


def _keys(table: _Table, base: Outcome, plan: Plan) -> Iterator[dict[str, Any]]:
    stacks = [
        s.model_copy(update={"attributes": {**s.attributes, "keys": "local-hsm"}})
        for s in table.scenario.stacks
    ]
    case = table.case(table.scenario.model_copy(update={"stacks": stacks}))
    if not _same_scores(case, plan.case):
        yield _row(KEYS, "all stacks", "", base, table.solve("keys at home", case))


def _operator(table: _Table, base: Outcome, plan: Plan) -> Iterator[dict[str, Any]]:
    classes = table.catalog.table("owner_classes")["operator"]
    foreign = [
        h.id
        for h in table.scenario.hosts
        if str(h.attributes.get("operator", classes[h.owner_class])) in FOREIGN
    ]
    if not foreign:
        return
    hosts = [
        h.model_copy(update={"attributes": {**h.attributes, "operator": "local"}}) if h.id in foreign else h
        for h in table.scenario.hosts
    ]
    case = table.case(table.scenario.model_copy(update={"hosts": hosts}))
    if not _same_scores(case, plan.case):
        yield _row(OPERATOR, ", ".join(foreign), "", base, table.solve("a local operator", case))


def _same_scores(one: Case, other: Case) -> bool:
    """Whether two cases allow the same work at the same scores."""
    a, b = (case.serve[["rate", "sigma"]] for case in (one, other))
    return a.index.equals(b.index) and bool(np.allclose(a["sigma"], b["sigma"]))
