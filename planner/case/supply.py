"""Supply: what may be ordered or rented from when, at what price, and the caps of vendors and crews."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.case import costs
from planner.case.columns import records
from planner.case.commitments import rents_with_tails
from planner.case.context import Context, keyed, selected
from planner.case.licensing import licence_quotas
from planner.case.offers import WhyNot
from planner.case.registry import HARDWARE, MARKETED
from planner.scenario.schema import Operators, Quota, QuotaStep, SystemChoice

REFERENCE_CHIP_ORIGIN = "USA"


def order_table(context: Context, systems: pd.DataFrame, why: WhyNot) -> pd.DataFrame:
    """(h, a, k, t) a system may go live: lead, order_t, life, musd_per_k, goods_share, unit_k (one server or rack).

    ``early``: whether an agreement alone makes it possible (``planner.case.agreements``): of none here.
    """
    calendar = context.calendar
    choices = {s.id: s for s in context.scenario.systems}
    hosts = {h.id: h for h in context.scenario.hosts}
    rows: list[tuple[Any, ...]] = []
    prices: dict[tuple[str, str, int], float] = {}
    for row in records(systems[(systems["mode"] != "cloud") & systems["buyable"]]):
        choice, host = choices[str(row.k)], hosts[str(row.h)]
        delivery = context.pick(choice.delivery_months, "systems", row.k, "delivery_months")
        lead = calendar.whole_steps(float(delivery))
        orders = order_periods(context, choice, row)
        life = calendar.whole_steps(
            12.0 * float(context.catalog.value("systems", row.k, "economic_life_years"))
        )
        unit = float(context.catalog.value("systems", row.k, "n_accelerators")) / 1000.0
        if not orders:
            why.add("ended", f"sold until {end_of_sale(context, choice):%Y-%m-%d}: no order can be placed in time",
                    h=host.id, a=str(row.a), k=str(row.k))  # fmt: skip
            continue
        live = [calendar.after(order_t, lead) for order_t in orders]
        if live[0] >= calendar.n:
            why.add("late", f"first live {calendar.label(live[0])}, after the horizon",
                    h=host.id, a=str(row.a), k=str(row.k))  # fmt: skip
            continue
        shares = costs.hardware_shares(context, choice, host)
        goods = sum(shares[name] for name in MARKETED)
        for t in [t for t in dict.fromkeys(live) if t < calendar.n]:
            order_t, ordered = calendar.before(t, lead), calendar.step_of(t) - lead
            key = (str(row.h), str(row.k), ordered)
            if key not in prices:
                prices[key] = costs.hardware_musd_per_k(context, choice, host, ordered)
            rows.append((row.h, row.a, row.k, t, lead, order_t, life, prices[key], goods, unit, False))
    columns = ["lead", "order_t", "life", "musd_per_k", "goods_share", "unit_k", "early"]
    return keyed(rows, ["h", "a", "k", "t"], columns)


def hardware_table(context: Context, orders: pd.DataFrame) -> pd.DataFrame:
    """(h, k) that may be ordered -> share of its price by account."""
    choices = {s.id: s for s in context.scenario.systems}
    hosts = {h.id: h for h in context.scenario.hosts}
    pairs = dict.fromkeys(zip(orders["h"], orders["k"], strict=True))
    rows = [(h, k, *costs.hardware_shares(context, choices[k], hosts[h]).values()) for h, k in pairs]
    return keyed(rows, ["h", "k"], list(HARDWARE))


def end_of_sale(context: Context, choice: SystemChoice) -> pd.Timestamp:
    """Last day a system may be ordered; NaT where it is still sold."""
    return pd.Timestamp(choice.end_of_sale or context.catalog.value("systems", choice.id, "end_of_sale"))


def order_periods(context: Context, choice: SystemChoice, row: Any) -> list[int]:
    """Periods an order may be placed in: after release and licence, or while an exception holds, and before
    the end of sale. The licence is applied for at the start; none is left only where sale has ended.
    """
    calendar = context.calendar
    released = max(0, calendar.first_from(costs.released_on(context, choice).date()))
    licence, ends = (
        calendar.after(0, calendar.whole_steps(float(row.licence_months))),
        end_of_sale(context, choice),
    )
    open_to = [t for t in range(released, calendar.n) if t >= licence or _before(context, t, row.free_until)]
    on_sale = [t for t in open_to if pd.isna(ends) or _before(context, t, ends)]
    return on_sale if on_sale or open_to else [max(released, licence)]


def _before(context: Context, t: int, day: pd.Timestamp) -> bool:
    return not pd.isna(day) and pd.Timestamp(context.calendar.date_of(t)) <= day


def rent_table(context: Context, systems: pd.DataFrame) -> pd.DataFrame:
    """(h, a, k, r, t) a rental may start: steps of the term, MUSD per thousand and step, provider capex."""
    calendar = context.calendar
    choices = {s.id: s for s in context.scenario.systems}
    hosts = {h.id: h for h in context.scenario.hosts}
    all_terms = list(context.catalog.table("rent_terms").index)
    rows: list[tuple[Any, ...]] = []
    for row in records(systems[(systems["mode"] == "cloud") & systems["buyable"]]):
        choice, host = choices[str(row.k)], hosts[str(row.h)]
        first = max(
            calendar.after(0, calendar.whole_steps(host.open_lead_months) + _licence_steps(context, row)),
            calendar.first_from(costs.released_on(context, choice).date()),
            calendar.first_from(host.open_from) if host.open_from else 0,
        )
        life_years = float(context.catalog.value("systems", row.k, "economic_life_years"))
        for term in host.rent_terms or all_terms:
            months = float(context.catalog.value("rent_terms", term, "months"))
            steps = calendar.whole_steps(months)
            for t in range(max(first, 0), calendar.n):
                price = costs.rent_musd_per_k_step(context, choice, host, term, t)
                capex = costs.hardware_musd_per_k(context, choice, host, calendar.step_of(t)) * min(
                    1.0, months / 12 / life_years
                )
                rows.append((row.h, row.a, row.k, term, t, calendar.term(t, steps), price, capex))
    columns = ["periods", "musd_per_k_step", "provider_capex_musd_per_k"]
    return rents_with_tails(context, keyed(rows, ["h", "a", "k", "r", "t"], columns))


def _licence_steps(context: Context, row: Any) -> int:
    """Steps of the licence of what is rented; none where an exception holds at the start."""
    free = _before(context, 0, row.free_until)
    return 0 if free else context.calendar.whole_steps(float(row.licence_months))


def step_values(context: Context, path: list[QuotaStep]) -> np.ndarray:
    """Accelerators allowed at the start of each period; zero before the first step."""
    out = np.zeros(context.calendar.n)
    steps = sorted(path, key=lambda s: s.from_)
    values = [step.accelerators for step in steps]
    for t, value in zip(
        context.calendar.first_of_steps([s.from_ for s in steps], values), values, strict=True
    ):
        out[t:] = value
    return out


def allocation_quotas(context: Context) -> list[Quota]:
    """What vendors allocate to each class of owner, as cumulative quotas on foreign chips."""
    quotas = []
    table = context.catalog.table("owner_classes")
    vendors = context.catalog.table("accelerators")
    foreign = sorted(set(vendors.loc[vendors["origin_iso3"] == REFERENCE_CHIP_ORIGIN, "vendor"].astype(str)))
    for owner in dict.fromkeys(h.owner_class for h in context.scenario.hosts if h.mode != "cloud"):
        amount = table.loc[owner, context.column("owner_classes", "allocation_kaccel_eq_per_quarter")]
        if pd.isna(amount):
            continue
        hosts = [h.id for h in context.scenario.hosts if h.owner_class == owner and h.mode != "cloud"]
        step = QuotaStep.model_validate(
            {"from": context.calendar.start, "accelerators": 1000.0 * float(amount)}
        )
        quotas.append(
            Quota(id=f"allocation-{owner}", hosts=hosts, vendors=foreign, cumulative=True, path=[step])
        )
    return quotas


def quota_rows(context: Context, quota: Quota) -> list[tuple[Any, ...]]:
    """(q, t, amount, kind, first period whose orders count) of one quota.

    Per year: orders of the calendar year up to t, so that what is left over lapses with the year; cumulative per
    year: all orders so far against a quarter of the yearly amount a quarter.
    """
    values = step_values(context, quota.path) / 1000.0
    periods = range(context.calendar.n)
    if quota.basis == "capacity":
        return [(quota.id, t, float(values[t]), "capacity", t) for t in periods]
    if quota.per == "total":
        return [(quota.id, t, float(values[t]), "cumulative", 0) for t in periods]
    if quota.per == "year" and not quota.cumulative:
        years = [context.calendar.date_of(t).year for t in periods]
        return [(quota.id, t, float(values[t]), "window", years.index(years[t])) for t in periods]
    share = context.calendar.months / (12.0 if quota.per == "year" else 3.0)
    amounts = values * share
    if quota.cumulative:  # what goes live with a period may count what its first step allows
        so_far = np.cumsum(amounts) - values * (share - share / context.calendar.steps)
        return [(quota.id, t, float(v), "cumulative", 0) for t, v in enumerate(so_far)]
    return [(quota.id, t, float(v), "orders", t) for t, v in enumerate(amounts)]


def quota_tables(context: Context, systems: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(q, t) -> amount_k, kind, first period that counts; and (q, h, a, k) -> weight per accelerator."""
    quotas = list(context.scenario.supply.quotas)
    if context.scenario.supply.owner_allocations:
        quotas += allocation_quotas(context)
    quotas += licence_quotas(context)
    tpp = context.catalog.table("accelerators")["tpp"].astype(float)
    base = float(tpp[context.scenario.supply.reference])
    caps: list[tuple[Any, ...]] = []
    members: list[tuple[Any, ...]] = []
    for quota in quotas:
        caps += quota_rows(context, quota)
        for row in records(selected(systems, quota)):
            weight = float(tpp[row.accelerator]) / base if quota.unit == "equivalents" else 1.0
            members.append((quota.id, row.h, row.a, row.k, weight))
    for team in context.scenario.supply.operators:
        run = selected(systems[systems["mode"] != "cloud"], team)
        caps += _run_by(context, team, run)
        members += [(team.id, r.h, r.a, r.k, 1.0) for r in records(run)]
    return keyed(caps, ["q", "t"], ["amount_k", "kind", "window_t"]), keyed(
        members, ["q", "h", "a", "k"], ["weight"]
    )


def _run_by(context: Context, team: Operators, run: pd.DataFrame) -> list[tuple[Any, ...]]:
    """(q, t, amount_k, kind, t): accelerators that people can run, beside the fleet that exists.

    People at t = those at the start + hires of the steps that ended the time of training before.
    """
    calendar, existing = context.calendar, context.scenario.existing.fleets
    each = team.accelerators_per_person or context.param("accelerators_per_operator")
    months = team.training_months
    trained = calendar.whole_steps(context.param("operator_training_months") if months is None else months)
    hired = team.hires_per_quarter * calendar.step_months / 3.0
    held = np.zeros(calendar.n)
    for f in existing:
        if (f.host, f.stack, f.system) in run.index:
            held[max(0, calendar.first_from(f.since)) : max(0, calendar.containing(f.retire))] += (
                f.accelerators
            )
    people = team.people + hired * np.maximum(0, np.array(calendar.edges[:-1]) - trained)
    amounts = (people * each + held) / 1000.0
    return [(team.id, t, float(k), "capacity", t) for t, k in enumerate(amounts)]


def crew_tables(context: Context, systems: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(q, t) -> racks_k; (q, h, a, k) -> racks per accelerator (a server counts as a rack's share by heat)."""
    room = float(context.catalog.value("cooling", "air-chilled-water", "max_rack_kw"))
    quarters = context.calendar.months / 3.0
    caps: list[tuple[Any, ...]] = []
    members: list[tuple[Any, ...]] = []
    for crew in context.scenario.supply.crews:
        caps += [
            (crew.id, t, crew.racks_per_quarter * float(quarters[t]) / 1000.0)
            for t in range(context.calendar.n)
        ]
        for row in records(selected(systems[systems["mode"] != "cloud"], crew)):
            system = context.catalog.table("systems").loc[row.k]
            racks = 1.0 if system["kind"] == "rack" else min(1.0, float(system["peak_kw"]) / room)
            members.append((crew.id, row.h, row.a, row.k, racks / float(system["n_accelerators"])))
    return keyed(caps, ["q", "t"], ["racks_k"]), keyed(
        members, ["q", "h", "a", "k"], ["racks_per_accelerator"]
    )
