"""What the grid and plant of a site's own give, in the view and the chart of the page Plan."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.report import views
from planner.report.charts import plan as charts

DISPATCH = pd.DataFrame(
    {"h": ["x", "x", "y"], "t": [0, 1, 0], "s": "b0", "hours": 100.0, "import_mw": [0.0, 3.0, 9.0]}
)
OWN = pd.DataFrame({
    "p": "site", "h": "x", "g": "engine", "t": [0, 1], "label": ["2027-Q1", "2027-Q2"], "s": "b0", "hours": 100.0,
    "generation_mw": [4.0, 1.0], "generation_mwh": [400.0, 100.0], "fuel_mmbtu": [3200.0, 800.0],
    "emissions_t": [160.0, 40.0],
})  # fmt: skip
STORED = pd.DataFrame({
    "p": "site", "h": "x", "g": "battery", "t": 0, "label": "2027-Q1", "s": ["b0", "b1"], "hours": 100.0,
    "charge_mw": [2.0, 0.0], "discharge_mw": [0.0, 1.7], "level_mwh": [8.0, 0.0],
})  # fmt: skip
POWER = pd.DataFrame({
    "mode": "build", "p": "site", "t": [0, 1], "label": ["2027-Q1", "2027-Q2"], "facility_peak_mw": 5.0,
    "grid_mw": [0.0, 5.0], "backup_mw": 0.0, "flexible_mw": [0.0, 1.0], "plant_rating_mw": 6.0,
    "plant_standby_mw": [0.0, 6.0], "storage_firm_mw": [0.5, 0.0],
})  # fmt: skip


def test_the_grid_stands_beside_plant_where_there_is_plant():
    rows = views.dispatch_by_source(DISPATCH, OWN, POWER, STORED.iloc[:0])
    assert rows[["source", "t", "mwh"]].to_numpy().tolist() == [
        ["engine", 0, 400.0], ["engine", 1, 100.0], ["grid", 1, 300.0],
    ]  # fmt: skip
    bars = charts.sources(rows).data
    assert {bar.name: list(bar.y) for bar in bars} == {"engine": [0.4, 0.1], "grid": [0.3]}
    assert not len(views.dispatch_by_source(DISPATCH, OWN.iloc[:0], POWER, STORED.iloc[:0]))
    stored = views.dispatch_by_source(DISPATCH, OWN.iloc[:0], POWER, STORED).set_index("source")
    assert stored.loc["battery", "mwh"].tolist() == pytest.approx([-200.0, 170.0])


def test_the_design_hour_has_lines_plant_that_is_no_backup_and_what_storage_gives():
    rows = views.power_by_site(POWER)
    assert rows["design_hour_mw"].tolist() == pytest.approx([6.5, 6.0])
    line = charts.power(rows).data[-1]
    assert line.name == "power in the design hour (lines)" and list(line.y) == [6.5, 6.5, 6.0, 6.0]
