"""Agreements by hand: what a signature is worth, what it brings forward, what its duties bind, and brute force."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from planner.case.build import build_case
from planner.planning.pipeline import solve
from planner.scenario.schema import Scenario
from planner.solver.branch_and_bound import Search
from planner.solver.engine import Engine
from planner.solver.progress import SolveOptions

pytestmark = pytest.mark.untraced

ABROAD = {"metro": "JP-TYO", "id": "tokyo"}
EMBASSY = {"id": "embassy", "kind": "data-embassy", "partner": "JPN", "lead_months": 6, "musd_per_year": 0,
           "covers": {"classes": ["public"]}}  # fmt: skip
DEAL = {"id": "deal", "kind": "technology-deal", "partner": "USA", "lead_months": 3, "sign_musd": 1, "musd_per_year": 0,
        "licence_months": 3}  # fmt: skip
SLOW = {"owner_allocations": False, "licence": {"mode": "required", "lead_months": 12}}


def first(base: Scenario, name: str) -> dict[str, Any]:
    plain: dict[str, Any] = base.model_dump(mode="json", exclude_none=True, by_alias=True)[name][0]
    return plain


def two_places(tiny: Any, **more: Any) -> Scenario:
    """The same host at home and abroad, where energy costs 60 USD/MWh less and the law forbids it."""
    site, host = first(tiny(), "sites"), first(tiny(), "hosts")
    changes = {
        "sites": [site, {**site, **ABROAD, "elec_price_usd_per_mwh": 40}],
        "hosts": [host, {**host, "id": "there", "site": "tokyo"}],
        "limits": {"max_delay_months": 12},
    }
    scenario: Scenario = tiny(**changes | more)
    return scenario


def discount(t: float) -> float:
    return 1.08 ** -((t + 0.5) / 4)


@pytest.mark.parametrize(("above", "signed"), [(-0.01, 1), (0.01, 0)])
def test_an_agreement_is_signed_up_to_what_it_saves(tiny, plain_catalog, optimise, above, signed):
    """800 accelerators draw 1.2 MW x 1.2; the work runs from 2028 to 2029; it is signed when it begins."""
    catalog = plain_catalog(
        {("countries", "JPN", "it_import_duty_pct"): 0, ("countries", "KOR", "it_import_duty_pct"): 0}
    )
    saved = sum(1.2 * 1.2 * 2190 * 60 / 1e6 * discount(t) for t in range(4, 12))
    price = saved / discount(4)
    found = optimise(two_places(tiny, agreements=[{**EMBASSY, "sign_musd": price + above}]), catalog,
                     integer=("open", "use", "halls", "sign"))  # fmt: skip
    assert found.used("sign") == ({("embassy", 4): 1.0} if signed else {})
    free = optimise(two_places(tiny), catalog).objective
    assert free - found.objective == pytest.approx(0.01 * discount(4) if signed else 0.0, abs=1e-6)


@pytest.fixture(scope="module")
def sooner(tiny, plain_catalog):
    """Without the deal a licence takes a year; with it three months to sign and three to be granted."""
    return lambda **more: build_case(
        tiny(supply=SLOW, demand={"must_serve_by": None}, agreements=[DEAL], **more), plain_catalog()
    )


def test_a_licence_under_an_agreement_brings_service_forward(sooner):
    """Order at 12 months or at 3 + 3, delivery 6 later: 18 months against 12, two quarters sooner."""
    months = {}
    for do in ("forbid", "require"):
        rule = [{"id": "d", "do": do, "what": "agreement", "agreements": ["deal"]}]
        plan = solve(sooner(decisions=rule), "quick", "delay").plan
        assert plan is not None
        months[do] = plan.kpi("delay_months")
    assert months == {"forbid": pytest.approx(18.0, abs=0.02), "require": pytest.approx(12.0, abs=0.02)}


def test_waiting_is_measured_without_optional_agreements(sooner):
    """At no tolerance the plan may wait as long as the soonest without the deal, so nothing makes it sign one."""
    outcome = solve(sooner(limits={"delay_tolerance_months": 0}), "quick")
    assert outcome.plan is not None
    assert outcome.bounds.max_delay_months_by_workload == {"work": pytest.approx(18.01)}
    assert not len(outcome.plan.tables["agreements"])
    agreed = {**DEAL, "optional": False}
    given = sooner(limits={"delay_tolerance_months": 0}).scenario.model_copy(
        update={"agreements": [type(sooner().scenario.agreements[0]).model_validate(agreed)]}
    )
    outcome = solve(build_case(given, sooner().catalog), "quick")
    assert outcome.bounds.max_delay_months_by_workload == {
        "work": pytest.approx(12.01)
    }  # no tolerance is needed for it


def test_where_no_plan_does_without_an_agreement_a_note_says_so(tiny, plain_catalog):
    case = build_case(
        tiny(supply=SLOW, agreements=[DEAL]), plain_catalog()
    )  # all is to be served from 2028 on
    outcome = solve(case, "quick")
    assert outcome.plan is not None and len(outcome.plan.tables["agreements"]) == 1
    assert any("without optional agreements" in note for note in outcome.notes)


def test_content_binds_at_its_share(tiny, plain_catalog, optimise):
    """Of the cheaper system a fifth is its chips: it is bought until 51 % of the value of all is American."""
    catalog = plain_catalog({
        ("systems", "hgx-h200", "chips_share"): 0.2, ("systems", "hgx-b300", "chips_share"): 0.7,
        ("systems", "hgx-h200", "peak_kw"): 16, ("systems", "hgx-h200", "economic_life_years"): 5,
    })  # fmt: skip
    duty = {"content": [{"from": ["USA"], "share": 0.51}]}
    scenario = tiny(
        supply={"owner_allocations": False, "licence": {"mode": "required", "lead_months": 18}},
        systems=[
            {**first(tiny(), "systems"), "price_usd": 4_000_000},
            {"id": "hgx-h200", "price_usd": 40000, "delivery_months": 6, "end_of_sale": "2030-01-01",
             "available_from": "2026-01-01"},
        ],
        stacks={"id": "champion-us-chips"},
        agreements=[{**DEAL, "duties": duty, "covers": {"systems": ["hgx-b300", "hgx-h200"]}}],
    )  # fmt: skip
    case = build_case(scenario, catalog)
    found = optimise(case, integer=("open", "use", "halls", "sign"))
    margin = {r.k: r.margin for r in case.contents_under.itertuples()}
    value = {i: v * case.unders.loc[i, "musd_per_k"] for i, v in found.used("under").items()}
    content = sum(v * (margin[i[3]] + 0.51) for i, v in value.items()) / sum(value.values())
    assert margin["hgx-h200"] < 0 < margin["hgx-b300"]
    assert content == pytest.approx(0.51, abs=1e-6)


def small(tiny: Any) -> Scenario:
    """Three years in yearly periods, a place at home and one abroad, three agreements on all dates."""
    credit = {"id": "bank", "optional": True, "kind": "export-credit", "assets": ["servers"], "until": "2028-12-31",
              "tenor_years": 1, "base_rate_per_year": 0.0, "margin_per_year": 0, "premium_share": 0.0}  # fmt: skip
    return two_places(
        tiny,
        horizon={"step": "year"},
        supply={"owner_allocations": False, "licence": {"mode": "required", "lead_months": 24}},
        demand={"must_serve_by": None},
        limits={"max_delay_months": 36},
        stacks={"lead_months": 12},
        systems={"delivery_months": 0},
        finance={"sources": [credit]},
        agreements=[
            {**EMBASSY, "lead_months": 0, "sign_musd": 0.4},
            {**DEAL, "lead_months": 0, "licence_months": 0, "sign_musd": 0.3},
            {"id": "cover", "kind": "export-credit", "lead_months": 0, "sign_musd": 0.2, "musd_per_year": 0,
             "amount_musd": 20, "covers": {"sources": ["bank"]}},
        ],
    )  # fmt: skip


def test_brute_force_over_agreements_equals_the_search(tiny, plain_catalog):
    scenario = small(tiny)
    bounded = scenario.model_copy(
        update={"limits": scenario.limits.model_copy(update={"max_delay_months": 20.0})}
    )
    engine = Engine(build_case(bounded, plain_catalog()))
    tree = engine.searchable(whole=False)
    for one in (engine, tree):
        one.policy(engine.asked.of_limits(bounded.limits))
        one.minimise("cost")
    found = Search(tree, SolveOptions(1e-9)).run()
    opens, signs = (engine.arrays.columns[f].index for f in ("open", "sign"))
    choices = [
        [None, *(j for j, index in enumerate(signs) if index[0] == e)]
        for e in dict.fromkeys(index[0] for index in signs)
    ]
    places = [
        [None, *(j for j, index in enumerate(opens) if index[0] == h)]
        for h in dict.fromkeys(index[0] for index in opens)
    ]
    costs = {}
    for dates in itertools.product(*choices):
        for openings in itertools.product(*places):
            held = engine.held({
                "open": [float(j in openings) for j in range(len(opens))],
                "sign": [float(j in dates) for j in range(len(signs))], "use": [1.0],
            })  # fmt: skip
            held.policy(engine.asked)
            held.minimise("cost")
            costs[dates, openings] = held.lp().objective or np.inf
    best = min(costs, key=lambda key: costs[key])
    assert len(costs) > 100 and np.isfinite(costs[best])
    assert found.objective == pytest.approx(costs[best], rel=1e-7)
    assert any(j is not None for j in best[0]), "some agreement must pay for this to mean anything"


def test_what_is_not_offered_adds_no_rows(tiny, plain_catalog):
    standing = {**EMBASSY, "optional": False}
    home, agreed = (
        Engine(build_case(two_places(tiny, agreements=a), plain_catalog())) for a in ([], [standing])
    )
    assert home.arrays.columns["sign"].size == agreed.arrays.columns["sign"].size == 0
    assert not [rule for rule in agreed.arrays.rows if rule.startswith(("sign", "under", "agreed"))]
