"""The audit finds nothing in a solved plan, and something in every plan that was tampered with.

The plan below is small but uses every rule: two build hosts at two sites, leased space, a cloud, an existing
hall and fleet, plant of a site's own, work that may wait, work that must survive the loss of a site, quotas, crews,
shares, caps on capital, a grant and decisions.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from planner.audit import TOPICS, audit
from planner.audit import kpis as kpi_topic
from planner.audit.findings import Findings
from planner.audit.view import View
from planner.case.build import build_case
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.scenario.schema import Scenario

Tables = dict[str, pd.DataFrame]


FARM = {
    "id": "farm",
    "max_mw": 0.4,
    "usd_per_mwh": 5,
    "term_months": 24,
    "surplus_usd_per_mwh": 1,
    "renewable": True,
}


def rich(tiny) -> Scenario:
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    host, site, work = plain["hosts"][0], plain["sites"][0], plain["demand"][0]
    host = {**host, "cooling": ["air-chilled-water", "rear-door", "direct-to-chip"]}
    fuel = {"fuel_usd_per_mmbtu": 1, "lead_months": 9, "permit_months": 3, "unit_mw": 0.125}
    options = [{"id": "gas-engine-dc-2026", "max_mw": 0.5, **fuel},
               {"id": "turbine-mobile-2026", "max_mw": 0.25, "rent_usd_per_kw_month": 20, **fuel},
               {"id": "battery-4h-2026", "max_mw": 0.2, "lead_months": 9, "permit_months": 3,
                "fade_pct_per_year": 2, "fade_pct_per_cycle": 0.002, "cycles_per_year": 400,
                "capex_usd_per_kw": 60}]  # fmt: skip
    return Scenario.model_validate({
        **plain,
        "demand": [
            work,
            {**work, "id": "state", "survival_share": 0.9, "survive_from": "2028-01-01", "priority": 2},
            {**work, "id": "nightly", "kind": "batch", "preemptible": True, "latency_class": "batch"},
        ],
        "sites": [
            {**site, "max_it_mw": 30, "max_water_m3_per_year": 500000,
             "tariff": {"network_usd_per_mwh": 5, "capacity_usd_per_kw_year": 50},
             "power": {"options": options, "redundancy": "N+1", "ppas": [FARM],
                       "flexible": {"max_mw": 1, "lead_months": 9}}},
            {**site, "id": "north", "metro": "KR-SEO", "elec_price_usd_per_mwh": 140},
        ],
        "hosts": [
            host,
            {**host, "id": "second", "site": "north", "operator_fee_share_per_year": 0.05},
            {**host, "id": "leased", "site": "north", "mode": "colocation", "hall_types": None, "cooling": None,
             "open_lead_months": 6, "max_it_mw": 5},
            {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
             "stacks": ["us-cloud"], "open_lead_months": 3},
        ],
        "stacks": [*plain["stacks"], {"id": "us-cloud", "adoption_musd": 1, "lead_months": 3}],
        "systems": [*plain["systems"], {"id": "gb300-nvl72"}],
        "existing": {
            "halls": [{"id": "hall", "host": "second", "it_mw": 1, "grid_mw": 2, "backup_mw": 2}],
            "fleets": [{"id": "old", "host": "second", "stack": "champion-us-chips", "system": "hgx-b300",
                        "accelerators": 160, "since": "2026-01-01", "retire": "2029-01-01"}],
        },
        "supply": {
            **plain["supply"],
            "quotas": [
                {"id": "each", "hosts": ["champion"], "path": [{"from": "2027-01-01", "accelerators": 1000}]},
                {"id": "sum", "hosts": ["champion"], "cumulative": True,
                 "path": [{"from": "2027-01-01", "accelerators": 400}]},
                {"id": "held", "hosts": ["cloud"], "basis": "capacity",
                 "path": [{"from": "2027-01-01", "accelerators": 400}]},
            ],
            "crews": [{"id": "crew", "racks_per_quarter": 120}],
        },
        "limits": {
            "min_control": 30, "control_floors": [{"data_class": "public", "min": 31, "from": "2028-01-01"}],
            "renewable": [{"share": 0.005, "from": "2029-01-01"}, {"share": 0.001, "match": "hour", "from": "2029-01-01"}],
            "carbon_t": [{"year": 2028, "tonnes": 60000}, {"tonnes": 200000}],
            "delay_tolerance_months": 6, "max_cost_musd": 5000, "capital_musd_total": 5000,
            "capital_musd_by_year": [{"year": 2027, "musd": 2000}],
            "shares": [{"by": "host", "id": "cloud", "max_share": 0.5}],
            "survival": [{"by": "operator", "share": 0.2, "from": "2028-07-01", "workloads": ["state"]},
                         {"by": "vendor", "what": "supply", "share": 0.3, "from": "2028-07-01", "months": 6}],
        },
        "decisions": [
            {"id": "open-one", "do": "require", "what": "open", "hosts": ["champion"]},
            {"id": "some-cloud", "do": "require", "what": "rent", "value": 80, "hosts": ["cloud"]},
            {"id": "some-lease", "do": "require", "what": "lease", "value": 1, "hosts": ["leased"]},
            {"id": "few-halls", "do": "require", "what": "halls", "value": 2, "hosts": ["champion"]},
            {"id": "leased-fleet", "do": "require", "what": "orders", "value": 80, "hosts": ["leased"]},
            {"id": "adopt", "do": "require", "what": "stack", "stacks": ["us-cloud"]},
            {"id": "racks", "do": "require", "what": "orders", "value": 72, "systems": ["gb300-nvl72"]},
        ],
        "money": {**plain["money"], "carbon": [{"from": "2028-01-01", "usd_per_t": 15}]},
        "finance": {
            "grants": [{"id": "g", "payer": "fund", "date": "2028-02-01", "musd": 3}],
            "sources": [
                {"id": "bank", "optional": True, "kind": "loan", "share": 0.5, "assets": ["halls", "grid"],
                 "until": "2027-12-31", "tenor_years": 2, "base_rate_per_year": 0.01, "margin_per_year": 0},
                {"id": "agency", "optional": True, "kind": "export-credit", "assets": ["servers"],
                 "content_from": ["USA"], "amount_m": 5, "until": "2028-06-30", "tenor_years": 2,
                 "base_rate_per_year": 0.01},
            ],
        },
    })  # fmt: skip


@pytest.fixture(scope="module")
def plan(tiny, plain_catalog, untraced) -> Plan:
    catalog = plain_catalog({("rent_terms", "one-year", "price_factor"): 1.1})
    with untraced():
        outcome = solve(build_case(rich(tiny), catalog), quality="quick")
    assert outcome.plan is not None, outcome.troubles
    return outcome.plan


def test_a_solved_plan_is_clean(plan):
    found = audit(plan)
    assert not len(found), found.to_string()
    for name in ("orders", "rents", "leases", "halls", "cooling", "connections", "backups", "opens",
                 "plants", "hires", "generation", "storage", "ppas", "matched"):  # fmt: skip
        assert len(plan.tables[name]), f"the plan must use {name} for the tests below to mean something"
    assert (plan.tables["serving"]["reserve"] > 0).any() and len(plan.tables["outlasting"])


def test_a_plan_that_does_nothing_is_clean(tiny, plain_catalog):
    """Optional work within its bound on delay is left out: no order, no host, no cost."""
    scenario = tiny(demand={"optional": True}, limits={"max_delay_months": 36})
    outcome = solve(build_case(scenario, plain_catalog()), quality="quick")
    assert outcome.plan is not None and outcome.plan.kpi("cost_npv_musd") == pytest.approx(0, abs=1e-6)
    found = audit(outcome.plan)
    assert not len(found), found.to_string()


def tampered(plan: Plan, change: Callable[[Tables], None], rule: str) -> set[str]:
    """Rules broken after the change, in the topic of one rule: the whole audit for each would take a minute."""
    tables = {name: table.copy() for name, table in plan.tables.items()}
    change(tables)
    topics = [topic for topic in TOPICS if rule in RULES_OF[topic.__name__]]
    assert len(topics) == 1, f"{rule} stands in {len(topics)} topics"
    return set(checked(topics[0], replace(plan, tables=tables))["rule"])


def checked(topic, plan: Plan) -> pd.DataFrame:
    """Violations that one topic of the audit finds."""
    found = Findings()
    topic.check(View(plan), found)
    return found.table()


def rules_of(topic) -> set[str]:
    """Names of the rules that stand in the code of a topic."""
    text = Path(topic.__file__).read_text(encoding="utf-8")
    pattern = r"(?:found\.(?:equal|at_most|at_least|whole|same|known|add)\(|\bdated\(\s*view,\s*found,|\bpriced\(\s*found,)"
    named = set(re.findall(pattern + r'\s*f?"([a-z{}-]+)"', text))
    for name in [n for n in named if "{" in n]:
        named.remove(name)
        values = (
            ("connection", "backup")
            if name.startswith("{rule}")
            else ("plant", "bridge")
            if name.startswith("{what}")
            else ("orders", "cumulative", "window", "capacity")
        )
        named |= {re.sub(r"{\w+}", value, name) for value in values}
    return named


RULES_OF = {topic.__name__: rules_of(topic) for topic in TOPICS}


def scale(
    name: str, column: str, factor: float = 1.01, where: Callable | None = None
) -> Callable[[Tables], None]:
    """Multiply a number of the first row (that ``where`` picks); add the factor where it is 0."""

    def change(tables: Tables) -> None:
        table = tables[name]
        rows = table.index if where is None else table.index[where(table)]
        assert len(rows), f"no row of {name} to change"
        value = table.loc[rows[0], column]
        table[column] = table[column].astype(float)
        table.loc[rows[0], column] = value * factor if value else factor

    return change


def put(name: str, column: str, value, where: Callable | None = None) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        table = tables[name]
        rows = table.index if where is None else table.index[where(table)]
        assert len(rows), f"no row of {name} to change"
        table.loc[rows[0], column] = value

    return change


def drop(name: str, where: Callable | None = None) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        table = tables[name]
        rows = table.index if where is None else table.index[where(table)]
        assert len(rows), f"no row of {name} to drop"
        tables[name] = table.drop(rows[0]).reset_index(drop=True)

    return change


def twice(name: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[name] = pd.concat([tables[name], tables[name].iloc[:1]], ignore_index=True)

    return change


CHAMPION, SECOND = (lambda t: t["h"] == "champion"), (lambda t: t["h"] == "second")
CLOUD, LEASED = (lambda t: t["h"] == "cloud"), (lambda t: t["h"] == "leased")

GIVES = lambda t: t["discharge_mw"] > 0  # noqa: E731
DRAWN = lambda t: t["account"] == "draw"  # noqa: E731
BANK, AGENCY = (
    (lambda t: DRAWN(t) & (t["supplier"] == "bank")),
    (lambda t: DRAWN(t) & (t["supplier"] == "agency")),
)

PLANT = (("plants", "plant"), ("hires", "hire"))

MUTATIONS = [
    ("stored", put("fleet", "stored", 8.0, lambda t: t["existing"] > 0)),
    ("draw-eligible", put("ledger", "supplier", "nobody", DRAWN)),
    ("draw-eligible", put("ledger", "asset_class", "servers", BANK)),
    ("draw-eligible", put("ledger", "t", 11, BANK)),
    ("draw-uses", scale("ledger", "musd", 50, BANK)),
    ("draw-share", scale("ledger", "musd", 1.01, BANK)),
    ("draw-cover", scale("ledger", "musd", 50, AGENCY)),
    ("draw-amount", scale("ledger", "musd", 1.2, AGENCY)),
    ("draw-gain", scale("ledger", "musd", 1e4, BANK)),
    ("order-allowed", put("orders", "t", 0)),
    ("order-allowed", twice("orders")),
    ("order-negative", scale("orders", "accelerators", -1)),
    ("order-dates", put("orders", "order_date", pd.Timestamp("2027-01-02"))),
    ("order-dates", put("orders", "retire_date", pd.Timestamp("2060-01-01"))),
    ("order-price", scale("orders", "musd")),
    ("order-units", scale("orders", "units")),
    ("whole-units", scale("orders", "accelerators", 1.0003)),
    ("rent-allowed", put("rents", "t", 0)),
    ("rent-negative", scale("rents", "accelerators", -1)),
    ("rent-dates", put("rents", "end_date", pd.Timestamp("2060-01-01"))),
    ("rent-price", scale("rents", "musd_total")),
    ("rent-price", scale("rents", "usd_per_accelerator_hour")),
    ("fleet-allowed", put("fleet", "k", "abacus")),
    ("fleet-stock", scale("fleet", "accelerators")),
    ("fleet-stock", scale("orders", "accelerators", 2)),
    ("fleet-stock", scale("rents", "accelerators", 2)),
    ("fleet-stock", drop("fleet")),
    ("fleet-power", scale("fleet", "it_mw")),
    ("fleet-peak", scale("serving", "accelerators", 5, lambda t: t["w"] == "work")),
    ("fleet-peak", scale("serving", "reserve", 5, lambda t: t["reserve"] > 1)),
    ("fleet-slice", scale("serving", "accelerators", 500, lambda t: t["w"] == "work")),
    ("fleet-day", scale("serving", "accelerators", 50, lambda t: t["w"] == "nightly")),
    ("offer-allowed", put("serving", "k", "abacus")),
    ("serving-negative", scale("serving", "accelerators", -1)),
    ("offer-facts", scale("serving", "rate")),
    ("offer-facts", scale("serving", "sigma")),
    ("offer-facts", put("serving", "seal", 4)),
    ("offer-facts", put("serving", "p", "nowhere")),
    ("serving-rate", scale("serving", "served_kref")),
    ("serving-share", scale("serving", "share")),
    ("demand-known", put("demand", "w", "leisure")),
    ("demand-table", scale("demand", "demand_kref")),
    ("demand-table", scale("demand", "served_kref", where=lambda t: t["served_kref"] > 0)),
    ("demand-table", scale("demand", "tokens_per_s")),
    ("demand-table", scale("demand", "mean_load")),
    ("demand-balance", scale("serving", "accelerators")),
    ("demand-balance", drop("serving")),
    ("unserved-range", put("demand", "unserved_share", -0.1)),
    ("unserved-range", put("demand", "unserved_share", 1.1)),
    ("must-serve", put("demand", "unserved_share", 0.1, lambda t: t["t"] == 11)),
    ("service-kept", scale("serving", "accelerators", 0.9, lambda t: (t["w"] == "work") & (t["t"] == 10))),
    ("open-link", drop("opens", CHAMPION)),
    ("adopt-link", put("stacks", "adopted", False)),
    ("stack-table", put("stacks", "earliest_date", pd.Timestamp("2060-01-01"))),
    ("stack-table", scale("stacks", "adoption_musd")),
    ("survival", lambda t: t.update(serving=t["serving"].assign(reserve=0.0))),
    ("survival", lambda t: t.update(outlasting=t["outlasting"].iloc[:0])),
    ("outlasting", scale("outlasting", "accelerators", 50)),
    ("outlasting", put("outlasting", "w", "nobody")),
    ("open-allowed", put("opens", "t", 0)),
    ("open-once", twice("opens")),
    ("open-dates", put("opens", "decide_date", pd.Timestamp("2027-01-02"))),
    ("open-price", scale("opens", "musd")),
    ("permit-date", put("opens", "permit_date", pd.Timestamp("2027-01-02"))),
    ("permit-first", put("halls", "t", 0)),
    ("permit-first", put("connections", "t", 2, CHAMPION)),
    ("permit-first", put("plants", "t", 3)),
    ("hall-allowed", put("halls", "t", 0)),
    ("hall-negative", scale("halls", "halls", -1)),
    ("hall-dates", put("halls", "live_date", pd.Timestamp("2027-01-02"))),
    ("hall-size", scale("halls", "it_mw")),
    ("hall-price", scale("halls", "musd")),
    ("hall-whole", scale("halls", "halls", 0.9)),
    ("lease-allowed", put("leases", "t", 0)),
    ("lease-negative", scale("leases", "it_mw", -1)),
    ("lease-dates", put("leases", "end_date", pd.Timestamp("2060-01-01"))),
    ("lease-price", scale("leases", "musd_per_year")),
    ("commitment-sum", scale("commitments", "signed_musd")),
    ("commitment-sum", scale("commitments", "due_after_musd")),
    ("commitment-sum", scale("commitments", "cost_musd_discounted")),
    ("commitment-sum", drop("commitments")),
    ("commitment-listed", put("commitments", "h", "nowhere")),
    ("commitment-listed", twice("commitments")),
    ("lease-price", scale("leases", "musd_total")),
    ("connection-allowed", put("connections", "t", 0)),
    ("connection-negative", scale("connections", "added_mw", -1)),
    ("connection-dates", put("connections", "order_date", pd.Timestamp("2027-01-02"))),
    ("connection-price", scale("connections", "musd")),
    ("backup-allowed", put("backups", "t", 0)),
    ("backup-negative", scale("backups", "added_mw", -1)),
    ("backup-dates", put("backups", "live_date", pd.Timestamp("2027-01-02"))),
    ("backup-price", scale("backups", "musd")),
    ("space", drop("halls", CHAMPION)),
    ("space-stock", scale("power", "space_mw")),
    ("space-max", drop("opens", CHAMPION)),
    ("site-land", scale("halls", "halls", 50, CHAMPION)),
    ("it-load", scale("dispatch", "it_mw", 0.1)),
    ("it-load", scale("dispatch", "it_mw", 10)),
    ("it-energy", scale("dispatch", "it_mw")),
    ("slice-hours", scale("dispatch", "hours")),
    ("energy-colocation", scale("dispatch", "import_mw", 1.01, LEASED)),
    ("energy", scale("dispatch", "import_mw", 0.5, CHAMPION)),
    ("energy", scale("dispatch", "import_mw", 2, CHAMPION)),
    ("water", scale("power", "water_m3", 0.1, CHAMPION)),
    ("water", scale("power", "water_m3", 10, CHAMPION)),
    ("site-water", scale("power", "water_m3", 1e9, CHAMPION)),
    ("cooling-allowed", put("cooling", "c", "ice")),
    ("cooling-heat", scale("cooling", "heat_peak_mw")),
    ("cooling-heat", put("cooling", "c", "air-chilled-water", lambda t: t["c"] == "direct-to-chip")),
    ("cooling-dates", put("cooling", "order_date", pd.Timestamp("2027-01-02"), lambda t: t["added_mw"] > 0)),
    ("cooling-price", scale("cooling", "musd", where=lambda t: t["added_mw"] > 0)),
    ("cooling-date", put("cooling", "added_mw", 1.0, lambda t: t["c"] == "air-chilled-water")),
    ("cooling-stock", scale("cooling", "capacity_mw")),
    ("cooling-capacity", scale("cooling", "heat_peak_mw", 1e5)),
    ("firm-power", drop("connections", CHAMPION)),
    ("backup-power", drop("backups", CHAMPION)),
    ("site-grid", scale("connections", "added_mw", 100, CHAMPION)),
    *[("power-table", scale("power", column)) for column in ("it_peak_mw", "it_mean_mw", "facility_peak_mw",
      "energy_mwh", "generation_mwh", "emissions_t")],
    *[("firm-table", scale("power", column)) for column in ("grid_mw", "backup_mw", "flexible_mw", "plant_mw",
      "plant_rating_mw", "plant_standby_mw", "storage_firm_mw")],
    ("renewable-share", scale("dispatch", "import_mw", 1e6, lambda t: t["t"] == 8)),
    ("carbon-cap", scale("ledger", "quantity", 1e5, lambda t: t["unit"] == "tCO2")),
    ("ledger-entry", scale("ledger", "musd", 1.1, lambda t: t["account"] == "carbon")),
    ("ppa-allowed", put("ppas", "t", 99)),
    ("ppa-negative", scale("ppas", "added_mw", -1)),
    ("ppa-dates", put("ppas", "sign_date", pd.Timestamp("2027-01-02"))),
    ("ppa-dates", put("ppas", "end_date", pd.Timestamp("2060-01-01"))),
    ("ppa-price", scale("ppas", "musd_total")),
    ("site-ppa", scale("ppas", "added_mw", 50)),
    ("ppa-meter", scale("ppas", "added_mw", 50)),
    ("ppa-known", put("matched", "g", "nowhere")),
    ("ppa-output", scale("matched", "matched_mw", -1)),
    ("ppa-output", drop("ppas")),
    ("ppa-matched", scale("dispatch", "flexible_mw", 50, CHAMPION)),
    ("matched-table", scale("matched", "hours")),
    ("spare-unit", drop("connections", CHAMPION)),
    ("spare-unit", put("generation", "generation_mw", 50.0, lambda t: t["s"] == "stress")),
    ("row-site", put("opens", "p", "north", CHAMPION)),
    ("row-site", put("plants", "p", "north", CHAMPION)),
    ("row-label", put("generation", "label", "2027-Q1")),
    ("row-label", put("ledger", "label", "2030-Q1", lambda t: t["kind"] == "residual")),
    *(("row-twice", twice(name)) for name in ("cooling", "stacks", "survival", "service", "openings")),
    ("cooling-price", put("cooling", "musd", 0.5, lambda t: t["added_mw"] == 0)),
    ("open-allowed", twice("opens")),
    ("permit-first", put("opens", "h", "second", CHAMPION)),
    ("plant-output", twice("generation")),
    ("storage-known", put("storage", "t", 0)),
    ("storage-power", scale("storage", "discharge_mw", -1, GIVES)),
    ("storage-power", scale("storage", "discharge_mw", 50, GIVES)),
    ("storage-power", put("storage", "charge_mw", 0.01, lambda t: t["s"] == "stress")),
    ("storage-energy", put("storage", "level_mwh", 50.0)),
    ("storage-level", scale("storage", "level_mwh", where=lambda t: t["level_mwh"] > 0)),
    ("storage-level", scale("storage", "discharge_mw", 0.9, GIVES)),
    ("storage-event", put("storage", "discharge_mw", 0.25, lambda t: t["s"] == "stress")),
    ("storage-table", scale("storage", "hours")),
    ("storage-table", scale("storage", "holds_mwh")),
    ("storage-cycles", scale("storage", "discharge_mw", 50, GIVES)),
    ("recharge", drop("connections", CHAMPION)),
    ("billed-peak", scale("power", "billed_peak_mw", 0.5, lambda t: t["billed_peak_mw"] > 0)),
    ("billed-peak", put("power", "billed_peak_mw", 3.0, SECOND)),
    ("billed-peak", put("power", "billed_peak_mw", 99.0, lambda t: (t["h"] == "champion") & (t["t"] == 9))),
    ("flexible-limit", scale("dispatch", "flexible_mw", 50, CHAMPION)),
    ("flexible-paused", scale("dispatch", "flexible_mw", 50, lambda t: t["flexible_mw"] > 0)),
    ("site-flexible", scale("connections", "added_mw", 100, lambda t: t["n"] == "grid-flexible")),
    ("dispatch-table", scale("dispatch", "generation_mw")),
    ("dispatch-table", scale("dispatch", "charge_mw")),
    ("dispatch-table", scale("dispatch", "discharge_mw")),
    ("import-limit", scale("dispatch", "import_mw", 50, CHAMPION)),
    ("plant-rating", drop("connections", CHAMPION)),
    ("stress-rating", put("generation", "generation_mw", 50.0, lambda t: t["s"] == "stress")),
    *[(f"{rule}-allowed", put(name, "t", 0)) for name, rule in PLANT],
    *[(f"{rule}-negative", scale(name, "added_mw", -1)) for name, rule in PLANT],
    *[(f"{rule}-dates", put(name, {"plant": "order_date", "hire": "sign_date"}[rule], pd.Timestamp("2027-01-02")))
      for name, rule in PLANT],
    *[(f"{rule}-units", scale(name, "added_mw", 0.7)) for name, rule in PLANT],
    ("plant-price", scale("plants", "musd")),
    ("hire-price", scale("hires", "musd_total")),
    ("hire-price", scale("hires", "usd_per_kw_month")),
    ("site-plant", scale("plants", "added_mw", 100)),
    ("plant-output", scale("generation", "generation_mw", 10)),
    ("plant-output", put("generation", "g", "nuclear-smr-2026")),
    ("generation-table", scale("generation", "fuel_mmbtu")),
    ("power-table", scale("power", "pue", 1.01, lambda t: t["pue"] > 0)),
    ("power-table", scale("power", "energy_mwh", 1e6, CLOUD)),
    ("quota-orders", scale("orders", "accelerators", 20, CHAMPION)),
    ("quota-cumulative", scale("orders", "accelerators", 1000, CHAMPION)),
    ("quota-capacity", scale("fleet", "accelerators", 5000, CLOUD)),
    ("crew", scale("orders", "accelerators", 1000)),
    *[("decision", lambda t, name=name: t.update({name: t[name].iloc[:0]}))
      for name in ("opens", "rents", "leases", "halls", "orders")],
    ("decision", put("stacks", "adopted", False, lambda t: t["a"] == "us-cloud")),
    ("delay-cap", lambda t: t.update(demand=t["demand"].assign(unserved_share=1.0))),
    ("share-cap", scale("serving", "accelerators", 5000, CLOUD)),
    ("money-cap", scale("commitments", "due_after_musd", 1e6)),
    ("money-cap", scale("ledger", "musd", 1e6, lambda t: (t["payer"] == "partner") & (t["t"] == 0) & (t["musd"] > 0))),
    ("cost-cap", scale("ledger", "musd", 1e6, lambda t: (t["payer"] == "partner") & (t["musd"] > 0))),
    ("ledger-entry", drop("ledger", lambda t: t["musd"] != 0)),
    ("ledger-entry", scale("ledger", "musd", where=lambda t: t["kind"] == "residual")),
    ("ledger-entry", put("ledger", "payer", "somebody", lambda t: t["musd"] != 0)),
    ("ledger-entry", put("ledger", "account", "sundry", lambda t: t["musd"] != 0)),
    ("ledger-quantity", scale("ledger", "quantity", where=lambda t: t["account"] == "electricity")),
    ("ledger-quantity", scale("ledger", "quantity", where=lambda t: (t["account"] == "goods") & (t["quantity"] > 0))),
    ("ledger-discount", scale("ledger", "musd_discounted", where=lambda t: t["musd"] != 0)),
    ("ledger-dates", put("ledger", "date", pd.Timestamp("2060-01-01"))),
    ("ledger-dates", put("ledger", "year", 2060)),
    ("ledger-dates", put("ledger", "p", "nowhere")),
    ("capital-table", scale("capital", "musd")),
    ("content-table", put("content", "content_iso3", "USA")),
    ("service-table", scale("service", "delay_months")),
    ("service-table", put("service", "date_95", pd.Timestamp("2060-01-01"))),
    ("control-table", scale("control", "points", where=lambda t: t["points"] > 0)),
    ("unmet-table", scale("unmet", "unserved_share")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change"), MUTATIONS, ids=[f"{i}-{m[0]}" for i, m in enumerate(MUTATIONS)])
def test_a_tampered_plan_is_found_out(plan, rule, change):
    assert rule in tampered(plan, change, rule)


@pytest.mark.untraced
@pytest.mark.parametrize("name", ["opens", "generation", "stacks"])
def test_the_whole_audit_reads_a_plan_in_which_a_line_stands_twice(plan, name):
    tables = {n: table.copy() for n, table in plan.tables.items()}
    twice(name)(tables)
    assert len(audit(replace(plan, tables=tables)))


@pytest.mark.untraced
def test_a_control_floor_above_the_plan_is_found(plan):
    higher = replace(plan.bounds, min_control_points=plan.kpi("control_score") + 0.01)
    assert set(audit(replace(plan, bounds=higher))["rule"]) == {"control-floor"}


@pytest.mark.untraced
def test_a_class_floor_above_the_plan_is_found(plan):
    """The best year of the best workload is above the floor, the worst is not: that one is named."""
    floor = plan.case.scenario.limits.control_floors[0].model_copy(
        update={"min": plan.kpi("control_max") - 0.01}
    )
    limits = plan.case.scenario.limits.model_copy(update={"control_floors": [floor]})
    scenario = plan.case.scenario.model_copy(update={"limits": limits})
    assert set(audit(replace(plan, case=replace(plan.case, scenario=scenario)))["rule"]) == {"class-floor"}


@pytest.mark.untraced
def test_a_seal_below_the_floor_is_found(plan):
    strict = plan.case.scenario.control.model_copy(update={"floors": {"public": 4}})
    scenario = plan.case.scenario.model_copy(update={"control": strict})
    assert set(audit(replace(plan, case=replace(plan.case, scenario=scenario)))["rule"]) == {"seal-floor"}


@pytest.mark.untraced
def test_work_before_a_stack_is_adopted_is_found(plan):
    later = plan.case.stacks.assign(earliest_t=9)
    assert "adopt-date" in set(audit(replace(plan, case=replace(plan.case, stacks=later)))["rule"])


def test_work_before_a_layer_is_ready_for_it_is_found(plan):
    scenario = plan.case.scenario
    gates = scenario.control.model_copy(update={"layers_gate": True})
    state = [w.model_copy(update={"sector": "defence"}) for w in scenario.demand]
    asked = scenario.model_copy(update={"control": gates, "demand": state})
    changed = replace(plan, case=replace(plan.case, scenario=asked))
    assert set(audit(changed)["rule"]) == {"layer-ready"}
    stated = replace(plan.case, scenario=scenario.model_copy(update={"control": gates}))
    assert not len(audit(replace(plan, case=stated)))


@pytest.mark.untraced
def test_reserve_before_it_is_asked_for_is_found(plan):
    later = plan.case.workloads.assign(survive_t=11)
    assert "reserve-date" in set(audit(replace(plan, case=replace(plan.case, workloads=later)))["rule"])


def test_every_key_figure_is_recomputed(plan):
    """A changed value of any KPI is found; so are one left out and one unknown."""
    kpis = plan.kpis.assign(value=plan.kpis["value"].fillna(1.0) * 1.001 + 0.001)
    found = checked(kpi_topic, replace(plan, kpis=kpis))
    assert set(found.loc[found["rule"] == "kpi", "index"]) == set(plan.kpis["kpi"])
    fewer = replace(plan, kpis=plan.kpis.iloc[1:].reset_index(drop=True))
    assert "kpi-missing" in set(checked(kpi_topic, fewer)["rule"])
    more = plan.kpis.iloc[[0]].assign(kpi="luck")
    unknown = replace(plan, kpis=pd.concat([plan.kpis, more], ignore_index=True))
    assert set(checked(kpi_topic, unknown)["rule"]) == {"kpi-unknown"}
    ranged = plan.kpis.assign(low=0.0, high=1.0, inside=True)
    assert "kpi-range" in set(checked(kpi_topic, replace(plan, kpis=ranged))["rule"])


def test_every_rule_of_the_audit_is_broken_somewhere_above():
    elsewhere = {
        "control-floor", "class-floor", "seal-floor", "adopt-date", "layer-ready",
        "reserve-date", "kpi", "kpi-unknown", "kpi-missing",
        "kpi-range",
        "order-lead",  # an order that the case allows cannot be early: a second line of defence
        "quota-window", "exclusive-stacks",
        *(f"bridge-{what}" for what in ("allowed", "negative", "dates", "price", "units")),  # tests/models/test_bridge.py
        *RULES_OF["planner.audit.agreements"],  # tests/audit/test_agreements.py
        *RULES_OF["planner.audit.exits"],  # tests/models/test_exits.py
        "site-shell",  # tests/models/test_shells.py
        *RULES_OF["planner.audit.fading"],  # tests/models/test_fading.py
        *RULES_OF["planner.audit.refits"],  # tests/models/test_refits.py
        *RULES_OF["planner.audit.heat_reuse"],  # tests/models/test_heat_reuse.py
        *RULES_OF["planner.audit.efficiency"],  # tests/models/test_efficiency.py
        *RULES_OF["planner.audit.levels"],  # tests/models/test_levels.py
        *RULES_OF["planner.audit.training"],  # tests/models/test_training.py
    }  # fmt: skip
    assert set().union(*RULES_OF.values()) - {rule for rule, _ in MUTATIONS} == elsewhere


def test_the_audit_needs_neither_model_nor_solver():
    code = (
        "import sys, planner.audit\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('pyomo', 'highspy', 'scipy')\n"
        "       or m.startswith(('planner.models', 'planner.solver'))]\n"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
