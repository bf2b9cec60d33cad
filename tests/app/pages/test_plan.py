"""The pages of a plan: every tab, its difference to a baseline, its brief, and plans of earlier versions."""

from __future__ import annotations

import json
import shutil

import dash
import pandas as pd
import pytest

from planner.app.components import kpi
from planner.app.pages import (
    capital,
    plan,
    plan_views,
)
from planner.app.services import NotFound, Services
from planner.app.state.result import load, load_plan
from planner.report import answer
from planner.runs.files import write_json
from planner.runs.run import Run
from tests.app.pages.drawn import graphs, ids_of, text_of


def test_the_brief_of_a_plan_or_a_point_is_a_page_of_its_own(app: dash.Dash) -> None:
    client = app.server.test_client()
    for ref in ("cheap", "front~0"):
        page = client.get(f"/brief/{ref}")
        assert page.status_code == 200 and page.mimetype == "text/html"
        assert "present value" in page.text and page.text.count("<script") == 1
        assert '<script src="/assets/print.js" defer></script>' in page.text and "Print or save" in page.text
    assert client.get("/brief/nowhere").status_code == 404


@pytest.mark.parametrize("tab", plan_views.TABS)
@pytest.mark.parametrize("ref", ["cheap", "national"])
def test_every_tab_of_a_plan_draws_few_charts(services: Services, ref: str, tab: str) -> None:
    page = plan.draw(load_plan(services, ref), services, {"tab": tab})
    assert graphs(page) <= 6
    found = ids_of(page)
    assert len(found) == len(set(found)), "an id may stand once"
    assert "could not" not in text_of(page)


@pytest.mark.parametrize("tab", plan_views.TABS)
def test_a_plan_from_before_a_table_was_made_is_drawn_as_one_without_rows_of_it(
    services: Services, tab: str
) -> None:
    """What later versions can buy is nothing that an earlier plan bought."""
    now, then = services.runs_root / "cheap", services.runs_root / f"then-{tab}"
    shutil.copytree(now, then)
    manifest = json.loads((then / "manifest.json").read_text())
    for path in sorted((then / "tables").glob("*.parquet")):
        if path.stem not in answer.TABLES and not len(Run(now).table(path.stem)):
            path.unlink()
            del manifest["checksums"][path.stem]
    write_json(then / "manifest.json", manifest)
    assert len(Run(then).tables) < len(Run(now).tables) - 5
    old, new = (plan.draw(load_plan(services, path.name), services, {"tab": tab}) for path in (then, now))
    assert graphs(old) == graphs(new) and "went wrong" not in text_of(old)


def test_a_plan_shows_its_difference_to_the_baseline(services: Services) -> None:
    one, base = load_plan(services, "national"), load_plan(services, "cheap")
    page = text_of(plan.draw(one, services, {"base": "cheap"}))
    assert page.count("vs baseline") >= 8
    assert "vs baseline" not in text_of(plan.draw(base, services, {}))


def test_an_old_link_still_opens(services: Services) -> None:
    """A tab that is gone, a baseline that was removed, a payer of another plan: defaults, not errors."""
    one = load_plan(services, "cheap")
    assert graphs(plan.draw(one, services, {"tab": "gone", "base": "removed"}))
    assert graphs(capital.draw(one, services, {"by": "gone", "what": "gone", "payer": "nobody"}))
    with pytest.raises(NotFound):
        load(services, "removed")
    with pytest.raises(NotFound):
        load(services, "front~99")
    with pytest.raises(NotFound):
        load(services, "front~../../cheap")


def test_tables_of_the_screen_are_those_of_the_download(services: Services) -> None:
    one = load_plan(services, "national")
    for name, view in plan_views.TABLES.items():
        assert isinstance(view(one, services), pd.DataFrame), name
    assert plan_views.TABLES["waterfall"](one, services)["points"].sum() == pytest.approx(
        one.run.kpi("control_score")
    )
    materials = plan_views.TABLES["materials"](one, services).groupby("item")["in_all"].sum()
    assert materials["Accelerators bought"] == pytest.approx(one.table("orders")["accelerators"].sum())
    served = plan_views.TABLES["capacity"](one, services)["served_kref"].sum()
    assert served == pytest.approx(one.table("demand")["served_kref"].sum())


def test_the_map_has_every_site_of_the_scenario(services: Services) -> None:
    one = load_plan(services, "national")
    by_year = plan_views.TABLES["map"](one, services)
    horizon = one.run.scenario.horizon
    assert set(by_year["year"]) == set(range(horizon.start.year, horizon.start.year + horizon.years))
    sites = by_year[by_year["year"] == by_year["year"].max()].set_index("p")
    assert set(sites.index) == {"haenam", "seoul"}
    assert sites["accelerators"].sum() == pytest.approx(one.run.kpi("accelerators"))
    assert 33 < sites.at["haenam", "lat"] < 36


def test_a_plan_whose_audit_is_not_clean_has_a_badge() -> None:
    assert kpi.audit_badge("clean") is None and kpi.audit_badge(None) is None and kpi.audit_badge("") is None
    for state in ("broken", "failed"):
        badge = kpi.audit_badge(state)
        assert badge is not None and "do not use" in badge.children
