"""Agreements: which are signed when, and the orders, work and draws that ride on a signature.

Variables: sign[e,t] binary: agreement e is in force from the start of t. under[e,h,a,k,t]: thousands of accelerators
of an order that are placed under e. No signature multiplies a variable: it caps a sum.

    sum over t of sign[e,t] <= 1                                                    (e)     sign_once
    sum over t of sign[e,t] >= 1                                       agreed already (e)   sign_agreed
    sum over e of under <= order                                                 (h,a,k,t)  under_order
    order <= sum over e of under                    possible under an agreement only       under_early
    sum of weight x under ordered by u (of the year, where it is one of each year) <= quota x signed    (e,u)   under_quota
    under <= most x signed                            without a quota            (e,h,a,k,t) under_signed
    least x signed <= sum of under that runs for a year or longer                   (e)     under_least
    sum of price x (content - share) x under >= 0                                   (i)     under_content
    sum of rate x serve of what agreements open <= demand x in force; reserve alike   (w,t)   agreed_work
    sum of serve + reserve at hosts of a hub <= availability x capacity x in force  (e,t)   agreed_capacity
    serve + reserve <= availability x what was there before the end + most x those signed that end later   agreed_before
    serve + reserve <= availability x (fleet - what was ordered under all whose service ended)  agreed_after
    sum of draws from u to t <= sum of amount x signed over those not ended by u  (sources,u,t)   agreed_draws
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

from planner.case.agreements import opened_by, shared_sources, standing_costs, unions
from planner.case.case import Case
from planner.case.columns import joined, looked_up
from planner.case.context import Context
from planner.case.resilience import reserves
from planner.models.common import add_set, add_var, tuples
from planner.models.ledger import CONSTANT, Booked, book, yearly
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
    if not len(case.terms):
        return
    for name, part in _PARTS.items():
        _add(m, name, list(part(case)))


def declare_draws(m: Any, case: Case) -> None:
    """Draws of sources that an agreement makes available; after the draws themselves."""
    if not len(case.sources_under) or not hasattr(m, "draw"):
        return
    draws = pd.DataFrame(list(m.DRAW), columns=["j", "h", "class", "k", "t"]).assign(index=list(m.DRAW))
    terms, parts = case.terms, []
    for sources in shared_sources(case.sources_under):
        of = case.sources_under[case.sources_under["j"].isin(sources)]["e"].unique()
        own = draws[draws["j"].isin(sources)]
        for since in (0, *sorted({int(t) for t in terms.loc[of, "end_t"] if t < case.calendar.n})):
            late = own[own["t"] >= since]
            for t in sorted(set(late["t"])):
                i = _label("+".join(sources), since, t)
                parts.append(weights_of(i, "draw", late.loc[late["t"] <= t, "index"], 1.0))
                parts += [_signed(case, e, i, float(terms.at[e, "amount_musd"]), t)
                          for e in of if terms.at[e, "end_t"] > since]  # fmt: skip
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
    for row in case.terms.itertuples():
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
    for row in case.terms.itertuples():
        if row.least_k > 0:
            own = case.unders[(case.unders["e"] == row.e) & case.unders["counts"].astype(bool)]
            yield weights_of(row.e, "under", own.index, -own["weight"])
            yield _signed(case, row.e, row.e, -row.least_k)


def _content(case: Case) -> Weights:
    rows = joined(case.unders, case.contents_under, ["e", "k"])
    if len(rows):
        index = rows[["e", *HAKT]].itertuples(index=False, name=None)
        yield weights_of(rows["i"].to_numpy(), "under", index, -rows["margin"] * rows["musd_per_k"])


# ---- work


def _groups(case: Case) -> dict[tuple[str, ...], list[tuple[Any, ...]]]:
    """Agreements of which one is enough -> offers (w, h, a, k) that they open."""
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for offer, names in opened_by(case.opened).items():
        groups.setdefault(names, []).append(offer)
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
    for row in case.terms.itertuples():
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
    """Work that agreements opened whose orders have ended: on what was ordered or rented before.

    Where ends follow one another, all work whose orders ended by each of them fits on what came before it. Work that a
    later agreement opens too is free of that once it is signed: there is a row without it, which the signature lifts.
    """
    late = (("order", case.orders, "order_t", "life"), ("rent", case.rents, "t", "periods"))
    work = _opened_work(case)
    for end in sorted({end for ends in work["ends"] for end in ends}):
        rows = work[
            [bool(ends) and ends[0] <= end <= t for ends, t in zip(work["ends"], work["t"], strict=True)]
        ]
        lifts = [
            _lifting(case, names, end, int(t)) for names, t in zip(rows["names"], rows["t"], strict=True)
        ]
        rows = rows.assign(lifts=lifts)
        for by in unions(lifts):
            own = rows[[one <= by for one in rows["lifts"]]]
            own = own[[one == by for one in _together(own)]]
            name = f"before {case.calendar.label(end)}" + "".join(f" without {e}" for e in sorted(by))
            for family, part in own.groupby("family", sort=False):
                yield weights_of(
                    [_label(name, i) for i in _named(part, HAKT)], str(family), part["index"], 1.0
                )
            yield from _fleet(case, own[HAKT].drop_duplicates(), late, end, name)
            for key, most in own.groupby(HAKT, sort=False)["most"].sum().items() if by else ():
                for e in sorted(by):
                    yield _signed(case, e, _label(name, _label(*key)), float(most), int(key[-1]))


def _opened_work(case: Case) -> pd.DataFrame:
    """Work that agreements opened: its column, the most it could be, their names, and the dates on which orders end."""
    need, parts = opened_by(case.opened), []
    for family, table, times in (
        ("serve", case.serve, 1.0),
        ("reserve", reserves(case), float(len(case.hosts))),
    ):
        names = [need.get(key, ()) for key in zip(*(table[part] for part in ("w", *HAK)), strict=True)]
        own = table[np.fromiter(map(bool, names), bool, len(names))]
        rows = own.reset_index(drop=True)[["w", *HAKT, "rate"]].assign(
            family=family, index=list(own.index), names=list(filter(None, names))
        )
        demand = [case.demand.at[key, "most_kref"] for key in zip(rows["w"], rows["t"], strict=True)]
        parts.append(rows.assign(most=times * np.array(demand, dtype=float) / rows["rate"]))
    work, terms = pd.concat(parts, ignore_index=True), case.terms
    ends = [sorted({int(terms.at[e, "end_t"]) for e in names if not terms.at[e, "service_ends"]})
            for names in work["names"]]  # fmt: skip
    return work.assign(ends=ends)


def _together(rows: pd.DataFrame) -> list[frozenset[str]]:
    """For each row of work what lifts any at its offer and period."""
    found: dict[tuple[Any, ...], frozenset[str]] = {}
    keys = list(rows[HAKT].itertuples(index=False, name=None))
    for key, one in zip(keys, rows["lifts"], strict=True):
        found[key] = found.get(key, frozenset()) | one
    return [found[key] for key in keys]


def _lifting(case: Case, names: tuple[str, ...], end: int, t: int) -> frozenset[str]:
    """Agreements under which work of a period may run on what came after the end of another."""
    terms = case.terms
    return frozenset(e for e in names if terms.at[e, "end_t"] > (t if terms.at[e, "service_ends"] else end))


def _fleet(case: Case, keys: pd.DataFrame, late: Any, end: int, name: str) -> Weights:
    """The fleet, less what was bought or rented from ``end`` on and is alive."""
    availability = case.physics["availability"]
    labels = [_label(name, i) for i in _named(keys, HAKT)]
    yield weights_of(labels, "fleet", keys.itertuples(index=False, name=None), -availability)
    for family, table, when, life in late:
        rows = table[table[when] >= end].rename(columns={"t": "live"}).assign(index=lambda x: list(x.index))
        rows = joined(keys, rows.drop(columns="life", errors="ignore").assign(life=rows[life]), HAK)
        rows = rows[(rows["live"] <= rows["t"]) & (rows["t"] < _ends(case, rows))]
        yield weights_of([_label(name, i) for i in _named(rows, HAKT)], family, rows["index"], availability)


def _ends(case: Case, rows: pd.DataFrame) -> np.ndarray:
    """Period in which what goes live at ``live`` for ``life`` steps is gone."""
    return case.calendar.periods_of(case.calendar.steps_of(rows["live"]) + rows["life"])


def _after(case: Case) -> Weights:
    """What was ordered under agreements that end service works no more, each from its end on: all that ended together."""
    own = case.unders.assign(
        index=list(case.unders.index), end=looked_up(case.unders["e"], case.terms["end_t"])
    )
    own = own[looked_up(own["e"], case.terms["service_ends"]).astype(bool) & (own["end"] < case.calendar.n)]
    if not len(own):
        return
    life, availability = case.orders["life"], case.physics["availability"]
    own = own.assign(life=[int(life[i[1:]]) for i in own.index]).reset_index(drop=True)
    own = own.rename(columns={"t": "live"})
    gone = joined(case.serve[HAKT].drop_duplicates(), own, HAK)
    gone = gone[(gone["t"] >= gone[["live", "end"]].max(axis=1)) & (gone["t"] < _ends(case, gone))]
    yield weights_of(_named(gone, HAKT), "under", gone["index"], availability)
    keys = gone[HAKT].drop_duplicates()
    yield weights_of(_named(keys, HAKT), "fleet", keys.itertuples(index=False, name=None), -availability)
    for family, table in (("serve", case.serve), ("reserve", reserves(case))):
        rows = joined(table.reset_index(drop=True).assign(index=list(table.index)), keys, HAKT)
        yield weights_of(_named(rows, HAKT), family, rows["index"], 1.0)


_PARTS: dict[str, Any] = {
    "sign_once": _once, "sign_agreed": _agreed, "under_order": _order, "under_early": _early, "under_quota": _quota,
    "under_signed": _gate, "under_least": _least, "under_content": _content, "agreed_work": _work,
    "agreed_capacity": _capacity, "agreed_before": _before, "agreed_after": _after, "agreed_stacks": _stacks,
}  # fmt: skip
ROWS = (*_PARTS, DRAWS)


# ---- money


def entries(case: Case) -> list[Booked]:
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
    end = case.calendar.steps_of(looked_up(table["e"], case.terms["end_t"]))
    steps = end - case.calendar.steps_of(table["t"])
    out += yearly(case, "sign", table, table["musd_per_step"], steps, account="agreement-upkeep", **facts)
    asked = case.unders.assign(each=looked_up(case.unders["e"], case.terms["investment_share"]))
    asked = asked[asked["each"] > 0]
    return [*out, *reciprocal(case, "under", asked, case.terms["partner"])]
