"""Fleet: systems ordered, rented and alive, and the work they do.

Variables (thousands of accelerators): order[h,a,k,t], rent[h,a,k,r,t], fleet[h,a,k,t],
stored[h,a,k,t] of an existing fleet that stand without power, emptied[h,a,k,t] out of use while a hall is refitted,
serve[w,h,a,k,t] working at the peak hour (preemptible: on average), reserve[...] held for a loss, run[w,h,a,k,t,s]
preemptible work by slice.

    fleet = existing + orders within economic life + rentals within term
    sum of non-preemptible (serve + reserve)          <= availability x (fleet - stored - emptied)   (h,a,k,t)
    sum profile x serve + sum run                      <= availability x (fleet - stored - emptied)   (h,a,k,t,s)
    stored <= stored before + what arrives             what is on stays on     (h,a,k,t) of existing fleets
    preemptible serve = sum of run weighted by hours / hours of the period

Failures are opex (warranty and spares keep the fleet constant), not re-orders.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined, looked_up
from planner.case.commitments import existing_upkeep, signed_rents
from planner.case.resilience import reserves
from planner.models.common import (
    add_family,
    add_param,
    add_set,
    add_var,
    alive_map,
    distinct,
    grouped,
    tuples,
)
from planner.models.ledger import CONSTANT, Booked, asset, book, tails, yearly
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    add_set(m, "ORDER", tuples(case.orders), 4)
    add_set(m, "RENT", tuples(case.rents), 5)
    add_set(m, "FLEET", tuples(case.fleet), 4)
    add_set(m, "SERVE", tuples(case.serve), 5)
    add_var(m, "order", m.ORDER)
    add_var(m, "rent", m.RENT)
    add_var(m, "fleet", m.FLEET)
    add_var(m, "serve", m.SERVE)
    add_param(m, "existing_k", m.FLEET, case.fleet["existing_k"])
    hak = ["h", "a", "k"]
    add_family(m, "orders_alive", m.FLEET, alive_map(case.orders, hak, ["t"], "life", case.calendar), 1)
    add_family(m, "rents_alive", m.FLEET, alive_map(case.rents, hak, ["r", "t"], "periods", case.calendar), 2)

    def fleet_rule(m: Any, h: Any, a: Any, k: Any, t: Any) -> Any:
        return m.fleet[h, a, k, t] == m.existing_k[h, a, k, t] + sum(
            m.order[h, a, k, u] for u in m.orders_alive[h, a, k, t]
        ) + sum(m.rent[h, a, k, r, u] for r, u in m.rents_alive[h, a, k, t])

    m.fleet_stock = Rule(m.FLEET, rule=fleet_rule)
    _declare_stored(m, case)
    _declare_work(m, case)


def _declare_stored(m: Any, case: Case) -> None:
    """What of existing fleets stands without power where their host may be too small: else there is none."""
    stored = case.stored
    add_set(m, "STORED", tuples(stored), 4)
    add_param(m, "stored_max", m.STORED, stored["most_k"])
    add_param(m, "arrives_k", m.STORED, stored["arrives_k"])
    add_var(m, "stored", m.STORED, bounds=lambda m, h, a, k, t: (0, m.stored_max[h, a, k, t]))
    add_family(m, "stored_in", m.FLEET, {key: [key[3]] if key in m.STORED else [] for key in m.FLEET}, 1)
    outs = {key: [key[3]] if key in m.EMPTIED else [] for key in m.FLEET}
    add_family(m, "emptied_in", m.FLEET, outs, 1)
    add_set(m, "KEPT_ON", tuples(stored[stored["kept_on"]]), 4)
    add_family(m, "stored_before", m.KEPT_ON, {key: [key[3] - 1] for key in m.KEPT_ON}, 1)
    m.stays_on = Rule(
        m.KEPT_ON,
        rule=lambda m, h, a, k, t: (
            m.stored[h, a, k, t] - sum(m.stored[h, a, k, u] for u in m.stored_before[h, a, k, t])
            <= m.arrives_k[h, a, k, t]
        ),
    )


def out_of_use(m: Any, h: Any, a: Any, k: Any, t: Any) -> Any:
    """Thousands of accelerators of a fleet that cannot work: in store, or emptied out of a hall that is refitted."""
    return sum(m.stored[h, a, k, u] for u in m.stored_in[h, a, k, t]) + sum(
        m.emptied[h, a, k, u] for u in m.emptied_in[h, a, k, t]
    )


def mean_of_serve(case: Case) -> pd.Series:
    """(w, t) -> work of the mean hour of a period over ``serve``, which is of the peak but for what may wait."""
    typical = case.slices[~case.slices["design"]].reset_index(drop=True)[["t", "s", "hours"]]
    each = joined(typical, case.profile.reset_index(drop=True)[["w", "s", "value"]], ["s"])
    waits = looked_up(each["w"], case.workloads["preemptible"]).astype(bool)
    hours = each["t"].map(case.periods["hours"]).astype(float)
    each = each.assign(part=each["value"].mask(waits, 1.0) * each["hours"] / hours)
    return each.groupby(["w", "t"])["part"].sum()


def _declare_work(m: Any, case: Case) -> None:
    availability = case.physics["availability"]
    serve, held = case.serve, reserves(case)
    preemptible = looked_up(serve["w"], case.workloads["preemptible"]).astype(bool)
    firm, soft = serve[~preemptible], serve[preemptible]
    typical = case.slices[~case.slices["design"]]
    run = joined(soft.drop(columns=["p"]), typical.reset_index(drop=True)[["t", "s"]], ["t"])
    add_set(m, "RUN", distinct(run, ["w", "h", "a", "k", "t", "s"]), 6)
    add_set(m, "SOFT", tuples(soft), 5)
    add_set(m, "HELD", tuples(held), 5)
    add_var(m, "run", m.RUN)
    add_var(m, "reserve", m.HELD)
    fleet_slices = joined(case.fleet, typical.reset_index(drop=True)[["t", "s"]], ["t"])
    add_set(m, "FLEET_SLICE", distinct(fleet_slices, ["h", "a", "k", "t", "s"]), 5)
    add_set(m, "SLICE", tuples(typical), 2)
    add_set(m, "PROFILE", tuples(case.profile), 2)
    add_param(m, "profile", m.PROFILE, case.profile["value"])
    weight = typical["hours"] / typical["t"].map(case.periods["hours"])
    add_param(m, "slice_weight", m.SLICE, weight)
    hakt = ["h", "a", "k", "t"]
    add_family(m, "firm_at", m.FLEET, grouped(firm, hakt, ["w"]), 1)
    add_family(m, "soft_at", m.FLEET, grouped(soft, hakt, ["w"]), 1)
    add_family(m, "held_at", m.FLEET, grouped(held, hakt, ["w"]), 1)
    add_set(m, "PERIOD", list(range(case.calendar.n)), 1)
    add_family(m, "slices_of", m.PERIOD, grouped(typical, ["t"], ["s"]), 1)

    def peak_rule(m: Any, h: Any, a: Any, k: Any, t: Any) -> Any:
        return sum(m.serve[w, h, a, k, t] for w in m.firm_at[h, a, k, t]) + sum(
            m.reserve[w, h, a, k, t] for w in m.held_at[h, a, k, t]
        ) <= availability * m.fleet[h, a, k, t] - availability * out_of_use(m, h, a, k, t)

    def slice_rule(m: Any, h: Any, a: Any, k: Any, t: Any, s: Any) -> Any:
        return sum(m.profile[w, s] * m.serve[w, h, a, k, t] for w in m.firm_at[h, a, k, t]) + sum(
            m.run[w, h, a, k, t, s] for w in m.soft_at[h, a, k, t]
        ) <= availability * m.fleet[h, a, k, t] - availability * out_of_use(m, h, a, k, t)

    def soft_rule(m: Any, w: Any, h: Any, a: Any, k: Any, t: Any) -> Any:
        return m.serve[w, h, a, k, t] == sum(
            m.slice_weight[t, s] * m.run[w, h, a, k, t, s] for s in m.slices_of[t]
        )

    m.fleet_peak = Rule(m.FLEET, rule=peak_rule)
    m.fleet_slice = Rule(m.FLEET_SLICE, rule=slice_rule)
    m.preemptible_mean = Rule(m.SOFT, rule=soft_rule)


def entries(case: Case) -> list[Booked]:
    """Hardware, its upkeep and fees, licences, staff, rents, provider capex, and what exists already."""
    return [*_order_entries(case), *_rent_entries(case), *_fleet_entries(case), *existing_entries(case)]


def _order_entries(case: Case) -> list[Booked]:
    orders = case.orders
    price = orders["musd_per_k"].to_numpy(float)
    fields = {
        "h": orders["h"], "a": orders["a"], "supplier": orders["k"].map(case.systems["maker"]),
        "origin_iso3": orders["k"].map(case.systems["origin_iso3"]),
    }  # fmt: skip
    years = case.calendar.step_years
    upkeep = price * case.physics["hardware_opex_share_per_year"] * years
    fee = price * orders["h"].map(case.hosts["fee_share_per_year"]).to_numpy(float) * years
    life = orders["life"].to_numpy(int)
    return [
        *asset(case, "order", orders, price, 1000.0, "goods", k=orders["k"], **fields),
        *yearly(case, "order", orders, upkeep, life, account="hardware-upkeep", **fields),
        *yearly(case, "order", orders, fee, life, account="operator-fee", h=orders["h"], a=orders["a"],
                supplier=orders["h"].map(case.hosts["operator"])),
    ]  # fmt: skip


def _rent_entries(case: Case) -> list[Booked]:
    rents = case.rents
    if not len(rents):
        return []
    operator = rents["h"].map(case.hosts["operator"])
    fields = {"h": rents["h"], "a": rents["a"], "supplier": operator}
    price, term = rents["musd_per_k_step"].to_numpy(float), rents["periods"].to_numpy(int)
    capex = rents["provider_capex_musd_per_k"].to_numpy(float)
    return [
        *yearly(case, "rent", rents, price, term, contract=True, account="cloud-rent", **fields),
        *tails(case, "rent", rents, account="cloud-rent", **fields),
        book("rent", list(rents.index), rents["t"].to_numpy(int), capex, account="provider-hardware",
             payer=operator, origin_iso3=rents["k"].map(case.systems["origin_iso3"]), k=rents["k"],
             h=rents["h"], a=rents["a"], supplier=rents["k"].map(case.systems["maker"])),
    ]  # fmt: skip


def _fleet_entries(case: Case) -> list[Booked]:
    """Per thousand accelerators alive: platform licence, staff of owned fleets; energy of cloud fleets (memo)."""
    fleet = case.fleet
    mode = fleet["h"].map(case.hosts["mode"])
    owned, cloud = fleet[mode != "cloud"], fleet[mode == "cloud"]
    steps, years, hours = (part["t"].map(case.periods[c]).to_numpy(float)
                           for part, c in ((fleet, "steps"), (owned, "years"), (cloud, "hours")))  # fmt: skip
    licence = fleet["a"].map(case.stacks["licence_musd_per_k_step"]).to_numpy(float) * steps
    staff = case.physics["staff_usd_per_accelerator_year"] * years / 1000.0
    kwh = case.physics["cloud_kwh_per_accelerator_hour"] * 1000.0 * hours / 1000.0
    carbon = cloud["h"].map(case.hosts["tco2_per_mwh"]).to_numpy(float)
    cloud_fields = {"h": cloud["h"], "a": cloud["a"], "payer": cloud["h"].map(case.hosts["operator"])}
    return [
        book("fleet", list(fleet.index), fleet["t"], licence, account="platform-licence", h=fleet["h"],
             a=fleet["a"], supplier=fleet["a"]),
        book("fleet", list(owned.index), owned["t"], staff, account="staff", h=owned["h"], a=owned["a"]),
        book("fleet", list(cloud.index), cloud["t"], 0.0, kwh, account="cloud-energy",
             **cloud_fields),
        book("fleet", list(cloud.index), cloud["t"], 0.0, kwh * carbon, account="cloud-emissions", **cloud_fields),
    ]  # fmt: skip


def existing_entries(case: Case) -> list[Booked]:
    """Rent of contracts already signed, what they still cost at the end, upkeep of fleets: constants of the plan."""
    held = existing_upkeep(case)
    place, made = {"h": held["h"], "a": held["a"]}, held["k"].map(case.systems["origin_iso3"]).astype(object)
    rents = signed_rents(case)
    late = case.existing[case.existing["tail_musd"] > 0]
    operator = late["h"].map(case.hosts["operator"]).astype(object)
    return [book(CONSTANT, [()] * len(held), held["t"], held["upkeep_musd"], account="hardware-upkeep",
                 supplier=held["k"].map(case.systems["maker"]).astype(object), origin_iso3=made, **place),
            book(CONSTANT, [()] * len(held), held["t"], held["fee_musd"], account="operator-fee",
                 supplier=held["h"].map(case.hosts["operator"]).astype(object), **place),
            book(CONSTANT, [()] * len(late), case.calendar.n, late["tail_musd"], account="cloud-rent", h=late["h"],
                 a=late["a"], supplier=operator, kind="commitment"),
            book(CONSTANT, [()] * len(rents), rents["t"], rents["musd"], account="cloud-rent", h=rents["h"],
                 a=rents["a"], supplier=rents["supplier"])]  # fmt: skip
