"""Contracts, prices for a target, downside cases: closed forms and directions that arithmetic fixes."""

from __future__ import annotations

import doctest
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from planner.finance import revenue as contracts
from planner.finance.cases import (
    break_even_table,
    downside_table,
    figures_of,
    signed,
    tornado_figure,
    tornado_table,
    under,
)  # fmt: skip
from planner.finance.downsides import Event, as_signed, changed
from planner.finance.faults import FinanceError
from planner.finance.from_plan import PlanFinance
from planner.finance.project import Project, TaxTerms
from planner.finance.revenue import Contract, revenue
from planner.finance.settle import settle
from planner.finance.sources import Repayment, Spend
from planner.finance.statements import key_figures, statements
from planner.finance.targets import revenue_factor
from planner.scenario.finance import Downside
from tests.finance.projects import BANK, OWNER, flow, plain

SCULPTED = plain(
    sources=(
        replace(BANK, share=0.9, repayment=Repayment(tenor_years=5, profile="sculpted", dscr=1.6)),
        OWNER,
    )
)

PLAN = PlanFinance(SCULPTED, (), (), 1.0, pd.DataFrame())


def test_doctests() -> None:
    results = doctest.testmod(contracts)
    assert results.attempted and not results.failed


def test_a_budget_line_follows_the_price_level_as_far_as_it_is_indexed() -> None:
    line = Contract(id="state", kind="budget", musd_per_year=np.full(2, 40.0), indexed_share=0.5)
    assert revenue(line, np.array([1.0, 1.1])).tolist() == [10.0, 10.5]


@pytest.mark.parametrize(
    ("contract", "path"),
    [
        (Contract(id="a", kind="usage"), "revenue.a.used"),
        (Contract(id="a", kind="take-or-pay", used=np.ones(2)), "revenue.a.contracted"),
        (Contract(id="a", kind="spot"), "revenue.a.kind"),
        (Contract(id="a", kind="usage", used=np.ones(3)), "revenue.a.used"),
    ],
)
def test_a_contract_that_lacks_what_it_is_paid_for_is_refused(contract: Contract, path: str) -> None:
    with pytest.raises(FinanceError) as caught:
        revenue(contract, np.ones(2))
    assert [fault.path for fault in caught.value.faults] == [path]


def test_the_price_for_a_cover_gives_that_cover() -> None:
    project = plain()
    factor = revenue_factor(project, "min_dscr", 1.3)
    found = statements(replace(project, revenue_musd=factor * project.revenue_musd))
    assert found.ratios["dscr"].iloc[4:24].to_numpy() == pytest.approx(np.full(20, 1.3), rel=1e-9)
    # level debt and level cash: revenue is what service at the cover and operating cost need
    service = found.cash_flow[["interest", "principal"]].sum(axis=1).iloc[4]
    assert factor * 8.0 == pytest.approx(1.3 * service + 2.0, rel=1e-9)


def test_the_price_for_a_return_gives_that_return() -> None:
    factor = revenue_factor(SCULPTED, "equity_irr", 0.12)
    found = statements(replace(SCULPTED, revenue_musd=factor * SCULPTED.revenue_musd))
    assert key_figures(found)["equity_irr"] == pytest.approx(0.12, abs=1e-9)


def test_a_cover_that_no_price_gives_is_refused() -> None:
    with pytest.raises(FinanceError, match=r"no price gives a cover of 1.2: no debt is due"):
        revenue_factor(plain(sources=(OWNER,)), "min_dscr", 1.2)
    with pytest.raises(FinanceError, match=r"no price gives a return of 8.0 % a year: nothing is paid for"):
        revenue_factor(replace(plain(), revenue_musd=0 * plain().revenue_musd), "equity_irr", 0.08)
    early = replace(plain(), revenue_musd=plain().revenue_musd * (np.arange(28) < 12))
    with pytest.raises(FinanceError, match="revenue ends in 2029-Q4, debt in 2032-Q4"):
        revenue_factor(early, "min_dscr", 1.2)
    # debt that is sized for a cover of 1.6 has it at every price that pays anything
    with pytest.raises(FinanceError, match="passed over, not met"):
        revenue_factor(SCULPTED, "min_dscr", 1.2)


def test_debt_as_signed_gives_the_same_statements() -> None:
    found = settle(SCULPTED)
    signed = statements(as_signed(found))
    assert signed.equity_flows == pytest.approx(statements(SCULPTED).equity_flows, abs=1e-7)


def test_cover_of_signed_debt_falls_with_cash() -> None:
    signed = as_signed(settle(SCULPTED))
    found = statements(changed(signed, Event(id="price", kind="price", size=-0.2)))
    # cash of 8 x 0.8 - 2 instead of 6
    assert found.ratios["dscr"].iloc[4:24].to_numpy() == pytest.approx(np.full(20, 1.6 * 4.4 / 6.0), rel=1e-7)
    assert found.by_source.loc["bank", "draw"].sum() == pytest.approx(
        statements(SCULPTED).by_source.loc["bank", "draw"].sum()
    )


def test_owners_pay_an_overrun_once_debt_is_signed() -> None:
    signed = as_signed(settle(SCULPTED))
    base, dearer = statements(signed), statements(changed(signed, Event(id="capex", kind="capex", size=0.2)))
    more = dearer.uses.sum().sum() - base.uses.sum().sum()
    equity = dearer.sources["equity:owner"].sum() - base.sources["equity:owner"].sum()
    assert more >= 20.0 - 1e-9 and equity == pytest.approx(more, abs=1e-8)


def test_a_payer_lost_is_a_default_and_not_a_refusal() -> None:
    contract = Contract(id="state", kind="availability", price_usd=1.0, contracted=flow(28, 4, 8.0))
    events = [
        Downside(id="gone", what="off-taker", size=1.0, **{"from": date(2030, 1, 1)}),
        Downside(id="rates", what="rate", size=0.02),
        Downside(id="lapsed", what="export-credit-lapsed", size=1.0),
    ]
    table = downside_table(replace(PLAN, contracts=(contract,)), events).set_index("case")
    assert table.index.tolist() == ["as signed", "gone", "rates", "lapsed"]
    assert table.loc["gone", "quarters_in_default"] == 12 and table.loc["gone", "support_musd"] > 0
    assert table.loc["as signed", "min_dscr"] == pytest.approx(1.6)
    assert table.loc["lapsed", "min_dscr"] == pytest.approx(1.6)  # there is no agency to lapse
    assert table.loc["rates", "min_dscr"] < 1.6


def test_use_moves_what_is_paid_by_use_and_not_what_is_promised() -> None:
    used, held = flow(28, 4, 8.0), flow(28, 4, 10.0)
    event = Downside(id="less", what="utilisation", size=0.3)
    for kind, left in (("usage", 0.7), ("take-or-pay", 1.0)):
        contract = Contract(id="c", kind=kind, price_usd=1.0, used=used, contracted=0.8 * held)
        found = under(replace(PLAN, contracts=(contract,)), event, PLAN.project)
        assert found.revenue_musd == pytest.approx(left * used)


def test_a_year_late_loses_a_year_of_revenue_and_nothing_of_the_debt() -> None:
    late = under(PLAN, Downside(id="grid", what="grid-late", size=12), signed(PLAN))
    assert late.revenue_musd.tolist() == flow(28, 8, 8.0).tolist()
    assert statements(late).ratios["in_default"].iloc[4:8].all()


def test_a_currency_that_rises_makes_foreign_debt_dearer() -> None:
    euro = (replace(BANK, currency="EUR"), OWNER)
    project = plain(sources=euro, exchange={"EUR": np.full(28, 1.1)})
    signed = as_signed(settle(project))
    worse = statements(changed(signed, Event(id="fx", kind="currency", size=0.25, quarter=4)))
    assert worse.ratios["dscr"].iloc[4] == pytest.approx(statements(signed).ratios["dscr"].iloc[4] / 1.25)


def test_the_tornado_puts_the_widest_swing_first() -> None:
    events = [Downside(id="opex", what="opex", size=0.1), Downside(id="price", what="price", size=0.1)]
    contract = Contract(id="state", kind="availability", price_usd=1.0, contracted=flow(28, 4, 8.0))
    plan = replace(PLAN, contracts=(contract,))
    table = tornado_table(plan, events, downside_table(plan, events), "min_dscr")
    assert table["case"].tolist() == ["price", "opex"]
    assert table["swing"].to_numpy() == pytest.approx(1.6 / 6.0 * np.array([1.6, 0.4]))
    assert (table["worse"] < table["base"]).all() and (table["better"] > table["base"]).all()
    assert tornado_figure(downside_table(PLAN, [])) == "min_dscr"


def test_break_evens_in_closed_form() -> None:
    # cover of 1.6 on cash of 6 is lost when cash is 3.75, that is when revenue falls by 2.25 of 8
    found = break_even_table(PLAN, 0.05).set_index("what")["share"]
    assert found["debt is covered"] == pytest.approx(2.25 / 8.0, rel=1e-9)
    hurt = replace(
        as_signed(settle(SCULPTED)), revenue_musd=(1 - found["owners earn the hurdle"]) * flow(28, 4, 8.0)
    )
    assert key_figures(statements(hurt))["equity_irr"] == pytest.approx(0.05, abs=1e-9)


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(FinanceError, match=r"events\.flood\.kind"):
        changed(SCULPTED, Event(id="flood", kind="flood", size=1.0))


KOREAN = plain(
    sources=(replace(BANK, currency="KRW", amount=4e4), OWNER),
    exchange={"KRW": np.full(28, 1e-3)},
    tax=TaxTerms(rate=0.2),
)


def sides(project: Project, what: str, **when: date) -> list[dict[str, float]]:
    """Figures for the worse, as signed and for the better."""
    plan, event = replace(PLAN, project=project), Downside(id="x", what=what, size=0.2, **when)
    base = signed(plan)
    return [figures_of(p) for p in (under(plan, event, base), base, under(plan, event, base, back=True))]


@pytest.mark.parametrize("when", [{}, {"from": date(2027, 1, 1)}, {"from": date(2029, 6, 1)}])
def test_foreign_debt_is_carried_worse_where_its_currency_is_dearer(when: dict[str, date]) -> None:
    worse, base, better = sides(KOREAN, "currency", **when)
    assert worse["min_dscr"] < base["min_dscr"] - 1e-4
    assert better["min_dscr"] >= base["min_dscr"] - 1e-9
    if "from" not in when:
        assert worse["equity_musd"] == pytest.approx(base["equity_musd"])  # debt was drawn before
        assert better["equity_irr"] > base["equity_irr"] > worse["equity_irr"]
        assert better["min_dscr"] > base["min_dscr"] + 1e-4


def test_debt_stays_as_signed_where_capital_is_dearer_and_where_it_is_cheaper() -> None:
    later = Spend(asset="hall", musd=flow(28, 6, 4.0) - flow(28, 7, 4.0))
    bank = replace(BANK, share=0.95, available_until=date(2028, 9, 30))
    untaxed = plain(sources=(bank, OWNER), spending=(*plain().spending, later))
    plan, draws = replace(PLAN, project=untaxed), []
    for back in (False, True):
        found = statements(under(plan, Downside(id="x", what="capex", size=0.2), signed(plan), back))
        draws.append(found.by_source.loc["bank", ["draw", "principal"]].to_numpy())
        assert found.uses.sum(axis=1).to_numpy() == pytest.approx(found.sources.sum(axis=1).to_numpy())
        assert found.balance_sheet["check"].abs().max() < 1e-6
    before = statements(untaxed).by_source.loc["bank", ["draw", "principal"]].to_numpy()
    assert draws[0] == pytest.approx(before) and draws[1] == pytest.approx(before)
    worse, base, better = sides(untaxed, "capex")
    assert worse["min_dscr"] == pytest.approx(base["min_dscr"]) == pytest.approx(better["min_dscr"])
    assert better["peak_equity_musd"] < base["peak_equity_musd"] < worse["peak_equity_musd"]


def test_a_worse_side_that_improves_cover_says_why() -> None:
    plan = replace(PLAN, project=plain(tax=TaxTerms(rate=0.3), life_years={"hall": 6.0, "financing": 6.0}))
    events = [Downside(id=what, what=what, size=0.2) for what in ("capex", "opex")]
    table = tornado_table(plan, events, downside_table(plan, events), "min_dscr").set_index("case")
    assert table.loc["capex", "worse"] > table.loc["capex", "base"] > table.loc["capex", "better"]
    assert table.loc["capex", "reason"].startswith("worse is better here: tax +")
    assert table.loc["opex", "reason"] == ""


def test_the_tornado_says_what_service_an_event_takes() -> None:
    events = [Downside(id=what, what=what, size=size) for what, size in
              (("capex", 0.2), ("licence-lost", 0.5), ("grid-late", 6.0))]  # fmt: skip
    table = tornado_table(PLAN, events, downside_table(PLAN, events), "peak_equity_musd").set_index("case")
    running = PLAN.project.quarters - PLAN.project.operation_from
    lost = table["service_lost_share"]
    assert (lost["capex"], lost["licence-lost"]) == (0.0, 0.5) and lost["grid-late"] == pytest.approx(
        2 / running
    )


def test_an_exchange_gain_is_taxed_as_debt_is_repaid() -> None:
    euro = (replace(BANK, currency="EUR"), OWNER)
    rate = np.where(np.arange(28) < 6, 1.2, 0.9)
    found = settle(plain(sources=euro, exchange={"EUR": rate}, tax=TaxTerms(rate=0.2)))
    principal = found.run.principal[0]
    assert found.taxed_gain == pytest.approx(principal * (1.2 - rate), abs=1e-9)
    assert found.taxed_gain.sum() == pytest.approx(found.exchange_gain.sum())
    assert found.taxed_gain.max() < 0.2 * found.exchange_gain.max()
