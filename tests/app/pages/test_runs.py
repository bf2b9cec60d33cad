"""Runs as the lists and pages tell of them: drawn once, read once, how each ended, and whether its audit is clean."""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import dash
import pytest

from planner.app.components import result
from planner.app.pages import (
    capital,
    compare,
    home,
    plan,
    run_views,
)
from planner.app.services import NotFound, Services
from planner.app.state import kept
from planner.app.state.result import load, load_plan
from planner.app.state.runs import _listed
from planner.report.answer import answer_of
from planner.report.strings import t
from planner.runs.files import lock_content, now, write_json
from planner.runs.run import Run
from tests.app.pages.drawn import text_of


def test_what_a_finished_run_shows_is_drawn_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for every reader in the same colours; drawn anew in others, and where the run is another."""
    monkeypatch.setattr(kept, "_parts", OrderedDict())
    one = load_plan(services, "cheap")

    def pages() -> list[str]:
        both = {"runs": "cheap,national"}
        return [text_of(plan.draw(one, services, {})), text_of(capital.draw(one, services, {})),
                text_of(compare.draw(services, both))]  # fmt: skip

    shown = pages()
    asked: list[str] = []

    def noted(name: str, draw: Any) -> Any:
        def content(*args: Any) -> Any:
            asked.append(name)
            return draw(*args)

        return content

    for module, name in ((plan, "plan"), (capital, "capital"), (compare, "compare")):
        monkeypatch.setattr(module, "content", noted(name, vars(module)["content"]))
    again = pages()
    assert asked == [] and again == shown
    with dash.get_app().server.test_request_context("/", headers={"Cookie": "scheme=dark"}):
        dark = text_of(plan.draw(one, services, {}))
    assert asked == ["plan"] and dark != shown[0]
    plan.draw(load_plan(services, "national"), services, {})
    assert asked == ["plan", "plan"]


def test_a_new_run_is_in_the_list_at_once(services: Services) -> None:
    before = {row["id"] for row in services.runs()}
    name = written(services, "late-comer", "plan", {"status": "optimal", "kpis": {}})
    assert {row["id"] for row in services.runs()} == before | {name}
    (services.runs_root / name / "outcome.json").write_text('{"status": "infeasible"}')
    assert next(row["state"] for row in services.runs() if row["id"] == name) == "infeasible"
    shutil.rmtree(services.runs_root / name)
    assert {row["id"] for row in services.runs()} == before


def test_runs_are_read_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    one = load(services, "cheap")
    one.table("ledger")
    monkeypatch.setattr(Path, "read_text", lambda *_a, **_k: pytest.fail("read again"))
    assert load(services, "cheap").table("ledger") is one.table("ledger")


def written(services: Services, name: str, kind: str, outcome: dict[str, Any]) -> str:
    """A run directory with nothing but what the lists read."""
    folder = services.runs_root / name
    folder.mkdir(exist_ok=True)
    write_json(folder / "manifest.json", {"kind": kind, "scenario": name, "started": now()})
    write_json(folder / "outcome.json", outcome)
    return name


def test_a_finished_batch_is_done_and_shows_its_cases(services: Services) -> None:
    name = written(services, "sweep", "batch", {"status": "done", "cases": {"optimal": 3, "infeasible": 1}})
    row = next(r for r in services.runs() if r["id"] == name)
    assert row["state"] == "done"
    page = text_of(run_views.directory(services, services.run(name), name))
    assert "3 optimal; 1 infeasible" in page and t("run.end.infeasible") not in page
    assert name not in {r["id"] for r in result.choices(services)}, "a batch has no plan to open"
    assert "/plan/sweep" not in text_of(home.recent(services.runs()))


@pytest.mark.parametrize("own", [True, False])
def test_a_front_without_a_plan_of_its_own_shows_no_gap_and_leads_to_the_trade_off_alone(
    services: Services, own: bool
) -> None:
    kpis = {"cost_npv_musd": {"value": 3.0, "unit": "MUSD"}} if own else {}
    name = written(services, f"front-{own}", "frontier", {"status": "optimal", "gap": 0.0123, "kpis": kpis})
    row = next(r for r in services.runs() if r["id"] == name)
    for shown in (text_of(home.recent([row])), text_of(home.recent([row | {"gap": 0.0123}]))):
        assert ("1.2 %" in shown) is own and (f"/plan/{name}" in shown) is own
        assert f"/tradeoff/{name}" in shown


@pytest.mark.parametrize("status", ["no-solution", "unbounded"])
def test_a_run_without_a_plan_says_how_it_ended(services: Services, status: str) -> None:
    name = written(services, f"ended-{status}", "plan", {"status": status, "troubles": [], "notes": []})
    row = next(r for r in services.runs() if r["id"] == name)
    assert row["state"] == status
    assert t(f"app.status.{status}") in text_of(home.recent([row]))
    assert t(f"run.end.{status}") in text_of(run_views.directory(services, services.run(name), name))


def test_a_frontier_that_was_stopped_says_how_it_is_resumed(services: Services) -> None:
    """Of a process that is gone; where it left no whole plan, it is lost."""
    left = services.runs_root / f".halted.{2**30}-abc123.part"
    (left / "points" / "point-0").mkdir(parents=True)
    write_json(left / "manifest.json", {"kind": "frontier", "scenario": "halted", "started": now()})
    write_json(left / "lock.json", lock_content() | {"name": "halted", "start": 1.0})
    plan_of_it = left / "points" / "point-0" / "outcome.json"
    for state, told in (("lost", t("run.next.lost")), ("resumable", "planner frontier")):
        row = next(r for r in services.runs() if r["id"] == "halted")
        assert row["state"] == state and t(f"app.status.{state}") in text_of(home.recent([row]))
        assert told in text_of(run_views.directory(services, services.run_or_left("halted"), "halted"))
        write_json(plan_of_it, {"status": "optimal", "kpis": {}})
        _listed.clear()
    with pytest.raises(NotFound, match="has no result yet"):
        services.run("halted")
    shutil.rmtree(left)


def test_pages_of_a_run_and_of_a_comparison_say_that_an_audit_is_not_clean(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pages() -> list[str]:
        alone = run_views.directory(services, services.run("cheap"), "cheap")
        assert json.dumps(answer_of(services.run("cheap")).lead)[1:-1] in text_of(alone)
        return [text_of(alone), text_of(compare.content(services, ["cheap", "national"], None))]

    fault = "the audit finds 2 rules broken: do not use this plan"
    assert all(fault not in page for page in pages())
    monkeypatch.setattr(Run, "audit", "broken")
    monkeypatch.setattr(Run, "audit_fault", fault.partition(":")[0])
    assert all(fault in page for page in pages())
