"""Agreements a plan may sign: on which dates, at what cost, what they open, and what they ask of purchases under them.

What an agreement opens is what the tables of a context with it in force have more than those of one without
(``planner.case.in_force``): orders that a licence would hold up, and work at offers that a rule keeps out. What two
agreements would open only together is not offered. A part of an order may be placed under an agreement: where it
has a quota, those orders count against that quota and against no allocation of vendors and no ceiling of licences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.case.columns import joined, looked_up, records
from planner.case.context import Context
from planner.case.export_rules import content_from
from planner.case.in_force import (
    ATTRIBUTES,
    HOSTS,
    LICENCE,
    LOCALITY,
    PROGRAMME,
    QUOTA,
    SOURCE,
    TRUST,
    covered,
    gives,
    is_standing,
    offered,
    under,
)
from planner.case.licensing import licence_need
from planner.case.offers import WhyNot, serve_pairs
from planner.case.periods import day_after
from planner.case.supply import order_table
from planner.case.table import Table
from planner.case.throughput import Throughput
from planner.scenario.agreements import Agreement, ContentDuty

HAK, HAKT, WHAK = ["h", "a", "k"], ["h", "a", "k", "t"], ["w", "h", "a", "k"]
OPENS_WORK = (LOCALITY, TRUST, HOSTS, ATTRIBUTES)
ENDLESS = 1e6
"""Thousands of accelerators of a quota or capacity that is not stated."""
TABLES = {
    "agreements": Table(("e", "t"), {
        "lead": "periods from the decision to the signature", "musd": "cost of signing, MUSD",
        "musd_per_step": "cost in force, MUSD per step",
    }),
    "terms": Table(("e",), {
        "kind": "kind of agreement", "partner": "country that signs; empty for an agency or a supplier",
        "signed": "whether it is agreed already", "end_t": "first period in which it is no longer in force",
        "service_ends": "whether service ends with it, and not orders only",
        "quota_k": "thousands of accelerators that may be ordered under it; infinite where it has no quota",
        "by_year": "whether the quota is one of each calendar year",
        "least_k": "thousands of accelerators that must be ordered under it",
        "capacity_k": "thousands of accelerators held at hosts that serve under it only; infinite where not stated",
        "amount_musd": "most that may be drawn under it, MUSD; infinite where it makes no source available",
        "investment_share": "investment asked, share of the price of what is ordered under it",
    }),
    "unders": Table(("e", "h", "a", "k", "t"), {
        "order_t": "period of the order", "opens_t": "last period in which it must be signed, licence included",
        "weight": "accelerators of the quota's unit in one", "musd_per_k": "price, MUSD per thousand accelerators",
        "counts": "whether it runs under it for a year or longer within the horizon, and so counts to its least amount",
        "most_k": "thousands of accelerators that could be at work at once: no order is larger",
    }),
    "lifted": Table(("e", "q")),
    "opened": Table(("e", "w", "h", "a", "k")),
    "sources_under": Table(("e", "j")),
    "contents_under": Table(("e", "i", "k"), {"margin": "content of a system less the share asked"}),
    "excluded": Table(("e", "a")),
}  # fmt: skip


@dataclass(frozen=True)
class Deal:
    """An offered agreement with its dates in periods."""

    terms: Agreement
    dates: tuple[int, ...]
    """Periods from whose start on it may be in force."""
    lead: int
    end_t: int
    service_ends: bool

    @property
    def id(self) -> str:
        return self.terms.id


def deals_of(context: Context) -> list[Deal]:
    """Agreements whose signature is a variable, each with the dates on which it may be signed."""
    calendar, every = context.calendar, context.scenario.solve.open_every_periods
    found = []
    for a in offered(context):
        months = context.pick(a.lead_months, "agreement_kinds", a.kind, "lead_months") if a.optional else 0.0
        lead = calendar.whole_steps(float(months))
        first = max(calendar.after(0, lead), calendar.first_from(a.from_) if a.from_ else 0)
        end = min(calendar.n, calendar.containing(day_after(a.until))) if a.until else calendar.n
        dates = [t for t in calendar.every(first, every if a.optional else calendar.n_steps) if t < end]
        ends = (a.end or context.catalog.value("agreement_kinds", a.kind, "end")) == "service"
        found.append(Deal(a, tuple(dates), lead, end, ends))
    return [deal for deal in found if deal.dates]


def agreement_table(context: Context, deals: Sequence[Deal]) -> pd.DataFrame:
    """(e, t) -> lead, cost of signing and in force; what is agreed already costs nothing to sign unless it says so."""
    rows = []
    for deal in deals:
        once, yearly = costs_of(context, deal.terms)
        _note_defaults(context, deal.terms)
        rows += [(deal.id, t, deal.lead, once, yearly * context.calendar.step_years) for t in deal.dates]
    return TABLES["agreements"].frame(rows)


def _note_defaults(context: Context, a: Agreement) -> None:
    """Cost and length of an agreement that are those of its kind: the catalog assumes them."""
    stated = {"lead_months": a.lead_months, "sign_musd": a.sign_musd, "musd_per_year": a.musd_per_year}
    for name, own in stated.items():
        if own is None and a.optional:
            value = float(context.pick(None, "agreement_kinds", a.kind, name))
            context.assumed.append(
                {
                    "item": f"{name} of agreement {a.id}",
                    "value": value,
                    "why": f"kind {a.kind} of the catalog",
                }
            )


def costs_of(context: Context, a: Agreement) -> tuple[float, float]:
    """MUSD to sign, and MUSD a year in force."""
    once = context.pick(a.sign_musd, "agreement_kinds", a.kind, "sign_musd")
    yearly = context.pick(a.musd_per_year, "agreement_kinds", a.kind, "musd_per_year")
    return (float(once) if a.optional or a.sign_musd is not None else 0.0), float(yearly)


def standing_costs(context: Context) -> list[tuple[str, str, float]]:
    """(agreement, partner, MUSD per period) of those that stand."""
    standing = [a for a in context.scenario.agreements if is_standing(context, a)]
    costs = [(a.id, a.partner or "", costs_of(context, a)[1] * context.calendar.step_years) for a in standing]
    return [row for row in costs if row[2] > 0]


def terms_table(deals: Sequence[Deal]) -> pd.DataFrame:
    """e -> what an agreement caps, asks and ends."""
    rows = []
    for deal in deals:
        a, quota = deal.terms, deal.terms.quota
        rows.append((
            a.id, a.kind, a.partner or "", not a.optional, deal.end_t, deal.service_ends,
            quota.accelerators / 1000.0 if quota else np.inf, quota is not None and quota.per == "year",
            (a.duties.least_accelerators or 0.0) / 1000.0,
            a.capacity_accelerators / 1000.0 if a.capacity_accelerators else np.inf,
            a.amount_musd or np.inf, a.duties.investment_share or 0.0,
        ))  # fmt: skip
    return TABLES["terms"].frame(rows)


# ---- orders


def ordered_under(
    context: Context, deals: Sequence[Deal], systems: pd.DataFrame, orders: pd.DataFrame, lifted: pd.DataFrame,
    members: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Orders with those an agreement alone makes possible (``early``), and the part of each order that may be under one.

    Only where that is of use: early orders, those whose caps it lifts, all where it asks for a least amount.
    """
    parts, more = [], []
    for deal in deals:
        if not (gives(context, deal.terms, LICENCE) or gives(context, deal.terms, QUOTA)):
            continue
        table = _orders_with(context, deal, systems)
        window = (table["opens_t"] >= deal.dates[0]) & (table["order_t"] < deal.end_t)
        early = ~table.index.isin(orders.index)
        capped = members[members["q"].isin(lifted.loc[lifted["e"] == deal.id, "q"])]
        free = pd.MultiIndex.from_frame(table[HAK]).isin(pd.MultiIndex.from_frame(capped[HAK]))
        free = free & (deal.terms.quota is not None)
        kept = table[window & (early | free | (deal.terms.duties.least_accelerators is not None))]
        more.append(kept[~kept.index.isin(orders.index)])
        parts.append(kept.assign(e=deal.id))
    if not parts:
        return orders, TABLES["unders"].frame([])
    new = pd.concat(more)
    new = new[~new.index.duplicated()].assign(early=True)[list(orders.columns)]
    return pd.concat([orders, new]) if len(new) else orders, _unders(context, deals, pd.concat(parts))


def _orders_with(context: Context, deal: Deal, systems: pd.DataFrame) -> pd.DataFrame:
    """Orders of covered offers with the agreement in force from the start; opens_t: the order less its licence."""
    inside, hosts = under(context, deal.terms), {h.id: h for h in context.scenario.hosts}
    own = covered_offers(deal.terms, systems)
    months = [
        licence_need(inside, hosts[str(r.h)], str(r.accelerator), str(r.a), str(r.k)).lead_months
        if r.licensed
        else 0.0
        for r in records(own)
    ]
    own = own.assign(licence_months=np.array(months, dtype=float))
    table = order_table(inside, own, WhyNot())
    licence = {key: context.calendar.whole_steps(float(m)) for key, m in own["licence_months"].items()}
    waits = [licence[key] for key in zip(table["h"], table["a"], table["k"], strict=True)]
    ordered = context.calendar.steps_of(table["order_t"])
    return table.assign(opens_t=context.calendar.periods_of(ordered - np.array(waits, dtype=int)))


def covered_offers(a: Agreement, systems: pd.DataFrame) -> pd.DataFrame:
    """Offers (rows of the table ``offers``) that an agreement speaks of."""
    columns = ("h", "owner_class", "a", "k", "vendor", "chip_origin", "country")
    keep = [
        covered(a.covers, **{c: str(getattr(row, c)) for c in columns})
        for row in records(systems[list(columns)])
    ]
    return systems[np.array(keep, dtype=bool)]


def _unders(context: Context, deals: Sequence[Deal], rows: pd.DataFrame) -> pd.DataFrame:
    """Weights by the unit of each quota; ``counts`` and ``most_k`` are put in by ``sized``."""
    tpp = context.catalog.table("accelerators")["tpp"].astype(float)
    base = float(tpp[context.scenario.supply.reference])
    chips = context.catalog.table("systems")["accelerator_id"]
    equal = {d.id for d in deals if d.terms.quota is not None and d.terms.quota.unit == "equivalents"}
    weight = [
        float(tpp[chips[k]]) / base if e in equal else 1.0 for e, k in zip(rows["e"], rows["k"], strict=True)
    ]
    columns = [*TABLES["unders"].keys, "order_t", "opens_t", "weight", "musd_per_k", "counts", "most_k"]
    return TABLES["unders"].frame(rows.assign(weight=weight, counts=False, most_k=0.0)[columns])


def sized(
    context: Context, deals: Sequence[Deal], unders: pd.DataFrame, serve: pd.DataFrame, orders: pd.DataFrame,
    survive_t: pd.Series, demand: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """Orders under an agreement that still can be placed, with the most of each that could work at once, to whole units.

    All work of every workload an offer may serve, twice where reserve is held, in the busiest period of its life. An order
    that runs for less than a year before the horizon, its life or service under the agreement ends counts to no least
    amount: idle servers bought for their resale would.
    """
    unders = unders[pd.MultiIndex.from_frame(unders[HAKT]).isin(orders.index)]
    if not len(unders):
        return TABLES["unders"].frame([])
    asked = joined(serve, demand.reset_index(drop=True)[["w", "t", "most_kref"]], ["w", "t"])
    twice = 1.0 + (asked["t"] >= looked_up(asked["w"], survive_t))
    asked = asked.assign(most=twice * asked["most_kref"] / asked["rate"] / context.param("availability"))
    most = asked.groupby(HAKT)["most"].sum()
    by_offer = {key: part.droplevel(HAK) for key, part in most.groupby(level=HAK)}
    facts, ends = (
        orders[["life", "unit_k"]],
        {deal.id: service_end(deal, context.calendar.n) for deal in deals},
    )
    calendar, rows, counts, year = context.calendar, [], [], context.calendar.whole_steps(12.0)
    for row in records(unders):
        life, unit = facts.loc[(row.h, row.a, row.k, row.t)]
        own = by_offer.get((row.h, row.a, row.k), pd.Series(dtype=float))
        alive = own[(own.index >= row.t) & (own.index < calendar.ends(row.t, int(life)))]
        rows.append(float(alive.max()) + float(unit) if len(alive) else 0.0)
        runs = calendar.step_of(ends[str(row.e)]) - calendar.step_of(row.t)
        counts.append(min(runs, int(life)) >= year)
    return TABLES["unders"].frame(unders.assign(counts=counts, most_k=rows))


def service_end(deal: Deal, n: int) -> int:
    """First period in which nothing runs under an agreement any more: the horizon's end where its service does not end."""
    return deal.end_t if deal.service_ends else n


def lifted_quotas(
    context: Context, deals: Sequence[Deal], members: pd.DataFrame, systems: pd.DataFrame
) -> pd.DataFrame:
    """(e, q): caps of vendors and licences that orders under an agreement's own quota do not count in."""
    own = {q.id for q in context.scenario.supply.quotas}
    rows = []
    for deal in deals:
        if deal.terms.quota is not None:
            offers = covered_offers(deal.terms, systems).index
            hit = members[pd.MultiIndex.from_frame(members[HAK]).isin(offers) & ~members["q"].isin(own)]
            rows += [(deal.id, q) for q in dict.fromkeys(hit["q"])]
    return TABLES["lifted"].frame(rows)


# ---- work


def with_opened(
    context: Context,
    deals: Sequence[Deal],
    systems: pd.DataFrame,
    pairs: pd.DataFrame,
    throughput: Throughput,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs (w, h, a, k) with those some agreement alone opens; and (e, w, h, a, k): which agreement opens which.

    A pair that several open has the lowest of their scores.
    """
    classes = {w.id: w.data_class for w in context.scenario.demand}
    found, rows = [], []
    for deal in deals:
        a = deal.terms
        if not any(gives(context, a, what) for what in OPENS_WORK):
            continue
        more = serve_pairs(under(context, a), _concerned(context, a, systems), throughput, WhyNot())
        more = more[~more.index.isin(pairs.index)]
        if a.covers.classes is not None:
            more = more[more["w"].map(classes).isin(a.covers.classes)]
        found.append(more)
        rows += [(deal.id, *key) for key in more.index]
    new = pd.concat(found).sort_values("sigma", kind="stable") if rows else pairs.iloc[:0]
    new = new[~new.index.duplicated()]
    return (pd.concat([pairs, new]) if len(new) else pairs), TABLES["opened"].frame(rows)


def _concerned(context: Context, a: Agreement, systems: pd.DataFrame) -> pd.DataFrame:
    """Offers that an agreement can open to work."""
    if gives(context, a, LOCALITY):
        systems = systems[systems["country"] == a.partner]
    return covered_offers(a, systems)


def while_in_force(serve: pd.DataFrame, opened: pd.DataFrame, deals: Sequence[Deal]) -> pd.DataFrame:
    """Rows of serve without work that needs an agreement where none that opens it can be in force."""
    if not len(opened):
        return serve
    by, need = {d.id: d for d in deals}, opened_by(opened)
    keep = [(*key,) not in need or any(serves_in(by[e], t) for e in need[*key,]) for *key, t in serve.index]
    return serve[np.array(keep, dtype=bool)]


def opened_by(opened: pd.DataFrame) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Offer (w, h, a, k) that needs an agreement -> the agreements of which one is enough."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in records(opened):
        found.setdefault((row.w, row.h, row.a, row.k), []).append(str(row.e))
    return {offer: tuple(names) for offer, names in found.items()}


def serves_in(deal: Deal, t: int) -> bool:
    """Whether work may go on under an agreement in a period: from its first date on, until its end if service ends."""
    return deal.dates[0] <= t and (t < deal.end_t or not deal.service_ends)


# ---- duties


def duty_tables(
    context: Context, deals: Sequence[Deal], stacks: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(e, j) sources it makes available; (e, i, k) -> margin of content; (e, a) stacks that are not adopted beside it."""
    sources, contents, excluded = [], [], []
    for deal in deals:
        a = deal.terms
        if gives(context, a, SOURCE):
            sources += [(a.id, j) for j in a.covers.sources or ()]
        for duty in content_duties(context, a):
            name = f"{a.id} from {', '.join(duty.from_)}"
            contents += [
                (a.id, name, s.id, content_from(context, s.id, duty.from_) - duty.share)
                for s in context.scenario.systems
            ]
        excluded += [(a.id, x) for x in a.duties.excludes_stacks if x in stacks.index]
    return (
        TABLES["sources_under"].frame(sources), TABLES["contents_under"].frame(contents),
        TABLES["excluded"].frame(excluded),
    )  # fmt: skip


def shared_sources(sources_under: pd.DataFrame) -> list[tuple[str, ...]]:
    """Sets of sources whose draws together are capped: each that some agreements cover, and all unions that share one.

    Draws fit under the amounts of agreements if and only if they do for each of these sets, where agreements that cover
    any of a set lend it all they have.
    """
    by = sources_under.groupby("j", sort=True)["e"].agg(frozenset).to_dict()
    found = [frozenset([j]) for j in by]
    for one in found:  # the list grows: unions of what is found, until there is none that is new
        reach = frozenset().union(*(by[j] for j in one))
        found += [new for j in by if (new := one | {j}) not in found and reach & by[j]]
    return [tuple(sorted(one)) for one in found]


def unions(sets: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """All unions of some sets, each once: the sets themselves among them."""
    found = list(dict.fromkeys(sets))
    parts = list(found)
    for one in found:  # the list grows: unions of what is found, until there is none that is new
        found += dict.fromkeys(one | part for part in parts if one | part not in found)
    return found


def content_duties(context: Context, a: Agreement) -> Iterator[ContentDuty]:
    """Those the scenario states; for a package of the programme those of its call."""
    yield from a.duties.content
    if a.kind == PROGRAMME and not a.duties.content:
        programme = context.catalog.table("export_programmes").iloc[0]
        yield ContentDuty.model_validate({"from": ["USA"], "share": float(programme["us_content_min"])})
