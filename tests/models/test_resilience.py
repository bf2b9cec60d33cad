"""What must survive the loss of an operator, a vendor's supply, a law: closed forms by hand, and the loss test itself."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.prechecks import precheck
from planner.models.build import build_model
from planner.planning.pipeline import solve
from planner.scenario.schema import Cut, Host, StackChoice
from planner.studies.supplier_loss import sever

pytestmark = pytest.mark.untraced

NEED_K = 0.8
NORTH = {"id": "north", "metro": "KR-SEO", "grid_mw": [{"from": "2027-01-01", "mw": 40}], "grid_lead_months": 12,
         "elec_price_usd_per_mwh": 100, "construction_musd_per_mw_it": 8}  # fmt: skip
CLOUD = {"id": "cloud", "site": "north", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
         "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["on-demand"]}  # fmt: skip
US_CLOUD = {"id": "us-cloud", "adoption_musd": 0, "platform_musd_per_year": 0, "lead_months": 3,
            "licence_usd_per_accelerator_year": 0}  # fmt: skip


def two(tiny: Any, *duties: dict[str, Any], **changes: Any) -> Any:
    """A champion and a second operator of the same kind at another site."""
    plain = tiny().model_dump(by_alias=True, mode="json", exclude_unset=True)
    host, site = plain["hosts"][0], plain["sites"][0]
    second = {**host, "id": "second", "site": "north", "operator": "rival-telco"}
    return tiny(sites=[site, NORTH], hosts=[host, second], limits={"survival": list(duties)}, **changes)


@pytest.mark.parametrize("by", ["operator", "host", "site"])
@pytest.mark.parametrize(("share", "fleet"), [(0.5, NEED_K), (0.8, 2 * 0.8 * NEED_K)])
def test_each_of_two_holds_what_must_survive_the_loss_of_the_other(
    tiny: Any, plain_catalog: Any, optimise: Any, by: str, share: float, fleet: float
) -> None:
    """serve + reserve at either is at least share x demand: above a half the fleet is 2 share D, else D."""
    answer = optimise(two(tiny, {"by": by, "share": share, "from": "2028-01-01"}), plain_catalog())
    stands = answer.values("fleet")
    last = stands[stands.index.get_level_values(3) == answer.case.calendar.n - 1]
    assert last.sum() == pytest.approx(fleet, rel=1e-6)
    assert last.min() >= share * NEED_K - 1e-9


def test_fleet_is_ordered_a_year_ahead_of_a_loss_of_supply(
    tiny: Any, plain_catalog: Any, optimise: Any
) -> None:
    """All of the service must be left for 12 months after the only vendor is lost, so growth is ordered before.

    Demand doubles in a quarter g. What counts then was ordered before g - 4: with a delivery of L quarters it is live
    in g - 5 + L at the latest, and stands idle until g. Without the duty it comes when it is needed.
    """
    grows = [
        {"at": "2027-01-01", "value": 800},
        {"at": "2029-03-31", "value": 800},
        {"at": "2029-04-01", "value": 1600},
    ]
    demand = {"size": {"by": "accelerators", "points": grows}}
    duty = {
        "by": "vendor",
        "share": 1,
        "what": "supply",
        "from": "2027-01-01",
        "months": 12,
        "workloads": ["work"],
    }
    answers = {
        name: optimise(two(tiny, *duties, demand=demand), plain_catalog())
        for name, duties in (("free", []), ("held", [{**duty, "from": "2028-04-01"}]))
    }
    live = {name: answer.values("order") for name, answer in answers.items()}
    late = {name: orders[orders.index.get_level_values(3) >= 6].sum() for name, orders in live.items()}
    first = answers["free"].case.demand.query("demand_kref > 0.8 + 1e-9")["t"].min()
    case, lead = answers["held"].case, int(answers["held"].case.orders["lead"].iloc[0])
    assert late["free"] == pytest.approx(0.8, abs=0.05)
    latest = max(t for (_, _, _, t), v in live["held"].items() if v > 1e-9)
    assert latest <= first - 4 - 1 + lead
    assert case.survival["lost_step"].min() == case.calendar.containing(date(2028, 4, 1))


def test_what_was_rented_before_a_loss_in_a_long_period_counts_by_its_day(
    tiny: Any, plain_catalog: Any
) -> None:
    """Supply is lost six months before a year begins: a contract of the year before began half a year before that."""
    duty = {"by": "operator", "share": 1, "what": "supply", "months": 6, "from": "2027-01-01"}
    step = [{"step": "quarter", "years": 2}, {"step": "year"}]
    own = two(tiny, duty, horizon={"start": "2027-01-01", "years": 6, "step": step})
    cloud = {**CLOUD, "rent_terms": ["three-year"]}
    own = own.model_copy(update={"hosts": [*own.hosts, Host.model_validate(cloud)]})
    own = own.model_copy(update={"stacks": [*own.stacks, StackChoice.model_validate(US_CLOUD)]})
    case = build_case(own, plain_catalog())
    model, _ = build_model(case)
    begun = {i: [u for _, u in model.old_rents[i]] for i in model.OLD_FLEET if i[1] == "cloud" and i[4] == 10}
    assert begun and all(max(u) == 9 and 10 not in u for u in begun.values())


def test_a_loss_loses_no_more_than_was_promised(tiny: Any, plain_catalog: Any) -> None:
    duties = [{"by": "operator", "share": 0.6, "from": "2028-07-01"},
              {"by": "vendor", "what": "supply", "share": 0.9, "months": 12, "from": "2028-07-01"}]  # fmt: skip
    plan = solve(build_case(two(tiny, *duties), plain_catalog()), "quick").plan
    assert plan is not None and not len(audit(plan))
    left = plan.tables["survival"]
    assert (left["left_share"] >= left["share"] - 1e-6).all()
    assert {"champion", "rival-telco", "nvidia"} == set(left["f"])
    lost = Cut(id="champion", operators=["champion"], **{"from": date(2028, 7, 1)})
    service = sever(plan, lost).service
    assert (service["worst_share"] <= 0.4 + 0.01).all()
    supply = Cut(id="nvidia", what="supply", vendors=["nvidia"], **{"from": date(2028, 7, 1)})
    assert (sever(plan, supply).service["worst_share"] <= 0.1 + 0.01).all()


@pytest.mark.parametrize(("by", "field"), [("site", "sites"), ("stack", "stacks")])
def test_whichever_of_a_class_is_lost_the_promise_holds(
    tiny: Any, plain_catalog: Any, by: str, field: str
) -> None:
    plain = tiny().model_dump(by_alias=True, mode="json", exclude_unset=True)
    duty = {"by": by, "share": 0.6, "from": "2028-07-01"}
    scenario = tiny(sites=[*plain["sites"], NORTH], hosts=[*plain["hosts"], CLOUD], stacks=[*plain["stacks"], US_CLOUD],
                    limits={"survival": [duty]})  # fmt: skip
    plan = solve(build_case(scenario, plain_catalog()), "quick").plan
    assert plan is not None
    members = sorted(set(plan.tables["survival"]["f"]))
    assert len(members) == 2
    for lost in members:
        cut = Cut.model_validate({"id": "lost", "from": date(2028, 7, 1), field: [lost]})
        assert (sever(plan, cut).service["worst_share"] <= 0.4 + 0.01).all(), lost


def test_a_country_does_not_take_itself_away(tiny: Any, plain_catalog: Any) -> None:
    """Members are countries whose law reaches the operator; the workload's own is no loss."""
    mixed = two(tiny, {"by": "parent", "share": 0.5}, {"by": "chip-origin", "share": 0.5, "what": "supply"})
    host = mixed.hosts[0].model_dump(by_alias=True, mode="json", exclude_unset=True)
    stacks = [mixed.stacks[0].model_dump(mode="json", exclude_unset=True), US_CLOUD]
    sites = [s.model_dump(by_alias=True, mode="json", exclude_unset=True) for s in mixed.sites]
    survival = [d.model_dump(by_alias=True, mode="json", exclude_unset=True) for d in mixed.limits.survival]
    case = build_case(
        tiny(hosts=[host, CLOUD], stacks=stacks, sites=sites, limits={"survival": survival}), plain_catalog()
    )
    members = case.survival.reset_index(drop=True).groupby("i")["f"].agg(set)
    assert members["parent"] == {"USA"}
    assert members["supply of chip-origin for 12 months"] == {"USA"}
    everyone = case.survival_members.reset_index(drop=True)
    assert set(everyone.loc[everyone["i"] == "parent", "f"]) == {"KOR", "USA"}


def test_a_class_whose_loss_leaves_nothing_is_named_with_its_place(tiny: Any, plain_catalog: Any) -> None:
    (trouble,) = precheck(
        build_case(tiny(limits={"survival": [{"by": "operator", "share": 0.5}]}), plain_catalog())
    )
    assert trouble.reason == "survival" and "no operator other than champion" in trouble.message
    assert trouble.change == {"limits.survival[0].share": 0.0}
