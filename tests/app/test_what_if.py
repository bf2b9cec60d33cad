"""Questions to a plan: forms from its case, answers at once, and runs of the queue that hold tables and no plan."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dash
import pandas as pd
import pytest

from planner.app import create_app
from planner.app.pages import help as help_page
from planner.app.pages import run_views, what_if
from planner.app.pages import what_if_views as views
from planner.app.services import Services, Settings
from planner.app.state import url
from planner.app.state.result import load_plan
from planner.app.state.what_if import asked, case_of, questions
from planner.jobs.worker import work
from planner.report import what_if as told
from planner.report.strings import t
from planner.report.terms import term
from planner.report.what_if_page import page_of_run
from planner.runs.run import HUB, LOSS, STACKS, SURVIVAL, VALUATIONS, WHAT_IF, find_run
from planner.runs.what_if import ANSWERS
from planner.runs.writer import start_run
from planner.studies import hub


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, small_run: Path) -> Services:
    root = tmp_path_factory.mktemp("what-if")
    shutil.copytree(small_run, root / "small")
    found: Services = create_app(Settings(runs_root=root)).server.extensions["planner"]
    return found


@pytest.fixture(autouse=True)
def inside(services: Services) -> Iterator[None]:
    """Pages make links: they are drawn inside a request."""
    with dash.get_app().server.test_request_context("/"):
        yield


def text_of(part: Any) -> str:
    return json.dumps(part, default=lambda c: c.to_plotly_json() if hasattr(c, "to_plotly_json") else str(c))


def test_the_forms_offer_what_the_case_offers(services: Services) -> None:
    shown = text_of(views.sections(services, load_plan(services, "small"), what_if.DEFAULTS))
    for value in ("hosts:cloud", "sites:seoul", "vendors:nvidia", "parents:USA"):
        assert f'"{value}"' in shown, value
    for kind in WHAT_IF:
        assert t(f"whatif.{kind}-title") in shown
    assert set(ANSWERS) == set(told.VIEWS) == set(WHAT_IF)


def test_what_the_plan_has_most_of_comes_first_with_its_share(services: Services) -> None:
    one = load_plan(services, "small")
    case, fleet = case_of(one), one.table("fleet")
    for column in views.LOST.values():
        held = views.shares_held(case, fleet, column)
        assert held.is_monotonic_decreasing and held.sum() == pytest.approx(1.0), column
    by_host = fleet.groupby("h")["accelerators"].sum()
    assert views.shares_held(case, fleet, "h")[by_host.idxmax()] == pytest.approx(
        by_host.max() / by_host.sum()
    )
    assert "in the plan, 100" in text_of(views.sections(services, one, what_if.DEFAULTS))


def test_what_takes_seconds_is_answered_on_the_page(services: Services) -> None:
    one = load_plan(services, "small")
    why = text_of(what_if.answered(one, views.WHY, dict.fromkeys(views.ASKED_ABOUT) | {"host": "champion"}))
    assert "cheaper to enter the plan" in why
    nothing = dict.fromkeys(views.ASKED_ABOUT)
    assert t("whatif.say-why") in text_of(what_if.answered(one, views.WHY, nothing))
    control = text_of(what_if.answered(one, views.CONTROL, {}))
    assert t("whatif.next-none", most="31") in control and "Chip vendor" in control
    assert "Cloud serves from" in text_of(what_if.answered(one, views.WAITS, {}))


def test_a_loss_is_worked_out_as_a_run_that_is_no_plan(services: Services) -> None:
    one = load_plan(services, "small")
    given = {"of": ["hosts:cloud", "vendors:nvidia"], "from": "2029-01-01", "what": "service"}
    text, options = asked(one, LOSS, **what_if.wanted(LOSS, given))
    assert options["cut"] == {
        "id": "cut", "from": "2029-01-01", "what": "service", "hosts": ["cloud"], "vendors": ["nvidia"],
    }  # fmt: skip
    job, _ = services.submit("small", text, options, title="a loss", draft=None, folder=None)
    services.store.claim(1)
    assert work(services.store, job.id) == 0
    done = services.store.job(job.id)
    assert done is not None and done.state == "done"
    shown = text_of(run_views.result(done, services))
    for part in (
        "Loss of nvidia, cloud from 2029-01-01",
        "accelerators stop, and",
        "The answer costs",
        "the least possible change lies between",
        t("whatif.table.stops"),
        "2029-Q1",
        "/whatif/small",
    ):
        assert part in shown, part
    assert [found.id for found, _ in questions(services, one)] == [job.id]
    assert job.id in text_of(views.sections(services, one, what_if.DEFAULTS))
    assert job.id not in {row["id"] for row in services.runs(with_plan=True)}
    assert find_run("latest", services.runs_root).name == "small"


def test_a_hub_is_asked_of_its_countries_and_told_with_a_picture(services: Services, tmp_path: Any) -> None:
    one = load_plan(services, "small")
    assert t("whatif.hub-one") in text_of(views.sections(services, one, what_if.DEFAULTS))
    assert what_if.wanted(HUB, {"of": ["KOR", "JPN"]}) == {"countries": ["JPN", "KOR"]}
    (only,) = one.run.scenario.demand
    both = [only, only.model_copy(update={"id": "other", "title": None, "country": "JPN"})]
    scenario = one.run.scenario.model_copy(update={"demand": both})
    form = text_of(views._hub(scenario, services, True))
    assert '"study": "hub"' in form and "Japan (JPN)" in form
    _, options = asked(one, HUB, countries=["JPN", "KOR"])
    countries = pd.DataFrame(
        [["JPN", 0.4, 0.9, 3.0, 40.0, 30.0, 28.0, 0.4, 35.0, 34.0, 4.0, 6.0, False],
         ["KOR", 0.6, 0.9, 3.0, 60.0, 70.0, 72.0, 0.6, float("inf"), float("inf"), float("inf"), float("inf"), False]],
        columns=hub.COUNTRIES,
    )  # fmt: skip
    coalitions = pd.DataFrame(
        [["JPN KOR", "optimal", 0.01, 100.0, 99.0, 1.0, 2.0, 100.0, False]], columns=hub.COALITIONS
    )
    with start_run(tmp_path / "run", scenario, services.catalog, options, kind=HUB) as writer:
        writer.table("hub_countries", countries)
        writer.table("hub_coalitions", coalitions)
        done = writer.finish({"status": "done", "quality": "quick", "seconds": {}, "notes": []})
    shown = text_of(views.answer_of(done))
    for words in (
        "A hub of JPN, KOR",
        "No country is asked for more",
        "whatif-hub",
        t("whatif.mark.alone"),
        "no plan alone",
        "JPN 40 %, KOR 60 %",
    ):
        assert words in shown, words
    page = page_of_run(done)
    assert 'data-chart="chart-0"' in page and t("whatif.table.hub_coalitions") in page


def test_a_question_has_its_options(services: Services) -> None:
    survive = what_if.wanted(SURVIVAL, {"of": ["site"], "from": None, "what": "supply"})
    assert survive == {"by": ["site"], "from": None, "what": "supply"}
    some = what_if.wanted(SURVIVAL, {"of": ["site"], "from": None, "what": "supply", "workloads": ["chat"]})
    assert some == survive | {"workloads": ["chat"]}
    assert what_if.wanted(STACKS, {"of": ["rival"]}) == {"stacks": ["rival"]}
    assert what_if.wanted(VALUATIONS, {}) == {}


def test_where_one_alone_may_serve_the_question_is_offered_without_it(
    services: Services, tmp_path: Any
) -> None:
    one = load_plan(services, "small")
    _, options = asked(one, SURVIVAL, by=["operator"], what="service", **{"from": "2029-01-01"})
    (only,) = one.run.scenario.demand
    both = [only, only.model_copy(update={"id": "other", "title": None})]
    scenario = one.run.scenario.model_copy(update={"demand": both})
    writer = start_run(tmp_path / "run", scenario, services.catalog, options, kind=SURVIVAL)
    with writer:
        row = {
            "by": "operator",
            "share": 0.0,
            "most": 0.0,
            "status": "optimal",
            "why": "why",
            "nobody_else": only.id,
        }
        figures = dict.fromkeys(("cost_musd", "more_low_musd", "more_high_musd", "control"), 1.0)
        writer.table("survival", pd.DataFrame([row | figures]))
        done = writer.finish({"status": "done", "quality": "quick", "seconds": {}, "notes": []})
    shown = text_of(views.answer_of(done))
    assert "from 2029-01-01" in shown and "by=operator" in shown
    assert "workloads=other" in shown


def test_a_loss_names_first_who_loses_most_months_and_who_never_returns() -> None:
    names = {"finance": "Finance", "health": "Health", "defence": "ministry of defence", "justice": "Justice"}
    rows = [
        ("finance", 18.02, 1.0, "2031-Q3", ""), ("health", 36.0029, 1.0, "never", "no chip may"),
        ("defence", 36.003, 1.0, "never", "no chip may"), ("justice", 0.0, 0.0, "2030-Q1", ""),
    ]  # fmt: skip
    service = pd.DataFrame(rows, columns=["w", "lost_months", "worst_share", "back", "why"])
    service["back_date"] = [pd.Timestamp("2031-07-01"), pd.NaT, pd.NaT, pd.Timestamp("2030-01-01")]
    assert told.lost_told(service, names) == [
        "Of 3 workloads that lose service Health and ministry of defence lose most: 36 months of demand each, 100 % of it "
        "in the worst quarter.",
        "Not served as in the plan again before the end of the horizon: Health and ministry of defence.",
        "Why not Health and ministry of defence: no chip may.",
        "Served as in the plan again: Finance from 2031-Q3 on.",
    ]
    assert told.lost_told(service[service["w"] == "justice"], names) == [t("whatif.told-kept")]
    buys = pd.DataFrame({"account": ["halls", "site", "goods"], "musd": [36.7, 4.8, -0.4]})
    assert told.buys_told(buys) == [
        "The answer's capital is 41.1 MUSD more than the plan's, not discounted; what it adds most of: halls 36.7, "
        f"{term('account', 'site').lower()} 4.8."
    ]
    assert told.buys_told(None) == told.buys_told(buys[buys["musd"] < 0]) == []


def test_answers_read_as_tables() -> None:
    nan = float("nan")
    rows = pd.DataFrame([
        {"by": "site", "share": 0.0, "most": 0.5, "status": "optimal", "cost_musd": 100.0, "more_low_musd": nan,
         "more_high_musd": nan, "control": 40.0, "why": ""},
        {"by": "site", "share": 0.5, "most": 0.5, "status": "infeasible", "cost_musd": nan, "more_low_musd": nan,
         "more_high_musd": nan, "control": nan, "why": ""},
    ])  # fmt: skip
    survival = told.VIEWS[SURVIVAL]({"survival": rows})["survival"]
    assert survival["cost, MUSD"].tolist() == ["100.0", ""] and "why" not in survival
    assert survival["most that can be left"].tolist() == ["50 %", "50 %"]
    stacks = pd.DataFrame(
        [{"stack": "rival", "status": "infeasible", "note": "no site", "cost_npv_musd": nan}]
    )
    assert set(told.stack_columns(stacks)["rival"]) == {"–"}
    assert told.stack_notes(stacks) == ["rival: infeasible", "rival: no site"]
    point = told.STACK_LINES["MUSD per point"]
    assert [point(pd.Series({"musd_per_control_point": v})) for v in (0.432, 1.26, nan)] == [
        "0.432",
        "1.26",
        "",
    ]


def test_the_help_leads_everywhere_and_explains_its_words(services: Services) -> None:
    shown = text_of(help_page.page())
    assert all(f'"{url.href(key)}"' in shown for key in help_page.STEPS)
    meanings = help_page.meanings()
    assert {"control", "SEAL", "gap", "screening point"} <= set(meanings[t("help.word")])
    assert all(len(text) > 30 for text in meanings[t("help.meaning")])
