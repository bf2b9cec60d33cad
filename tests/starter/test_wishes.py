"""What is wanted of a starter: people, hosts, limits become changes of its file, and the file stays sound."""

from __future__ import annotations

from datetime import date

import pytest

from planner.facts.catalog import load_catalog
from planner.facts.errors import BadValue
from planner.intake.scenario_file import parse_scenario, set_in_file
from planner.scenario.schema import Scenario, Users
from planner.starter.starter import Starter, compose
from planner.starter.wishes import Wishes, changes, final_users

FACTS = load_catalog()


@pytest.fixture(scope="module")
def ghana() -> Starter:
    return compose("gha-plan", "GHA", FACTS)


def wished(starter: Starter, wishes: Wishes) -> Scenario:
    text = set_in_file(starter.text, changes(starter.scenario, wishes))
    return parse_scenario(text, "gha.yaml", catalog=FACTS)


def test_nothing_wanted_changes_nothing(ghana: Starter) -> None:
    stated = {w.id: users for w in ghana.scenario.demand if (users := final_users(w)) is not None}
    assert changes(ghana.scenario, Wishes()) == {}
    assert (
        changes(ghana.scenario, Wishes(users=stated, hosts=tuple(h.id for h in ghana.scenario.hosts))) == {}
    )


def test_people_scale_the_whole_build_up_and_none_takes_a_workload_out(ghana: Starter) -> None:
    found = wished(ghana, Wishes(users={"health": 92_000.0, "citizens": 0.0, "research": 0.0}))
    assert {"citizens", "research"}.isdisjoint(w.id for w in found.demand)
    before = next(w for w in ghana.scenario.demand if w.id == "health").size
    after = next(w for w in found.demand if w.id == "health").size
    assert isinstance(before, Users) and isinstance(after, Users)
    factor = 92_000.0 / before.points[-1].value
    assert after.points[-1].value == 92_000.0
    assert [p.at for p in after.points] == [p.at for p in before.points]
    assert [p.value for p in after.points] == pytest.approx(
        [p.value * factor for p in before.points], rel=0.05
    )


def test_a_host_that_goes_takes_its_site_and_its_caps_along(ghana: Starter) -> None:
    found = wished(ghana, Wishes(hosts=("champion-campus", "champion-colocation")))
    assert [h.id for h in found.hosts] == ["champion-campus", "champion-colocation"]
    assert [s.id for s in found.sites] == ["campus", "city"]
    assert found.supply.quotas == []


def test_limits_and_dates_stand_where_the_planner_reads_them(ghana: Starter) -> None:
    wanted = Wishes("Ghana's ministries", serve_by=date(2029, 1, 1), max_cost_musd=300.0, min_control=60.0)
    found = wished(ghana, wanted)
    assert found.title == "Ghana's ministries"
    assert (found.limits.max_cost_musd, found.limits.min_control) == (300.0, 60.0)
    dates = {w.id: w.must_serve_by for w in found.demand}
    assert dates.pop("research") is None and set(dates.values()) == {date(2029, 1, 1)}


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(users={"helth": 1.0}), "health"),
        (Wishes(hosts=("champion-campos",)), "champion-campus"),
        (Wishes(hosts=()), "keep at least one"),
        (Wishes(users=dict.fromkeys(
            ("citizens", "industry", "software", "government", "health", "defence", "research"), 0.0)),
         "nothing is left to serve"),
    ],
)  # fmt: skip
def test_what_cannot_be_wanted_is_refused(wishes: Wishes, words: str, ghana: Starter) -> None:
    with pytest.raises(BadValue, match=words):
        changes(ghana.scenario, wishes)
