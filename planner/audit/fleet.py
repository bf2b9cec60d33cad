"""Orders, rents, the fleet they make, and the work it can carry."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.findings import Findings
from planner.audit.view import HAKT, View, each_period, labelled, lookup, once, over, share_of_period, total
from planner.case.columns import joined
from planner.case.commitments import choice_of
from planner.case.costs import hardware_musd_per_k
from planner.case.export_rules import routed_duty
from planner.case.periods import day_after
from planner.scenario.schema import ExistingFleet

THOUSAND = 1000.0

COVERS = {
    "fleet_stock": "fleet-stock",
    "fleet_peak": "fleet-peak",
    "fleet_slice": "fleet-slice",
    "preemptible_mean": "fleet-day",
    "stays_on": "stored",
    "whole_units": "whole-units",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""
WHOLE = ("whole-units",)
"""Rules of the audit that speak of wholes, which screening takes parts of."""


def check(view: View, found: Findings) -> None:
    """Rules of what is bought, rented, alive and loaded."""
    _orders(view, found)
    _rents(view, found)
    _stock(view, found)
    _stored(view, found)
    _load(view, found)


def _orders(view: View, found: Findings) -> None:
    table = view.table("orders")
    found.known(
        "order-allowed", table[HAKT], view.case.orders.index, "no such offer can go live in this period"
    )
    found.at_least("order-negative", total(table, HAKT, table["accelerators"]), 0.0, "a negative order")
    rows = view.facts(table, view.case.orders, HAKT, ["lead", "life", "musd_per_k", "unit_k"])
    key, count = rows[HAKT], rows["accelerators"] / THOUSAND
    index = labelled(rows, HAKT)
    found.at_least(
        "order-lead",
        _by(pd.Series(view.begins(rows["t"])) - rows["case_lead"], index),
        0.0,
        "ordered before the plan starts",
    )
    for name, when in (
        ("order_date", view.begins(rows["t"]) - rows["case_lead"]),
        ("live_date", view.begins(rows["t"])),
        ("retire_date", view.begins(rows["t"]) + rows["case_life"]),
    ):
        found.same("order-dates", key, pd.to_datetime(rows[name]), view.days(when), name)
    found.equal(
        "order-price",
        _by(rows["musd"], index),
        _by(count * rows["case_musd_per_k"], index),
        "price of an order",
    )
    found.equal(
        "order-units", _by(rows["units"] * rows["case_unit_k"], index), _by(count, index), "units of an order"
    )
    found.whole("whole-units", _by(count / rows["case_unit_k"], index), "part of a server or rack")


def _rents(view: View, found: Findings) -> None:
    table = view.table("rents")
    keys = ["h", "a", "k", "r", "t"]
    if not len(table):
        return
    found.known(
        "rent-allowed", table[keys], view.case.rents.index, "no such contract can start in this period"
    )
    found.at_least("rent-negative", total(table, keys, table["accelerators"]), 0.0, "a negative contract")
    rows = view.facts(table, view.case.rents, keys, ["periods", "musd_per_k_step"])
    index = labelled(rows, keys)
    for name, when in (
        ("start_date", view.begins(rows["t"])),
        ("end_date", view.begins(rows["t"]) + rows["case_periods"]),
    ):
        found.same("rent-dates", rows[keys], pd.to_datetime(rows[name]), view.days(when), name)
    hourly = rows["case_musd_per_k_step"] * 1e6 / THOUSAND / view.step_hours
    found.equal(
        "rent-price", _by(rows["usd_per_accelerator_hour"], index), _by(hourly, index), "price of a contract"
    )
    paid = np.minimum(view.n_steps, view.begins(rows["t"]) + rows["case_periods"]) - view.begins(rows["t"])
    musd = rows["accelerators"] / THOUSAND * rows["case_musd_per_k_step"] * paid
    found.equal("rent-price", _by(rows["musd_total"], index), _by(musd, index), "payments of a contract")


def _held(view: View) -> pd.DataFrame:
    """Existing fleets and contracts in the periods they last through from the first to the last day: h, a, k, t."""
    start, existing = view.case.calendar.start, view.scenario.existing
    lasting: list[tuple[Any, date, date]] = [(f, f.since, f.retire) for f in existing.fleets]
    lasting += [(c, start, day_after(c.until)) for c in existing.contracts]
    rows = [
        (x.host, x.stack, x.system, t, x.accelerators)
        for x, first, end in lasting
        for t in range(view.n)
        if share_of_period(view, t, first, end) > 1 - 1e-9
    ]
    return pd.DataFrame(rows, columns=[*HAKT, "accelerators"])


def _stock(view: View, found: Findings) -> None:
    table = view.table("fleet")
    found.known("fleet-allowed", table[HAKT], view.case.fleet.index, "no capacity can be alive there")
    bought = view.facts(view.table("orders"), view.case.orders, HAKT, ["life"])
    rented = view.facts(view.table("rents"), view.case.rents, ["h", "a", "k", "r", "t"], ["periods"])
    held = _held(view)
    alive = {
        "owned": each_period(bought, bought["t"], bought["case_life"], view),
        "rented": each_period(rented, rented["t"], rented["case_periods"], view),
        "existing": held,
    }
    want = {name: total(part, HAKT, part["accelerators"] / THOUSAND) for name, part in alive.items()}
    everything = total(
        pd.concat([part[[*HAKT, "accelerators"]] for part in alive.values()]),
        HAKT,
        pd.concat([part["accelerators"] for part in alive.values()]) / THOUSAND,
    )
    for name, value in (*want.items(), ("accelerators", everything)):
        got = total(table, HAKT, table[name] / THOUSAND)
        found.equal("fleet-stock", got, value, f"{name} is not what orders, rents and existing fleets make")
    peak = table["accelerators"] / THOUSAND * view.system(table, "peak_mw_per_k").astype(float)
    found.equal(
        "fleet-power", total(table, HAKT, table["it_mw"]), total(table, HAKT, peak), "peak MW of a fleet"
    )


def _stored(view: View, found: Findings) -> None:
    """Only fleets that exist may stand in store, where the case says so; what was switched on stays on."""
    table = view.table("fleet")
    dark = table[table["stored"] != 0]
    found.known("stored", dark[HAKT], view.case.stored.index, "a fleet that has power stands in store")
    got = total(dark, HAKT, dark["stored"] / THOUSAND)
    found.at_least("stored", got, 0.0, "fewer than none in store")
    held = total(table, HAKT, table["existing"] / THOUSAND)
    found.at_most("stored", got, over(got.index, held), "more in store than exists")
    kept = view.case.stored[view.case.stored["kept_on"]].reset_index(drop=True)
    now, before = labelled(kept, HAKT), labelled(kept.assign(t=kept["t"] - 1), HAKT)
    arrived = (over(now, held).to_numpy(float) - over(before, held).to_numpy(float)).clip(min=0.0)
    limit = pd.Series(over(before, got).to_numpy(float) + arrived, index=now)
    found.at_most("stored", over(now, got), limit, "switched off again")


def _load(view: View, found: Findings) -> None:
    """Work at the peak and in every slice; work that may wait needs room somewhere in the day."""
    work, room = view.work, room_k(view)
    firm, soft = work[~work["soft"]], work[work["soft"]]
    busy = total(firm, HAKT, firm["serve_k"]).add(total(work, HAKT, work["held_k"]), fill_value=0.0)
    found.at_most("fleet-peak", busy, over(busy.index, room), "work at the peak and reserve exceed the fleet")
    left = spare(view)
    index = labelled(left, [*HAKT, "s"])
    found.at_least("fleet-slice", _by(left["spare_k"], index), 0.0, "work in a slice exceeds the fleet")
    waiting = total(soft, HAKT, soft["serve_k"])
    mean = total(left, HAKT, left["spare_k"] * left["hours"] / view.hours(left["t"]))
    found.at_most(
        "fleet-day", waiting, over(waiting.index, mean), "work that may wait finds no room in the day"
    )


def room_k(view: View) -> pd.Series:
    """(h, a, k, t) -> thousands of accelerators that can work at one time."""
    return view.case.physics["availability"] * total(view.powered, HAKT, view.powered["ready_k"])


@once
def spare(view: View) -> pd.DataFrame:
    """(h, a, k, t, s): hours, and thousands of accelerators left over by firm work."""
    room = room_k(view)
    cells = (
        room.rename("room_k").rename_axis(HAKT).reset_index()
        if len(room)
        else pd.DataFrame(columns=[*HAKT, "room_k"])
    )
    cells = joined(cells, view.typical[["t", "s", "hours"]], ["t"])
    table = firm_by_slice(view)
    used = total(table, [*HAKT, "s"], table["load_k"])
    index = labelled(cells, [*HAKT, "s"])
    return cells.assign(spare_k=cells["room_k"].to_numpy(float) - over(index, used).to_numpy(float))


@once
def firm_by_slice(view: View) -> pd.DataFrame:
    """Firm work by slice: serving at the peak times the share of the peak in the slice."""
    table = joined(view.work[~view.work["soft"]], view.typical, ["t"])
    pairs = labelled(table, ["w", "s"])
    share = lookup(pairs, view.case.profile["value"]).astype(float)
    return table.assign(load_k=table["serve_k"].to_numpy(float) * share)


def _by(values: pd.Series, index: pd.Index) -> pd.Series:
    return pd.Series(values.to_numpy(float), index=index)


def booked(book: Book) -> None:
    """Hardware with its upkeep and the operator's fee, rents, and what every accelerator alive costs."""
    _hardware_booked(book)
    _rents_booked(book)
    _alive_booked(book)


def _hardware_booked(book: Book) -> None:
    view, case = book.view, book.view.case
    rows = view.facts(view.table("orders"), case.orders, HAKT, ["lead", "life", "musd_per_k", "goods_share"])
    price = rows["accelerators"] / THOUSAND * rows["case_musd_per_k"]
    place, life = {"h": rows["h"], "a": rows["a"]}, rows["case_life"]
    made = {**place, "origin_iso3": lookup(rows["k"], case.systems["origin_iso3"])}
    _price_booked(book, rows, price, made)
    upkeep = price * case.physics["hardware_opex_share_per_year"] * view.step_years
    book.every(rows, upkeep, life, kind="opex", account="hardware-upkeep", **made)
    share = lookup(rows["h"], case.hosts["fee_share_per_year"]).astype(float)
    book.every(rows, price * share * view.step_years, life, kind="fee", account="operator-fee", **place)


def _price_booked(book: Book, rows: pd.DataFrame, price: Any, made: dict[str, Any]) -> None:
    """The price by what it is paid for; what a used system fetches is paid for goods, their freight, network, storage."""
    pairs = dict.fromkeys(zip(rows["h"], rows["k"], strict=True))
    parts = pd.DataFrame({pair: _parts(book.view, *pair) for pair in pairs}).T
    parts = parts.reindex(pd.MultiIndex.from_arrays([rows["h"], rows["k"]])) if len(rows) else parts
    market = book.view.scenario.finance.residual == "market"
    for name in parts:
        share = parts[name].to_numpy(float)
        sold = parts[["goods", "shipping"]].sum(axis=1).to_numpy(float) / share if name == "goods" else 1.0
        kept = sold if name in ("goods", "network", "storage") else 0.0
        lasting = rows.assign(case_goods_share=kept) if market else rows
        paid_to = (
            book.local(rows["h"]) | {"a": rows["a"]} if name in ("installation", "import-duty") else made
        )
        paid_to = {**paid_to, "k": rows["k"]}
        goods = {"quantity": rows["accelerators"], "unit": "accelerators"} if name == "goods" else {}
        book.asset(lasting, price * share, "servers", purchase="order", account=str(name), **goods, **paid_to)


def _parts(view: View, h: str, k: str) -> dict[str, float]:
    """Share of the all-in price of a system by what is paid for."""
    context = view.context
    host = context.host(h)
    own, catalog = host.hardware_price_factor, view.case.catalog
    factor = float(context.pick(own, "owner_classes", host.owner_class, "hardware_price_factor"))
    freight = context.param("shipping_price_share")
    around = {
        x: catalog.param(f"{x}_cost_share", context.level)
        for x in ("network", "storage", "spares", "installation")
    }
    duty = context.import_duty(host) + routed_duty(context, host, choice_of(context, k))
    whole = (1.0 + sum(around.values()) + duty) * max(factor, 1.0)
    found = {"goods": 1.0 - freight, "shipping": freight, **around, "import-duty": duty}
    return {name: value / whole for name, value in found.items()} | {
        "owner-premium": 1.0 - 1.0 / max(factor, 1.0)
    }


def _rents_booked(book: Book) -> None:
    view, case = book.view, book.view.case
    columns = ["periods", "musd_per_k_step", "provider_capex_musd_per_k"]
    rows = view.facts(view.table("rents"), case.rents, ["h", "a", "k", "r", "t"], columns)
    count, place = rows["accelerators"] / THOUSAND, {"h": rows["h"], "a": rows["a"]}
    rent = count * rows["case_musd_per_k_step"]
    book.every(rows, rent, rows["case_periods"], contract=True, kind="rent", account="cloud-rent", **place)
    book.add(rows, count * rows["case_provider_capex_musd_per_k"], kind="capex", account="provider-hardware",
             asset_class="servers", payer=lookup(rows["h"], case.hosts["operator"]),
             origin_iso3=lookup(rows["k"], case.systems["origin_iso3"]), k=rows["k"], **place)  # fmt: skip
    for f in view.scenario.existing.fleets:
        _kept_up(book, f)
    for c in view.scenario.existing.contracts:
        shares = [
            share_of_period(view, t, view.case.calendar.start, day_after(c.until)) for t in range(view.n)
        ]
        rows = pd.DataFrame({"t": [t for t in range(view.n) if shares[t] > 0], "h": c.host, "a": c.stack})
        share = np.array([shares[t] for t in rows["t"]], float)
        musd = c.accelerators * c.usd_per_accelerator_hour * view.hours(rows["t"]) * share / 1e6
        book.add(rows, musd, kind="rent", account="cloud-rent", h=rows["h"], a=rows["a"])


def _kept_up(book: Book, fleet: ExistingFleet) -> None:
    """Upkeep and fee of a fleet that is there: shares of what its systems cost at the start, while it is all there."""
    view, case = book.view, book.view.case
    context = view.context
    host = context.host(fleet.host)
    price = (
        hardware_musd_per_k(context, choice_of(context, fleet.system), host, 0)
        * fleet.accelerators
        / THOUSAND
    )
    rows = pd.DataFrame({"t": [t for t in range(view.n)
                               if share_of_period(view, t, fleet.since, fleet.retire) > 1 - 1e-9]})  # fmt: skip
    place = {"h": fleet.host, "a": fleet.stack}
    upkeep = price * case.physics["hardware_opex_share_per_year"] * view.years(rows["t"])
    origin = str(case.systems.loc[fleet.system, "origin_iso3"])
    book.add(rows, upkeep, kind="opex", account="hardware-upkeep", origin_iso3=origin, **place)
    fee = price * float(case.hosts.loc[fleet.host, "fee_share_per_year"]) * view.years(rows["t"])
    book.add(rows, fee, kind="fee", account="operator-fee", **place)


def _alive_booked(book: Book) -> None:
    view, case = book.view, book.view.case
    fleet = view.table("fleet")
    rate = lookup(fleet["a"], case.stacks["licence_musd_per_k_step"]).astype(float)
    licence = fleet["accelerators"] / THOUSAND * rate * view.steps(fleet["t"])
    book.add(fleet, licence, kind="opex", account="platform-licence", h=fleet["h"], a=fleet["a"])  # fmt: skip
    own, cloud = fleet[fleet["h"].isin(view.own)], fleet[~fleet["h"].isin(view.own)]
    staff = own["accelerators"] * case.physics["staff_usd_per_accelerator_year"] * view.years(own["t"]) / 1e6
    book.add(own, staff, kind="opex", account="staff", h=own["h"], a=own["a"])
    kwh = cloud["accelerators"] * case.physics["cloud_kwh_per_accelerator_hour"]
    mwh = kwh / 1000.0 * view.hours(cloud["t"])
    tonnes = mwh * lookup(cloud["h"], case.hosts["tco2_per_mwh"]).astype(float)
    there = {"h": cloud["h"], "a": cloud["a"], "payer": lookup(cloud["h"], case.hosts["operator"])}
    book.add(cloud, 0.0, mwh, kind="energy", account="cloud-energy", unit="MWh", **there)
    book.add(cloud, 0.0, tonnes, kind="physical", account="cloud-emissions", unit="tCO2", **there)
