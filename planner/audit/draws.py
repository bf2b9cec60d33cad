"""Sources of finance whose draws the plan chose: what they paid for, and the debt service that must follow.

Recomputed quarter by quarter from the ledger's lines of draws: each in nominal units of the source's currency, interest on
the balance before, instalments from the end of availability on, and on the horizon's end all that is still owed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain, combinations
from typing import Any

import numpy as np
import pandas as pd

from planner.audit import cooling, fleet, halls, plant, power, refits, sites
from planner.audit.book import Book
from planner.audit.content import made
from planner.audit.findings import Findings
from planner.audit.policy import borne, discount
from planner.audit.view import PARTNER, View, lookup, once, over, total
from planner.case.columns import records
from planner.case.draws import EVERY_CHOICE_OF, MOST_GIVEN, most_given, serves_years
from planner.case.finance import (
    country_premium,
    exchange_rate,
    filled,
    inflation_of,
    lives_of,
    risk_class_of,
)
from planner.case.periods import add_months, quarter_of
from planner.scenario.finance import Source

COVERS = {
    "draw_uses": "draw-uses",
    "draw_share": "draw-share",
    "draw_cover": "draw-cover",
    "draw_amount": "draw-amount",
    "draw_gain": "draw-gain",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
SOLD = "bridge"
"""Account of what is sold again, for which no source pays."""
THING = ["h", "asset_class", "k"]
KEYS = [*THING, "t"]


def check(view: View, found: Findings) -> None:
    """Draws against what they may pay for, source by source and all together."""
    sources = _sources(view)
    if not sources:
        return
    drawn, uses = drawn_by_source(view), _uses(view)
    known = {s.id for s in sources}
    for row in records(drawn[~drawn["supplier"].isin(known)]):
        found.add("draw-eligible", (row.supplier, row.t), row.gross, 0.0, "no optional source of that name")
    drawn = drawn[drawn["supplier"].isin(known)]
    free = total(uses, KEYS, uses["musd"] * (1.0 - uses["taken"]))
    net = total(drawn, KEYS, drawn["net"])
    found.at_most("draw-uses", net, over(net.index, free), "sources pay more than falls due for a thing")
    for source in sources:
        own = drawn[drawn["supplier"] == source.id]
        _eligible(view, found, source, own)
        _limits(view, found, source, own, uses)
    _gain(view, found, drawn)


def _eligible(view: View, found: Findings, s: Source, own: pd.DataFrame) -> None:
    """Within its dates, for what it may finance, which must live until the debt is repaid."""
    opens, closes, repaid = _dates(view, s)
    lives = lives_of(view.scenario.finance.life_years, view.case.catalog)
    placed = _placed(view, own)
    for row in records(placed.assign(may=_may(s, placed))):
        first, after = _quarters(view, row.t)
        if (
            not (row.may and opens <= first and after <= closes)
            or repaid > after + 4 * lives[str(row.asset_class)]
        ):
            found.add("draw-eligible", (s.id, row.h, row.asset_class, row.t), row.gross, 0.0,
                      "the source may not be drawn for this then")  # fmt: skip


def _limits(view: View, found: Findings, s: Source, own: pd.DataFrame, uses: pd.DataFrame) -> None:
    """Share of each thing, or an agency's cover by period; amount lent in all."""
    share = 1.0 if s.share is None else s.share
    if s.kind != "export-credit":
        net = total(own, KEYS, own["net"])
        shares = np.array([_share(view, s, key) for key in net.index])
        most = shares * over(net.index, total(uses, KEYS, uses["musd"]))
        found.at_most("draw-share", net, most, "a source pays more than its share of a thing")
    else:
        mine = uses[_may(s, uses)]
        goods = mine[~mine["asset_class"].isin(s.local_assets or [])]
        content = _content(view, goods, s.content_from or [])
        if s.full_content_share is not None:
            whole = (
                goods.assign(made=content * goods["musd"])
                .groupby([*THING, "t"])[["made", "musd"]]
                .transform("sum")
            )
            content = np.where(
                whole["made"] >= s.full_content_share * whole["musd"] * (1 - 1e-9), 1.0, content
            )
        local = own["asset_class"].isin(s.local_assets or [])
        for part, each in ((own[~local], s.financed_share or 0.0), (own[~local], content),
                           (own[local], s.local_cost_share or 0.0)):  # fmt: skip
            net = total(part, ["t"], part["net"])
            most = share * over(net.index, total(goods, ["t"], each * goods["musd"]))
            found.at_most("draw-cover", net, most, "an export credit pays more than its cover")
    if s.amount_m is not None:
        lent = sum(row.gross * _units(view, s, row.t).sum() for row in records(own))
        found.at_most("draw-amount", pd.Series([lent], index=[s.id]), s.amount_m, "lent above its amount")


def _gain(view: View, found: Findings, drawn: pd.DataFrame) -> None:
    """What sources give away for a thing is at most nearly all of its price less what is left of it at the end.

    Purchase by purchase: of each no more counts than these sources can give for it, whichever of them are taken.
    """
    factor, bought, uses = discount(view), _bought(view), _uses(view)
    free = (uses.groupby(KEYS)["taken"].first().mul(-1.0) + 1.0).to_dict()
    known = {s.id: s for s in _sources(view)}
    most = len(known) if len(known) <= EVERY_CHOICE_OF else 2
    worth: dict[tuple[str, int], float] = {}
    for s, t in {(row.supplier, int(row.t)) for row in records(drawn)}:
        paid = sum(musd * float(factor[due]) for _, due, musd in _service(view, known[s], t))
        worth[s, t] = max(0.0, 1.0 - paid / float(factor[t]))
    given = drawn.assign(given=[row.gross * worth[row.supplier, int(row.t)] for row in records(drawn)])
    if not view.whole:  # of an opening screening pays a part
        given = given[given["asset_class"] != "site"]
    for key, rows in given.groupby(KEYS):
        of = bought[(bought[KEYS] == pd.Series(key, index=KEYS)).all(axis=1)]
        by_source = rows.groupby("supplier")["given"].sum()
        for few in chain.from_iterable(
            combinations(by_source.index, n) for n in range(1, 1 + min(most, len(by_source)))
        ):
            offers = [
                (
                    worth[s, int(key[3])],
                    1.0 - (known[s].premium_share or 0.0),
                    _share(view, known[s], key),
                )
                for s in few
            ]
            each = (MOST_GIVEN * of["cost_share"]).clip(upper=most_given(offers, free.get(key, 1.0)))
            found.at_most(
                "draw-gain", pd.Series([by_source[list(few)].sum()], index=[(*key, *few)]),
                float((each * of["musd"]).sum()), f"sources give more than {MOST_GIVEN:.0%} of what a thing costs",
            )  # fmt: skip


def _share(view: View, s: Source, key: Sequence[Any]) -> float:
    """Of what falls due for a thing (``KEYS``: its class and period among them); an agency covers a share of all goods of a
    period. A grant pays of it the part of the years it must serve that its life and the horizon leave, the mean of its
    quarters.
    """
    if s.kind == "export-credit":
        return 1.0
    share = 1.0 if s.share is None else s.share
    if not s.kept_years:
        return share
    thing = dict(zip(KEYS, key, strict=True))
    life = serves_years(view.scenario, view.case.catalog, str(thing["asset_class"]), str(thing["k"]))
    last = view.n_steps * view.case.calendar.step_months // 3
    years = [min(life, (last - quarter) / 4.0) for quarter in range(*_quarters(view, int(thing["t"])))]
    return share * sum(min(1.0, each / s.kept_years) for each in years) / len(years)


@once
def _bought(view: View) -> pd.DataFrame:
    """Outlays by purchase, thing and period, with what the purchase costs over the horizon as a share of its price."""
    book = Book(view)
    for topic in (fleet, halls, cooling, refits, plant, power, sites):
        topic.booked(book)
    lines = book.table()
    lines = lines[(lines["payer"] == PARTNER) & (lines["asset_class"] != "") & (lines["musd"] != 0)]
    lines = lines[lines["account"] != SOLD]
    pv = (
        (lines["musd"] * lookup(lines["t"], discount(view)).astype(float))
        .groupby([lines["item"], lines["kind"]])
        .sum()
    )
    kinds = pv.unstack("kind").reindex(columns=["capex", "residual"]).fillna(0.0)
    share = (1.0 + kinds["residual"] / kinds["capex"]).clip(lower=0.0)
    paid = lines[lines["kind"] == "capex"].groupby([*KEYS, "item"], as_index=False)["musd"].sum()
    return paid.assign(cost_share=paid["item"].map(share))


def booked(book: Book) -> None:
    """Every draw as it stands, and the debt service that follows from it."""
    view = book.view
    known = {s.id: s for s in _sources(view)}
    drawn = drawn_by_source(view)
    drawn = drawn[drawn["supplier"].isin(set(known))].reset_index(drop=True)
    for row in records(drawn):
        fields = {x: str(getattr(row, x)) for x in THING}
        grant = known[row.supplier].kind == "grant"
        line = pd.DataFrame({"t": [row.t]})
        if grant:
            book.add(line, -row.gross, kind="grant", account="grant-drawn", **fields)
            continue
        book.add(line, -row.gross, kind="finance", account="draw", **fields)
        for account, due, musd in _service(view, known[row.supplier], row.t):
            book.add(pd.DataFrame({"t": [due]}), row.gross * musd, kind="finance", account=account, **fields)


@once
def _sources(view: View) -> list[Source]:
    """Optional sources with every field filled in, the premium by the Arrangement where none is written."""
    made = []
    for given in view.scenario.finance.sources:
        if not given.optional:
            continue
        s = filled(given, view.case.catalog)[0]
        tenor = s.tenor_years if s.tenor_years is not None else s.longest_tenor_years or 0.0
        s = s.model_copy(update={"tenor_years": tenor})
        if s.premium_share is None:
            opens, closes, _ = _dates(view, s)
            risk = risk_class_of(view.scenario.country, view.case.catalog)
            premium = country_premium(risk, tenor + (closes - opens) / 8.0, view.case.catalog)
            s = s.model_copy(update={"premium_share": premium if s.kind == "export-credit" else 0.0})
        made.append(s)
    return made


@once
def drawn_by_source(view: View) -> pd.DataFrame:
    """Lines of draws with what is drawn (gross) and what it pays for things (net of its premium), MUSD."""
    ledger = view.table("ledger")
    rows = ledger[ledger["account"].isin(["draw", "grant-drawn"])]
    premium = rows["supplier"].map({s.id: s.premium_share or 0.0 for s in _sources(view)}).fillna(0.0)
    return rows.assign(gross=-rows["musd"], net=-rows["musd"] * (1.0 - premium))


@once
def _uses(view: View) -> pd.DataFrame:
    """Capital of the partner with bearer and country, and the share that sources drawn in full may pay of it."""
    ledger = view.table("ledger")
    capital = (ledger["payer"] == PARTNER) & (ledger["kind"] == "capex") & (ledger["account"] != SOLD)
    rows = _placed(view, ledger[capital])
    taken = pd.Series(0.0, index=rows.index)
    for given in view.scenario.finance.sources:
        s = filled(given, view.case.catalog)[0]
        if s.optional or s.kind == "equity":
            continue
        of_cost = (s.financed_share or 0.0) if s.kind == "export-credit" else 1.0
        taken += _may(s, rows) * (s.share or 0.0) * of_cost
    return rows.assign(taken=taken.clip(upper=1.0))


def _may(s: Source, rows: pd.DataFrame) -> pd.Series:
    """Which rows a source may finance by asset class, payer and country."""
    pays = pd.Series(True, index=rows.index)
    for some, column in ((s.assets, "asset_class"), (s.payers, "bearer"), (s.countries, "country")):
        if some:
            pays &= rows[column].isin(some)
    return pays


def _content(view: View, rows: pd.DataFrame, countries: list[str]) -> np.ndarray:
    """Share of each row that is made in some countries; all of it where none is named."""
    if not countries:
        return np.ones(len(rows))
    shares = [
        sum(share for _, country, share in made(view.case.catalog, str(r.account), str(r.k))
            if (r.country if country == "place" else country) in countries)
        for r in records(rows)
    ]  # fmt: skip
    return np.array(shares, dtype=float)


def _placed(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the payer that finance names, and the country in which things stand."""
    where = pd.Series(lookup(rows["h"], view.case.hosts["country"]), index=rows.index, dtype=object)
    return borne(view, rows.assign(payer=PARTNER)).assign(country=where.fillna(view.scenario.country))


def _dates(view: View, s: Source) -> tuple[int, int, int]:
    """Quarter in which it opens, first in which it is closed, first after its last instalment."""
    start, quarters = view.date(0), view.n_steps * view.case.calendar.step_months // 3
    opens = 0 if s.from_ is None else max(0, quarter_of(s.from_, start))
    closes = quarters if s.until is None else min(quarters, quarter_of(s.until, start) + 1)
    repaid = 0 if s.kind == "grant" else min(quarters, closes + round(4 * (s.tenor_years or 0.0)))
    return opens, closes, repaid


def _quarters(view: View, t: int) -> tuple[int, int]:
    """First quarter of a period and the first after it; a month lies in one."""
    start, end = view.date(t), view.date(t + 1) - timedelta(days=1)
    return quarter_of(start, view.date(0)), quarter_of(end, view.date(0)) + 1


def _paths(view: View, s: Source) -> tuple[np.ndarray, np.ndarray]:
    """Price level and dollars per unit of the currency at the end of every quarter."""
    quarters, finance = view.n_steps * view.case.calendar.step_months // 3, view.scenario.finance
    inflation = inflation_of(finance, view.case.catalog)
    level = np.array([(1.0 + inflation) ** (0.25 * (q + 1)) for q in range(quarters)])
    days = [add_months(view.date(0), 3 * (q + 1)) for q in range(quarters)]
    return level, np.array(
        [exchange_rate(finance, s.currency or "USD", day, view.case.catalog) for day in days]
    )


def _units(view: View, s: Source, t: int) -> np.ndarray:
    """A real dollar drawn in period t, by quarter in nominal units of the currency."""
    level, rate = _paths(view, s)
    first, after = _quarters(view, t)
    units = np.zeros(len(level))
    units[first:after] = level[first:after] / rate[first:after] / (after - first)
    return units


def _service(view: View, s: Source, t: int) -> Iterator[tuple[str, int, float]]:
    """account, period, real MUSD of all that follows from a real dollar drawn in period t; nothing for a grant."""
    if s.kind == "grant":
        return
    level, rate = _paths(view, s)
    units, (opens, closes, _) = _units(view, s, t), _dates(view, s)
    each = ((s.base_rate_per_year or 0.0) + (s.margin_per_year or 0.0)) / 4.0
    grossed = each / (1.0 - (s.withholding_share or 0.0))
    grace, tenor = round(4 * (s.grace_years or 0.0)), round(4 * (s.tenor_years or 0.0))
    debt, owed, undrawn = units.sum(), 0.0, units.sum()
    yield "debt-cost", t, s.premium_share or 0.0
    for q in range(len(level)):
        cost = owed * (grossed + (s.guarantee_fee_per_year or 0.0) / 4.0)
        if opens <= q < closes:
            cost += undrawn * (s.commitment_fee_per_year or 0.0) / 4.0
        if q == opens:
            cost += debt * (s.upfront_fee_share or 0.0)
        paid = 0.0
        if q >= closes + grace:
            paid = min(owed, _instalment(s, debt, each, q - closes - grace, tenor - grace))
            paid = owed if q == len(level) - 1 else paid
        elif q == len(level) - 1:
            paid = owed
        due = view.case.calendar.containing(add_months(view.date(0), 3 * q + 2))
        real = rate[q] / level[q]
        yield "debt-cost", due, float(cost * real)
        yield "debt-repaid", due, float(paid * real)
        owed += units[q] - paid
        undrawn -= units[q]


def _instalment(s: Source, debt: float, each: float, number: int, count: int) -> float:
    """Principal of an instalment: what a constant payment leaves after interest, or the same each time; a balloon last."""
    spread = debt * (1.0 - (s.balloon_share or 0.0))
    if s.profile != "level" or each == 0:
        paid = spread / count
    else:
        payment = spread * each / (1.0 - (1.0 + each) ** -count)
        left = spread * (1.0 + each) ** number - payment * ((1.0 + each) ** number - 1.0) / each
        paid = payment - each * left
    return paid + (debt * (s.balloon_share or 0.0) if number == count - 1 else 0.0)
