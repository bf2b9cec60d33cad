"""The page of a new country: a form from the starter, an estimate at each change, a scenario that runs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import dash
import pytest

from planner.app import create_app
from planner.app.pages import new_country
from planner.app.pages.new_checklist import CHANGE, checklist
from planner.app.pages.new_country import BUDGET, CONTROL, HOSTS, KEEP, SERVE_BY, USERS
from planner.app.services import Services, Settings
from planner.app.state.sections import place_of
from planner.jobs import drafts
from planner.report.strings import t
from planner.starter.wishes import Wishes

HOME = ["champion-campus", "champion-second", "champion-colocation"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> dash.Dash:
    root: Path = tmp_path_factory.mktemp("new")
    return create_app(Settings(runs_root=root))


@pytest.fixture(scope="module")
def services(app: dash.Dash) -> Services:
    found: Services = app.server.extensions["planner"]
    return found


def drawn(part: Any) -> str:
    return json.dumps(part, default=lambda c: c.to_plotly_json() if hasattr(c, "to_plotly_json") else str(c))


def asked(
    users: dict[str, Any], hosts: list[str] | None = None, keep: bool = True, **lines: Any
) -> list[Any]:
    """What Dash hands over of the form, in the order of ``WISHED``."""
    ids = [{"type": new_country.USERS, "id": name} for name in users]
    kept = {"type": new_country.KEEP, "id": "research"}
    return [
        list(users.values()), ids, [keep], [kept], [hosts], [lines.get("serve_by")], [lines.get("budget")],
        [lines.get("control")],
    ]  # fmt: skip


def test_fields_that_say_nothing_ask_for_nothing() -> None:
    found = new_country.wishes(None, *asked({"health": 46_000}, budget="", control=None))
    assert found == Wishes(users={"health": 46_000.0})
    found = new_country.wishes(
        "A", *asked({"health": ""}, HOME, keep=False, serve_by="2029", budget=300, control=0)
    )
    assert found.users == {"health": 0.0, "research": 0.0} and found.hosts == tuple(HOME)
    assert (found.serve_by, found.max_cost_musd, found.min_control) == (date(2029, 1, 1), 300.0, 0.0)


def test_the_form_holds_every_group_host_and_assumption(app: dash.Dash, services: Services) -> None:
    with app.server.test_request_context("/new"):
        page = drawn(new_country.page(services, "GHA"))
    for name in ("Citizens", "Health", "Research", "Kumasi", "Madrid", t("new.budget-help"), t("new.public"),
                 "Government: 50 % of the service must survive"):  # fmt: skip
        assert name in page
    with app.server.test_request_context("/new"):
        assert t("new.people") not in drawn(new_country.page(services, ""))
        assert t("new.people") not in drawn(new_country.page(services, "ATLANTIS"))
        assert t("new.refused") in drawn(new_country.form(services.catalog, "GHA", "no place"))


def test_a_new_form_neither_comes_unasked_nor_takes_away_what_was_filled_in(
    app: dash.Dash, services: Services
) -> None:
    with app.server.test_request_context("/new"):
        page = new_country.page(services, "GHA")
    kinds = {USERS, KEEP, HOSTS, BUDGET, SERVE_BY, CONTROL}
    fields = [
        part
        for part in page._traverse()
        if isinstance(own := getattr(part, "id", None), dict) and own["type"] in kinds
    ]
    assert {field.id["type"] for field in fields} == kinds
    assert all((field.persistence, field.persistence_type) == ("GHA", "memory") for field in fields)
    assert not any(isinstance(part, dash.dcc.Loading) for part in page._traverse())  # hides while it loads
    asks = [
        one
        for one in app.callback_map.values()
        if any(output.component_id == new_country.FORM for output in _outputs(one))
    ]
    assert [one["inputs"] for one in asks] == [[{"id": new_country.MADE_FOR, "property": "data"}]]


def _outputs(callback: Any) -> list[Any]:
    output = callback["output"]
    return list(output) if isinstance(output, list | tuple) else [output]


def test_every_assumption_names_where_it_is_changed_or_is_a_fact(services: Services) -> None:
    starter = new_country._starter("GHA", "", services.catalog)
    paths = starter.assumptions.set_index("item")["path"]
    assert paths["demand[citizens]"] == "demand[citizens]"
    assert paths["wait for the grid of ESP"] == "sites[abroad].grid_lead_months"
    assert paths["import duty on servers of GHA"] == ""
    assert all(place_of(path)[0] != "yaml" for path in paths if path)
    page = drawn(checklist(starter.assumptions))
    assert page.count(CHANGE) == (paths != "").sum() and page.count(t("new.fact-help")) == (paths == "").sum()


@pytest.mark.untraced
def test_the_estimate_follows_what_is_asked_and_says_what_is_wrong(services: Services) -> None:
    def estimate(**users: float) -> str:
        wishes = new_country.wishes("", *asked(dict(users), HOME))
        return drawn(new_country._estimate(services.catalog, "GHA", "", wishes))

    everyone, no_citizens = estimate(), estimate(citizens=0.0)
    assert everyone != no_citizens
    assert "Citizens (who is served)" in everyone and "Citizens (who" not in no_citizens
    assert "users at the end" in everyone and "MW of grid" in everyone
    assert "whole servers" in everyone and "must survive the loss of one site from 2031-01" in everyone
    assert "rests on most" in everyone
    nobody = new_country.wishes("", *asked({"health": 10.0}, []))
    assert "keep at least one" in drawn(new_country._estimate(services.catalog, "GHA", "", nobody))


def test_a_place_of_ones_own_is_where_the_campus_stands(services: Services) -> None:
    _, text, scenario = new_country.made(services.catalog, "GHA", "volta, 6.3, 0.05", Wishes())
    assert "latitude: 6.3" in text
    assert scenario.sites[0].metro is None


def test_make_a_first_plan_leaves_a_scenario_with_its_starter_as_base(
    app: dash.Dash, services: Services
) -> None:
    server = app.server
    client = server.test_client()
    client.get("/new?of=GHA")
    token = client.get_cookie("_csrf_token").value
    values = asked(
        {"citizens": 0, "industry": 0, "software": 0}, HOME, keep=False, serve_by="2029", budget=300
    )
    users = [{"id": i, "property": "value", "value": v} for i, v in zip(values[1], values[0], strict=True)]
    user_ids = [{"id": i, "property": "id", "value": i} for i in values[1]]
    keep = {"type": new_country.KEEP, "id": "research"}

    def field(kind: str, name: str, value: Any) -> list[dict[str, Any]]:
        return [{"id": {"type": kind, "id": name}, "property": "value", "value": value}]

    change = {"type": CHANGE, "at": "sites[campus].construction_musd_per_mw_it"}
    output = next(key for key in app.callback_map if key.startswith(f"..{new_country.GOTO}.href"))
    body = {
        "output": output,
        "outputs": [
            {"id": new_country.GOTO, "property": "href"},
            [{"id": {"type": new_country.OUT, "id": "estimate"}, "property": output.rpartition("}.")[2].rstrip(".")}],
        ],
        "inputs": [
            [{"id": {"type": new_country.MAKE, "id": "make"}, "property": "n_clicks", "value": 1}],
            [{"id": {"type": new_country.SOLVE, "id": "solve"}, "property": "n_clicks"}],
            [{"id": change, "property": "n_clicks", "value": 1}],
        ],
        "changedPropIds": [f'{{"id":"make","type":"{new_country.MAKE}"}}.n_clicks'],
        "state": [
            users, user_ids,
            [{"id": keep, "property": "checked", "value": False}], [{"id": keep, "property": "id", "value": keep}],
            field(new_country.HOSTS, "hosts", HOME), field(new_country.SERVE_BY, "serve-by", "2029"),
            field(new_country.BUDGET, "budget", 300), field(new_country.CONTROL, "control", None),
            {"id": new_country.COUNTRY, "property": "value", "value": "GHA"},
            {"id": new_country.SITES, "property": "value", "value": ""},
            {"id": new_country.TITLE, "property": "value", "value": "Ghana's ministries"},
        ],
    }  # fmt: skip
    answer = client.post("/_dash-update-component", json=body, headers={"X-CSRFToken": token})
    assert answer.status_code == 200, answer.text
    draft = drafts.find(services.store, None, False, [])[0]
    assert draft.title == "Ghana's ministries" and "max_cost_musd: 300" in draft.text
    assert answer.json["response"][new_country.GOTO]["href"] == f"/scenarios/{draft.id}"
    assert draft.base_text == new_country._starter("GHA", "", services.catalog).text
    assert "operator: us-operator" in draft.base_text and "operator: us-operator" not in draft.text
    body["changedPropIds"] = [f"{json.dumps(change, sort_keys=True, separators=(',', ':'))}.n_clicks"]
    answer = client.post("/_dash-update-component", json=body, headers={"X-CSRFToken": token})
    address = answer.json["response"][new_country.GOTO]["href"]
    assert address.startswith("/scenarios/") and "section=sites" in address and "construction" in address
