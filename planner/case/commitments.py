"""Contracts: what is settled before anything is decided, and what is still owed when the horizon ends.

A term that outlives the horizon is not free. For every contract, per unit and start date,

    cost at the end = max(0, what is still owed - what letting it on would fetch), both discounted to the end

Letting on fetches a share of the rent then on offer: for accelerators that of the reference term, falling as rents do;
for halls the contract's own. The shares are data (``relet_share_...``); 0 is the stress.

A contract that runs out within a period of several steps counts in none of it, though it is paid to its end: what letting on
fetches for the rest is taken off its rent, so that no step is paid twice for nothing.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from planner.case import costs
from planner.case.case import Case
from planner.case.columns import empty_table, records
from planner.case.context import Context
from planner.case.cost_breakdown import price_path
from planner.case.periods import HOURS_PER_YEAR, day_after, discount_factor
from planner.scenario.schema import SystemChoice

UPKEEP = ["t", "upkeep_musd", "fee_musd", "h", "a", "k"]
RENTS = ["id", "t", "musd", "h", "a", "supplier"]
GRANTS = ["t", "musd", "payer"]
TAIL = {
    "due_after_musd": "owed after the horizon, MUSD per unit of the variable, undiscounted",
    "tail_musd": "its cost on the horizon's end less what letting on fetches, MUSD per unit, 0 or more",
}
"""Columns of every table of contracts."""
LONGEST_YEARS = 30.0
"""No contract lasts longer."""
REFERENCE_TERM = "three-year"
"""The term whose rent is the market's: row of ``rent_terms`` with a price factor of 1."""


def with_tails(
    context: Context, table: pd.DataFrame, price: str, fetched: np.ndarray, change: float
) -> pd.DataFrame:
    """A table of contracts (t, periods) with ``TAIL``, per unit of its variable.

    ``fetched``: MUSD per unit and step that letting on brings at the horizon's end; it moves by ``change`` a year.
    """
    after = np.maximum(
        0, context.calendar.steps_of(table["t"]) + table["periods"] - context.calendar.n_steps
    ).to_numpy(float)
    owed = table[price].to_numpy(float)
    return table.assign(
        due_after_musd=after * owed, tail_musd=tail_musd(context, after, owed, fetched, change)
    )


def tail_musd(
    context: Context, after: np.ndarray, owed: np.ndarray, fetched: np.ndarray, change: float
) -> np.ndarray:
    """Value at the horizon's end of ``owed`` less ``fetched`` in each of the steps after it; never below 0."""
    tail = owed * worth_of_one(context, 0.0, after) - fetched * worth_of_one(context, change, after)
    worth: np.ndarray = np.maximum(tail, 0.0)
    return worth


def worth_of_one(context: Context, change: float, after: np.ndarray) -> np.ndarray:
    """Value at the horizon's end of 1 in each of the steps after it, the last in part, moving by ``change`` a year."""
    calendar = context.calendar
    ahead = range(calendar.whole_steps(12.0 * LONGEST_YEARS))
    rate, years = context.discount_rate_real, calendar.step_years
    each = [price_path(change, j * years) * discount_factor(rate, (j + 0.5) * years) for j in ahead]
    worth: np.ndarray = np.interp(after, range(len(each) + 1), np.concatenate([[0.0], np.cumsum(each)]))
    return worth


def less_the_rest(
    context: Context, table: pd.DataFrame, price: str, fetched: np.ndarray, rest: np.ndarray | None = None
) -> pd.DataFrame:
    """A table of contracts (t, periods), each with a rent that is less by what letting on its rest fetches.

    ``rest``: the last steps of each that are let on; left out, those of the period within which it runs out. They fetch no
    more than is paid for them. ``fetched``: MUSD per unit and step that letting on brings then; shape (contracts,).
    """
    term, rent = table["periods"].to_numpy(int), table[price].to_numpy(float)
    rest = rest_steps(context, table) if rest is None else rest
    worth = worth_of_one(context, 0.0, term)
    let_on = worth - worth_of_one(context, 0.0, term - rest)
    return table.assign(**{price: rent - np.minimum(fetched, rent) * let_on / worth})


def rents_let_on(context: Context, rents: pd.DataFrame, rest: np.ndarray) -> pd.DataFrame:
    """Rental contracts with a rent that is less by what letting on their last steps fetches on the market of that period."""
    ends = context.calendar.steps_of(rents["t"]) + rents["periods"].to_numpy(int)
    since, share = context.calendar.periods_of(ends - rest), relet_share(context, "accelerators")
    fetched = [
        share * market_rent(context, h, k, t) if some else 0.0
        for h, k, t, some in zip(rents["h"], rents["k"], since, rest, strict=True)
    ]
    return less_the_rest(context, rents, "musd_per_k_step", np.array(fetched, dtype=float), rest)


def rest_steps(context: Context, table: pd.DataFrame) -> np.ndarray:
    """Steps of contracts (t, periods) in a period that counts them in none of it; 0 where they end with a period."""
    calendar = context.calendar
    ends = calendar.steps_of(table["t"]) + table["periods"].to_numpy(int)
    return np.asarray(ends - calendar.steps_of(calendar.periods_of(ends)))


def rents_with_tails(context: Context, rents: pd.DataFrame) -> pd.DataFrame:
    """Rental contracts with what each still owes after the horizon, per thousand accelerators."""
    pairs = {
        (h, k): market_rent(context, h, k) for h, k in dict.fromkeys(zip(rents["h"], rents["k"], strict=True))
    }
    market = np.array([pairs[key] for key in zip(rents["h"], rents["k"], strict=True)], dtype=float)
    share = relet_share(context, "accelerators")
    tails = with_tails(
        context, rents, "musd_per_k_step", share * market, context.param("rent_change_per_year")
    )
    return rents_let_on(context, tails, rest_steps(context, rents))


def leases_with_tails(context: Context, leases: pd.DataFrame) -> pd.DataFrame:
    """Leases with what each still owes after the horizon, per MW of IT."""
    fetched = relet_share(context, "halls") * leases["musd_per_mw_step"].to_numpy(float)
    tails = with_tails(context, leases, "musd_per_mw_step", fetched, 0.0)
    return less_the_rest(context, tails, "musd_per_mw_step", fetched)


def signed_tails(context: Context, contracts: pd.DataFrame) -> pd.DataFrame:
    """Existing contracts (h, k, accelerators_k, rent_usd_per_accelerator_hour, rent_periods) with ``TAIL`` of the whole."""
    owed = contracts["rent_usd_per_accelerator_hour"].fillna(0.0) * contracts["accelerators_k"]
    owed = (owed * context.calendar.step_years * HOURS_PER_YEAR / 1000.0).to_numpy(float)
    after = np.maximum(contracts["rent_periods"].fillna(0.0) - context.calendar.n_steps, 0.0).to_numpy(float)
    share, change = relet_share(context, "accelerators"), context.param("rent_change_per_year")
    market = [
        market_rent(context, r.h, r.k) if m > 0 else 0.0
        for r, m in zip(records(contracts), after, strict=True)
    ]
    fetched = share * np.array(market, dtype=float) * contracts["accelerators_k"].to_numpy(float)
    return contracts.assign(
        due_after_musd=after * owed, tail_musd=tail_musd(context, after, owed, fetched, change)
    )


def valued(context: Context, existing: pd.DataFrame) -> pd.DataFrame:
    """Existing fleets with what their systems would cost now, MUSD; missing for what is rented."""
    hosts = {x.id: x for x in context.scenario.hosts}
    owned = existing["rent_usd_per_accelerator_hour"].isna()
    price = [
        costs.hardware_musd_per_k(context, choice_of(context, r.k), hosts[r.h], 0) * r.accelerators_k
        if own
        else np.nan
        for r, own in zip(records(existing), owned, strict=True)
    ]
    return existing.assign(price_musd=np.array(price, dtype=float))


def steps_until(context: Context, until: date | None) -> float:
    """Steps from the horizon's start to the end of a last day; all of the horizon where there is none."""
    if until is None:
        return float(context.calendar.n_steps)
    return max(0.0, context.calendar.months_from_start(day_after(until)) / context.calendar.step_months)


def signed_leases(context: Context, leases: pd.DataFrame) -> pd.DataFrame:
    """Leases of halls that are there (musd_per_step, rent_periods) with ``TAIL`` of the whole."""
    owed = leases["musd_per_step"].to_numpy(float)
    after = np.maximum(leases["rent_periods"] - context.calendar.n_steps, 0.0).to_numpy(float)
    tail = tail_musd(context, after, owed, relet_share(context, "halls") * owed, 0.0)
    return leases.assign(due_after_musd=after * owed, tail_musd=tail)


def market_rent(context: Context, h: str, k: str, t: int | None = None) -> float:
    """Rent of the reference term on offer in ``t``, or when the horizon ends, MUSD per thousand accelerators and step."""
    host = context.host(h)
    when = context.calendar.n if t is None else int(t)
    return costs.rent_musd_per_k_step(context, choice_of(context, k), host, REFERENCE_TERM, when)


def choice_of(context: Context, k: str) -> SystemChoice:
    """The scenario's entry of a system, or one that leaves all to the catalog."""
    return next((x for x in context.scenario.systems if x.id == k), SystemChoice(id=k))


def relet_share(context: Context, what: str) -> float:
    """The share of rent that letting on fetches: the scenario's own, else the catalog's."""
    own: float | None = getattr(context.scenario.finance, f"relet_share_{what}")
    return context.param(f"relet_share_{what}") if own is None else own


def signed_rents(case: Case) -> pd.DataFrame:
    """Rent of existing contracts, a row a contract and period: id, t, musd (real, undiscounted), h, a, supplier."""
    hours = HOURS_PER_YEAR * case.calendar.step_years
    held = case.existing[case.existing["rent_usd_per_accelerator_hour"].notna()]
    musd = held["rent_usd_per_accelerator_hour"] * held["accelerators_k"] * hours / 1000.0
    return _paid(case, held.assign(musd_per_step=musd))


def leases_paid(case: Case) -> pd.DataFrame:
    """Rent of leased halls that are there, a row a lease and period: id, t, musd (real, undiscounted), h, a, supplier."""
    return _paid(case, case.existing_leases.assign(a=""))


def _paid(case: Case, contracts: pd.DataFrame) -> pd.DataFrame:
    """A row a contract and period within its ``rent_periods``; rent is due to the last day."""
    parts = []
    for row in records(contracts):
        begin, steps = np.array(case.calendar.edges[:-1]), case.calendar.steps
        t = np.flatnonzero(begin < row.rent_periods)
        musd = row.musd_per_step * np.clip(row.rent_periods - begin[t], 0.0, steps[t])
        place = {"h": str(row.h), "a": str(row.a), "supplier": str(case.hosts.loc[row.h, "operator"])}
        parts.append(pd.DataFrame({"id": str(row.id), "t": t, "musd": musd, **place}))
    return pd.concat(parts, ignore_index=True) if parts else empty_table(RENTS)


def existing_upkeep(case: Case) -> pd.DataFrame:
    """Upkeep and operator's fee of fleets that are there: t, upkeep_musd, fee_musd, h, a, k; shares of today's price."""
    parts = []
    for row in records(case.existing[case.existing["price_musd"].notna()]):
        t = np.arange(max(0, row.first_t), min(row.end_t, case.calendar.n))
        each = row.price_musd * case.calendar.years[t]
        part = {"upkeep_musd": each * case.physics["hardware_opex_share_per_year"],
                "fee_musd": each * float(case.hosts.loc[row.h, "fee_share_per_year"])}  # fmt: skip
        parts.append(pd.DataFrame({"t": t, **part, "h": str(row.h), "a": str(row.a), "k": str(row.k)}))
    return pd.concat(parts, ignore_index=True) if parts else empty_table(UPKEEP)


def grants(case: Case) -> pd.DataFrame:
    """Grants within the horizon, as negative payments: t, musd, payer."""
    given = [(case.calendar.containing(g.date), -g.musd, g.payer) for g in case.scenario.finance.grants]
    rows = [row for row in given if 0 <= row[0] < case.calendar.n]
    return pd.DataFrame(rows, columns=GRANTS) if rows else empty_table(GRANTS)


def committed_musd(case: Case, discounted: bool = False) -> pd.Series:
    """Calendar year (text) -> MUSD the partner pays whatever it decides: rents signed, upkeep, teams, less grants."""
    total = pd.Series(0.0, index=case.periods.index)
    for part in (signed_rents(case), leases_paid(case), grants(case)):
        total = total.add(part.groupby("t")["musd"].sum(), fill_value=0.0)
    kept_up = existing_upkeep(case).groupby("t")[["upkeep_musd", "fee_musd"]].sum().sum(axis=1)
    total = total.add(kept_up, fill_value=0.0)
    open_now = case.hosts[case.hosts["exists"].astype(bool) & (case.hosts["mode"] != "cloud")]
    total += float(open_now["team_musd_per_step"].sum()) * case.periods["steps"]
    total = total * case.periods["discount"] if discounted else total
    return total.groupby(case.periods["year"].astype(str)).sum()
