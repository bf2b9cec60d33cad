"""What can be conceded to the country at the table, and the cases that have it.

for concession in concessions(asked, plan, ("quota", "keys")):
    case = concession.case()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from planner.case.agreements import HAK, covered_offers
from planner.case.attributes import owner_attributes
from planner.case.build import build_case
from planner.case.case import Case
from planner.case.context import Context
from planner.case.in_force import ATTRIBUTES, HOSTS, LOCALITY, TRUST, gives
from planner.facts.catalog import Catalog
from planner.plans.plan import Plan
from planner.scenario.agreements import Agreement
from planner.scenario.schema import Decision, Scenario

AGREEMENT, TERMS, LICENCE, QUOTA = "agreement", "terms", "licence", "quota"
KEYS, OPERATOR, LAW = "keys", "operator", "law"
WHATS = (AGREEMENT, TERMS, LICENCE, QUOTA, KEYS, OPERATOR, LAW)
HOME_KEYS, OF_TERMS = "local-hsm", ": "
AT_HOME = {OPERATOR: ("local", ("foreign", "partner")), LAW: ("domestic", ("foreign", "partner", "mixed"))}
"""Attribute of a host -> what is asked for, and the values it would take the place of."""
TERMS_AT_HOME = {KEYS: HOME_KEYS, **{what: local for what, (local, _) in AT_HOME.items()}}
"""Attribute -> value of an agreement that asks for it at home."""
LEADS = ("lead_months_low", "lead_months_mid", "lead_months_high")


@dataclass(frozen=True)
class Concession:
    """One row: what is conceded, and the case that has it."""

    what: str
    item: str
    unit: str
    case: Callable[[], Case]
    per: float = 1.0
    may_be_left: bool = True
    """Whether a plan may leave it unused, so that the plan to compare with is one of its plans."""
    agreement: str = ""
    """The agreement that is signed in that case for nothing."""


@dataclass
class Asked:
    """The scenario all plans of a table are of, with its bounds on waits and its floors."""

    scenario: Scenario
    catalog: Catalog

    def case(self, scenario: Scenario | None = None, catalog: Catalog | None = None) -> Case:
        return build_case(scenario or self.scenario, catalog or self.catalog)


def concessions(asked: Asked, plan: Plan, whats: tuple[str, ...] = WHATS) -> list[Concession]:
    """All that could be conceded of some kinds, beside the plan without: what would change nothing is left out."""
    return [concession for what in whats for concession in _MAKERS[what](asked, plan)]


def _agreements(asked: Asked, plan: Plan) -> Iterator[Concession]:
    """Each optional agreement: forbidden, and signed for nothing; the others stay a choice in both."""
    for a in asked.scenario.agreements:
        if a.optional and a.id in set(plan.case.terms["e"]):
            yield Concession(
                AGREEMENT,
                a.id,
                "",
                partial(_for_nothing, asked, a, asked.catalog),
                may_be_left=False,
                agreement=a.id,
            )


def _for_nothing(asked: Asked, agreement: Agreement, catalog: Catalog) -> Case:
    """The agreement, with terms that may not be those of the scenario, signed at no cost."""
    free = agreement.model_copy(update={"sign_musd": 0.0, "musd_per_year": 0.0})
    others = [free if x.id == agreement.id else x for x in asked.scenario.agreements]
    scenario = asked.scenario.model_copy(update={"agreements": others})
    return asked.case(decided(scenario, "require", agreement.id), catalog)


def _terms(asked: Asked, plan: Plan) -> Iterator[Concession]:
    """Each agreement that is not signed, with keys, operator or law of what it speaks of at home: the fewest terms that
    change what it opens, one alone first, then all sets in which no smaller one did; what opens no more is left out, and so
    is an agreement that speaks of no offer (a source of finance only).
    """
    signed = set(plan.tables["agreements"]["e"])
    for a in asked.scenario.agreements:
        if not a.optional or a.id not in set(plan.case.terms["e"]) or a.id in signed:
            continue
        offers = _spoken_of(asked, plan, a)
        if not len(offers):
            continue
        plain, opening = _for_nothing(asked, a, asked.catalog), list[set[str]]()
        for names in (set(some) for n in (1, 2, 3) for some in combinations(TERMS_AT_HOME, n)):
            if any(less <= names for less in opening):
                continue
            agreement, catalog = _with_attributes(asked, offers, a, {n: TERMS_AT_HOME[n] for n in names})
            if agreement.attributes == a.attributes:
                continue
            case = _for_nothing(asked, agreement, catalog)
            if _same_openings(case, plain):
                continue
            opening.append(names)
            item = f"{a.id}{OF_TERMS}{', '.join(n for n in TERMS_AT_HOME if n in names)}"
            yield Concession(TERMS, item, "", partial(_known, case), may_be_left=False, agreement=a.id)


def _known(case: Case) -> Case:
    return case


def _spoken_of(asked: Asked, plan: Plan, agreement: Agreement) -> pd.DataFrame:
    """Covered offers (h, a) on which an agreement bears: all where it opens hosts or sets attributes, those in the partner's
    country where places there count as trusted or as at home, and those of which orders may be placed under it.
    """
    context, offers = Context.of(asked.scenario, asked.catalog), plan.case.offers.reset_index()
    own = covered_offers(agreement, offers)
    bears = pd.Series(any(gives(context, agreement, what) for what in (HOSTS, ATTRIBUTES)), own.index)
    if any(gives(context, agreement, what) for what in (LOCALITY, TRUST)):
        bears |= own["country"] == agreement.partner
    orders = plan.case.unders.reset_index()
    ordered = pd.MultiIndex.from_frame(orders.loc[orders["e"] == agreement.id, HAK])
    return own.loc[bears | pd.MultiIndex.from_frame(own[HAK]).isin(ordered), ["h", "a"]]


def _with_attributes(
    asked: Asked, offers: pd.DataFrame, agreement: Agreement, attributes: dict[str, str]
) -> tuple[Agreement, Catalog]:
    """The agreement with attributes for hosts and stacks of ``offers``, and a catalog in which its kind may set them."""
    facts, context = asked.catalog, Context.of(asked.scenario, asked.catalog)
    kinds = facts.table("agreement_kinds").copy()
    given = str(kinds.at[agreement.kind, "gives"])
    if not gives(context, agreement, ATTRIBUTES):
        kinds.loc[agreement.kind, "gives"] = f"{given};{ATTRIBUTES}"
    spoken = {name: sorted(set(offers[key].astype(str))) for name, key in (("hosts", "h"), ("stacks", "a"))}
    return agreement.model_copy(update={
        "covers": agreement.covers.model_copy(update=spoken), "attributes": {**agreement.attributes, **attributes},
    }), _with(facts, {"agreement_kinds": kinds})  # fmt: skip


def _with(facts: Catalog, changed: dict[str, pd.DataFrame]) -> Catalog:
    """The catalog with some of its tables changed."""
    return Catalog({**{name: facts.table(name) for name in facts.tables}, **changed}, facts._resources)


def _same_openings(one: Case, other: Case) -> bool:
    """Whether two cases allow the same work at the same scores, and open the same of it under agreements."""
    a, b = (case.opened[["e", "w", "h", "a", "k"]] for case in (one, other))
    return _same_scores(one, other) and set(a.itertuples(index=False)) == set(b.itertuples(index=False))


def decided(scenario: Scenario, do: str, agreement: str) -> Scenario:
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


def _licence(asked: Asked, plan: Plan) -> Iterator[Concession]:
    """All licences one period sooner, but those that agreements state; none can be there before it is applied for.

    By the months really taken off: where offers differ, the most that is taken off any of them.
    """
    offers = plan.case.offers
    if (offers["licensed"] & (offers["licence_months"] > 0)).any():
        sooner = _licences_sooner(asked, plan.case.calendar.step_months)
        off = float((offers["licence_months"] - sooner.offers["licence_months"])[offers["licensed"]].max())
        if off > 0:
            yield Concession(
                LICENCE, "all licences", "month", partial(_known, sooner), off, may_be_left=False
            )


def _licences_sooner(asked: Asked, months: int) -> Case:
    facts, licence = asked.catalog, asked.scenario.supply.licence
    changed = {}
    for name in ("licence_rules", "licence_tiers", "licence_reviews"):
        frame = facts.table(name).copy()
        for column in LEADS:
            if column in frame:
                frame[column] = (frame[column] - months).clip(lower=0)
        changed[name] = frame
    own = None if licence.lead_months is None else max(0.0, licence.lead_months - months)
    supply = asked.scenario.supply.model_copy(
        update={"licence": licence.model_copy(update={"lead_months": own})}
    )
    return asked.case(asked.scenario.model_copy(update={"supply": supply}), _with(facts, changed))


def _quotas(asked: Asked, plan: Plan) -> Iterator[Concession]:
    """A thousand accelerators more of each cap: of every year or period, in all, or held, as it counts."""
    plain = cache(asked.case)
    unit = "thousand accelerators"
    for q in dict.fromkeys(plan.case.quotas["q"].astype(str)):
        yield Concession(QUOTA, q, unit, partial(_more_of_cap, plain, q))
    for e in plan.case.terms.loc[np.isfinite(plan.case.terms["quota_k"]), "e"].astype(str):
        yield Concession(QUOTA, e, unit, partial(_more_under, plain, e))


def _more_of_cap(plain: Callable[[], Case], q: str) -> Case:
    quotas = plain().quotas
    return replace(plain(), quotas=quotas.assign(amount_k=quotas["amount_k"] + (quotas["q"] == q)))


def _more_under(plain: Callable[[], Case], e: str) -> Case:
    terms = plain().terms
    return replace(plain(), terms=terms.assign(quota_k=terms["quota_k"] + (terms["e"] == e)))


def _keys(asked: Asked, plan: Plan) -> Iterator[Concession]:
    stacks = [
        s.model_copy(update={"attributes": {**s.attributes, KEYS: HOME_KEYS}}) for s in asked.scenario.stacks
    ]
    yield from _scored(asked, plan, KEYS, "all stacks", {"stacks": stacks})


def _operator(asked: Asked, plan: Plan) -> Iterator[Concession]:
    yield from _at_home(asked, plan, OPERATOR)


def _law(asked: Asked, plan: Plan) -> Iterator[Concession]:
    yield from _at_home(asked, plan, LAW)


def _at_home(asked: Asked, plan: Plan, what: str) -> Iterator[Concession]:
    """An attribute of all hosts where it is that of another country."""
    local, foreign = AT_HOME[what]
    context = Context.of(asked.scenario, asked.catalog)
    own = [h.id for h in asked.scenario.hosts if owner_attributes(context, h)[what] in foreign]
    hosts = [
        h.model_copy(update={"attributes": {**h.attributes, what: local}}) if h.id in own else h
        for h in asked.scenario.hosts
    ]
    if own:
        yield from _scored(asked, plan, what, ", ".join(own), {"hosts": hosts})


def _scored(asked: Asked, plan: Plan, what: str, item: str, changes: dict[str, Any]) -> Iterator[Concession]:
    """Attributes that change what work is allowed, or its scores; nothing where they change neither."""
    case = asked.case(asked.scenario.model_copy(update=changes))
    if not _same_scores(case, plan.case):
        yield Concession(what, item, "", partial(_known, case))


def _same_scores(one: Case, other: Case) -> bool:
    """Whether two cases allow the same work at the same scores."""
    a, b = (case.serve[["rate", "sigma"]] for case in (one, other))
    same = a.index.equals(b.index) and bool(np.allclose(a["sigma"], b["sigma"]))
    return same and one.level_gains.equals(other.level_gains)


_MAKERS: dict[str, Callable[[Asked, Plan], Iterator[Concession]]] = {
    AGREEMENT: _agreements, TERMS: _terms, LICENCE: _licence, QUOTA: _quotas, KEYS: _keys, OPERATOR: _operator, LAW: _law,
}  # fmt: skip
