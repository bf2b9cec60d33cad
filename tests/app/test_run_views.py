"""The page of a run: every end says what to do next, and what a trade-off has made so far."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from planner.app.components import answer
from planner.app.pages.run import _expected
from planner.app.pages.run_views import _trouble, facts, plans_made, taken_over, what_next
from planner.app.services import Services
from planner.intake.scenario_file import dump_scenario, example_path, load_scenario, with_overrides
from planner.jobs.store import Job, Store, default_url
from planner.report.answer import Answer
from planner.report.charts.progress import progress, progress_table
from planner.report.field_labels import change_words
from planner.report.strings import t
from planner.runs.run import FRONTIER, Run


def job_of(tmp_path: Path, text: str = "", **options: str) -> Job:
    store = Store(default_url(tmp_path))
    return store.submit("case", text, owner="ann", runs_root=tmp_path, hash=text, options=options)[0]


def test_every_end_says_what_to_do_next(tmp_path: Path) -> None:
    job = job_of(tmp_path)
    for state in ("queued", "running", "stopped", "cancelled", "failed", "lost", "infeasible", "no-solution"):
        assert what_next(replace(job, state=state), {}), state
    front = what_next(replace(job, state="stopped"), {"study": FRONTIER})
    assert front is not None and "go on with them" in front
    done = replace(job, state="done", gap=0.015)
    assert what_next(done, {"quality": "quick"}) is None
    told = what_next(done, {"quality": "plan"})
    assert told is not None and "1.5" in told and "1\u202f%" in told.replace(" %", "\u202f%")
    own = dump_scenario(with_overrides(load_scenario(example_path("two-hosts")), {"solve.gap": 0.02}))
    assert what_next(replace(done, scenario=own), {"quality": "plan"}) is None


def test_a_change_is_said_in_words_with_its_path_beside_it() -> None:
    named = {"government": "Government", "accra": "Accra"}
    assert change_words({"limits.max_cost_musd": 29.57}) == "Budget at least 29.57 MUSD"
    assert change_words(
        {"demand[government].must_serve_by": "2029-04-01", "sites[accra].grid_mw[0].mw": 12.5}, named
    ) == ("Government: must be served by 2029-04-01; Accra: grid power 12.5 MW")
    assert (
        change_words({"limits.max_delay_months.government": 9.5}, named)
        == "Government: delay allowed at least 9.5 months"
    )
    found = {
        "message": "too dear",
        "cure": "least change: limits.max_cost_musd=29.57",
        "change": {"limits.max_cost_musd": 29.57},
    }
    shown = json.dumps(
        [part.to_plotly_json() for part in _trouble(found, named)], default=lambda c: c.to_plotly_json()
    )
    assert t("run.cure", cure="Budget at least 29.57 MUSD") in shown
    assert t("run.least-change", cure="Budget at least 29.57 MUSD") in shown
    assert shown.count("limits.max_cost_musd =") == 1 and "max_cost_musd=29.57" not in shown


def test_labels_of_phases_that_begin_together_stand_above_each_other() -> None:
    events = [
        {"seconds": at, "stage": stage, "incumbent": 30.0, "bound": 29.0}
        for at, stage in ((1.0, "hosts and stacks"), (1.5, "halls"), (2.0, "direct"), (100.0, "plan"))
    ]
    labels = [a for a in progress(progress_table(events)).layout.annotations if a.xanchor == "left"]
    rows = [a.yshift for a in labels]
    assert len(labels) == 4 and rows[:3] == sorted(set(rows[:3])) and rows[3] == 0


def test_plans_of_a_trade_off_are_read_from_what_it_says() -> None:
    said = ["5 plans in 2 processes", "1 of 5: 30 MUSD", "2 of 5: infeasible"]
    events = [{"stage": "plans", "message": text} for text in said] + [{"stage": "halls", "message": None}]
    assert plans_made(events) == [("1", "5", "30 MUSD"), ("2", "5", "infeasible")]


def test_the_time_to_expect_is_that_of_the_last_run_of_the_same_quality(tmp_path: Path) -> None:
    job = job_of(tmp_path, quality="quick")
    before = replace(job, id="before", state="done", started=100.0, ended=140.0)
    other = replace(before, id="other", options='{"quality": "plan"}', ended=300.0)

    def expected(*jobs: Job) -> float | None:
        store: Any = SimpleNamespace(jobs=lambda **_: list(jobs))
        return _expected(cast(Services, SimpleNamespace(store=store)), job)

    assert expected(other, before) == 40.0
    assert expected(other) is None
    told = json.dumps(
        facts(replace(job, state="running"), None, progress_table([]), expected=40.0), default=str
    )
    assert "40 s" in told and t("run.expected-note") in told


def test_a_front_says_how_many_plans_of_another_it_went_on_from() -> None:
    def told(**outcome: int) -> list[str]:
        return [part.children for part in taken_over(SimpleNamespace(outcome=outcome))]

    assert told(taken_over=0) == [t("run.taken-none")] and told(taken_over=2) == [t("run.taken-over", n=2)]
    assert told(plans=3) == []


def test_a_delay_that_is_not_proven_stands_out_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "answer_of", lambda _: Answer("Yes.", "", "", "", "", "", "", "", ""))

    def shown(months: float) -> str:
        run = SimpleNamespace(outcome={"delay_open_months": months})
        return json.dumps(answer.answer_block(cast(Run, run)), default=lambda part: part.to_plotly_json())

    assert "up to 33 weighted months shorter" in shown(33.0) and "Alert" in shown(33.0)
    assert "Alert" not in shown(0.0)
