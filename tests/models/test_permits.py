"""Nothing is built before its permit: the first service by hand, hall types that wait longer, modules ordered at risk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.planning.pipeline import solve
from planner.plans.network import Activity, Network, host_network
from planner.plans.openings import late_months

pytestmark = pytest.mark.untraced

LATER = {"must_serve_by": "2029-10-01"}


def halls(answer):
    """Index of the halls that are built, ordered early or late."""
    return [*answer.used("halls"), *answer.used("halls_late")]


def soonest(tiny, optimise, catalog, **changes):
    """The plan with the least wait, and what it costs."""
    return optimise(
        tiny(demand={"must_serve_by": None, "optional": True}, **changes), catalog, objective="delay"
    )


@pytest.mark.parametrize(
    ("permit", "hall", "grid", "live"),
    [
        (6, "modular", 12, 5),  # 6 + 9 = 15 months; works 9 of the 12 months of the grid: 6 + 9
        (0, "modular", 12, 4),  # nothing to wait for: the 12 months of the grid
        (12, "modular", 24, 10),  # works of 18 of 24 months after a permit of 12: 30 months
        (6, "conventional", 12, 10),  # 6 + 24
        (12, "modular-at-risk", 6, 6),  # 12 + 3 for the hall; 12 + 6 for the works of the grid (4.4 months)
        (12, "modular-at-risk", 3, 5),  # 12 + 3
    ],
)
def test_the_first_service_is_the_longest_path_by_hand(
    tiny, plain_catalog, optimise, permit, hall, grid, live
):
    """Quarters: permit, then the works of hall and grid, each rounded up. Delivery and adoption, 6 months, are less."""
    catalog = plain_catalog({("halls", "modular-at-risk", "lead_months_mid"): 9})
    changes = {
        "hosts": {"open_lead_months": permit, "hall_types": [hall]},
        "sites": {"grid_lead_months": grid},
    }
    answer = soonest(tiny, optimise, catalog, **changes)
    assert answer.values("delay").iloc[0] == pytest.approx(3.0 * live)
    permit_t = answer.case.opens.loc[next(iter(answer.used("open"))), "permit_t"]
    for index in halls(answer):
        row = answer.case.halls.loc[index]
        assert index[-1] - row["works"] >= permit_t
        assert (row["order_t"] < permit_t) == (hall == "modular-at-risk" and index[-1] < permit_t + 3)


@pytest.mark.parametrize(
    ("pace", "live"),
    [("fast", 8), ("usual", 10), ("slow", 13)],  # 6 months of permit, then 18, 24 or 32: quarters, rounded up
)
def test_the_pace_of_the_builder_is_an_end_of_the_range_of_the_hall(tiny, plain_catalog, pace, live):
    spans = {
        ("halls", "conventional", f"lead_months_{end}"): m
        for end, m in (("low", 18), ("mid", 24), ("high", 32))
    }
    hosts = {"open_lead_months": 6, "hall_types": ["conventional"], "building_pace": pace}
    plan = solve(build_case(
        tiny(demand={"must_serve_by": None, "optional": True}, hosts=hosts, horizon={"years": 4},
             sites={"grid_lead_months": 12}),
        plain_catalog(spans),
    ), objective="delay").plan  # fmt: skip
    assert plan is not None and plan.tables["halls"]["t"].min() == live
    assert not len(found := audit(plan)), found.to_string()
    early = plan.tables["halls"].assign(t=live - 1)
    assert "permit-first" in set(audit(replace(plan, tables=plan.tables | {"halls": early}))["rule"])
    (network,) = [host_network(plan.case, plan.tables, h) for h in set(plan.tables["serving"]["h"])]
    (hall,) = [a for a in network.activities if a.kind == "hall"]
    (only,) = [Network("h", (replace(hall, after=(), gate_t=0, end_t=hall.steps), service(hall)))]
    late = late_months(plan.case, only)
    shares = {
        "fast": 0.0,
        "usual": (24 - 18) ** 2 / ((32 - 18) * (24 - 18)),
        "slow": (32 - 24) ** 2 / (32 - 24) ** 2,
    }
    assert float((late <= 1e-9).mean()) == pytest.approx(shares[pace], abs=0.04)


def service(hall):
    return Activity("first service", "first service", "", 0, 0, ((hall.name, 0),), hall.steps, hall.steps)


def test_a_slower_hall_waits_for_the_same_permit(tiny, plain_catalog, optimise):
    """The host may open with a modular hall in 2028-Q2; a conventional one at the same permit is live 15 months later."""
    both = {"open_lead_months": 6, "team_musd_per_year": 0, "hall_types": ["modular", "conventional"]}
    catalog = plain_catalog({("halls", "conventional", "cost_factor_mid"): 0.1})
    answer = optimise(tiny(demand=LATER, hosts=both, finance={"residual": "none"}), catalog)
    (opened,) = answer.used("open")
    granted = int(answer.case.opens.loc[opened, "permit_t"])
    assert {index[1] for index in halls(answer)} == {"conventional"}, "the cheaper of the two, in time"
    assert min(t for *_, t in halls(answer)) >= granted + 8
    assert opened[1] == granted + 3


def test_risk_is_taken_where_it_saves_time_and_only_there(tiny, plain_catalog, optimise):
    """At equal months a module ordered before the permit costs more, so least cost with time to spare orders none."""
    hosts = {"open_lead_months": 12, "team_musd_per_year": 0, "hall_types": ["modular", "modular-at-risk"]}
    quick = {"hosts": hosts, "sites": {"grid_lead_months": 3}}
    catalog = plain_catalog()
    fast = soonest(tiny, optimise, catalog, **quick)
    assert fast.values("delay").iloc[0] == pytest.approx(15.0)
    assert ("champion", "modular-at-risk", 5) in halls(fast)
    cheap = optimise(tiny(demand=LATER, **quick), catalog)
    assert {index[1] for index in halls(cheap)} == {"modular"}


def test_plant_is_built_after_the_permit_of_a_place_that_opens_late(tiny, plain_catalog, optimise):
    """Work from 2029-Q1 on, no line. Halls take 9 months after the permit, engines 12: the place opens a quarter before."""
    later = {"size": {"by": "accelerators", "points": [{"at": "2029-01-01", "value": 800}]},
             "must_serve_by": "2029-01-01"}  # fmt: skip
    engine = {"id": "gas-engine-dc-2026", "lead_months": 6, "permit_months": 0, "unit_mw": 0,
              "capex_usd_per_kw": 800}  # fmt: skip
    own = {"grid_lead_months": 60, "power": {"options": [engine]}}
    hosts = {"open_lead_months": 0, "team_musd_per_year": 20}
    answer = optimise(tiny(demand=later, sites=own, hosts=hosts), plain_catalog())
    ((_, opened),) = answer.used("open")
    assert opened == 7 and answer.case.opens.loc[("champion", opened), "permit_t"] == 4
    assert {i[-1] for i in answer.used("plant")} == {8}


def test_what_is_added_to_halls_that_stand_waits_for_a_permit_too(tiny, plain_catalog):
    """12 months of permit and 9 of works of halls and grid, however small the hall that stands."""
    hall = {"id": "old", "host": "champion", "it_mw": 1, "grid_mw": 2, "backup_mw": 2}
    case = build_case(tiny(hosts={"open_lead_months": 12}, existing={"halls": [hall]}), plain_catalog())
    assert len(case.opens) == 0
    assert case.halls["t"].min() == 7 and case.connections["t"].min() == 7
    held = {"open_lead_months": 12, "permit_applied": "2026-01-01"}
    held_case = build_case(tiny(hosts=held, existing={"halls": [hall]}), plain_catalog())
    assert held_case.halls["t"].min() == 3 and held_case.connections["t"].min() == 4


def test_what_is_filed_after_the_start_is_decided_and_paid_from_its_day(tiny, plain_catalog):
    """A permit of 12 months filed in April 2028, a line of 24 filed in January 2028: nothing is decided before."""
    later = {"hosts": {"open_lead_months": 12, "permit_applied": "2028-04-01"},
             "sites": {"grid_lead_months": 24, "grid_applied": "2028-01-01"}, "horizon": {"years": 5}}  # fmt: skip
    case = build_case(tiny(**later), plain_catalog())
    opens, lines = case.opens, case.connections
    assert (opens["t"] - opens["lead"]).min() == 5 and opens["permit_t"].min() == 9
    assert (lines["t"] - lines["lead"]).min() >= 4 and lines["t"].min() == max(4 + 8, 9 + 6)


@pytest.mark.parametrize(
    ("permit", "grid", "live"),
    [
        (None, None, 10),  # 12 of permit, then 18 of the 24 months of the grid are works
        ("2026-07-01", None, 8),  # 6 months of the permit are left: 6 + 18
        (
            "2026-07-01",
            "2026-01-01",
            8,
        ),  # the offer is there before the permit, the 18 months of works follow it: 6 + 18
        ("2025-01-01", "2024-01-01", 3),  # both are there: the hall's 9 months
        ("2027-07-01", None, 12),  # filed half a year after the start: 18 + 18 months are beyond three years
    ],
)
def test_a_wait_that_runs_already_is_shorter_by_what_has_passed(
    tiny, plain_catalog, optimise, permit, grid, live
):
    answer = soonest(
        tiny, optimise, plain_catalog(),
        hosts={"open_lead_months": 12, "permit_applied": permit},
        sites={"grid_lead_months": 24, "grid_applied": grid},
    )  # fmt: skip
    assert answer.values("delay").iloc[0] == pytest.approx(3.0 * live)


def test_the_end_of_sale_is_a_choice_of_date_and_cost(tiny, plain_catalog, optimise):
    """Work from 2029 on: servers are ordered for it; sold until the end of 2027, they are bought a year before."""
    later = {
        "size": {"by": "accelerators", "points": [{"at": "2029-01-01", "value": 800}]},
        "must_serve_by": "2029-01-01",
    }
    free = optimise(tiny(demand=later), plain_catalog())
    ended = optimise(tiny(demand=later, systems={"end_of_sale": "2027-12-31"}), plain_catalog())
    assert min(t for *_, t in free.used("order")) == 8
    assert {ended.case.orders.at[i, "order_t"] for i in ended.used("order")} <= {0, 1, 2, 3}
    assert ended.objective > free.objective + 1.0
