"""Power purchase agreements against arithmetic by hand: what is used, shortfall and surplus, terms, and no way to gain.

800 accelerators draw 1.44 MW at work from period 4 of 12 on; the grid takes 100 USD/MWh.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from planner.audit import audit
from planner.case.build import build_case
from planner.facts.catalog import Catalog
from planner.planning.pipeline import solve
from planner.scenario.power import PowerPurchase
from planner.scenario.schema import Scenario

pytestmark = pytest.mark.untraced

MEAN_MW, DESIGN_MW, HOURS, RATE = 1.44, 1.92, 2190.0, 1.08
ALIVE = range(4, 12)
LEASED = {"mode": "colocation", "hall_types": None, "cooling": None}


def pv(t: float) -> float:
    return RATE ** -((t + 0.5) / 4)


def ppa(**more: Any) -> dict[str, Any]:
    return {"id": "wind-farm", "max_mw": 5, "usd_per_mwh": 60, "term_months": 24, "lead_months": 6, **more}


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog()


@pytest.fixture(scope="module")
def place(tiny: Callable[..., Scenario]) -> Callable[..., Scenario]:
    def make(*contracts: dict[str, Any], site: Any = None, **changes: Any) -> Scenario:
        return tiny(sites={"power": {"ppas": list(contracts)}, **(site or {})}, **changes)

    return make


def signed(mw: float) -> dict[Any, Any]:
    return {"ppa": (0, 0), ("ppa", ("champion", "wind-farm", 4)): (mw, mw)}


def test_what_is_not_offered_adds_no_row_and_no_column(place, facts, optimise):
    answer = optimise(place(), facts)
    assert not any(answer.arrays.columns[name].size for name in ("ppa", "matched", "surplus"))


def test_shortfall_is_bought_at_the_tariff(place, facts, optimise):
    """1 MW at 60 USD where 1.44 are drawn: 40 USD less on 1 MWh of each 1.44, the rest at 100."""
    case = build_case(place(ppa()), facts)
    free, answer = optimise(case, bounds={"ppa": (0, 0)}), optimise(case, bounds=signed(1))
    saved = HOURS * 1.0 * (100 - 60) / 1e6 * sum(map(pv, ALIVE))
    assert free.objective - answer.objective == pytest.approx(saved)
    used = answer.values("matched")["champion", "wind-farm", 6]
    assert used.to_numpy() == pytest.approx(1.0) and not answer.used("surplus")
    drawn = answer.values("grid_import")["champion", 6]
    assert drawn.to_numpy() == pytest.approx(MEAN_MW)  # it comes through the meter


def test_surplus_is_paid_and_sold_at_its_own_price(place, facts, optimise):
    """1.8 MW where 1.44 are drawn: 0.36 MW are paid at 60 and fetch 25, or nothing."""
    for fetches in (25.0, 0.0):
        case = build_case(place(ppa(surplus_usd_per_mwh=fetches)), facts)
        free, answer = optimise(case, bounds={"ppa": (0, 0)}), optimise(case, bounds=signed(1.8))
        hourly = MEAN_MW * 100 + (1.8 - MEAN_MW) * fetches - 1.8 * 60
        saved = HOURS * hourly / 1e6 * sum(map(pv, ALIVE))
        assert free.objective - answer.objective == pytest.approx(saved)


def test_the_best_contract_covers_what_is_drawn_and_no_more(place, facts, optimise):
    assert sum(optimise(place(ppa()), facts).used("ppa").values()) == pytest.approx(MEAN_MW)
    assert not optimise(place(ppa(usd_per_mwh=101)), facts).used("ppa")


@pytest.mark.parametrize(
    ("host", "changes", "first", "may"),
    [
        ({}, {}, 4, True),
        ({}, {}, 2, False),  # neither hall nor line is there
        ({}, {"open": (0, 0)}, 4, False),
        (LEASED, {}, 4, True),
        (LEASED, {"open": (0, 0)}, 4, False),
    ],
)
def test_no_contract_without_a_meter(place, facts, optimise, host, changes, first, may):
    """A contract that costs nothing on balance is signed where a line is there, or halls are leased."""
    contract = ppa(surplus_usd_per_mwh=60)
    case = build_case(place(contract, hosts=host, demand={"optional": True}), facts)
    signs = {("ppa", ("champion", "wind-farm", first)): (0.5, 0.5)}
    assert (optimise(case, bounds=changes | signs).x is not None) == may
    assert optimise(case, bounds=changes).x is not None


def test_contracts_deliver_no_more_on_the_mean_than_the_line_could_draw(place, facts, optimise):
    """A third of its megawatts on the mean: 3 x 1.92 MW may stand behind a line of 1.92."""
    case = build_case(
        place(ppa(profile="flat", capacity_factor_pct=100 / 3, max_mw=99, surplus_usd_per_mwh=60)), facts
    )
    fixed = {("connect", ("champion", "grid-firm", 4)): (DESIGN_MW, DESIGN_MW)}
    for mw, may in ((3 * DESIGN_MW, True), (3 * DESIGN_MW + 0.01, False)):
        assert (optimise(case, bounds=signed(mw) | fixed).x is not None) == may


def test_the_sun_delivers_by_its_hours_and_what_it_misses_is_bought(place, plain_catalog, optimise):
    """2 MW at a yield of 20 % between 8 and 16 o'clock: 1.2 MW then, nothing at night; paid for 0.4 on the mean."""
    hours = {("profiles", ("sun", hour), "value"): 3.0 * (8 <= hour < 16) for hour in range(24)}
    case = build_case(
        place(ppa(profile="solar", capacity_factor_pct=20, usd_per_mwh=30)), plain_catalog(hours)
    )
    answer = optimise(case, bounds=signed(2))
    used = answer.values("matched")["champion", "wind-farm", 6].to_dict()
    assert used == pytest.approx({"b0": 0, "b1": 0, "b2": 1.2, "b3": 1.2, "b4": 0, "b5": 0})
    assert case.ppas.at[("champion", "wind-farm", 4), "musd_per_mw_step"] == pytest.approx(
        HOURS * 0.2 * 30 / 1e6
    )


def test_a_contract_for_the_last_quarter_costs_its_whole_term(place, facts, optimise):
    """Two years signed for one quarter: seven more are owed, at 60 USD and 2,190 hours each, whole."""
    case = build_case(place(ppa()), facts)
    each = HOURS * 60 / 1e6
    row = case.ppas.loc[("champion", "wind-farm", 11)]
    assert row["due_after_musd"] == pytest.approx(7 * each)
    assert row["tail_musd"] == pytest.approx(sum(each * RATE ** -((j + 0.5) / 4) for j in range(7)))
    answer = optimise(case)
    assert {index[2] for index in answer.used("ppa")} == {4}  # two years end with the horizon


@pytest.mark.parametrize("fetches", [0.0, 20.0, 60.0])
def test_what_is_owed_after_the_horizon_is_less_by_what_its_energy_fetches(place, facts, fetches):
    """Seven quarters are owed at 60 USD and sold at the price of surplus: at that of the contract nothing is left."""
    row = build_case(place(ppa(surplus_usd_per_mwh=fetches)), facts).ppas.loc[("champion", "wind-farm", 11)]
    assert row["due_after_musd"] == pytest.approx(7 * HOURS * 60 / 1e6)
    net = HOURS * (60 - fetches) / 1e6
    assert row["tail_musd"] == pytest.approx(sum(net * RATE ** -((j + 0.5) / 4) for j in range(7)), abs=1e-12)


def test_a_contract_that_outlives_the_horizon_by_hand(place, facts, optimise):
    """1 MW for three years, two of them within the horizon: of the third 60 USD are owed and 25 fetched."""
    case = build_case(place(ppa(term_months=36, surplus_usd_per_mwh=25)), facts)
    free, answer = optimise(case, bounds={"ppa": (0, 0)}), optimise(case, bounds=signed(1))
    saved = HOURS * (100 - 60) / 1e6 * sum(map(pv, ALIVE)) - HOURS * (60 - 25) / 1e6 * sum(
        map(pv, range(12, 16))
    )
    assert free.objective - answer.objective == pytest.approx(saved)


def test_network_and_peak_are_paid_on_what_a_contract_delivers(place, facts, optimise):
    tariff = {"tariff": {"network_usd_per_mwh": 10, "capacity_usd_per_kw_year": 60}}
    case = build_case(place(ppa(), site=tariff), facts)
    free, answer = optimise(case, bounds={"ppa": (0, 0)}), optimise(case, bounds=signed(1))
    saved = HOURS * (100 - 60) / 1e6 * sum(map(pv, ALIVE))
    assert free.objective - answer.objective == pytest.approx(saved)
    assert answer.values("billed_peak")["champion", 6] == pytest.approx(DESIGN_MW)


def test_it_adds_nothing_to_what_the_line_carries(place, facts, optimise):
    answer = optimise(place(ppa(usd_per_mwh=1)), facts)
    assert answer.used("connect") == {("champion", "grid-firm", 4): pytest.approx(DESIGN_MW)}


def test_energy_is_not_discounted_twice(place, facts, optimise):
    """What a flexible line draws at a discount is not what a contract delivers: both together are the import."""
    loose = {"max_mw": 5, "lead_months": 12, "curtailed_hours_per_year": 200, "energy_discount_pct": 10}
    scenario = place(ppa(usd_per_mwh=80), site={"power": {"ppas": [ppa(usd_per_mwh=80)], "flexible": loose}})
    answer = optimise(scenario, facts, bounds=signed(1))
    used, drawn = (
        answer.values("matched")["champion", "wind-farm", 6],
        answer.values("grid_import")["champion", 6],
    )
    through = answer.values("flexible_import")["champion", 6].reindex(drawn.index).fillna(0.0)
    assert ((used + through) <= drawn + 1e-9).all()


def test_a_surplus_that_pays_for_itself_is_refused():
    with pytest.raises(ValidationError, match="contracts nobody uses"):
        PowerPurchase.model_validate(ppa(surplus_usd_per_mwh=61))


def test_a_plan_with_a_contract_is_clean(place, facts):
    contract = ppa(
        usd_per_mwh=20, surplus_usd_per_mwh=5, term_months=36
    )  # as much as the day takes; at night a part is sold
    day = {"load_by_hour": [0.2] * 12 + [1.0] * 12}
    plan = solve(build_case(place(contract, demand=day), facts), quality="quick").plan
    assert plan is not None
    found = audit(plan)
    assert not len(found), found.to_string()
    assert len(plan.tables["ppas"]) and (plan.tables["matched"]["surplus_mw"] > 0).any()
    due = plan.tables["commitments"].query("what == 'ppas'")
    assert due["signed_musd"].sum() == pytest.approx(due["booked_musd"].sum() + due["due_after_musd"].sum())
    net = (1 - 5 / 20) * sum(map(pv, range(12, 16))) / 4  # of a MUSD owed in the year after the horizon
    assert due["cost_musd_discounted"].sum() == pytest.approx(net * due["due_after_musd"].sum()) != 0
