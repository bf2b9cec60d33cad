"""Layers that hold work back: months by sector, class of data and language, and what is never carried."""

from __future__ import annotations

import pytest

from planner.case.build import build_case
from planner.facts.catalog import load_catalog

MONTHS = {
    ("models-open", "language", "*"): 4.0,
    ("standards-national", "data_class", "sensitive"): 9.0,
    ("applications-local", "sector", "health"): 12.0,
}


@pytest.fixture
def gated(tiny):
    """gated(demand={...}, ...) -> a case in which layers gate; the stack's layers have leads of 6 months."""

    def make(language=None, sector="research", data_class="public", gate=True, kind="inference", **changes):
        work = {"language": language, "sector": sector, "data_class": data_class, "kind": kind}
        return build_case(tiny(demand=work, control={"layers_gate": gate}, **changes))

    return make


def first(case):
    return int(case.gates["ready_t"].iloc[0]) if len(case.gates) else 0


def test_the_catalog_says_the_months_used_here():
    table = load_catalog().table("layer_gates")
    for key, months in MONTHS.items():
        assert table.loc[[key], "months_mid"].iloc[0] == months


@pytest.mark.parametrize(
    ("asked", "months"),
    [
        ({"language": "zu"}, 6 + 4),  # no row of the language: that of any other
        ({"language": "kk"}, 6 + 0),
        ({"data_class": "sensitive"}, 6 + 9),
        ({"sector": "health"}, 6 + 12),
        ({"sector": "health", "data_class": "sensitive", "language": "zu"}, 6 + 12),  # side by side
        ({"sector": "health", "data_class": "sensitive", "kind": "fine-tuning"}, 6 + 9),
    ],
)
def test_work_waits_for_the_slowest_layer(gated, asked, months):
    case = gated(**asked)
    assert first(case) == -(-months // 3)
    assert case.serve["t"].min() >= first(case)


def test_nothing_waits_where_layers_do_not_gate(gated):
    case = gated(language="zu", sector="health", data_class="sensitive", gate=False)
    assert not len(case.gates)


def test_a_stack_in_use_is_ready(gated):
    fleet = {"id": "old", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300", "accelerators": 80,
             "since": "2026-01-01", "retire": "2029-01-01"}  # fmt: skip
    case = gated(sector="health", stacks={"lead_months": None}, existing={"fleets": [fleet]})
    assert first(case) == 0


def test_what_a_layer_never_carries_is_no_offer(tiny):
    cloud = {"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
             "stacks": ["us-cloud"]}  # fmt: skip
    hosts = [*tiny().model_dump(mode="json", exclude_none=True, by_alias=True)["hosts"], cloud]
    case = build_case(
        tiny(
            demand={"sector": "defence"},
            hosts=hosts,
            stacks=[{"id": "champion-us-chips"}, {"id": "us-cloud"}],
            control={"layers_gate": True},
        )
    )
    assert set(case.serve["a"]) == {"champion-us-chips"}
    why = case.why_not[case.why_not["reason"] == "layer"]
    assert why["detail"].iloc[0].startswith("no models-us-service for sector defence")


def test_people_who_are_hired_and_trained_cap_what_is_held(tiny):
    team = {
        "id": "people",
        "people": 2,
        "hires_per_quarter": 1,
        "training_months": 6,
        "accelerators_per_person": 100,
    }
    case = build_case(tiny(supply={"operators": [team]}))
    assert case.quotas["amount_k"].tolist()[:5] == pytest.approx([0.2, 0.2, 0.2, 0.3, 0.4])
    assert set(case.quotas["kind"]) == {"capacity"} and len(case.quota_members) == 1


def test_operators_run_what_exists_beside_what_they_can_take_on(tiny):
    fleet = {"id": "old", "host": "champion", "stack": "champion-us-chips", "system": "hgx-b300", "accelerators": 80,
             "since": "2026-01-01", "retire": "2027-07-01"}  # fmt: skip
    team = {"id": "people", "hires_per_quarter": 3, "training_months": 0, "accelerators_per_person": 10}
    case = build_case(tiny(supply={"operators": [team]}, existing={"fleets": [fleet]}))
    assert case.quotas["amount_k"].tolist()[:4] == pytest.approx([0.08, 0.11, 0.06, 0.09])
