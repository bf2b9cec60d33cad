"""Sources of finance whose draws the plan chooses: what they may pay for, and what they cost.

draw[j,h,x,k,t]                real MUSD of source j for class x of system k at host h in period t, its premium included
draw_uses     all sources together pay at most what falls due for a thing in the period
draw_share    a source pays at most its share of it, a grant less of what has few years left to serve
draw_cover    an export credit pays at most its share of the goods, their eligible content, and its cap on local cost
draw_amount   a source lends at most its amount, nominal, in its currency
draw_gain     what sources give away for a thing is at most 99 % of what it costs: price less what is left at the end;
              where purchases of a class cost unlike shares of their price, of each no more than sources can give for it

Only capital of the partner is paid for, in the period in which it falls due: nothing is lent against goods that were paid
before or are sold again, and no grant pays for those. Orders wait for their licence, and so do draws for them. The last row
keeps the plan from buying things for the sake of a grant or of a loan below the discount rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planner.case.case import Case
from planner.case.columns import joined, records
from planner.case.draws import (
    EVERY_CHOICE_OF,
    EXPORT_CREDIT,
    MOST_GIVEN,
    OptionalSource,
    content_share,
    most_given,
    optional_sources,
    serves_years,
    taken_share,
)  # fmt: skip
from planner.case.finance import STATE, lives_of, payer_of_hosts
from planner.case.limits import PARTNER
from planner.models.common import add_set, add_var
from planner.models.ledger import Booked, book, discounted, in_words
from planner.models.sums import bounded_sums

SOLD = "bridge"
"""What is bought to be sold again: a grant would be repaid, and a lender holds what it pays for."""
THING = ["h", "asset_class", "k"]
KEYS = [*THING, "t"]
DRAW = ["j", *KEYS]
WEIGHTS = ["i", "family", "index", "weight"]
ROWS = ("draw_uses", "draw_share", "draw_cover", "draw_amount", "draw_gain")


def declare(m: Any, case: Case, entries: pd.DataFrame) -> list[Booked]:
    """Variables and rows of draws; returns what they book. Nothing where no source is optional, or nothing to pay for."""
    sources = optional_sources(case.scenario, case.catalog)
    bought = (entries["payer"] == PARTNER) & (entries["kind"] == "capex")
    if not sources or not bought.any():
        return []
    uses = _uses(case, entries)
    draws = _draws(case, sources, uses)
    if not len(draws):
        return []
    add_set(m, "DRAW", list(draws[DRAW].itertuples(index=False, name=None)), len(DRAW))
    add_var(m, "draw", m.DRAW)
    draws = draws.assign(family="draw", index=list(m.DRAW), net=1.0 - draws["premium"])
    lines = {(s.id, t): s.lines(t) for s in sources for t in s.periods}
    parts = {name: [part for source in sources for part in _ROWS[name](case, source, uses, draws)]
             for name in ("draw_share", "draw_cover", "draw_amount")}  # fmt: skip
    drawn = set(zip(*(draws[c] for c in KEYS), strict=True))
    own = uses[[key in drawn for key in zip(*(uses[c] for c in KEYS), strict=True)]]
    parts["draw_uses"] = [_named(draws, draws["net"]), _named(own, -own["free"] * own["musd"])]
    gains = draws.assign(
        gain=[_gain(case, lines[j, t], t) for j, t in zip(draws["j"], draws["t"], strict=True)]
    )
    gains["gain"] = gains["gain"].clip(lower=0.0)
    parts["draw_gain"] = [*_gains(case, sources, gains, own)]
    for name in ROWS:
        if rows := [part for part in parts[name] if len(part)]:
            weights = pd.concat(rows, ignore_index=True)
            bounded_sums(m, name, weights, weights.groupby("i", sort=False)["most"].max().to_dict())
    return _booked(draws, lines)


def _uses(case: Case, entries: pd.DataFrame) -> pd.DataFrame:
    """Capital of the partner by variable and period, with its country, who bears it, and what may be asked of it.

    free: share that no source drawn in full may pay. cost_share: price less what is left at the end, present values.
    """
    asked = (entries["payer"] == PARTNER) & (entries["asset_class"] != "") & (entries["musd"] != 0)
    asked &= entries["family"] != SOLD
    paid = in_words(entries[asked])
    worth = paid.assign(pv=paid["musd"].to_numpy(float) * discounted(case, paid))
    by = ["family", "index", *THING]
    cost = worth.groupby([*by, "kind"], sort=False)["pv"].sum().unstack("kind").fillna(0.0)
    share = (1.0 + cost.get("residual", 0.0) / cost["capex"]).clip(lower=0.0).rename("cost_share")
    uses = worth[worth["kind"] == "capex"].merge(share.reset_index(), on=by, how="left")
    bearers = payer_of_hosts(case.scenario.hosts, case.scenario.finance.payers, case.catalog)
    uses = uses.assign(
        bearer=uses["h"].map(bearers).fillna(STATE),
        country=uses["h"].map(case.hosts["country"]).fillna(case.scenario.country),
    )
    kinds = uses[["asset_class", "bearer", "country"]].drop_duplicates()
    free = {tuple(row): 1.0 - taken_share(case.scenario, case.catalog, *row)
            for row in kinds.itertuples(index=False, name=None)}  # fmt: skip
    return uses.assign(free=[free[row] for row in zip(*(uses[c] for c in kinds), strict=True)])


def _draws(case: Case, sources: Sequence[OptionalSource], uses: pd.DataFrame) -> pd.DataFrame:
    """Every draw that may be: source, thing and period, premium of the source."""
    lives = lives_of(case.scenario.finance.life_years, case.catalog)
    things = uses[[*KEYS, "bearer", "country"]].drop_duplicates()
    rows = []
    for source in sources:
        content, open_ = _content(case, source, uses), set(source.periods)
        least = content.groupby(uses[THING].apply(tuple, axis=1)).min()
        for r in records(things):
            if r.t in open_ and source.may_finance(r.asset_class, r.bearer, r.country, r.t, lives[r.asset_class]) \
                    and least[(r.h, r.asset_class, r.k)] >= (source.terms.least_content_share or 0.0):  # fmt: skip
                rows.append((source.id, r.h, r.asset_class, r.k, int(r.t), source.fees.premium))
    return pd.DataFrame(rows, columns=[*DRAW, "premium"])


def _content(case: Case, source: OptionalSource, uses: pd.DataFrame) -> pd.Series:
    """Share of each row of uses that is made where the source asks for it."""
    kinds = uses[["account", "h", "k", "country"]].drop_duplicates()
    asked = source.terms.content_from or []
    found = {(account, h, k, here): content_share(case.catalog, case.hardware, account, h, k, here, asked)
             for account, h, k, here in kinds.itertuples(index=False, name=None)}  # fmt: skip
    rows = zip(*(uses[c] for c in kinds), strict=True)
    return pd.Series([found[row] for row in rows], index=uses.index, dtype=float)


def _named(rows: pd.DataFrame, weight: Any, name: str = "", keys: Sequence[str] = KEYS) -> pd.DataFrame:
    """Weights of rows; a row of the model is named by its parts."""
    label = [
        " ".join(str(x) for x in (name, *key) if x != "")
        for key in zip(*(rows[c] for c in keys), strict=True)
    ]
    return pd.DataFrame({"i": label, "family": rows["family"].to_numpy(), "index": rows["index"].to_numpy(),
                         "weight": np.asarray(weight, dtype=float), "most": 0.0})  # fmt: skip


def _own(
    source: OptionalSource, uses: pd.DataFrame, draws: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draws of a source, and the uses they may pay for."""
    mine = draws[draws["j"] == source.id]
    keys = set(zip(*(mine[c] for c in KEYS), strict=True))
    return mine, uses[[key in keys for key in zip(*(uses[c] for c in KEYS), strict=True)]]


def _share(
    case: Case, source: OptionalSource, uses: pd.DataFrame, draws: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    mine, own = _own(source, uses, draws)
    part, most = (_shares(case, source, rows) for rows in (mine, own))
    if (part < 1.0).any():
        yield _named(mine[part < 1.0], mine["net"][part < 1.0], source.id)
        yield _named(own[most < 1.0], -(most * own["musd"])[most < 1.0], source.id)


def _shares(case: Case, source: OptionalSource, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Most that a source may pay of what falls due, row by row, for a thing of its class and life."""
    things = rows[["asset_class", "k"]].drop_duplicates().itertuples(index=False, name=None)
    years = {thing: serves_years(case.scenario, case.catalog, *thing) for thing in things}
    return np.array(
        [source.share_of_price(int(r.t), years[r.asset_class, r.k]) for r in records(rows)], float
    )


def _cover(
    case: Case, source: OptionalSource, uses: pd.DataFrame, draws: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """Of goods the lesser of the share financed and their content; of local cost up to a share of the goods.

    Each system bought is a contract of its own where a source asks for a least content to cover the whole share.
    """
    s = source.terms
    if s.kind != EXPORT_CREDIT:
        return
    mine, own = _own(source, uses, draws)
    local = own["asset_class"].isin(s.local_assets or [])
    goods, share = own[~local], s.share if s.share is not None else 1.0
    content = _content(case, source, goods)
    if s.full_content_share is not None:
        content = content.where(content < s.full_content_share, 1.0)
    drawn_local = mine["asset_class"].isin(s.local_assets or [])
    for name, part, allowed in (
        ("share", mine[~drawn_local], (s.financed_share or 0.0) * goods["musd"]),
        ("content", mine[~drawn_local], content * goods["musd"]),
        ("local", mine[drawn_local], (s.local_cost_share or 0.0) * goods["musd"]),
    ):
        yield _named(part, part["net"], f"{source.id} {name}", ["t"])
        yield _named(goods, -share * allowed, f"{source.id} {name}", ["t"])


def _gains(
    case: Case, sources: Sequence[OptionalSource], gains: pd.DataFrame, own: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """What is given for things, and for their purchases where these cost unlike shares of their price.

    What sources cannot give for an engine that wears out, since their share is less, would be given for the turbine beside
    it that keeps its price, beyond its cost: plans would buy turbines to be given it. So where that may be, no more of a
    purchase counts than sources can give for it: for any of them together, since others may be used up.
    """
    cost = MOST_GIVEN * own["cost_share"]
    yield _named(gains, gains["gain"])
    yield _named(own, -cost * own["musd"])
    known = {s.id: s for s in sources}
    by_key = dict(iter(gains[gains["gain"] > 0].groupby(KEYS)))
    for key, uses in own.groupby(KEYS):
        offers, costs = by_key.get(key, gains.iloc[:0]), cost[uses.index]
        years = serves_years(case.scenario, case.catalog, *key[1:3])
        for few in _some_of(offers["j"]):
            some = offers[offers["j"].isin(few)]
            each = (
                (row.gain, row.net, known[row.j].share_of_price(int(row.t), years)) for row in records(some)
            )
            most = most_given(each, float(uses["free"].iloc[0]))
            if costs.min() < most < costs.max():
                yield _named(some, some["gain"], " ".join(few))
                yield _named(uses, -costs.clip(upper=most) * uses["musd"], " ".join(few))


def _some_of(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Every choice of one name or more; of many each alone, every two and all, since choices double with every name."""
    every = list(names)
    sizes = range(1, len(every) + 1) if len(every) <= EVERY_CHOICE_OF else (1, 2, len(every))
    return chain.from_iterable(combinations(every, n) for n in sizes)


def _amount(
    case: Case, source: OptionalSource, uses: pd.DataFrame, draws: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    mine = draws[draws["j"] == source.id]
    if source.terms.amount_m is not None and len(mine):
        lent = {t: float(source.lent(t).sum()) for t in source.periods}
        yield _named(mine, mine["t"].map(lent), "", ["j"]).assign(most=source.terms.amount_m)


_ROWS: dict[str, Any] = {"draw_share": _share, "draw_cover": _cover, "draw_amount": _amount}


def _gain(case: Case, lines: pd.DataFrame, t: int) -> float:
    """Present value of a draw less what it costs, per unit, in money of its period."""
    worth = float((lines["musd"].to_numpy(float) * discounted(case, lines)).sum())
    return -worth / float(case.periods["discount"].iloc[t])


def _booked(draws: pd.DataFrame, lines: dict[tuple[str, int], pd.DataFrame]) -> list[Booked]:
    """Ledger entries of every draw: what is received, what it costs, what is repaid."""
    made = pd.concat([table.assign(j=j, drawn_t=t) for (j, t), table in lines.items()], ignore_index=True)
    rows = joined(draws.rename(columns={"t": "drawn_t"}), made, ["j", "drawn_t"])
    return [
        book("draw", list(part["index"]), part["t"], part["musd"], account=str(account), asset_class=part["asset_class"],
             h=part["h"], k=part["k"], supplier=part["j"])
        for account, part in rows.groupby("account", sort=False)
    ]  # fmt: skip
