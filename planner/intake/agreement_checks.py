"""Agreements: what a kind needs and what it has no use for, dates that leave it no day, duties that exclude one another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from planner.case.periods import Calendar, day_after
from planner.intake.document import Document, fault, valid
from planner.intake.offer_checks import context_of
from planner.scenario.agreements import Agreement, ContentDuty
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.schema import Decision

USES = {
    "licence_months": ("licence",), "quota": ("quota",), "capacity_accelerators": ("hosts",), "amount_musd": ("source",),
    "attributes": ("attributes",), "guest": ("locality",),
}  # fmt: skip
"""Field -> what a kind must give for the field to mean anything."""
RIDING = ("licence", "quota")
"""What orders ride on, and their duties with them."""


def agreement_faults(doc: Document) -> Iterator[Problem]:
    """Every fault of the agreements, at its field."""
    hubs: dict[str, str] = {}
    for path, item in find(doc.root, "agreements[]"):
        kind = item.text("kind")
        if kind is None or kind not in doc.known("agreement kind"):
            continue
        yield from _kind(doc, path, item, kind)
        agreement = valid(Agreement, item)
        if agreement is not None:
            yield from _dates(doc, path, item, agreement)
            yield from _places(doc, path, item, agreement)
            yield from _duties(doc, path, item, agreement)
        for host_path, host in find(item, "covers.hosts[]") if "hosts" in _gives(doc, kind) else ():
            if isinstance(host.value, str) and host.value in hubs:
                message = (
                    f"{host.value!r} serves under {hubs[host.value]!r} already: a host belongs to one hub"
                )
                yield fault(host, f"{path}.{host_path}", message)
            elif isinstance(host.value, str):
                hubs[host.value] = item.text("id") or ""
    yield from _decisions(doc)


def _gives(doc: Document, kind: str) -> list[str]:
    return str(doc.catalog.value("agreement_kinds", kind, "gives")).split(";")


def _kind(doc: Document, path: str, item: Item, kind: str) -> Iterator[Problem]:
    row, given = doc.catalog.table("agreement_kinds").loc[kind], _gives(doc, kind)
    if row["partner_required"] and item.get("partner") is None:
        yield fault(item, path, f"{kind} needs a partner: the country that signs it, as an ISO3 code")
    for need in str(row["needs"]).split(";") if isinstance(row["needs"], str) else ():
        if not any(_there(item, field) for field in need.split("|")):
            yield fault(item, path, f"{kind} needs {need.replace('|', ' or ')}")
    for field, uses in USES.items():
        child = item.get(field)
        if child is not None and child.value not in (None, {}) and not set(uses) & set(given):
            yield fault(
                child,
                f"{path}.{field}",
                f"means nothing for {kind}, which gives {', '.join(given)}: take it out",
            )
    for source_path, source in find(item, "covers.sources[]"):
        optional = [s for _, s in find(doc.root, "finance.sources[]") if s.text("id") == source.value]
        if optional and not _true(optional[0], "optional"):
            message = f"{source.value!r} is drawn whatever is agreed: set optional: true on the source"
            yield fault(source, f"{path}.{source_path}", message)


def _there(item: Item, field: str) -> bool:
    return any(found.value not in (None, [], {}) for _, found in find(item, field))


def _true(item: Item, field: str) -> bool:
    child = item.get(field)
    return child is not None and child.value is True


def _dates(doc: Document, path: str, item: Item, a: Agreement) -> Iterator[Problem]:
    if doc.horizon is None:
        return
    start, end = doc.horizon.start, doc.horizon.end
    if a.from_ is not None and a.from_ >= end:
        yield fault(
            item.value["from"], f"{path}.from", f"{a.from_} lies after the horizon, which ends on {end}"
        )
    first = _first_day(doc.horizon, doc, a)
    if a.optional and first >= end and (a.from_ is None or a.from_ < end):
        place = item.get("lead_months")
        message = f"it cannot be signed before {first}, and the horizon ends on {end}: a shorter lead_months"
        yield fault(place or item, f"{path}.lead_months", message)
        return
    if a.until is None:
        return
    if a.until < start:
        message = f"{a.until} lies before the horizon starts, {start}: take the agreement out"
        yield fault(item.value["until"], f"{path}.until", message)
        return
    if a.from_ is not None and a.until < a.from_:
        yield fault(item.value["until"], f"{path}.until", f"{a.until} comes before from, {a.from_}")
        return
    if day_after(a.until) <= first:
        message = f"{a.until} lies before it can be signed, {first}: a later date, or a shorter lead_months"
        yield fault(item.value["until"], f"{path}.until", message)


def _first_day(horizon: Calendar, doc: Document, a: Agreement) -> date:
    """First day on which an agreement may be in force: its months of negotiation in whole periods, or its own date."""
    months = 0.0
    if a.optional:
        own = a.lead_months
        kind = doc.catalog.value("agreement_kinds", a.kind, "lead_months_mid")
        months = float(kind if own is None else own)
    lead = horizon.whole_steps(months)
    return max(horizon.date_of(horizon.after(0, lead)), a.from_ or horizon.start)


def _places(doc: Document, path: str, item: Item, a: Agreement) -> Iterator[Problem]:
    """A partner that is the country itself, hosts of a hub that stand elsewhere, chips that no system has."""
    gives, home = _gives(doc, a.kind), doc.root.text("country")
    abroad = {"locality", "trust", "hosts"} & set(gives)
    if abroad and a.partner is not None and a.partner == (a.guest or home):
        message = f"{a.partner} is the country itself: {a.kind} is signed with another one"
        yield fault(item.value["partner"], f"{path}.partner", message)
    elif "hosts" in gives and a.partner is not None:
        stand = countries_of_hosts(doc)
        for host_path, host in find(item, "covers.hosts[]"):
            where = stand.get(str(host.value))
            if where is not None and where != a.partner:
                message = f"{host.value!r} stands in {where}, the hub is in {a.partner}: take it out, or name that partner"
                yield fault(host, f"{path}.{host_path}", message)
    yield from _chips(doc, path, item, a)


def countries_of_hosts(doc: Document) -> dict[str, str]:
    """Host -> the country its site stands in, where that is stated."""
    metros, sites = doc.catalog.table("metros")["iso3"], {}
    for _, site in find(doc.root, "sites[]"):
        metro = site.text("metro")
        sites[site.text("id")] = str(metros[metro]) if metro in metros.index else site.text("country")
    hosts = ((host.text("id"), sites.get(host.text("site"))) for _, host in find(doc.root, "hosts[]"))
    return {h: country for h, country in hosts if h is not None and country is not None}


def _chips(doc: Document, path: str, item: Item, a: Agreement) -> Iterator[Problem]:
    """Vendors and origins of chips that no system of the scenario has: the agreement would speak of nothing."""
    systems, chips = doc.catalog.table("systems"), doc.catalog.table("accelerators")
    own = [systems.at[k, "accelerator_id"] for k in doc.ids("systems[].id") if k in systems.index]
    for name, column in (("vendors", "vendor"), ("chip_origins", "origin_iso3")):
        named, there = getattr(a.covers, name), sorted({str(chips.at[c, column]) for c in own})
        if named and there and not set(named) & set(there):
            message = f"no system of the scenario is of {', '.join(named)}: they are of {', '.join(there)}"
            yield fault(item.value["covers"].value[name], f"{path}.covers.{name}", message)


def _duties(doc: Document, path: str, item: Item, a: Agreement) -> Iterator[Problem]:
    """Duties that no order can keep together, and duties of agreements under which nothing is ordered."""
    place = item.get("duties")
    if place is None:
        return
    gives, where = _gives(doc, a.kind), f"{path}.duties"
    asked = [n for n in ("content", "investment_share", "least_accelerators") if _there(place, n)]
    if asked and not set(RIDING) & set(gives):
        yield fault(
            place,
            where,
            f"{', '.join(asked)}: nothing is ordered under {a.kind}, so nothing can keep this duty",
        )
    parts = _apart(a.duties.content)
    if sum(duty.share for duty in parts) > 1.0 + 1e-9:
        words = " and ".join(f"{duty.share:.0%} from {', '.join(duty.from_)}" for duty in parts)
        yield fault(
            place.value["content"], f"{where}.content", f"{words} exclude one another: together more than all"
        )
    both = sorted(set(a.duties.excludes_stacks) & set(a.covers.stacks or ()))
    if both and set(a.covers.stacks or ()) <= set(a.duties.excludes_stacks):
        message = f"{', '.join(both)}: it covers no other stack, so signing it rules out all that it is for"
        yield fault(place.value["excludes_stacks"], f"{where}.excludes_stacks", message)
    message = _too_many(doc, a) if a.duties.least_accelerators and set(RIDING) & set(gives) else ""
    if message:
        yield fault(place.value["least_accelerators"], f"{where}.least_accelerators", message)


def _too_many(doc: Document, a: Agreement) -> str:
    """Why a least amount cannot be ordered in time to run for a year, or under the quota; empty where it can."""
    least, quota = a.duties.least_accelerators or 0.0, a.quota
    if quota is not None and quota.per == "total" and least > quota.accelerators:
        return f"{least:g} is more than its quota of {quota.accelerators:g}: at most that, or a larger quota"
    if doc.horizon is None or (days := _order_days(doc, doc.horizon, a)) is None:
        return ""
    first, last = days
    if last < first:
        return (
            f"nothing ordered under it can run for a year: it is in force from {first} at the earliest, and the last order "
            f"that can is of {last}: take the duty out, or make it sooner or longer"
        )
    years = last.year - first.year + 1
    if quota is not None and least > quota.accelerators * years:
        return (
            f"{least:g} is more than its quota of {quota.accelerators:g} in each of the {years} years "
            f"in which orders can still run for a year, {first.year} to {last.year}: at most "
            f"{quota.accelerators * years:g}, or a larger quota"
        )
    return ""


def _order_days(doc: Document, horizon: Calendar, a: Agreement) -> tuple[date, date] | None:
    """First day of orders under an agreement, and first day of the last period whose orders can run for a year.

    None where its dates or systems are at fault elsewhere.
    """
    context, delivery = context_of(doc, []), []
    for choice in context.scenario.systems:
        if choice.id in doc.known("catalog system") and choice.id in (a.covers.systems or [choice.id]):
            delivery.append(
                float(context.pick(choice.delivery_months, "systems", choice.id, "delivery_months"))
            )
    first = _first_day(horizon, doc, a)
    if not delivery or first >= horizon.end or (a.until is not None and a.until < first):
        return None
    after = horizon.n if a.until is None else min(horizon.n, horizon.containing(day_after(a.until)))
    ends = (a.end or doc.catalog.value("agreement_kinds", a.kind, "end")) == "service"
    lead, year = horizon.whole_steps(min(delivery)), horizon.whole_steps(12.0)
    runs_to = horizon.step_of(after if ends else horizon.n)
    last = min(after - 1, horizon.period_of(runs_to - year - lead))
    return horizon.date_of(horizon.first_from(first)), horizon.date_of(last)


def _apart(duties: list[ContentDuty]) -> list[ContentDuty]:
    """Duties whose countries do not overlap, the larger shares first: their shares add up."""
    kept: list[ContentDuty] = []
    for duty in sorted(duties, key=lambda d: -d.share):
        if all(not set(duty.from_) & set(other.from_) for other in kept):
            kept.append(duty)
    return kept


def _decisions(doc: Document) -> Iterator[Problem]:
    """Decisions on agreements: of something, in whole signatures, none that asks for what another forbids or is settled."""
    listed, rules = doc.ids("agreements[].id"), []
    for path, item in find(doc.root, "decisions[]"):
        named, what = item.get("agreements"), item.text("what")
        if named is not None and named.value is not None and what != "agreement":
            yield fault(
                named,
                f"{path}.agreements",
                f"means nothing for {what}: write what: agreement, or take it out",
            )
        if what == "agreement" and item.text("do") != "forbid" and not listed:
            yield fault(item, path, f"nothing to {item.text('do')}: no agreements are listed")
        rule = valid(Decision, item) if what == "agreement" and listed else None
        if rule is not None:
            rules.append((path, item, rule, listed if rule.agreements is None else rule.agreements))
    yield from _settled(doc)
    for path, item, rule, of in rules:
        value, forbidden = (
            rule.value if rule.value is not None else 1.0,
            [r for r in rules if r[2].do == "forbid"],
        )
        if rule.do != "forbid" and (value != int(value) or value > len(of)):
            message = f"{value:g} signatures of {len(of)}: each is signed once or not, so a whole number up to {len(of)}"
            yield fault(item.get("value") or item, f"{path}.value", message)
        for _, _, other, none_of in forbidden if rule.do != "forbid" and value > 0 else ():
            if set(of) <= set(none_of) and _within(rule, other):
                message = f"asks for {', '.join(of)}, which {other.id!r} forbids: take one of the two out"
                yield fault(item, path, message)


def _settled(doc: Document) -> Iterator[Problem]:
    """Decisions against what is agreed already: to forbid it, or to adopt what it excludes for good."""
    agreed = [
        a for _, item in find(doc.root, "agreements[]") if (a := valid(Agreement, item)) and not a.optional
    ]
    start = None if doc.horizon is None else doc.horizon.start
    lasting = [a for a in agreed if a.until is None and (a.from_ is None or (start and a.from_ <= start))]
    for path, item in find(doc.root, "decisions[]"):
        rule = valid(Decision, item)
        if rule is None:
            continue
        if rule.what == "agreement" and rule.do == "forbid":
            for a in agreed:
                if rule.agreements is None or a.id in rule.agreements:
                    message = f"{a.id!r} is agreed already (optional: false), so it cannot be forbidden: make it optional"
                    yield fault(item, path, message)
        if rule.what == "stack" and rule.do != "forbid" and rule.value != 0:
            for a in lasting:
                if rule.stacks and set(rule.stacks) <= set(a.duties.excludes_stacks):
                    message = (
                        f"asks for {', '.join(rule.stacks)}, which {a.id!r} excludes and is agreed already"
                    )
                    yield fault(item, path, message)


def _within(rule: Decision, other: Decision) -> bool:
    """Whether a decision speaks of no date that another does not speak of."""
    starts = other.from_ is None or (rule.from_ is not None and rule.from_ >= other.from_)
    return starts and (other.to is None or (rule.to is not None and rule.to <= other.to))
