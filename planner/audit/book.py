"""What a plan must have booked: its ledger, built from purchases, contracts, fleets and dispatch.

Outlay of an asset: a share at the order, the rest evenly over the periods of its lead; without a lead all
when it goes live. Residual value: straight line over its life, on the horizon's end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.audit.policy import PARTNER
from planner.audit.view import HAKT, View, each_period, lookup

LINE = ["t", "kind", "account", "payer", "h", "a", "origin_iso3", "w"]
FIELDS = ["kind", "account", "payer", "h", "a", "origin_iso3", "w", "unit"]


def expected(view: View) -> pd.DataFrame:
    """The ledger as it must be: t, kind, account, payer, host, stack, origin, unit, quantity, MUSD."""
    book = _Book(view)
    book.hardware()
    book.rents()
    book.fleets()
    book.places()
    book.plant()
    book.energy()
    book.law()
    book.stacks_and_grants()
    return pd.concat(book.parts, ignore_index=True)


class _Book:
    """Collects lines; every method books one topic."""

    def __init__(self, view: View) -> None:
        self.view, self.case, self.parts = (
            view,
            view.case,
            [pd.DataFrame(columns=[*LINE, "unit", "quantity", "musd"])],
        )

    def add(self, rows: pd.DataFrame, musd: Any = 0.0, quantity: Any = 0.0, **fields: Any) -> None:
        """One line a row, in the row's period ``t``; fields are texts or columns."""
        blank = {name: fields.get(name, PARTNER if name == "payer" else "") for name in FIELDS}
        if not len(rows):
            return
        part = pd.DataFrame(
            {"t": rows["t"].to_numpy(int), **{k: _cells(v, len(rows)) for k, v in blank.items()}}
        )
        part["quantity"] = np.asarray(quantity, dtype=float) * np.ones(len(rows))
        part["musd"] = np.asarray(musd, dtype=float) * np.ones(len(rows))
        self.parts.append(part)

    def asset(self, rows: pd.DataFrame, price: Any, what: str, quantity: Any = 0.0, **fields: Any) -> None:
        """Outlays of a purchase over its lead and its residual value."""
        rows = rows.assign(price=np.asarray(price, dtype=float) * np.ones(len(rows))).reset_index(drop=True)
        first = self.case.order_share[what]
        lead, live, life = (rows[c].to_numpy(int) for c in ("case_lead", "t", "case_life"))
        self.add(rows, 0.0, quantity, kind="capex", **fields)  # quantities are compared without their period
        at_order = rows.assign(t=live - lead)
        fields.pop("unit", None)
        self.add(at_order, rows["price"] * np.where(lead > 0, first, 1.0), kind="capex", **fields)
        waits = rows[lead > 0]
        if len(waits):
            columns = {k: v for k, v in fields.items() if not isinstance(v, str)}
            waits = waits.assign(**{f"f_{k}": np.asarray(v)[lead > 0] for k, v in columns.items()})
            spread = each_period(waits, live[lead > 0] - lead[lead > 0], lead[lead > 0], self.view.n)
            part = spread["price"] * (1.0 - first) / spread["case_lead"]
            own = {k: spread[f"f_{k}"] if k in columns else v for k, v in fields.items()}
            self.add(spread, part, kind="capex", **own)
        left = np.maximum(0.0, 1.0 - (self.view.n - live) / np.maximum(life, 1))
        self.add(rows.assign(t=self.view.n), -rows["price"] * left, kind="residual", **fields)

    def every(self, rows: pd.DataFrame, musd: Any, periods: Any, **fields: Any) -> None:
        """The same payment in every period alive."""
        columns = {k: v for k, v in fields.items() if not isinstance(v, str)}
        rows = rows.assign(musd_each=np.asarray(musd, dtype=float) * np.ones(len(rows)),
                           **{f"f_{k}": np.asarray(v) for k, v in columns.items()})  # fmt: skip
        alive = each_period(
            rows, rows["t"], np.asarray(periods, dtype=int) * np.ones(len(rows), dtype=int), self.view.n
        )
        own = {k: alive[f"f_{k}"] if k in columns else v for k, v in fields.items()}
        self.add(alive, alive["musd_each"], **own)

    # ---- topics

    def hardware(self) -> None:
        rows = self.view.facts(
            self.view.table("orders"), self.case.orders, HAKT, ["lead", "life", "musd_per_k"]
        )
        price = rows["accelerators"] / 1000.0 * rows["case_musd_per_k"]
        place = {"h": rows["h"], "a": rows["a"]}
        origin = lookup(rows["k"], self.case.systems["origin_iso3"])
        self.asset(rows, price, "servers", rows["accelerators"], account="hardware", unit="accelerators",
                   origin_iso3=origin, **place)  # fmt: skip
        upkeep = price * self.case.physics["hardware_opex_share_per_year"] * self.view.years
        self.every(
            rows,
            upkeep,
            rows["case_life"],
            kind="opex",
            account="hardware-upkeep",
            origin_iso3=origin,
            **place,
        )
        share = lookup(rows["h"], self.case.hosts["fee_share_per_year"]).astype(float)
        self.every(
            rows,
            price * share * self.view.years,
            rows["case_life"],
            kind="fee",
            account="operator-fee",
            **place,
        )

    def rents(self) -> None:
        columns = ["periods", "musd_per_k_period", "provider_capex_musd_per_k"]
        rows = self.view.facts(self.view.table("rents"), self.case.rents, ["h", "a", "k", "r", "t"], columns)
        count = rows["accelerators"] / 1000.0
        place = {"h": rows["h"], "a": rows["a"]}
        self.every(rows, count * rows["case_musd_per_k_period"], rows["case_periods"], kind="rent", account="cloud-rent",
                   **place)  # fmt: skip
        self.add(rows, count * rows["case_provider_capex_musd_per_k"], kind="capex", account="provider-hardware",
                 payer=lookup(rows["h"], self.case.hosts["operator"]),
                 origin_iso3=lookup(rows["k"], self.case.systems["origin_iso3"]), **place)  # fmt: skip
        for c in self.view.scenario.existing.contracts:
            last = self.case.calendar.first_from(c.until)
            rows = each_period(
                pd.DataFrame({"t": [0], "h": [c.host], "a": [c.stack]}), [0], [last], self.view.n
            )
            musd = c.accelerators * c.usd_per_accelerator_hour * self.view.hours / 1e6
            self.add(rows, musd, kind="rent", account="cloud-rent", h=rows["h"], a=rows["a"])

    def fleets(self) -> None:
        fleet = self.view.table("fleet")
        place = {"h": fleet["h"], "a": fleet["a"]}
        rate = lookup(fleet["a"], self.case.stacks["licence_musd_per_k_period"]).astype(float)
        self.add(
            fleet, fleet["accelerators"] / 1000.0 * rate, kind="opex", account="platform-licence", **place
        )
        own = fleet[fleet["h"].isin(self.view.own)]
        staff = (
            own["accelerators"] * self.case.physics["staff_usd_per_accelerator_year"] * self.view.years / 1e6
        )
        self.add(own, staff, kind="opex", account="staff", h=own["h"], a=own["a"])
        cloud = fleet[~fleet["h"].isin(self.view.own)]
        mwh = (
            cloud["accelerators"]
            * self.case.physics["cloud_kwh_per_accelerator_hour"]
            / 1000.0
            * self.view.hours
        )
        tonnes = mwh * lookup(cloud["h"], self.case.hosts["tco2_per_mwh"]).astype(float)
        there = {"h": cloud["h"], "a": cloud["a"], "payer": lookup(cloud["h"], self.case.hosts["operator"])}
        self.add(cloud, 0.0, mwh, kind="energy", account="cloud-energy", unit="MWh", **there)
        self.add(cloud, 0.0, tonnes, kind="physical", account="cloud-emissions", unit="tCO2", **there)

    def local(self, hosts: pd.Series) -> dict[str, Any]:
        """What is built, leased and consumed at a place is made in its country."""
        return {"h": hosts, "origin_iso3": lookup(hosts, self.case.hosts["country"])}

    def places(self) -> None:
        opens = self.view.facts(self.view.table("opens"), self.case.opens, ["h", "t"], ["lead", "musd"])
        self.asset(
            opens.assign(case_life=1), opens["case_musd"], "site", account="site", **self.local(opens["h"])
        )
        team = self.case.hosts["team_musd_per_period"].astype(float)
        self.every(
            opens,
            lookup(opens["h"], team),
            self.view.n,
            kind="opex",
            account="team",
            **self.local(opens["h"]),
        )
        before = [h for h in self.view.own if bool(self.case.hosts.loc[h, "exists"])]
        old = pd.DataFrame({"t": np.zeros(len(before), dtype=int), "h": before})
        self.every(
            old, lookup(old["h"], team), self.view.n, kind="opex", account="team", **self.local(old["h"])
        )
        columns = ["it_mw", "lead", "life", "musd", "opex_share_per_year"]
        halls = self.view.facts(self.view.table("halls"), self.case.halls, ["h", "b", "t"], columns)
        price = halls["halls"] * halls["case_musd"]
        self.asset(
            halls,
            price,
            "halls",
            halls["halls"] * halls["case_it_mw"],
            account="halls",
            unit="MW IT",
            **self.local(halls["h"]),
        )
        self.every(halls, price * halls["case_opex_share_per_year"] * self.view.years, halls["case_life"], kind="opex",
                   account="hall-upkeep", **self.local(halls["h"]))  # fmt: skip
        leases = self.view.facts(
            self.view.table("leases"), self.case.leases, ["h", "t"], ["periods", "musd_per_mw_period"]
        )
        self.every(leases, leases["it_mw"] * leases["case_musd_per_mw_period"], leases["case_periods"], kind="rent",
                   account="colocation-rent", **self.local(leases["h"]))  # fmt: skip

    def plant(self) -> None:
        cool = self.view.facts(
            self.view.table("cooling"), self.case.cooling, ["h", "c", "t"], ["lead", "musd_per_mw", "life"]
        )
        self.asset(cool, cool["added_mw"] * cool["case_musd_per_mw"], "cooling", cool["added_mw"], account="cooling",
                   unit="MW heat", **self.local(cool["h"]))  # fmt: skip
        columns = ["lead", "musd_per_mw", "life", "charge_musd_per_mw_period"]
        grid = self.view.facts(
            self.view.table("connections"), self.case.connections, ["h", "n", "t"], columns
        )
        self.asset(grid, grid["added_mw"] * grid["case_musd_per_mw"], "grid", grid["added_mw"], account="grid",
                   unit="MW grid", **self.local(grid["h"]))  # fmt: skip
        self.every(grid, grid["added_mw"] * grid["case_charge_musd_per_mw_period"], grid["case_life"], kind="energy",
                   account="capacity-charge", **self.local(grid["h"]))  # fmt: skip
        columns = ["lead", "musd_per_mw", "life", "om_share_per_year"]
        sets = self.view.facts(self.view.table("backups"), self.case.backups, ["h", "g", "t"], columns)
        price = sets["added_mw"] * sets["case_musd_per_mw"]
        self.asset(
            sets,
            price,
            "backup",
            sets["added_mw"],
            account="backup",
            unit="MW backup",
            **self.local(sets["h"]),
        )
        self.every(sets, price * sets["case_om_share_per_year"] * self.view.years, sets["case_life"], kind="opex",
                   account="backup-upkeep", **self.local(sets["h"]))  # fmt: skip

    def energy(self) -> None:
        dispatch = self.view.table("dispatch").astype({"t": int})
        prices = self.case.host_period.reset_index(drop=True)[["h", "t", "musd_per_mwh", "tco2_per_mwh"]]
        rows = (
            dispatch[["h", "t", "s", "import_mw"]]
            .merge(prices, on=["h", "t"])
            .merge(self.view.typical, on=["t", "s"])
        )
        mwh = rows["import_mw"] * rows["hours"]
        self.add(rows, mwh * rows["musd_per_mwh"] * rows["tariff_factor"], mwh, kind="energy", account="electricity",
                 unit="MWh", **self.local(rows["h"]))  # fmt: skip
        self.add(
            rows,
            0.0,
            mwh * rows["tco2_per_mwh"],
            kind="physical",
            account="emissions",
            unit="tCO2",
            h=rows["h"],
        )
        water = self.view.table("power")
        self.add(water, 0.0, water["water_m3"], kind="physical", account="water", unit="m3", h=water["h"])

    def stacks_and_grants(self) -> None:
        """Adoption of every layer over its stack's lead, then its yearly cost; grants."""
        table = self.view.table("stacks")
        adopted = set(table.loc[table["adopted"].astype(bool), "a"])
        for row in self.case.layers.itertuples():
            if row.a not in adopted:
                continue
            ready = int(self.case.stacks.loc[row.a, "earliest_t"])
            wait = max(ready, 1)
            before = pd.DataFrame({"t": np.arange(min(wait, self.view.n))})
            after = pd.DataFrame({"t": np.arange(min(ready, self.view.n), self.view.n)})
            who = {"kind": "fee", "a": str(row.a), "origin_iso3": str(row.origin_iso3)}
            self.add(before, float(row.adoption_musd) / wait, account="stack-adoption", **who)
            self.add(after, float(row.musd_per_period), account="platform", **who)
        for grant in self.view.scenario.finance.grants:
            t = self.case.calendar.containing(grant.date)
            if 0 <= t < self.view.n:
                self.add(pd.DataFrame({"t": [t]}), -grant.musd, kind="grant", account="grant")

    def law(self) -> None:
        """Copies at home of work done abroad; security, monitoring and investment that licences ask."""
        serve = self.view.facts(
            self.view.table("serving"), self.case.serve, ["w", *HAKT], ["home_copy_musd_per_k_year"]
        )
        copies = serve["accelerators"] / 1000.0 * serve["case_home_copy_musd_per_k_year"] * self.view.years
        self.add(serve, copies, kind="opex", account="home-copy", h=serve["h"], a=serve["a"],
                 w=serve["w"])  # fmt: skip
        orders = self.view.facts(
            self.view.table("orders"), self.case.orders, HAKT, ["order_t", "life", "musd_per_k"]
        )
        offer = pd.MultiIndex.from_frame(orders[["h", "a", "k"]])
        place, count = {"h": orders["h"], "a": orders["a"]}, orders["accelerators"].astype(float) / 1000.0
        once, yearly, share = (
            count * lookup(offer, self.case.offers[name]).astype(float)
            for name in ("security_musd_per_k", "monitoring_musd_per_k_year", "reciprocal_share")
        )
        self.add(orders, once, kind="fee", account="licence-security", **place)
        self.every(orders, yearly * self.view.years, orders["case_life"], kind="opex", account="licence-monitoring",
                   **place)  # fmt: skip
        invested = share * orders["case_musd_per_k"]
        growth = 1.0 + self.case.rate - self.case.physics["reciprocal_spread_per_year"]
        until_end = (self.view.n - orders["case_order_t"] - 0.5) * self.view.years
        abroad = {"account": "reciprocal-investment", "origin_iso3": "USA", **place}
        self.add(orders.assign(t=orders["case_order_t"]), invested, kind="fee", **abroad)
        self.add(orders.assign(t=self.view.n), -invested * growth**until_end, kind="residual", **abroad)


def _cells(value: Any, n: int) -> Any:
    return [value] * n if isinstance(value, str) else np.asarray(value, dtype=object)
