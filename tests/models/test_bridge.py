"""Plant that is sold again when the line comes, by hand; and whether a plan could earn by buying and selling.

800 accelerators draw 1.92 MW in the design hour; the duty to serve begins in period 4, the line comes in period 12 of 24.
Engines are worth 45 % as good as new, a tenth less a year, and a twentieth of the price goes into moving them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.audit import audit, plant
from planner.audit.findings import Findings
from planner.audit.view import View
from planner.case.build import build_case
from planner.case.residual import left_share
from planner.facts.catalog import Catalog
from planner.facts.numbers import number
from planner.finance.downsides import Event, changed
from planner.finance.from_plan import finance_of
from planner.finance.settle import settle
from planner.finance.statements import statements_of
from planner.models import finance
from planner.models.ledger import partner_cost
from planner.planning.pipeline import solve
from planner.plans.plan import Plan
from planner.scenario.finance import Downside
from planner.scenario.schema import Scenario
from planner.solver.engine import Engine
from planner.studies.downsides import after
from planner.studies.supplier_loss import answer, frozen
from planner.studies.supplier_loss_tables import UNSERVED

pytestmark = pytest.mark.untraced

ENGINE, WIND = "gas-engine-dc-2026", "wind-onshore-2026"
DESIGN_MW, LINE, SALE = 1.92, 12, 0.45 * 0.9**2 - 0.05
MARKET = {"residual": "market"}
EXACT = {"gap": 1e-6}
THREE_YEARS, SIX_YEARS = {"start": "2027-01-01", "years": 3}, {"start": "2027-01-01", "years": 6}


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    """Lines and backup sets are cheap, so that no engine is kept for the peak or as backup."""
    return plain_catalog({
        ("connections", "grid-firm", "capex_musd_per_mw_mid"): 0.05,
        ("connections", "grid-firm", "capacity_charge_musd_per_mw_year"): 0.0,
        ("backup", "diesel", "capex_musd_per_mw_mid"): 0.05,
    })  # fmt: skip


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    """place(option fields, grid=months, ...) -> the tiny scenario with engines at 800 USD/kW, ready in 9 months."""

    def make(
        grid: float = 36, power: dict[str, Any] | None = None, name: str = ENGINE, **more: Any
    ) -> Scenario:
        engine = {"id": name, "capex_usd_per_kw": 800, "lead_months": 6, "permit_months": 3, "unit_mw": 0,
                  "fuel_usd_per_mmbtu": 20, "forced_outage_pct": 10}  # fmt: skip
        changes: dict[str, Any] = {"horizon": SIX_YEARS, "finance": MARKET}
        changes |= {
            k: more.pop(k) for k in ("horizon", "finance", "hosts", "money", "sites", "solve") if k in more
        }
        site = {"grid_lead_months": grid, "power": {"options": [engine | more], **(power or {})}}
        return tiny(sites=site | changes.pop("sites", {}), **changes)

    return make


@pytest.fixture(scope="module")
def plan(place, facts) -> Plan:
    found = solve(build_case(place(unit_mw=0, solve=EXACT), facts)).plan
    assert found is not None
    return found


def test_an_engine_is_sold_in_the_quarter_the_line_comes_by_hand(plan):
    (sold,) = plan.tables["bridges"].itertuples()
    mw = DESIGN_MW / 0.9
    assert (sold.t, sold.u, str(sold.sale_date)[:10]) == (4, LINE, "2030-01-01")
    assert sold.added_mw == pytest.approx(mw) and not len(plan.tables["plants"])
    worth = 0.8 * mw * SALE
    ledger = plan.tables["ledger"].set_index(["account", "kind"]).loc["bridge"]
    assert ledger.loc["residual", "musd"] == pytest.approx(-worth)
    assert ledger.loc["residual", "t"] == LINE
    assert ledger.loc["residual", "musd_discounted"] == pytest.approx(-worth * 1.08 ** -(12.5 / 4))
    assert ledger.loc["capex", "musd"].sum() == pytest.approx(0.8 * mw)
    power = plan.tables["power"].set_index("t")["plant_mw"]
    told = plan.tables["milestones"].set_index("kind").loc["sold"]
    assert (told["item"], str(told["end_date"])[:10]) == (f"{number(mw)} MW {ENGINE}", "2030-01-01")
    assert power[LINE - 1] == pytest.approx(mw) and power[LINE] == 0
    assert not len(found := audit(plan)), found.to_string()


@pytest.mark.parametrize("spare", ["N", "N+1"])
def test_what_backs_up_the_line_is_kept(place, plain_catalog, spare):
    """Sets at 6 MUSD/MW: engines of 0.5 MW back up the line, with a unit to spare where one may be lost before it comes."""
    dear = plain_catalog({("backup", "diesel", "capex_musd_per_mw_mid"): 6.0})
    plan = solve(
        build_case(place(power={"redundancy": spare}, unit_mw=0.5, horizon=THREE_YEARS, grid=24), dear)
    ).plan
    kept, power = plan.tables["plants"]["added_mw"].sum(), plan.tables["power"].set_index("t")
    assert kept == pytest.approx(power["plant_mw"].iloc[-1]) and kept * 0.9 >= DESIGN_MW - 1e-6
    assert power["plant_standby_mw"].iloc[-1] == pytest.approx(power["facility_peak_mw"].iloc[-1])
    assert len(plan.tables["bridges"])
    assert not len(found := audit(plan)), found.to_string()


def test_a_sale_is_taken_off_under_every_rule(plan):
    """It is cash of its day: only what is left at the horizon's end is worth more or less by the rule."""
    own = plan.tables["ledger"].query("payer == 'partner'")
    left = own[(own["kind"] == "residual") & (own["t"] == plan.case.calendar.n)]["musd_discounted"].sum()
    whole = own["musd_discounted"].sum()
    assert plan.kpi("cost_without_residual_musd") == pytest.approx(whole - left)
    assert plan.kpi("residual_musd") == pytest.approx(-left)
    assert plan.kpi("cost_residual_market_musd") == pytest.approx(whole)


@pytest.mark.parametrize(
    ("rule", "table", "column", "value"),
    [
        ("bridge-allowed", "bridges", "u", LINE - 1),  # before a line may stand
        ("bridge-allowed", "bridges", "t", 0),
        ("bridge-negative", "bridges", "added_mw", -1.0),
        ("bridge-dates", "bridges", "sale_date", pd.Timestamp("2031-01-01")),
        ("bridge-dates", "bridges", "order_date", pd.Timestamp("2027-01-02")),
        ("bridge-price", "bridges", "musd", 9.0),
        ("plant-output", "generation", "t", LINE),  # used after its sale
    ],
)
def test_a_fault_of_a_sale_is_found(plan, rule, table, column, value):
    tables = {name: rows.copy() for name, rows in plan.tables.items()}
    tables[table].loc[tables[table].index[-1], column] = value
    found = Findings()
    plant.check(View(replace(plan, tables=tables)), found)
    assert rule in set(found.table()["rule"])


def test_a_part_of_a_unit_sold_and_another_price_are_found(place, facts):
    whole = solve(build_case(place(unit_mw=0.5, horizon=THREE_YEARS, grid=24), facts)).plan
    rows, ledger = whole.tables["bridges"], whole.tables["ledger"]
    assert len(rows) and not len(found := audit(whole)), found.to_string()
    part = replace(whole, tables=whole.tables | {"bridges": rows.assign(added_mw=0.9 * rows["added_mw"])})
    assert "bridge-units" in set(audit(part)["rule"])
    dear = ledger["musd"].where(
        (ledger["account"] != "bridge") | (ledger["kind"] != "residual"), 2 * ledger["musd"]
    )
    assert "ledger-entry" in set(
        audit(replace(whole, tables=whole.tables | {"ledger": ledger.assign(musd=dear)}))["rule"]
    )


# ---- planned again


def _again(plan, scenario, first, free=()):
    outcome, notes = answer(plan, scenario, plan.case.catalog, first, "quick", free=free)
    assert outcome.plan is not None and not notes
    assert not len(found := audit(outcome.plan)), found.to_string()
    return outcome.plan.tables


def test_what_was_bought_to_be_sold_is_kept_where_nothing_is_worth_anything(place, plan):
    """Known in period 8, after the purchase and before the sale."""
    tables = _again(plan, place(unit_mw=0, finance={"residual": "none"}), 8)
    assert not len(tables["bridges"])
    assert tables["plants"].set_index("t")["added_mw"][4] == pytest.approx(DESIGN_MW / 0.9, abs=1e-4)


@pytest.mark.parametrize(("whole", "mw"), [(0, DESIGN_MW / 0.9), (0.5, 2.5)])
def test_a_line_that_turns_out_late_moves_the_sale(place, facts, whole, mw):
    """The event moves the line by a year: what was bought runs on, and is sold when the line comes."""
    base = solve(build_case(place(unit_mw=whole, solve={"gap": 1e-4}), facts)).plan
    assert set(base.tables["bridges"]["u"]) == {LINE}
    event = Downside.model_validate({"id": "late", "what": "grid-late", "size": 12})
    changed = after(base.case.scenario, event, date(2029, 1, 1))
    tables = _again(base, changed.scenario, 8, ("connect",))
    bought = pd.concat([tables["plants"], tables["bridges"]]).query("t < 8 + 3")
    assert bought["added_mw"].sum() == pytest.approx(mw, abs=1e-4)
    assert tables["bridges"]["u"].min() >= LINE + 4 and tables["connections"]["t"].min() >= LINE + 4
    assert tables["demand"].set_index("t")["unserved_share"][4:].max() < UNSERVED


@pytest.mark.parametrize(("first", "held"), [(LINE, False), (LINE + 1, True)])
def test_a_sale_is_decided_on_its_day(plan, first, held):
    """Up to the day of the sale only the purchase is held, from then on the sale too."""
    arrays = frozen(plan.case, plan, first).arrays
    column = arrays.columns["bridge"].position(("champion", ENGINE, LINE, 4))
    row = arrays.rows["held_plant"].position(("champion", ENGINE, 4))
    mw = DESIGN_MW / 0.9
    assert arrays.row_lower[row] == pytest.approx(mw)
    assert arrays.row_upper[row] == pytest.approx(mw, abs=1e-4)
    assert arrays.col_lower[column] == pytest.approx(mw if held else 0.0)


# ---- what an optimiser would do


@pytest.mark.parametrize("rule", ["market", "straight-line"])
@pytest.mark.parametrize("resale", [45, 100])
def test_no_purchase_earns_by_its_sale(place, facts, rule, resale):
    """At a rate of 0, as good as new at its full price: every bridge costs, the shorter no less than moving it does."""
    money = {"discount_rate_real": 0.0}
    case = build_case(place(resale_pct=resale, finance={"residual": rule}, money=money), facts)
    assert len(case.bridges)
    assert (partner_cost(case, Engine(case).entries).loc["bridge"] >= 0.05 * 0.8 - 1e-9).all()


@pytest.mark.parametrize("rule", ["market", "straight-line"])
def test_a_sale_never_fetches_more_than_what_is_kept_is_worth(place, facts, rule):
    """At the same age the rule for what is left gives a twentieth of the price more, whatever the day."""
    case = build_case(place(finance={"residual": rule}), facts)
    sold = case.bridges.reset_index(drop=True)
    sold = sold[sold["stands"] <= case.plants["t"].max() - case.plants["t"].min() + 1]
    kept = case.plants.reset_index(drop=True)
    worth = dict(zip(case.calendar.n_steps - kept["t"], left_share(case, "plant", kept), strict=True))
    some = sold[sold["stands"].isin(list(worth))]
    assert len(some)
    assert (some["sold_share"] <= some["stands"].map(worth) - 0.05 + 1e-9).all()


def test_to_sell_and_buy_again_costs_more_than_to_keep(place, facts):
    """Even as good as new at its full price and at a rate of 0."""
    case = build_case(place(resale_pct=100, money={"discount_rate_real": 0.0}), facts)
    cost = partner_cost(case, Engine(case).entries)
    kept, sold = cost.loc["plant"], cost.loc["bridge"]
    for (h, g, u, t), first in sold.items():
        assert first + kept[h, g, u] > kept[h, g, t] + 0.05 * 0.8 - 1e-9


def test_nothing_is_sold_where_it_may_not_be(place, facts):
    """Before a line may stand; what cannot be moved; where nothing is worth anything; what a lender may hold."""
    dates = build_case(place(), facts).bridges["u"]
    assert dates.min() == LINE and (dates > build_case(place(), facts).bridges["t"]).all()
    assert not len(build_case(place(name=WIND, max_mw=5), facts).bridges)
    assert not len(build_case(place(finance={"residual": "none"}), facts).bridges)
    assert not len(build_case(place(grid=75), facts).bridges)
    for kind, assets, some in (
        ("loan", ["plant"], False),
        ("loan", ["halls"], True),
        ("grant", ["plant"], True),
    ):
        bank = {"id": "bank", "kind": kind, "optional": True, "assets": assets}
        lent = place(finance=MARKET | {"sources": [bank]})
        assert bool(len(build_case(lent, facts).bridges)) == some


@pytest.mark.parametrize("amount_m", [0.001, 1000.0])
def test_an_offer_of_a_grant_takes_no_sale_away_and_pays_for_what_is_kept_alone(place, facts, plan, amount_m):
    """A source more never makes a plan dearer; for a tenth of its price an engine is kept."""
    grant = {"id": "eu", "kind": "grant", "optional": True, "assets": ["plant"], "share": 0.1,
             "amount_m": amount_m, "kept_years": 0}  # fmt: skip
    offered = solve(
        build_case(place(finance=MARKET | {"sources": [grant]}, unit_mw=0, solve=EXACT), facts)
    ).plan
    assert offered is not None and not len(audit(offered))
    assert bool(len(offered.tables["bridges"])) == (amount_m < 1)
    assert offered.kpi("cost_npv_musd") <= plan.kpi("cost_npv_musd") + 1e-9
    ledger = offered.tables["ledger"]
    drawn = -ledger.loc[ledger["account"] == "grant-drawn", "musd"].sum()
    kept = ledger.loc[(ledger["account"] == "plant") & (ledger["kind"] == "capex"), "musd"].sum()
    assert drawn <= 0.1 * kept + 1e-9


def test_the_audit_finds_a_grant_that_pays_for_what_is_sold(place, facts, monkeypatch):
    grant = {
        "id": "eu",
        "kind": "grant",
        "optional": True,
        "assets": ["plant"],
        "amount_m": 1,
        "kept_years": 0,
    }
    monkeypatch.setattr(finance, "SOLD", "")
    offered = solve(build_case(place(finance=MARKET | {"sources": [grant]}, unit_mw=0), facts)).plan
    assert offered is not None and len(offered.tables["bridges"])
    assert {"draw-uses", "draw-share"} <= set(audit(offered)["rule"])


def test_plant_may_be_sold_when_the_grid_grows(place, facts):
    """A line in period 4, when no engine stands yet, and more of the grid in period 9."""
    grows = {"grid_mw": [{"from": "2027-01-01", "mw": 1}, {"from": "2029-04-01", "mw": 5}]}
    case = build_case(place(grid=12, lead_months=3, permit_months=0, sites=grows), facts)
    assert sorted(set(case.bridges["u"])) == [9]


def test_a_sale_is_cash_of_its_quarter_in_the_statements(plan):
    made = finance_of(plan.case.scenario, plan.tables)
    got = made.statements.cash_flow["residual"]
    level = made.statements.price_level
    assert got.iloc[LINE] == pytest.approx(0.8 * DESIGN_MW / 0.9 * SALE * level.iloc[LINE])
    assert made.statements.balance_sheet["check"].to_numpy() == pytest.approx(np.zeros(len(got)), abs=1e-9)


def test_only_the_gain_over_book_value_is_taxed(plan):
    """Worn from the quarter of service to that of the sale, at whose start it is written off; nothing wears after."""
    made = finance_of(plan.case.scenario, plan.tables)
    ledger, level = plan.tables["ledger"], made.statements.price_level.to_numpy()
    paid = ledger[(ledger["account"] == "bridge") & (ledger["kind"] == "capex")]
    bought = float((paid["musd"] * level[paid["t"]]).sum())
    worn = bought / (4 * made.project.life_years["plant"])
    book = bought - (LINE - made.project.operation_from) * worn
    income = made.statements.income
    price = 0.8 * DESIGN_MW / 0.9 * SALE * level[LINE]
    assert income["disposal_gain"].iloc[LINE] == pytest.approx(price - book)
    kept = settle(replace(made.project, sales=())).depreciation
    assert kept[LINE - 1] == pytest.approx(income["depreciation"].iloc[LINE - 1])
    assert kept[LINE:] - income["depreciation"].to_numpy()[LINE:] == pytest.approx(
        np.full(len(kept) - LINE, worn)
    )


@pytest.mark.parametrize("kind", ["capex", "residual"])
def test_a_dearer_purchase_and_a_poorer_sale_balance_too(plan, kind):
    made = finance_of(plan.case.scenario, plan.tables)
    found = settle(changed(made.project, Event(id="event", kind=kind, size=0.2)))
    more = {"capex": 1.2, "residual": 1.0}[kind]
    assert found.written_off[LINE] == pytest.approx(more * made.settled.written_off[LINE])
    sheet = statements_of(found).balance_sheet
    assert sheet["check"].to_numpy() == pytest.approx(np.zeros(len(sheet)), abs=1e-9)
    assert sheet["fixed_assets"].iloc[-1] == pytest.approx(0.0, abs=1e-9)


def test_a_sale_at_book_value_is_not_taxed(plan):
    """Cash that is no income leaves tax of its quarter, and so the cash flow for debt service, as it is without a sale."""
    made = finance_of(plan.case.scenario, plan.tables).project
    earning = replace(
        made, revenue_musd=np.where(np.arange(made.quarters) >= made.operation_from, 50.0, 0.0),
        tax=replace(made.tax, rate=0.2),
    )  # fmt: skip
    (sale,) = made.sales
    book = settle(earning).written_off[LINE]
    sold = replace(earning, sales=(replace(sale, musd=book),))
    with_sale, without = (settle(p).run.lines["cfads"] for p in (sold, replace(earning, sales=())))
    worn = sale.bought.sum() / (4 * made.life_years["plant"])
    assert without[LINE] - with_sale[LINE] == pytest.approx(0.2 * worn)
