"""What protects costs, power and durations: sums of items, one arithmetic with the model, ranges in order."""

import pandas as pd
import pytest

from planner.case import costs
from planner.case.context import Context
from planner.case.cost_breakdown import facility_item, price_path, total
from planner.case.durations import duration, schedule
from planner.case.power_draw import it_kw_per_accelerator
from planner.facts.catalog import load_catalog
from planner.facts.errors import BadValue, UnknownName
from planner.facts.fallbacks import lookup
from planner.facts.spans import Span
from planner.intake.scenario_file import example_path, load_scenario

CATALOG = load_catalog()


@pytest.fixture(scope="module")
def context() -> Context:
    return Context.of(load_scenario(example_path("korea")), CATALOG)


@pytest.mark.parametrize("system", list(CATALOG.table("systems").index))
def test_system_cost_is_the_sum_of_its_items_in_order(system: str) -> None:
    found = costs.system_cost(system)
    assert found.usd_per_accelerator.mid == pytest.approx(found.table["mid"].sum())
    assert (found.table["low"] <= found.table["mid"]).all()
    assert (found.table["mid"] <= found.table["high"]).all()
    spans = (found.usd_per_accelerator, found.it_kw_per_accelerator, found.yearly_usd_per_accelerator)
    assert all(s.low <= s.mid <= s.high for s in spans)
    price = CATALOG.value("systems", system, "price_usd_mid") / found.n_accelerators
    shares = sum(CATALOG.param(name) for name in costs.HARDWARE_ADDERS)
    assert found.usd_per_accelerator.mid == pytest.approx(price * (1 + shares))


def test_prices_follow_their_path_from_release() -> None:
    now, later = costs.system_cost("gb300-nvl72", 2026.5), costs.system_cost("gb300-nvl72", 2028.5)
    change = CATALOG.param("hardware_price_change_per_year")
    assert later.usd_per_accelerator.mid == pytest.approx(now.usd_per_accelerator.mid * price_path(change, 2))
    assert later.usd_per_accelerator.relative().high > now.usd_per_accelerator.relative().high
    early = costs.system_cost("kyber-rubin-ultra", 2027.0)
    assert early.usd_per_accelerator.mid == costs.system_cost("kyber-rubin-ultra").usd_per_accelerator.mid


def test_duty_is_paid_on_the_goods_only() -> None:
    free, taxed = costs.system_cost("hgx-b300"), costs.system_cost("hgx-b300", duty=0.1)
    goods = CATALOG.value("systems", "hgx-b300", "price_usd_mid") / 8
    assert taxed.usd_per_accelerator.mid - free.usd_per_accelerator.mid == pytest.approx(0.1 * goods)


def test_the_model_pays_what_the_bill_says(context: Context) -> None:
    scenario = context.scenario
    choice = next(s for s in scenario.systems if s.price_usd is None)
    host = next(h for h in scenario.hosts if h.mode == "build")
    for t in (0, 8):
        factor = context.pick(
            host.hardware_price_factor, "owner_classes", host.owner_class, "hardware_price_factor"
        )
        bill = costs.system_cost(
            choice.id,
            context.calendar.year_fraction(t),
            duty=context.import_duty(host),
            price_factor=float(factor),
        )
        if costs.released_on(context, choice) <= pd.Timestamp(context.calendar.date_of(t)):
            musd = costs.hardware_musd_per_k(context, choice, host, t)
            assert musd == pytest.approx(bill.usd_per_accelerator.mid / 1000.0, rel=1e-6)


def test_the_model_builds_halls_at_the_bill(context: Context) -> None:
    site = context.site(next(h for h in context.scenario.hosts if h.mode == "build").site)
    for hall in ("conventional", "modular"):
        bill = costs.facility_cost(
            site.metro, "air-chilled-water", hall, year=context.calendar.year_fraction(0),
            construction_musd_per_mw=context.construction_musd_per_mw(site),
        ).table.set_index("item")["mid"]  # fmt: skip
        items = bill[["shell", "electrical", "mechanical", "owner's costs"]].sum()
        assert costs.hall_musd_per_mw(context, site, hall, 0) == pytest.approx(items, rel=1e-6)


@pytest.mark.parametrize("metro", list(CATALOG.table("metros").index[::11]))
def test_facility_cost_has_ordered_items_that_add_up(metro: str) -> None:
    found = costs.facility_cost(metro)
    assert found.musd_per_it_mw.mid == pytest.approx(found.table["mid"].sum())
    assert found.musd_per_it_mw.low < found.musd_per_it_mw.mid < found.musd_per_it_mw.high
    assert found.musd_per_facility_mw.mid == pytest.approx(found.musd_per_it_mw.mid / found.design_pue)
    iso3 = CATALOG.value("metros", metro, "iso3")
    base = lookup(CATALOG, iso3, "construction_musd_per_mw_it", metro=metro)
    assert 0.9 * base.value < found.musd_per_it_mw.mid < 1.6 * base.value
    assert bool(found.note) == base.assumed


def test_redundancy_moves_electrical_and_mechanical_parts_only() -> None:
    bills = {
        r: costs.facility_cost("PL-WAW", redundancy=r).table.set_index("item")["mid"]
        for r in ("N", "N+1", "2N")
    }
    assert bills["N"]["shell"] == bills["2N"]["shell"]
    assert bills["N"].sum() < bills["N+1"].sum() < bills["2N"].sum()
    rise = bills["2N"]["mechanical"] / bills["N+1"]["mechanical"]
    assert rise == pytest.approx(facility_item(CATALOG, "redundancy-2n").mid)


def test_liquid_and_modular_cost_more_and_construction_rises() -> None:
    def mid(**how: object) -> float:
        return costs.facility_cost("KR-SEO", **how).musd_per_it_mw.mid  # type: ignore[arg-type]

    assert mid(technology="direct-to-chip") > mid(technology="air-chilled-water")
    assert mid(hall_type="modular") > mid(hall_type="conventional")
    assert mid(year=2030.5) > mid(year=2026.5)


def test_power_of_an_accelerator_spans_typical_to_peak() -> None:
    found = it_kw_per_accelerator("GB300 NVL72")
    assert found.mid == pytest.approx(138 / 72 * 1.1)
    assert found.low < 136 / 72 * 1.08
    assert found.high > 140 / 72 * 1.12
    assert it_kw_per_accelerator("GH200").mid == pytest.approx(0.7 * 1.8 * 1.1)
    hot, cold = (costs.facility_kw_per_accelerator("gb300-nvl72", m).mid for m in ("AE-AUH", "FI-HEL"))
    assert hot > cold > found.mid


def test_a_total_of_independent_parts_is_narrower_than_end_to_end() -> None:
    found = total([Span(8, 10, 14), Span(1, 4, 7)])
    assert (found.low, found.mid, found.high) == pytest.approx((14 - 13**0.5, 14, 14 + 5))


def test_wrong_names_are_refused_with_suggestions() -> None:
    with pytest.raises(UnknownName, match="did you mean 'gb300-nvl72'"):
        costs.system_cost("gb300-nvl7")
    with pytest.raises(UnknownName, match="did you mean 'PL-WAW'"):
        costs.facility_cost("PL-WAR")
    with pytest.raises(BadValue, match="allowed 'N', 'N\\+1', '2N'"):
        costs.facility_cost("PL-WAW", redundancy="N+2")
    with pytest.raises(UnknownName, match="did you mean 'modular'"):
        costs.facility_cost("PL-WAW", hall_type="modula")


KINDS = ("licence", "shipping", "permits", "transformer", "switchgear", "hall", "retrofit", "cooling", "backup",
         "commissioning")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_durations_are_ordered_and_sourced(kind: str) -> None:
    found = duration(kind, country_group="d1-d4")
    assert 0 <= found.low <= found.mid <= found.high
    table, _, key = found.source.partition(":")
    assert table in CATALOG.tables
    assert key


def test_a_hall_of_a_fast_builder_takes_the_low_end_of_its_range() -> None:
    usual = duration("hall")
    spans = {pace: duration("hall", pace=pace).span for pace in ("fast", "usual", "slow")}
    assert spans["fast"] == Span(usual.low, usual.low, usual.mid)
    assert spans["usual"] == usual.span
    assert spans["slow"] == Span(usual.mid, usual.high, usual.high)
    with pytest.raises(BadValue, match=r"no pace 'fats'.*did you mean 'fast'"):
        duration("hall", pace="fats")


def test_schedule_waits_for_what_comes_before_and_marks_the_longest_chain() -> None:
    plan = schedule("KR-SEO", "gb300-nvl72", country_group="d1-d4").set_index("kind")
    assert plan.loc["manufacture", "start_mid"] == plan.loc["licence", "end_mid"]
    assert plan.loc["hall", "start_mid"] == plan.loc["permits", "end_mid"]
    works = plan.loc["grid works"]
    assert works["start_mid"] == max(plan.loc["permits", "end_mid"], plan.loc["grid offer", "end_mid"])
    whole = duration("grid", metro="KR-SEO").mid
    assert works["mid"] + plan.loc["grid offer", "mid"] == pytest.approx(whole)
    chain = plan[plan["critical"]]
    assert chain["mid"].sum() == pytest.approx(plan["end_mid"].max())
    assert schedule("KR-SEO", "gb300-nvl72").set_index("kind").loc["licence", "mid"] == 0
    with pytest.raises(BadValue, match="no step 'hal'"):
        duration("hal")
    with pytest.raises(BadValue, match="needs system"):
        duration("manufacture")
