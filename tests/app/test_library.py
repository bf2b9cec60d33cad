"""The chart library that the app brings: right version, every chart type in use, read only where it is needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs_version

from planner import app as application
from planner.app import create_app
from planner.app.components import figure
from planner.app.services import Settings
from planner.report import charts

HERE = Path(application.__file__).parent
BUNDLE = (HERE / "assets" / figure.LIBRARY).read_text("utf-8")


def test_the_library_is_of_the_version_that_the_figures_are_made_for() -> None:
    assert f'"{get_plotlyjs_version()}"' in BUNDLE
    readme = (HERE / "assets" / "plotly" / "README.md").read_text("utf-8")
    assert f"plotly.js@{get_plotlyjs_version()}" in readme


def test_every_chart_type_in_use_is_in_the_library() -> None:
    drawn = (*HERE.rglob("*.py"), *Path(charts.__file__).parent.rglob("*.py"))
    code = "\n".join(path.read_text("utf-8") for path in drawn)
    used = {name.lower() for name in re.findall(r"\bgo\.([A-Z]\w+)\(", code)} - {"figure", "layout"}
    used |= set(re.findall(r"\.add_(bar|scatter\w*|waterfall|sankey|pie|heatmap|choropleth\w*)\(", code))
    assert {"bar", "scatter", "sankey"} <= used
    for kind in used:
        assert re.search(rf'moduleType:"trace",name:"{kind}"', BUNDLE), f"{kind} is not in {figure.LIBRARY}"


def test_only_pages_with_charts_read_the_library_first(tmp_path: Path) -> None:
    client = create_app(Settings(runs_root=tmp_path)).server.test_client()
    home, chart = client.get("/").get_data(as_text=True), client.get("/plan").get_data(as_text=True)
    script = f'src="/assets/{figure.LIBRARY}"'
    assert script in chart and script not in home
    assert client.get(f"/assets/{figure.LIBRARY}").status_code == 200


def test_no_page_runs_the_library_of_grids_before_it_has_one(tmp_path: Path) -> None:
    client = create_app(Settings(runs_root=tmp_path, prefix="/planner/")).server.test_client()
    page = client.get("/planner/").get_data(as_text=True)
    named = re.search(r'data-grid="(/planner/[^"]*/dash_ag_grid[^"]*)"', page)
    assert named and not re.search(r"<script[^>]*dash_ag_grid", page)
    assert client.get(named[1]).status_code == 200


@pytest.mark.parametrize("path", ["/", "/tradeoff/x"])
def test_the_library_is_found_under_a_prefix(tmp_path: Path, path: str) -> None:
    client = create_app(Settings(runs_root=tmp_path, prefix="/planner/")).server.test_client()
    page = client.get("/planner" + path).get_data(as_text=True)
    assert f'data-plotly="/planner/assets/{figure.LIBRARY}"' in page
    assert ("<script defer" in page) == (path != "/")
