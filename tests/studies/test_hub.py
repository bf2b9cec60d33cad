"""A hub of several countries: shares add up, each law holds, coalitions and the Shapley value."""

from __future__ import annotations

import math
from datetime import date
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from planner.case.build import build_case
from planner.facts.errors import BadValue
from planner.report.hub import coalition_rows, country_rows, hub_told
from planner.scenario.horizon import Horizon
from planner.studies import hub
from planner.studies.hub import asked_over_time, held_by_country, hub_study, of_members, shapley


def test_shapley_of_a_cost_that_is_shared_by_whoever_joins():
    """An airport of three lengths: each pays its part of every stretch it needs (Littlechild and Owen 1973)."""
    needs = {"A": 6.0, "B": 12.0, "C": 42.0}
    members = tuple(needs)
    costs = {g: max(needs[c] for c in g) for n in (1, 2, 3) for g in combinations(members, n)}
    assert shapley(costs, members) == pytest.approx({"A": 2.0, "B": 5.0, "C": 35.0})


@pytest.fixture(scope="module")
def two(tiny):
    """Korea and Japan on a champion in Korea: Japan's work may run in Korea, and has a site of its own; a run of training
    is Japan's, and a quota too small for all is shared."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    work, site, host = plain["demand"][0], plain["sites"][0], plain["hosts"][0]
    work.pop("must_serve_by")
    work |= {"optional": True}
    japan = {**work, "id": "japan", "country": "JPN", "locality": {"where": "anywhere"},
             "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 400}]}}  # fmt: skip
    runs = [
        {
            "id": "first",
            "params_active_b": 20,
            "tokens_b": 4000,
            "start": "2027-04-01",
            "deadline": "2028-10-01",
        }
    ]
    trains = {
        **japan,
        "id": "models",
        "kind": "training",
        "may_lapse": False,
        "size": {"by": "training", "runs": runs},
    }
    few = {
        "id": "few",
        "unit": "accelerators",
        "per": "total",
        "path": [{"from": "2027-01-01", "accelerators": 1000}],
    }
    return tiny(
        demand=[work, japan, trains], sites=[site, {**site, "id": "tokyo", "metro": "JP-TYO"}],
        hosts=[host, {**host, "id": "tokyo", "site": "tokyo"}], supply={**plain["supply"], "quotas": [few]},
        limits={"delay_tolerance_months": 1}, horizon={"years": 2}, solve={"integers": "none"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(two, plain_catalog):
    return hub_study(two, catalog=plain_catalog())


@pytest.mark.untraced
def test_what_the_countries_are_asked_for_is_the_cost_of_all(found):
    table, all_ = found.countries, found.coalitions.iloc[-1]
    assert table["asked_musd"].sum() == pytest.approx(all_["cost_musd"])
    assert table["shapley_musd"].sum() == pytest.approx(all_["cost_musd"])
    assert table["held_share"].sum() == pytest.approx(1.0)
    assert (table["served_share"] > 0).all() and (table["control_score"] > 0).all()


def test_sharing_a_place_and_a_platform_saves_its_fixed_cost(found):
    both = found.coalitions.iloc[-1]
    assert both["members"] == "JPN KOR" and both["saves_low_musd"] > 12.0  # the second adoption
    assert not found.countries["pays_more"].any()


def test_a_country_alone_has_its_own_hosts_and_demand(two, plain_catalog):
    own = of_members(two, plain_catalog(), ("KOR",), ("JPN", "KOR"))
    assert [h.id for h in own.hosts] == ["champion"] and [w.id for w in own.demand] == ["work"]
    both = build_case(of_members(two, plain_catalog(), ("JPN", "KOR"), ("JPN", "KOR")), plain_catalog())
    assert set(both.serve.loc[both.serve["w"] == "work", "h"]) == {
        "champion"
    }  # Korea's law holds for its own work


@pytest.mark.untraced
def test_a_country_alone_costs_the_same_whoever_else_is_named(two, plain_catalog, monkeypatch):
    """A quota that binds is split by the demand of all countries, those not named among them."""
    plain = two.model_dump(mode="json", exclude_none=True, by_alias=True)
    three = type(two).model_validate({
        **plain, "demand": [*plain["demand"], {**plain["demand"][1], "id": "india", "country": "IND"}],
    })  # fmt: skip
    asked = asked_over_time(three, plain_catalog())
    alone = []
    for named, shared in ((("JPN", "KOR"), True), (("IND", "KOR"), True), (("IND", "KOR"), False)):
        monkeypatch.setattr(hub._Table, "shares_root", lambda *_, shared=shared: shared)
        table = hub._Table(three, plain_catalog(), named, "quick", {"on_event": None, "should_stop": None})
        assert table.parts["KOR"] == pytest.approx(asked["work"] / asked.sum())
        alone.append(hub._interval(table.solved(("KOR",), {}))[1])
    assert alone == pytest.approx([alone[0]] * 3, rel=1e-5)


def test_a_coalition_without_a_plan_at_the_waits_is_told_so(found):
    """It may have one at others: the waits of one without a plan alone are those of all together."""
    none = found.coalitions.assign(cost_musd=math.inf)
    told = hub_told(found.countries, none)
    assert told[-2:] == [
        "No plan alone: JPN, KOR; a Shapley value needs them all.",
        "No plan at these waits: JPN KOR; a Shapley value needs them all.",
    ]
    assert coalition_rows(none)["cost, MUSD"].tolist() == [
        "no plan alone",
        "no plan alone",
        "no plan at these waits",
    ]


def test_it_is_told_who_gains(found):
    told = hub_told(found.countries, found.coalitions)
    assert "No country is asked for more than it would pay alone, beyond both gaps." in told
    japan, korea = (f"{100 * part:.0f} %" for part in found.countries["quota_share"])
    assert told[-1].startswith("Alone: with its own part of every quota") and japan != korea
    assert told[-1].endswith(f"JPN {japan}, KOR {korea}.")
    assert len(country_rows(found.countries)) == 2 and len(coalition_rows(found.coalitions)) == 3


def test_what_is_held_weighs_by_time_and_not_by_periods():
    """400 for a quarter are as much as 100 for a year."""
    serving = pd.DataFrame(
        {"w": ["a", "b"], "h": "x", "a": "s", "t": [0, 1], "accelerators": [400.0, 100.0], "reserve": 0.0}
    )
    case = SimpleNamespace(periods=pd.DataFrame({"years": [0.25, 1.0]}))
    plan: Any = SimpleNamespace(tables={"serving": serving}, case=case)
    held = held_by_country(plan, {"a": "KOR", "b": "JPN"}, [])
    assert held.iloc[0].to_dict() == pytest.approx({"KOR": 0.5, "JPN": 0.5})


def test_a_coalition_has_the_same_part_of_a_quota_on_quarters_and_years(two, plain_catalog):
    japan = two.demand[1]
    point = japan.size.points[0].model_copy(update={"at": date(2028, 1, 1)})
    size = japan.size.model_copy(update={"shape": "step", "points": [point]})
    late = japan.model_copy(update={"size": size})
    parts = []
    for step in ("quarter", [{"step": "quarter", "years": 1}, {"step": "year"}]):
        horizon = Horizon.model_validate({"start": "2027-01-01", "years": 2, "step": step})
        scenario = two.model_copy(update={"horizon": horizon, "demand": [two.demand[0], late]})
        asked = asked_over_time(scenario, plain_catalog())
        parts.append(asked["japan"] / asked.sum())
    assert parts == pytest.approx([0.2, 0.2])


def test_countries_without_demand_are_named(two, plain_catalog):
    with pytest.raises(BadValue, match=r"no demand of FRA; countries of the scenario: JPN, KOR"):
        hub_study(two, ["FRA", "KOR"], catalog=plain_catalog())


@pytest.mark.untraced
def test_a_coalition_costs_within_the_programme_of_all_what_it_costs_in_its_own(
    two, found, plain_catalog, monkeypatch
):
    """What others ask for, train, hold and may buy is out of it."""
    monkeypatch.setattr(hub._Table, "shares_root", lambda *_: False)
    own = hub_study(two, catalog=plain_catalog()).coalitions
    assert (found.coalitions["status"] == own["status"]).all()
    assert found.coalitions["cost_musd"].tolist() == pytest.approx(own["cost_musd"].tolist(), rel=1e-5)


def test_a_country_without_a_plan_alone_waits_no_longer_than_the_soonest_of_all_and_the_tolerance(
    two, plain_catalog
):
    """Japan has no host of its own: the hub serves it as soon as its hall stands, not when the duty to serve begins."""
    plain = two.model_dump(mode="json", exclude_none=True, by_alias=True)
    must = [{**w, "optional": False} for w in plain["demand"][:2]]
    scenario = type(two).model_validate({
        **plain, "hosts": plain["hosts"][:1], "sites": plain["sites"][:1], "demand": must,
        "supply": {**plain["supply"], "quotas": []},
    })  # fmt: skip
    found = hub_study(scenario, catalog=plain_catalog())
    alone = found.coalitions.set_index("members")["status"]
    assert alone["JPN"] == "infeasible" and alone["JPN KOR"] == "optimal"
    japan, korea = (found.countries.set_index("country").loc[c] for c in ("JPN", "KOR"))
    assert japan["delay_months"] == pytest.approx(korea["delay_months"], abs=1.0 + 1e-6)
    assert "No plan alone: JPN; a Shapley value needs them all." in hub_told(
        found.countries, found.coalitions
    )
