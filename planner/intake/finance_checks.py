"""Finance that cannot be, seen before anything is solved: each fault at its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from math import inf

from planner.case.finance import HOME_CURRENCY, SCULPTED, STATE, filled, payer_of_hosts
from planner.case.limits import EVERYONE, PARTNER
from planner.case.periods import quarter_name, quarter_of
from planner.facts.numbers import percent
from planner.intake.document import Document, at_field, fault, stated, valid
from planner.scenario.finance import Grant, PayerRule, Revenue, Source
from planner.scenario.paths import find
from planner.scenario.problems import Problem
from planner.scenario.reading import Item
from planner.scenario.record import Record
from planner.scenario.schema import Host, MoneyCap

ROUNDING = 1e-9
UNREPAID = ("grant", "equity")
REPAID = ("tenor_years", "grace_years", "profile", "balloon_share", "dscr", "sweep_share")
OF_EQUITY = frozenset({"id", "preset", "kind", "share"} | set(Record.model_fields))
"""Fields of a source that mean something for equity: it pays what the rest leaves."""
PRICED = ("usage", "tokens", "take-or-pay", "availability")
AGENCY = ("financed_share", "full_content_share", "local_assets", "local_cost_share", "longest_tenor_years")


def sources_of(doc: Document) -> Iterator[tuple[str, Item, Source]]:
    """Path, place and filled record of every source that is in order."""
    presets = doc.known("finance preset")
    for path, item in find(doc.root, "finance.sources[]"):
        source = valid(Source, item)
        if source is not None and (source.preset is None or source.preset in presets):
            yield path, item, filled(source, doc.catalog)[0]


def terms(doc: Document) -> Iterator[Problem]:
    """Fields that do not go together."""
    for path, item, source in sources_of(doc):
        what = "debt above 100 %" if source.kind not in UNREPAID else "above 100 %"
        if source.share is not None and source.share > 1.0 + ROUNDING:
            yield at_field(
                item, path, "share", f"{percent(source.share)} of a cost: {what}; give a share of at most 1"
            )
        given = stated(item, Source, REPAID)
        if source.kind in UNREPAID and given:
            yield at_field(
                item, path, given[0], f"{source.kind} is not repaid: leave it out, or choose another kind"
            )
        if source.kind == "equity":
            message = "is not for equity, which pays what other sources leave: leave it out"
            others = [name for name in Source.model_fields if name not in (*OF_EQUITY, *REPAID, *AGENCY)]
            for name in stated(item, Source, others):
                yield at_field(item, path, name, message)
        given = stated(item, Source, AGENCY)
        if source.kind != "export-credit" and given and given[0] != "longest_tenor_years":
            yield at_field(
                item, path, given[0], "is a rule of an export credit: leave it out, or choose that kind"
            )
        drawn = source.kind == "grant" and source.optional
        if stated(item, Source, ["kept_years"]) and source.kind != "equity" and not drawn:
            message = "is a rule of a grant that the plan draws: leave it out, or write kind: grant and optional: true"
            yield at_field(item, path, "kept_years", message)
        if source.dscr is not None and source.profile != SCULPTED:
            yield at_field(item, path, "dscr", "a cover is for debt with profile: sculpted")
        if source.tenor_years is not None and (source.grace_years or 0.0) >= source.tenor_years:
            yield at_field(
                item, path, "grace_years", f"must be shorter than the tenor, {source.tenor_years:g} years"
            )
        if source.from_ and source.until and source.until <= source.from_:
            yield at_field(item, path, "until", f"{source.until} must come after from, {source.from_}")
        rate = (source.base_rate_per_year or 0.0) + (source.margin_per_year or 0.0)
        if source.kind not in UNREPAID and rate < 0.0:
            field = "margin_per_year" if item.get("margin_per_year") is not None else "base_rate_per_year"
            message = f"with the base rate interest is {percent(rate, 2)} a year: a loan costs something"
            yield at_field(item, path, field, f"{message}; give a rate of at least 0 in all")


def authority(doc: Document) -> Iterator[Problem]:
    """No agency commits after its authority ends."""
    for path, item, source in sources_of(doc):
        signed = source.from_ or (doc.horizon.start if doc.horizon else None)
        ends = source.authority_ends
        if signed is not None and ends is not None and signed > ends:
            field = "from" if item.get("from") is not None else "authority_ends"
            message = f"signed on {signed}, after the agency's authority ends, {ends}"
            yield at_field(
                item,
                path,
                field,
                f"{message}: state authority_ends where it is renewed, or take the source out",
            )


def eligible(doc: Document) -> Iterator[Problem]:
    """A source that nothing may use."""
    hosts = [valid(Host, item) for _, item in find(doc.root, "hosts[]")]
    rules = [valid(PayerRule, item) for _, item in find(doc.root, "finance.payers[]")]
    classes = doc.known("owner class")
    if any(h is None or h.owner_class not in classes for h in hosts) or None in rules:
        return
    bearing = {STATE, *payer_of_hosts(hosts, rules, doc.catalog).values()}
    countries = set(_countries(doc))
    for path, item, source in sources_of(doc):
        if source.payers and not set(source.payers) & bearing:
            message = f"no asset may use it: no host is paid for by {', '.join(source.payers)}"
            yield at_field(
                item, path, "payers", f"{message}; those with costs are {', '.join(sorted(bearing))}"
            )
        if source.countries and countries and not set(source.countries) & countries:
            message = f"no asset may use it: no site stands in {', '.join(source.countries)}"
            yield at_field(
                item, path, "countries", f"{message}; sites stand in {', '.join(sorted(countries))}"
            )


def _countries(doc: Document) -> Iterator[str]:
    """Where sites stand; a site that states no country is passed over."""
    metros = doc.catalog.table("metros")["iso3"]
    for _, item in find(doc.root, "sites[]"):
        country = (
            str(metros[item.text("metro")]) if item.text("metro") in metros.index else item.text("country")
        )
        if country is not None:
            yield country


def shares(doc: Document) -> Iterator[Problem]:
    """Sources that together pay more than all of a thing; equity that does not add up."""
    owned = [(path, item, s.share or 0.0) for path, item, s in sources_of(doc) if s.kind == "equity"]
    total = sum(share for _, _, share in owned)
    if owned and abs(total - 1.0) > ROUNDING:
        path, item, _ = owned[-1]
        yield at_field(item, path, "share", f"shares of equity add up to {percent(total)}, not 100 %")
    start = doc.horizon.start if doc.horizon else date.min
    rows = [(path, item, s.model_copy(update={"from_": s.from_ or start})) for path, item, s in sources_of(doc)
            if s.kind in ("loan", "lease", "grant") and not _limited(s) and (s.share or 0.0) <= 1.0]  # fmt: skip
    before: list[Source] = []
    for path, item, source in rows:
        before.append(source)
        total, name = max(_shared(before, source.assets or doc.known("asset class")), default=(0.0, ""))
        if total > 1.0 + ROUNDING:
            message = f"with the sources before it {percent(total)} of {name}: debt above 100 %"
            yield at_field(item, path, "share", f"{message}; lower the shares, or cap one by amount_m")


def _shared(sources: Sequence[Source], assets: Iterable[str]) -> Iterator[tuple[float, str]]:
    """What sources pay together of each asset while the last of them is open: largest share, asset."""
    days = {source.from_ for source in sources if source.from_}
    for day in (day for day in days if _open(sources[-1], day)):
        for name in assets:
            paying = [s.share or 0.0 for s in sources if _open(s, day) and s.may_finance(name)]
            yield sum(paying), name


def _open(source: Source, day: date) -> bool:
    """Whether a source may surely be drawn on a day: without an end it closes when operation begins, who knows when."""
    return source.from_ is not None and source.from_ <= day <= (source.until or source.from_)


def _limited(source: Source) -> bool:
    """Whether something beside its share and its dates may keep a source below it: a cap, what it asks, the plan."""
    narrow = (source.payers, source.countries, source.content_from)
    return source.optional or source.amount_m is not None or source.profile == SCULPTED or any(narrow)


def currencies(doc: Document) -> Iterator[Problem]:
    """Two exchange paths of one currency; a path of the money in which all is counted."""
    seen: set[str] = set()
    for path, item in find(doc.root, "finance.currency.paths[].currency"):
        if item.value == HOME_CURRENCY:
            yield fault(
                item, path, f"{HOME_CURRENCY} has no path: rates are dollars for one unit of another currency"
            )
        if isinstance(item.value, str) and item.value in seen:
            yield fault(item, path, f"second path of {item.value}")
        seen.add(str(item.value))


def contracts(doc: Document) -> Iterator[Problem]:
    """Contracts that end before they begin; a target with nothing to price; a payer named twice for a host."""
    for path, item in find(doc.root, "finance.revenue[]"):
        first, last = item.text("from"), item.text("until")
        if first and last and last <= first:
            yield at_field(item, path, "until", f"{last} must come after from, {first}")
    yield from _sold_twice(doc)
    priced = any(item.text("kind") != "budget" for _, item in find(doc.root, "finance.revenue[]"))
    for name in ("target_dscr", "target_equity_irr"):
        for path, item in find(doc.root, f"finance.{name}"):
            if not priced:
                yield fault(item, path, "needs a contract under finance.revenue whose price is to be found")
    for field in ("hosts", "owner_classes"):
        seen: set[str] = set()
        for path, item in find(doc.root, f"finance.payers[].{field}[]"):
            if item.value in seen:
                yield fault(item, path, f"{item.value!r} has a payer already")
            seen.add(str(item.value))


def _sold_twice(doc: Document) -> Iterator[Problem]:
    """Two prices for the same accelerator-hours: a fault at the later of the two contracts."""
    if doc.horizon is None:
        return
    start, last = doc.horizon.start, quarter_of(doc.horizon.end, doc.horizon.start) - 1
    seen: list[tuple[Revenue, int, int]] = []
    for path, item in find(doc.root, "finance.revenue[]"):
        contract = valid(Revenue, item)
        if contract is None or contract.kind not in PRICED:
            continue
        opens = quarter_of(contract.from_, start) if contract.from_ else 0
        ends = quarter_of(contract.until, start) if contract.until else last
        for other, first, end in seen:
            both = range(max(opens, first), min(ends, end) + 1)
            if both and (contract.workloads is None or other.workloads is None
                         or set(contract.workloads) & set(other.workloads)):  # fmt: skip
                names = set(contract.workloads or other.workloads or ()) & set(
                    other.workloads or contract.workloads or ()
                )
                what = ", ".join(sorted(names)) or "all workloads"
                when = f"{quarter_name(both[0], start)} to {quarter_name(both[-1], start)}"
                message = f"{contract.id} and {other.id} both sell the accelerator-hours of {what} in {when}"
                yield fault(item, path, f"{message}: part them by workloads, from or until")
        seen.append((contract, opens, ends))


def grant_warnings(doc: Document) -> list[Problem]:
    """Grants that no capital can stand behind, whatever the plan: its cost counts them whole, finance refuses them."""
    return list(_grant_warnings(doc))


def _grant_warnings(doc: Document) -> Iterator[Problem]:
    hosts = [valid(Host, item) for _, item in find(doc.root, "hosts[]")]
    caps = [valid(MoneyCap, item) for _, item in find(doc.root, "limits.money[]")]
    most = min((c.musd for c in caps if c is not None and _all_capital(c)), default=inf)
    total = 0.0
    for path, item in find(doc.root, "finance.grants[]"):
        grant = valid(Grant, item)
        if grant is None or grant.payer != PARTNER:
            continue
        total += grant.musd
        if all(host is not None and host.mode == "cloud" for host in hosts):
            why = "every host is a provider's cloud, so that there is no capital for it to pay for"
        elif total > most:
            why = (
                f"grants of {total:.4g} MUSD are more than the {most:.4g} of capital that limits.money allows"
            )
        else:
            continue
        way = "an optional source of kind grant pays for capital only"
        yield at_field(item, path, "musd", f"{why}: cost counts it whole, planner finance refuses it; {way}")


def _all_capital(cap: MoneyCap) -> bool:
    return cap.what == "capex" and cap.year is None and cap.payer in (PARTNER, EVERYONE)


FINANCE_RULES: tuple[Callable[[Document], Iterator[Problem]], ...] = (
    terms, authority, eligible, shares, currencies, contracts,
)  # fmt: skip
