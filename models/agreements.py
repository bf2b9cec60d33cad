"""Agreements: which are signed when, and the orders, work and draws that ride on a signature.

Variables: sign[e,t] binary: agreement e is in force from the start of t. under[e,h,a,k,t]: thousands of accelerators
of an order that are placed under e. No signature multiplies a variable: it caps a sum.

    sum over t of sign[e,t] <= 1                                                    (e)     sign_once
    sum over t of sign[e,t] >= 1                                       agreed already (e)   sign_agreed
    sum over e of under <= order                                                 (h,a,k,t)  under_order
    order <= sum over e of under                    possible under an agreement only       under_early
    sum of weight x under ordered by u (of the year, where it is one of each year) <= quota x signed    (e,u)   under_quota
    under <= most x signed                            without a quota            (e,h,a,k,t) under_signed
    least x signed <= sum of under                                                  (e)     under_least
    sum of price x (content - share) x under >= 0                                   (i)     under_content
    sum of rate x serve of what agreements open <= demand x in force; reserve alike   (w,t)   agreed_work
    sum of serve + reserve at hosts of a hub <= availability x capacity x in force  (e,t)   agreed_capacity
    serve + reserve <= availability x what was there before the end         end of orders   agreed_before
    serve + reserve <= availability x (fleet - what was ordered under it)   end of service  agreed_after
    sum of draws of its sources by t <= amount x signed                             (e,t)   agreed_draws
    use[a] + sum over t of sign[e,t] <= 1                                           (e,a)   agreed_stacks

``signed`` counts signatures early enough for the licence; quotas of vendors and licences do not count orders under an
agreement that lifts them (``supply``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pe

from planner.case.agreements import standing_costs
from planner.case.case import Case
from planner.case.columns import looked_up
from planner.case.context import Context
from planner.case.resilience import reserves
from planner.models.common import add_set, add_var, tuples
from planner.models.ledger import CONSTANT, book, yearly
from planner.models.policy import reciprocal
from planner.models.sums import bounded_sums, weights_of

HAK, HAKT = ["h", "a", "k"], ["h", "a", "k", "t"]
DRAWS = "agreed_draws"
Weights = Iterator[pd.DataFrame]


def declare_signatures(m: Any, case: Case) -> None:
    """The variables of signatures and of orders under agreements: quotas count the latter."""
    add_set(m, "SIGN", tuples(case.agreements), 2)
    m.sign = pe.Var(m.SIGN, domain=pe.Binary, dense=False)
    add_set(m, "UNDER", tuples(case.unders), 5)
    add_var(m, "under", m.UNDER)


def declare(m: Any, case: Case) -> None:
    """Rows of what is offered; none where nothing is."""
    for name, part in _PARTS.items():
        _add(m, name, list(part(case)))


def declare_draws(m: Any, case: Case) -> None:
    """Draws of sources that an agreement makes available; after the draws themselves."""
    if not len(case.sources_under) or not hasattr(m, "draw"):
        return
    draws = pd.DataFrame(list(m.DRAW), columns=["j", "h", "class", "k", "t"])
    draws = draws.assign(index=list(m.DRAW)).merge(case.sources_under.reset_index(drop=True), on="j")
    parts = []
    for row in _terms(case):
        own = draws[draws["e"] == row.e]
        for t in sorted(set(own["t"])):
            drawn = own[(own["t"] <= t) & (own["t"] < row.end_t)]
            parts.append(weights_of(f"{row.e} {t}", "draw", drawn["index"], 1.0))
            parts.append(_signed(case, row.e, f"{row.e} {t}", row.amount_musd, t))
        late = own[own["t"] >= row.end_t]
        parts.append(weights_of(f"{row.e} ended", "draw", late["index"], 1.0))
    _add(m, DRAWS, parts)


def _add(m: Any, name: str, parts: list[pd.DataFrame]) -> None:
    kept = [part for part in parts if len(part)]
    if kept:
        weights = pd.concat(kept, ignore_index=True)
        bounded_sums(m, name, weights, weights.groupby("i", sort=False)["most"].max().to_dict())


def _signed(case: Case, e: str, i: str, most: float, by: int | None = None) -> pd.DataFrame:
    """What a row may be at most for each signature, by a period where one is given."""
    own = case.agreements[case.agreements["e"] == e]
    own = own if by is None else own[own["t"] <= by]
    return weights_of(i, "sign", own.index, -most)


def _label(*parts: Any) -> str:
    return " ".join(str(x) for x in parts)


def _terms(case: Case) -> Iterator[Any]:
    yield from case.terms.itertuples()


# ---- signatures


def _once(case: Case) -> Weights:
    table = case.agreements
    yield weights_of(table["e"].to_numpy(), "sign", table.index, 1.0, 1.0)


def _agreed(case: Case) -> Weights:
    own = case.agreements[case.agreements["e"].isin(case.terms.loc[case.terms["signed"], "e"])]
    yield weights_of(own["e"].to_numpy(), "sign", own.index, -1.0, -1.0)


def _stacks(case: Case) -> Weights:
    for row in case.excluded.itertuples():
        i = _label(row.e, row.a)
        yield weights_of(i, "use", [row.a], 1.0, 1.0)
        yield _signed(case, row.e, i, -1.0).assign(most=1.0)


# ---- orders


def _named(table: pd.DataFrame, names: list[str]) -> list[str]:
    return [_label(*key) for key in zip(*(table[c] for c in names), strict=True)]


def _order(case: Case) -> Weights:
    if len(case.unders):
        yield weights_of(_named(case.unders, HAKT), "under", case.unders.index, 1.0)
        keys = case.unders[HAKT].drop_duplicates()
        yield weights_of(_named(keys, HAKT), "order", keys.itertuples(index=False, name=None), -1.0)


def _early(case: Case) -> Weights:
    early = case.orders[case.orders["early"]]
    if len(early):
        yield weights_of(_named(early, HAKT), "order", early.index, 1.0)
        own = case.unders[pd.MultiIndex.from_frame(case.unders[HAKT]).isin(early.index)]
        yield weights_of(_named(own, HAKT), "under", own.index, -1.0)


def _quota(case: Case) -> Weights:
    """Orders placed by u whose licence takes so long or longer, against signatures that long before u."""
    for row in _terms(case):
        own = case.unders[case.unders["e"] == row.e]
        if not np.isfinite(row.quota_k):
            continue
        waits = own["order_t"] - own["opens_t"]
        for wait, u in sorted(set(zip(waits, own["order_t"], strict=True))):
            since = _year_start(case, int(u)) if row.by_year else 0
            counted = own[(own["order_t"] <= u) & (own["order_t"] >= since) & (waits >= wait)]
            i = _label(row.e, "to", case.calendar.label(int(u)), *(("licence", wait) if wait else ()))
            yield weights_of(i, "under", counted.index, counted["weight"])
            yield _signed(case, row.e, i, row.quota_k, int(u - wait))


def _year_start(case: Case, t: int) -> int:
    """First period of the calendar year of a period."""
    years = case.periods["year"]
    return int(years.index[years == years.loc[t]].min())


def _gate(case: Case) -> Weights:
    unlimited = case.terms.loc[~np.isfinite(case.terms["quota_k"]), "e"]
    for row in case.unders[case.unders["e"].isin(unlimited)].itertuples():
        i = _label(row.e, row.h, row.a, row.k, row.t)
        yield weights_of(i, "under", [row.Index], 1.0)
        yield _signed(case, row.e, i, float(row.most_k), int(row.opens_t))


def _least(case: Case) -> Weights:
    for row in _terms(case):
        if row.least_k > 0:
            own = case.unders[case.unders["e"] == row.e]
            yield weights_of(row.e, "under", own.index, -own["weight"])
            yield _signed(case, row.e, row.e, -row.least_k)


def _content(case: Case) -> Weights:
    rows = case.unders.merge(case.contents_under.reset_index(drop=True), on=["e", "k"])
    if len(rows):
        index = rows[["e", *HAKT]].itertuples(index=False, name=None)
        yield weights_of(rows["i"].to_numpy(), "under", index, -rows["margin"] * rows["musd_per_k"])


# ---- work


def _groups(case: Case) -> dict[tuple[str, ...], list[tuple[Any, ...]]]:
    """Agreements of which one is enough -> offers (w, h, a, k) that they open."""
    by: dict[tuple[Any, ...], list[str]] = {}
    for row in case.opened.itertuples():
        by.setdefault((row.w, row.h, row.a, row.k), []).append(str(row.e))
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for offer, names in by.items():
        groups.setdefault(tuple(names), []).append(offer)
    return groups


def _at(table: pd.DataFrame, offers: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows of work at some offers (w, h, a, k)."""
    return table[pd.MultiIndex.from_frame(table[["w", *HAK]]).isin(offers)]


def _in_force(case: Case, e: str, i: str, most: float, t: int) -> pd.DataFrame:
    """As ``_signed``, in periods in which service goes on under it."""
    row = case.terms.loc[e]
    if row["service_ends"] and t >= row["end_t"]:
        return weights_of(i, "sign", [], 0.0)
    return _signed(case, e, i, most, t)


def _work(case: Case) -> Weights:
    demand = case.demand["most_kref"]
    for names, offers in _groups(case).items():
        for family, table, times in (
            ("serve", case.serve, 1.0),
            ("reserve", reserves(case), float(len(case.hosts))),
        ):
            for (w, t), own in _at(table, offers).groupby(["w", "t"], sort=False):
                i = _label("+".join(names), family, w, t)
                yield weights_of(i, family, own.index, own["rate"])
                for e in names:
                    yield _in_force(case, e, i, times * float(demand[w, t]), int(t))


def _capacity(case: Case) -> Weights:
    availability = case.physics["availability"]
    for row in _terms(case):
        if not np.isfinite(row.capacity_k):
            continue
        offers = list(
            case.opened.loc[case.opened["e"] == row.e, ["w", *HAK]].itertuples(index=False, name=None)
        )
        work, held = _at(case.serve, offers), _at(reserves(case), offers)
        for t in sorted(set(work["t"])):
            i = _label(row.e, case.calendar.label(int(t)))
            yield weights_of(i, "serve", work.index[work["t"] == t], 1.0)
            yield weights_of(i, "reserve", held.index[held["t"] == t], 1.0)
            yield _in_force(case, row.e, i, availability * row.capacity_k, t)


def _before(case: Case) -> Weights:
    """Work that agreements opened whose orders have ended: on what was ordered or rented before."""
    for names, offers in _groups(case).items():
        own = case.terms.loc[list(names)]
        if not own["service_ends"].any():
            end = int(own["end_t"].max())
            yield from _loads(case, _at(case.serve, offers), _at(reserves(case), offers), end, _label(*names))
            late = (("order", case.orders, "order_t", "life"), ("rent", case.rents, "t", "periods"))
            keys = _at(case.serve, offers)[HAKT].drop_duplicates()
            yield from _fleet(case, keys[keys["t"] >= end], late, end, _label(*names))


def _loads(case: Case, work: pd.DataFrame, held: pd.DataFrame, end: int, name: str) -> Weights:
    for family, table in (("serve", work), ("reserve", held)):
        own = table[table["t"] >= end]
        yield weights_of([_label(name, i) for i in _named(own, HAKT)], family, own.index, 1.0)


def _fleet(case: Case, keys: pd.DataFrame, late: Any, end: int, name: str) -> Weights:
    """The fleet, less what was bought or rented from ``end`` on and is alive."""
    availability = case.physics["availability"]
    labels = [_label(name, i) for i in _named(keys, HAKT)]
    yield weights_of(labels, "fleet", keys.itertuples(index=False, name=None), -availability)
    for family, table, when, life in late:
        rows = table[table[when] >= end].rename(columns={"t": "live"}).assign(index=lambda x: list(x.index))
        rows = keys.merge(rows.drop(columns="life", errors="ignore").assign(life=rows[life]), on=HAK)
        rows = rows[(rows["live"] <= rows["t"]) & (rows["t"] < rows["live"] + rows["life"])]
        yield weights_of([_label(name, i) for i in _named(rows, HAKT)], family, rows["index"], availability)


def _after(case: Case) -> Weights:
    """What was ordered under an agreement that ends service works no more from its end on."""
    for row in case.terms[case.terms["service_ends"]].itertuples():
        own, end = case.unders[case.unders["e"] == row.e], int(row.end_t)
        if not len(own) or end >= case.calendar.n:
            continue
        offers = pd.MultiIndex.from_frame(own[HAK].drop_duplicates())
        work, held = (x[pd.MultiIndex.from_frame(x[HAK]).isin(offers)] for x in (case.serve, reserves(case)))
        yield from _loads(case, work, held, end, row.e)
        keys = work.loc[work["t"] >= end, HAKT].drop_duplicates()
        life = case.orders["life"]
        alive = own.assign(order_t=end, life=[int(life[i[1:]]) for i in own.index])
        yield from _fleet(case, keys, (("under", alive, "order_t", "life"),), end, row.e)


_PARTS: dict[str, Any] = {
    "sign_once": _once, "sign_agreed": _agreed, "under_order": _order, "under_early": _early, "under_quota": _quota,
    "under_signed": _gate, "under_least": _least, "under_content": _content, "agreed_work": _work,
    "agreed_capacity": _capacity, "agreed_before": _before, "agreed_after": _after, "agreed_stacks": _stacks,
}  # fmt: skip
ROWS = (*_PARTS, DRAWS)


# ---- money


def entries(case: Case) -> list[pd.DataFrame]:
    """Signing, once; the yearly cost while in force; investment asked of what is ordered under an agreement."""
    table, n = case.agreements, case.calendar.n
    out = []
    for e, p, musd in standing_costs(Context.of(case.scenario, case.catalog)):
        out.append(book(CONSTANT, [()] * n, list(range(n)), musd, account="agreement-upkeep", supplier=e,
                        origin_iso3=p))  # fmt: skip
    if not len(table):
        return out
    facts = {
        "supplier": table["e"].astype(object),
        "origin_iso3": table["e"].map(case.terms["partner"]).astype(object),
    }
    paid = table["musd"].to_numpy(float) > 0
    once = table[paid]
    if len(once):
        out.append(book("sign", list(once.index), once["t"], once["musd"], account="agreement",
                        **{name: column[paid] for name, column in facts.items()}))  # fmt: skip
    periods = looked_up(table["e"], case.terms["end_t"]) - table["t"]
    out += yearly(case, "sign", table, table["musd_per_period"], periods, account="agreement-upkeep", **facts)
    asked = case.unders.assign(each=looked_up(case.unders["e"], case.terms["investment_share"]))
    asked = asked[asked["each"] > 0]
    return [*out, *reciprocal(case, "under", asked, case.terms["partner"])]
