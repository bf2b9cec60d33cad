"""A plan: what the values of a solve mean, as tidy tables with dates, units and one ledger.

    plan = plan_of(case, engine, solution, bounds)
    plan.tables["orders"], plan.kpi("cost_npv_musd")

Accelerators are counted singly here (the model counts in thousands), power in MW, money in MUSD. ``h`` host,
``p`` site, ``a`` stack, ``k`` system, ``w`` workload, ``b`` hall type, ``c`` cooling, ``t`` period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planner.case.bounds import UNBOUNDED, Bounds
from planner.case.case import DESIGN, Case
from planner.case.columns import keys_of, numbered, records
from planner.case.cooling import existing_cooling_mw
from planner.case.levels import rescored, scored
from planner.case.power import FIRM
from planner.case.registry import NO_OUTLAY, PURCHASES
from planner.facts.errors import UnknownName
from planner.models.ledger import CONSTANT, in_words
from planner.plans import kpis, levels, milestones, onsite, prices, resilience, training
from planner.plans.bought import bought
from planner.plans.commitments import commitments
from planner.plans.content import content_table
from planner.plans.hardware import by_account
from planner.plans.network import host_network
from planner.plans.openings import openings_table
from planner.plans.reader import NOISE, Reader, made_of
from planner.plans.schema import SCHEMA
from planner.solver.solution import Solution

if TYPE_CHECKING:  # the engine imports nothing of plans; this keeps a plan readable without a solver
    from planner.solver.engine import Engine

LEDGER_KEYS = [
    "t", "kind", "account", "asset_class", "h", "a", "k", "supplier", "payer", "origin_iso3", "w", "unit",
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The tables of one plan and its KPIs (columns kpi, value, unit, low, high, inside, note)."""

    case: Case
    tables: dict[str, pd.DataFrame]
    kpis: pd.DataFrame
    bounds: Bounds = UNBOUNDED

    def kpi(self, name: str) -> float:
        """Value of one KPI; UnknownName with the known names."""
        rows = self.kpis.loc[self.kpis["kpi"] == name, "value"]
        if not len(rows):
            raise UnknownName(f"no KPI {name!r}; there are {', '.join(self.kpis['kpi'])}")
        return float(rows.iloc[0])


def plan_of(
    case: Case,
    engine: Engine,
    solution: Solution,
    bounds: Bounds = UNBOUNDED,
    priced: Solution | None = None,
) -> Plan:
    """Tables and KPIs of a solution that has values; prices from ``priced``, a linear programme of the model.

    With whole units fixed a quota has no price, so prices come from the programme before rounding.
    """
    if solution.x is None:
        raise ValueError(f"a solution without values ({solution.status.value}) is no plan")
    reader = _Reader(case, engine, solution.x)
    tables = {
        **{p.name: bought(reader, p) for p in PURCHASES},
        "fleet": reader.fleet(),
        "serving": reader.serving(),
        "demand": reader.demand(),
        "stacks": reader.stacks(),
        "ordered_under": reader.ordered_under(),
        "outlasting": resilience.outlasting(reader)[list(SCHEMA["outlasting"])],
        "generation": onsite.generation(reader)[list(SCHEMA["generation"])],
        "storage": made_of(case.storages, case.slices, "storage", lambda: onsite.storage(reader))[
            list(SCHEMA["storage"])
        ],
        "matched": made_of(case.ppas, case.slices, "matched", lambda: onsite.matched(reader))[
            list(SCHEMA["matched"])
        ],
        "reuse": onsite.reuse(reader)[list(SCHEMA["reuse"])],
        "ledger": reader.ledger(),
    }
    tables["training_work"] = training.training_work(reader)[list(SCHEMA["training_work"])]
    tables["training"] = training.training(reader, tables["training_work"])[list(SCHEMA["training"])]
    tables["dispatch"] = reader.dispatch(tables["generation"], tables["storage"])
    tables["cooling"] = reader.cooling(tables["cooling"])
    tables["power"] = reader.power(tables)
    tables["levels"] = levels.level_table(reader, tables)[list(SCHEMA["levels"])]
    tables["serving"] = rescored(tables["serving"], scored(case, levels.kept(tables["levels"])))
    tables["survival"] = made_of(
        case.survival, tables["serving"], "survival", lambda: resilience.survival(case, tables)
    )[list(SCHEMA["survival"])]
    tables["commitments"] = commitments(case, tables)[list(SCHEMA["commitments"])]
    tables["capital"] = capital_of(tables["ledger"])
    tables["content"] = content_table(case, tables["ledger"])
    tables["unmet"] = tables["demand"].loc[tables["demand"]["unserved_share"] > 1e-6, list(SCHEMA["unmet"])]
    tables["service"] = kpis.service_dates(case, tables)
    tables["control"] = kpis.control_by_decision(case, tables)
    networks = [found for h in case.hosts.index if (found := host_network(case, tables, str(h)))]
    tables["milestones"] = milestones.milestone_table(case, tables, networks)
    tables["openings"] = openings_table(case, networks)
    tables["prices"] = prices.price_table(case, engine, priced or solution)
    tables["why_not"] = case.why_not.reset_index(drop=True)
    tables["assumptions"] = case.assumptions.astype({"value": str}).reset_index(drop=True)
    tables = {name: numbered(table) for name, table in tables.items()}
    return Plan(case, tables, kpis.kpi_table(case, tables), bounds)


def capital_of(ledger: pd.DataFrame) -> pd.DataFrame:
    """Undiscounted outlays by period, payer, account, origin and host; residual values are no outlay."""
    paid = ledger[~ledger["kind"].isin([*NO_OUTLAY, "physical"]) & (ledger["musd"] != 0)]
    keys = ["t", "label", "year", "payer", "kind", "account", "origin_iso3", "p", "h"]
    return paid.groupby(keys, as_index=False, sort=True)["musd"].sum()


class _Reader(Reader):
    """Reads what is not bought: the fleet, its work, and what it takes."""

    def fleet(self) -> pd.DataFrame:
        keys = ["h", "a", "k", "t"]
        table = self.values("fleet", keys, "k_accelerators")
        table = self.facts(table, self.case.fleet, keys, ["existing_k"])
        owned = self.alive("order", keys, self.case.orders, "life")
        rented = self.alive("rent", ["h", "a", "k", "r", "t"], self.case.rents, "periods")
        wanted = keys_of(table, keys)
        for name, part in (("owned", owned), ("rented", rented)):
            alive = dict(zip(keys_of(part, keys), part["k_alive"].tolist(), strict=True))
            table[name] = np.array([alive.get(key, 0.0) for key in wanted]) * 1000
        for name in ("stored", "emptied"):
            part = self.values(name, keys, "k_off")
            off = dict(zip(keys_of(part, keys), part["k_off"].tolist(), strict=True))
            table[name] = np.array([off.get(key, 0.0) for key in wanted]) * 1000
        table = self.site(self.dated(table))
        k = table["k_accelerators"].astype(float)
        return table.assign(
            mode=table["h"].map(self.case.hosts["mode"]).astype(object),
            accelerators=k * 1000,
            existing=table["existing_k"].astype(float) * 1000,
            it_mw=k * table["k"].map(self.case.systems["peak_mw_per_k"]).astype(float),
        )[list(SCHEMA["fleet"])]

    def serving(self) -> pd.DataFrame:
        keys = ["w", "h", "a", "k", "t"]
        work = self.values("serve", keys, "k_serving")
        held = self.values("reserve", keys, "k_reserve")
        table = work.merge(held, on=keys, how="outer").fillna({"k_serving": 0.0, "k_reserve": 0.0})
        table = self.facts(table, self.case.serve, keys, ["rate", "sigma", "seal", "p"])
        table = self.facts(table, self.case.demand, ["w", "t"], ["demand_kref"])
        served = table["rate"].astype(float) * table["k_serving"].astype(float)
        table = self.dated(table)
        return table.assign(
            accelerators=table["k_serving"].astype(float) * 1000,
            reserve=table["k_reserve"].astype(float) * 1000,
            served_kref=served,
            share=served / table["demand_kref"].astype(float),
        )[list(SCHEMA["serving"])]

    def demand(self) -> pd.DataFrame:
        table = self.case.demand.reset_index(drop=True)[["w", "t", "demand_kref"]]
        short = self.values("unserved", ["w", "t"], "unserved_share")
        table = self.dated(table.merge(short, on=["w", "t"], how="left"))
        table["unserved_share"] = table["unserved_share"].fillna(0.0).clip(0.0, 1.0)
        first = self.case.serve.groupby("w")["t"].min()
        per_ref = self.case.workloads["tokens_per_s_per_ref"]
        until = self.case.demand["until_t"]
        reasons = [
            self.reason(r.w, r.t, int(until[r.w, r.t]), r.unserved_share, first) for r in records(table)
        ]
        return table.assign(
            months=table["t"].map(self.case.periods["months"]).astype(float),
            served_kref=table["demand_kref"] * (1.0 - table["unserved_share"]),
            reason=reasons,
            tokens_per_s=table["demand_kref"] * 1000 * table["w"].map(per_ref).astype(float),
            mean_load=table["w"].map(kpis.mean_load(self.case)).astype(float),
            by_deadline=table["w"].isin(set(self.case.trainings["w"])),
        )[list(SCHEMA["demand"])]

    def reason(self, w: str, t: int, until: int, short: float, first: pd.Series) -> str:
        """Why a part of the demand of t, which may be met until a period, is not."""
        if short <= 1e-6:
            return ""
        if w not in first.index:
            return "no offer may serve it"
        if until < first[w]:
            return f"nothing can be live before {self.labels[first[w]]} at the least, by permit, adoption and delivery alone"
        if bool(self.case.workloads.loc[w, "optional"]):
            return "optional: left out where it costs more than it is asked to"
        return "waits within its bound on delay: earlier capacity costs more or is not to be had"

    def ordered_under(self) -> pd.DataFrame:
        """Parts of orders that are placed under agreements."""
        table = self.values("under", ["e", "h", "a", "k", "t"], "k_ordered")
        table = self.site(self.dated(table))
        return table.assign(accelerators=table["k_ordered"].astype(float) * 1000)[
            list(SCHEMA["ordered_under"])
        ]

    # ---- places

    def stacks(self) -> pd.DataFrame:
        use = self.engine.family(self.x, "use")
        table = self.case.stacks.reset_index(drop=True)[
            ["a", "name", "origin_iso3", "adoption_musd", "earliest_t"]
        ]
        return table.assign(
            adopted=table["a"].map(use).astype(float) > 0.5, earliest_date=self.date(table["earliest_t"])
        ).drop(columns="earliest_t")

    def cooling(self, added: pd.DataFrame) -> pd.DataFrame:
        """Every technology that is added or stands (that of halls included): its megawatts, and the peak heat it carries."""
        keys = ["h", "c", "t"]
        heat = self.values("heat", ["h", "c", "m", "t", "s"], "heat_peak_mw")
        peak = heat[heat["s"] == DESIGN].groupby(keys, as_index=False)["heat_peak_mw"].sum()
        stands = self.standing("cool", self.case.cooling, ["h", "c"], keys).rename(
            columns={"mw": "bought_mw"}
        )
        fitted = self.standing("refit", self.case.refits, ["h", "c"], keys).rename(
            columns={"mw": "fitted_mw"}
        )
        table = peak.merge(added.drop(columns=["p", "label"]), on=keys, how="outer").merge(
            stands, on=keys, how="outer"
        )
        table = table.merge(fitted, on=keys, how="outer")
        included = self.case.heat.reset_index(drop=True).groupby(["h", "c"])["included"].max()
        space = self.values("space_mw", ["h", "t"], "space_mw")
        held = {key: mw for key, mw in existing_cooling_mw(self.case).items() if mw > NOISE}
        with_halls = included[included > 0].reset_index()[["h", "c"]].merge(space[["h", "t"]], on="h")
        table = table.merge(with_halls, on=keys, how="outer")
        table = table.merge(pd.DataFrame(held.keys(), columns=keys), on=keys, how="outer")
        table = table.merge(space, on=["h", "t"], how="left").fillna(
            dict.fromkeys(("heat_peak_mw", "added_mw", "musd", "bought_mw", "fitted_mw", "space_mw"), 0.0)
        )
        pair = list(zip(table["h"], table["c"], strict=True))
        table["capacity_mw"] = (
            table["bought_mw"]
            + table["fitted_mw"]
            + np.array([held.get(key, 0.0) for key in keys_of(table, keys)])
            + np.array([float(included.get(i, 0.0)) for i in pair]) * table["space_mw"]
        )
        return self.site(self.dated(table))[list(SCHEMA["cooling"])]

    def dispatch(self, generation: pd.DataFrame, storage: pd.DataFrame) -> pd.DataFrame:
        """(h, t, s): hours, IT load, grid import, own generation and storage of own and leased places."""
        load = (
            self.values("it_load", ["h", "m", "t", "s"], "it_mw")
            .groupby(["h", "t", "s"], as_index=False)["it_mw"]
            .sum()
        )
        imported = self.values("grid_import", ["h", "t", "s"], "import_mw")
        loose = self.values("flexible_import", ["h", "t", "s"], "flexible_mw")
        imported = imported.merge(loose, on=["h", "t", "s"], how="outer")
        own = generation.groupby(["h", "t", "s"], as_index=False)["generation_mw"].sum()
        kept = storage.groupby(["h", "t", "s"], as_index=False)[["charge_mw", "discharge_mw"]].sum()
        table = load
        for part in (imported, own, kept):
            table = table.merge(part, on=["h", "t", "s"], how="outer")
        amounts = ("it_mw", "import_mw", "flexible_mw", "generation_mw", "charge_mw", "discharge_mw")
        table = table.fillna(dict.fromkeys(amounts, 0.0))
        return self.facts(table, self.case.slices, ["t", "s"], ["hours"])[list(SCHEMA["dispatch"])]

    def power(self, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
        """(h, t): space, IT and facility power, energy, water and emissions; clouds have energy only."""
        keys = ["h", "t"]
        space = self.values("space_mw", keys, "space_mw")
        peak = (
            self.values("it_peak", ["h", "m", "t", "s"], "it_peak_mw")
            .groupby(keys, as_index=False)["it_peak_mw"]
            .sum()
        )
        d = tables["dispatch"]
        drawn = d["import_mw"] + d["generation_mw"]
        energy = d.assign(it_mwh=d["it_mw"] * d["hours"], energy_mwh=drawn * d["hours"])
        energy = energy.groupby(keys, as_index=False)[["it_mwh", "energy_mwh"]].sum()
        led = tables["ledger"]
        physical = {
            name: led[(led["account"].isin(accounts)) & (led["quantity"] != 0)]
            .groupby(keys)["quantity"]
            .sum()
            for name, accounts in (
                ("water_m3", ["water"]),
                ("emissions_t", ["emissions", "cloud-emissions", "plant-emissions"]),
                ("generation_mwh", ["generation"]),
                ("cloud_mwh", ["cloud-energy"]),
            )
        }
        cloud = physical["cloud_mwh"].rename("cloud_mwh").reset_index()
        table = (
            space.merge(peak, on=keys, how="outer")
            .merge(energy, on=keys, how="outer")
            .merge(cloud, on=keys, how="outer")
        )
        table = self.site(
            self.dated(
                table.fillna(
                    dict.fromkeys(("space_mw", "it_peak_mw", "it_mwh", "energy_mwh", "cloud_mwh"), 0.0)
                )
            )
        )
        table["mode"] = table["h"].map(self.case.hosts["mode"]).astype(object)
        hours = table["t"].map(self.case.periods["hours"])
        index = list(zip(table["h"], table["t"], strict=True))
        existing = self.case.host_period
        lines = self.standing("connect", self.case.connections, ["h", "n"], ["h", "n", "t"])
        firm = lines["n"] == FIRM
        grid, loose = (lines[some].groupby(keys)["mw"].sum() for some in (firm, ~firm))
        sets = self.standing("backup", self.case.backups, ["h"], ["h", "g", "t"]).set_index(keys)["mw"]
        for name, stands, column in (
            ("grid_mw", grid, "existing_grid_mw"),
            ("backup_mw", sets, "existing_backup_mw"),
        ):
            before = existing[column] if len(existing) else pd.Series(dtype=float)
            table[name] = [float(stands.get(i, 0.0)) + float(before.get(i, 0.0)) for i in index]
        table["flexible_mw"] = [float(loose.get(i, 0.0)) for i in index]
        billed = self.values("billed_peak", keys, "mw").set_index(keys)["mw"]
        table["billed_peak_mw"] = [float(billed.get(i, 0.0)) for i in index]
        stands = onsite.standing(self)
        for name in ("plant_mw", "plant_rating_mw", "storage_rating_mw"):
            table[name] = [float(stands[name].get(i, 0.0)) for i in index]
        table["facility_peak_mw"] = self.facility_peak(table, tables["cooling"])
        table["it_mean_mw"] = table["it_mwh"] / hours
        table["pue"] = np.where(
            table["it_mwh"] > 0, table["energy_mwh"] / table["it_mwh"].where(table["it_mwh"] > 0, 1.0), np.nan
        )
        table["energy_mwh"] = table["energy_mwh"] + table["cloud_mwh"]
        share = self.case.physics["backup_critical_share"]
        table["plant_standby_mw"] = onsite.held_as_backup(table, share)
        charged = np.array([i in self.case.peak_charges.index for i in index], dtype=bool)
        table["storage_firm_mw"] = onsite.stored_in_design_hour(table, charged)
        for name in ("water_m3", "emissions_t", "generation_mwh"):
            table[name] = [float(physical[name].get(i, 0.0)) for i in index]
        return table[list(SCHEMA["power"])]

    def facility_peak(self, table: pd.DataFrame, cooling: pd.DataFrame) -> np.ndarray:
        """Facility MW in the design hour: heat x PUE by technology, or the building's PUE in colocation."""
        factor = self.case.pue["pue"]
        heat = cooling[cooling["heat_peak_mw"] > 0]
        mw = [row.heat_peak_mw * float(factor[(row.h, row.c, row.t, DESIGN)]) for row in records(heat)]
        by = (
            pd.Series(mw, index=pd.MultiIndex.from_frame(heat[["h", "t"]]), dtype=float)
            .groupby(level=[0, 1])
            .sum()
        )
        building = self.case.physics["colocation_pue"]
        return np.array(
            [
                r.it_peak_mw * building if r.mode == "colocation" else float(by.get((r.h, r.t), 0.0))
                for r in records(table)
            ]
        )

    # ---- money

    def ledger(self) -> pd.DataFrame:
        """Ledger entries times values, summed over the variables that book the same line."""
        entries, columns = self.engine.entries, self.engine.arrays.columns
        members = zip(entries["family"].tolist(), entries["index"].tolist(), strict=True)
        amount = np.array([1.0 if f == CONSTANT else self.x[columns[f].position(i)] for f, i in members])
        table = entries.assign(musd=entries["musd"] * amount, quantity=entries["quantity"] * amount)
        table = table[(table["musd"].abs() > NOISE) | (table["quantity"].abs() > NOISE)]
        table = by_account(self.case, in_words(table))
        table = table.groupby(LEDGER_KEYS, as_index=False, sort=True)[["quantity", "musd"]].sum()
        factors = np.append(self.case.periods["discount"].to_numpy(float), self.case.discount_end)
        dates = [self.case.calendar.date_of(t) for t in range(self.case.calendar.n + 1)]
        t = table["t"].to_numpy(int)
        labels = [*self.labels, "end"]
        return table.assign(
            label=[labels[i] for i in t],
            date=pd.to_datetime([dates[i] for i in t]),
            year=[dates[i].year for i in t],
            p=table["h"].map(self.case.hosts["p"]).fillna("").astype(object),
            musd_discounted=table["musd"] * factors[t],
        )[list(SCHEMA["ledger"])]
