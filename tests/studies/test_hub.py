"""A hub of several countries: shares add up, each law holds, coalitions and the Shapley value."""

from __future__ import annotations

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
    """Korea and Japan on a champion in Korea: Japan's work may run in Korea, and has a site of its own."""
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    work, site, host = plain["demand"][0], plain["sites"][0], plain["hosts"][0]
    for w in (work,):
        w.pop("must_serve_by")
    return tiny(
        demand=[work, {**work, "id": "japan", "country": "JPN", "locality": {"where": "anywhere"},
                       "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 400}]}}],
        sites=[site, {**site, "id": "tokyo", "metro": "JP-TYO"}],
        hosts=[host, {**host, "id": "tokyo", "site": "tokyo"}],
        horizon={"years": 2}, solve={"integers": "none"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(two, plain_catalog):
    return hub_study(two, catalog=plain_catalog())


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


def test_it_is_told_who_gains(found):
    assert "No country is asked for more than it would pay alone, beyond both gaps." in hub_told(
        found.countries, found.coalitions
    )
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
        asked = asked_over_time(build_case(scenario, plain_catalog()))
        parts.append(asked["japan"] / asked.sum())
    assert parts == pytest.approx([0.2, 0.2])


def test_countries_without_demand_are_named(two, plain_catalog):
    with pytest.raises(BadValue, match=r"no demand of FRA; countries of the scenario: JPN, KOR"):
        hub_study(two, ["FRA", "KOR"], catalog=plain_catalog())


def test_a_coalition_costs_within_the_programme_of_all_what_it_costs_in_its_own(
    two, plain_catalog, monkeypatch
):
    """A part of the demand trains, a quota binds: what others ask for and what they hold is out of it."""
    work, japan = (w.model_dump(mode="json", exclude_none=True, by_alias=True) for w in two.demand)
    runs = [
        {
            "id": "first",
            "params_active_b": 20,
            "tokens_b": 4000,
            "start": "2027-04-01",
            "deadline": "2028-10-01",
        }
    ]
    trains = {**japan, "id": "models", "kind": "training", "optional": True, "may_lapse": False,
              "size": {"by": "training", "runs": runs}}  # fmt: skip
    few = {
        "id": "few",
        "unit": "accelerators",
        "per": "total",
        "path": [{"from": "2027-01-01", "accelerators": 1000}],
    }
    plain = two.model_dump(mode="json", exclude_none=True, by_alias=True)
    scenario = type(two).model_validate({
        **plain, "demand": [{**work, "optional": True}, {**japan, "optional": True}, trains],
        "supply": {**plain["supply"], "quotas": [few]}, "limits": {"delay_tolerance_months": 1},
    })  # fmt: skip
    within = hub_study(scenario, catalog=plain_catalog()).coalitions.set_index("members")
    monkeypatch.setattr(hub._Table, "shares_root", lambda *_: False)
    own = hub_study(scenario, catalog=plain_catalog()).coalitions.set_index("members")
    assert (within["status"] == own["status"]).all()
    assert within["cost_musd"].tolist() == pytest.approx(own["cost_musd"].tolist(), rel=1e-5)
    assert within.loc["JPN KOR", "saves_low_musd"] > 0
