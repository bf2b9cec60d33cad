"""Caps on PUE and water: kept as means of a year, stated in place of the law, and named where they stand in the way.

Room air has a PUE of 1.2 and takes 0.2 l/kWh here, rear doors 1.1 and 0.1, at 10 MUSD/MW on top: dearer than what they save.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.prechecks import precheck
from planner.explain import explain_infeasible
from planner.intake.scenario_file import with_overrides
from planner.planning.pipeline import solve
from planner.scenario.problems import ScenarioError

pytestmark = pytest.mark.untraced

AIR, DOOR, LAW = "air-chilled-water", "rear-door", "deu-pue-new"
DOORS = {
    ("cooling", DOOR, "capex_musd_per_mw_mid"): 10,
    ("cooling", DOOR, "pue_a"): 1.1,
    ("cooling", DOOR, "pue_b_per_k"): 0,
    ("cooling", DOOR, "wue_l_per_kwh"): 0.1,
}
BOTH = {"cooling": [AIR, DOOR]}


@pytest.fixture(scope="module")
def facts(plain_catalog):
    return plain_catalog(DOORS)


def carried(answer):
    """Share of each year's heat that rear doors carry."""
    case = answer.case
    heat = answer.values("heat").rename("mw").reset_index()
    heat.columns = ["h", "c", "m", "t", "s", "mw"]
    hours = case.slices["hours"]
    mwh = heat["mw"] * [float(hours[key]) for key in zip(heat["t"], heat["s"], strict=True)]
    year = heat["t"].map(case.periods["year"])
    return (mwh.where(heat["c"] == DOOR, 0.0).groupby(year).sum() / mwh.groupby(year).sum()).dropna()


@pytest.mark.parametrize(
    ("measure", "most", "share"), [("pue", 1.2, 0.0), ("pue", 1.15, 0.5), ("wue", 0.125, 0.75)]
)
def test_a_cap_moves_as_much_heat_as_it_must(tiny, facts, optimise, measure, most, share):
    """The mean of each year at the cap: half the heat at 1.1 and half at 1.2 makes 1.15."""
    answer = optimise(tiny(hosts=BOTH, limits={"efficiency": [{"measure": measure, "most": most}]}), facts)
    assert carried(answer).to_numpy() == pytest.approx(share, abs=1e-6)


def test_the_law_of_the_country_holds_where_nothing_is_stated(tiny, plain_catalog, optimise):
    law = plain_catalog({**DOORS, ("efficiency_rules", LAW, "iso3"): "KOR", ("efficiency_rules", LAW, "most"): 1.15,
                         ("efficiency_rules", LAW, "from_date"): "2029-01-01"})  # fmt: skip
    found = optimise(tiny(hosts=BOTH), law)
    assert carried(found).round(6).to_dict() == {2028: 0.0, 2029: 0.5}
    assert set(found.case.efficiency_caps["law"]) == {LAW}
    for own in ({"measure": "pue"}, {"measure": "pue", "sites": ["south"], "most": 1.3}):
        free = optimise(tiny(hosts=BOTH, limits={"efficiency": [own]}), law)
        assert carried(free).max() == pytest.approx(0.0, abs=1e-9), (
            "what is stated takes the place of the law"
        )
    other = build_case(tiny(hosts=BOTH, limits={"efficiency": [{"measure": "wue", "most": 1}]}), law)
    assert set(other.efficiency_caps["law"]) == {LAW, ""}, "and of no other measure"
    stands = {"halls": [{"id": "hall", "host": "champion", "it_mw": 2, "grid_mw": 3, "backup_mw": 3}]}
    assert not len(build_case(tiny(hosts=BOTH, existing=stands), law).efficiency_caps), "a law for new ones"


def test_a_cap_holds_in_the_years_in_all_of_whose_periods_it_is_in_force(tiny, facts):
    """A year in which it is tightened keeps the looser one, a year in which it is lifted has none."""
    steps = [("2027-02-15", 1.3), ("2028-04-20", 1.15), ("2029-05-01", None)]
    caps = [{"measure": "pue", "from": day} | ({"most": most} if most else {}) for day, most in steps]
    case = build_case(tiny(hosts=BOTH, limits={"efficiency": caps}), facts)
    held = case.efficiency_caps.reset_index().query("h == 'champion'").set_index("t")["most"]
    assert held.to_dict() == dict.fromkeys(range(8), 1.3)


def test_a_cap_that_begins_earlier_is_never_cheaper_and_binds_nothing_before_its_day(
    tiny, plain_catalog, optimise
):
    """The warm half of a year reaches 1.08 at best, all of it 1.073: a cap from April holds from the next year on."""
    seasons = plain_catalog({**DOORS, ("cooling", AIR, "pue_a"): 1.05, ("cooling", AIR, "pue_b_per_k"): 0.01})

    def cost(day):
        cap = {"measure": "pue", "most": 1.075, "from": day}
        return optimise(tiny(hosts=BOTH, limits={"efficiency": [cap]}), seasons).objective

    from_2028, within, from_2029 = map(cost, ("2028-01-01", "2028-04-01", "2029-01-01"))
    assert within == pytest.approx(from_2029) and from_2029 < from_2028 - 0.1


def test_of_caps_of_one_day_the_strictest_holds(tiny, facts):
    every, here = {"measure": "pue", "most": 1.2}, {"measure": "pue", "most": 1.15, "sites": ["south"]}
    for caps in ([every, here], [here, every]):
        held = build_case(tiny(hosts=BOTH, limits={"efficiency": caps}), facts).efficiency_caps
        assert set(held["most"]) == {1.15}


@pytest.mark.parametrize(
    ("caps", "words"),
    [
        ([{"most": 1.16}, {"most": 1.3}], "second cap on pue"),
        ([{"most": 1.3}, {"most": 1.16, "from": "2027-01-01"}], "second cap on pue"),
        ([{"most": 1.3}, {"sites": ["south"]}], "efficiency[1] lifts nothing, limits.efficiency[0] begins"),
        ([{"sites": ["south"]}, {"most": 1.3}], "efficiency[0] lifts nothing, limits.efficiency[1] begins"),
        ([{"most": 1.3}, {"most": 1.16, "sites": ["south"]}], ""),
        ([{"most": 1.3}, {"from": "2028-01-01"}], ""),
    ],
)
def test_caps_of_which_one_would_hold_for_nothing_are_refused(tiny, caps, words):
    stated = {"limits.efficiency": [{"measure": "pue", **cap} for cap in caps]}
    if not words:
        with_overrides(tiny(), stated)
        return
    with pytest.raises(ScenarioError) as error:
        with_overrides(tiny(), stated)
    (problem,) = error.value.problems
    assert problem.path == "limits.efficiency[1]" and words in problem.message


def test_a_cap_that_begins_within_the_first_period_shuts_a_place(tiny, facts):
    cap = {"measure": "pue", "most": 1.0, "from": "2027-02-15"}
    assert "efficiency" in set(
        build_case(tiny(hosts=BOTH, limits={"efficiency": [cap]}), facts).why_not["reason"]
    )


def test_no_caps_no_rows(tiny, facts, optimise):
    assert "efficiency_cap" not in optimise(tiny(hosts=BOTH), facts).arrays.rows


def test_a_place_that_cannot_keep_a_cap_is_not_offered_and_it_is_said_why(tiny, facts):
    capped = tiny(limits={"efficiency": [{"measure": "pue", "most": 1.15}]})
    case = build_case(capped, facts)
    (why,) = case.why_not.loc[case.why_not["reason"] == "efficiency", "detail"].unique()
    assert "PUE 1.2 with air-chilled-water" in why and "1.15 is allowed" in why
    (trouble,) = precheck(case)
    assert trouble.reason == "efficiency" and "a cap on PUE or water" in trouble.message
    assert not precheck(build_case(with_overrides(capped, {"limits.efficiency[0].most": 1.2}), facts))


def test_a_law_that_shuts_a_place_gives_by_a_stated_cap_in_its_place(tiny, plain_catalog):
    law = plain_catalog({("efficiency_rules", LAW, "iso3"): "KOR", ("efficiency_rules", LAW, "most"): 1.15,
                         ("efficiency_rules", LAW, "from_date"): "2026-07-01"})  # fmt: skip
    water = {"measure": "wue", "most": 0.125}
    shut = tiny(limits={"efficiency": [water]})
    answer = explain_infeasible(build_case(shut, law), alternatives=False)
    cap = {"measure": "pue", "sites": ["south"], "most": 1.2}
    assert answer.cure == {"limits.efficiency": [water, cap], "limits.efficiency[0].most": 0.2}, answer.text
    assert LAW in answer.causes[0].text and answer.proven
    assert not precheck(build_case(with_overrides(shut, answer.cure), law))


def test_a_cap_that_comes_too_soon_is_named_with_the_least_that_would_do(tiny, facts):
    capped = tiny(limits={"efficiency": [{"measure": "pue", "most": 1.12, "from": "2028-07-01"}]})
    (cause,) = explain_infeasible(build_case(capped, facts)).causes
    assert cause.path == "limits.efficiency[0].most" and cause.new == pytest.approx(1.2, rel=0.01)
    assert "PUE" in cause.text
    assert (
        solve(build_case(with_overrides(capped, {cause.path: cause.new}), facts), quality="quick").plan
        is not None
    )


def test_the_audit_recomputes_it(tiny, facts):
    found = solve(build_case(tiny(hosts=BOTH, limits={"efficiency": [
        {"measure": "pue", "most": 1.15}, {"measure": "wue", "most": 0.15}]}), facts), quality="quick").plan  # fmt: skip
    assert found is not None and not len(audit(found))
    for name, column in (("dispatch", "import_mw"), ("power", "water_m3")):
        table = found.tables[name]
        worse = replace(found, tables={**found.tables, name: table.assign(**{column: table[column] * 1.05})})
        assert "efficiency-cap" in set(audit(worse)["rule"])


def test_what_storage_loses_counts_in_the_pue_that_is_capped_and_reported(tiny, facts):
    """A battery that the prices of the day would use: the column keeps the cap, rear doors make up for what it loses."""
    battery = {"id": "battery-4h-2026", "capex_usd_per_kw": 100, "lead_months": 6, "permit_months": 3,
               "forced_outage_pct": 0, "round_trip_pct": 85}  # fmt: skip
    site = {"elec_price_usd_per_mwh": None, "power": {"options": [battery]},
            "tariff": {"energy_usd_per_mwh_by_hour": [50] * 12 + [400] * 12}}  # fmt: skip
    cap = {"efficiency": [{"measure": "pue", "most": 1.17}]}
    plan = solve(build_case(tiny(hosts=BOTH, sites=site, limits=cap), facts), quality="quick").plan
    assert plan is not None and not len(audit(plan))
    day, power = plan.tables["dispatch"], plan.tables["power"]
    lost = float(((day["charge_mw"] - day["discharge_mw"]) * day["hours"]).sum())
    worked = (day["it_mw"] * day["hours"]).groupby(day["t"]).sum()
    assert lost > 0.01 * worked.sum(), "storage is at work"
    years = power["t"].map(plan.case.periods["year"])
    it = power["t"].map(worked)
    reported = (power["pue"] * it).groupby(years).sum() / it.groupby(years).sum()
    assert reported[reported > 0].to_numpy() == pytest.approx(1.17, abs=1e-6)
    free = replace(
        plan,
        tables={**plan.tables, "dispatch": day.assign(import_mw=day["import_mw"] + 0.05 * day["charge_mw"])},
    )
    assert "efficiency-cap" in set(audit(free)["rule"])


@pytest.mark.parametrize(
    "cap", [{"measure": "pue", "most": 0.9}, {"measure": "pue", "most": 1.2, "sites": ["nowhere"]}]
)
def test_what_cannot_be_is_refused(tiny, cap):
    with pytest.raises((ScenarioError, ValueError)):
        with_overrides(tiny(), {"limits.efficiency": [cap]})
