"""Charts and view tables: what is drawn equals the table, nothing is unlabelled, empty tables say why."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from planner.facts.numbers import number
from planner.report import capital, kpis, views
from planner.report.charts import answer, finance, frontier, gantt, places, plan, sankey, style
from planner.report.terms import heading, kpi_label, term

LABELS = ["2027-Q1", "2027-Q2", "2027-Q3", "2027-Q4", "2028-Q1"]


@pytest.fixture
def points() -> pd.DataFrame:
    return pd.DataFrame({
        "point": range(5), "max_delay_months": [3.0, 6, 9, 12, 12], "min_control": [40.0, 40, 50, 60, 70],
        "cost_npv_musd": [1500.0, 1300, 1250, 1400, 1900], "delay_months": [3.0, 6, 9, 12, 12],
        "control_score": [42.0, 44, 50, 60, 70], "national_control": [30.0, 33, 40, 50, 66], "capex_musd": [900.0] * 5,
        "served_share": [0.97, 0.95, 0.93, 0.9, 0.9], "on_front": [True, True, True, True, False],
        "price_of_control_musd_per_point": [0.0, 1.0, 15.0, 50.0, np.nan],
        "price_of_speed_musd_per_month": [66.0, 20.0, 0.0, 0.0, 0.0],
    })  # fmt: skip


@pytest.fixture
def ledger() -> pd.DataFrame:
    """Two payers, two origins, a grant, running costs and a residual value at the horizon's end."""
    rows = [
        # t, kind, account, asset_class, h, payer, origin, musd
        (0, "capex", "goods", "servers", "north", "partner", "USA", 100.0),
        (1, "capex", "goods", "servers", "north", "partner", "USA", 50.0),
        (1, "capex", "halls", "halls", "north", "partner", "KOR", 30.0),
        (2, "capex", "provider-hardware", "servers", "cloud", "cloud-co", "TWN", 40.0),
        (2, "rent", "cloud-rent", "", "cloud", "partner", "", 12.0),
        (3, "opex", "staff", "", "north", "partner", "KOR", 5.0),
        (3, "grant", "grant", "", "", "partner", "", -60.0),
        (2, "physical", "water", "", "north", "partner", "", 0.0),
        (5, "residual", "goods", "servers", "north", "partner", "USA", -70.0),
    ]
    table = pd.DataFrame(
        rows, columns=["t", "kind", "account", "asset_class", "h", "payer", "origin_iso3", "musd"]
    )
    every = [*LABELS, "2028-Q2"]
    table["label"] = [every[t] for t in table["t"]]
    table["year"] = [int(x[:4]) for x in table["label"]]
    table["musd_discounted"] = table["musd"] * 0.9
    table["supplier"], table["p"], table["a"], table["w"] = "", "", "", ""
    return table


@pytest.fixture
def demand() -> pd.DataFrame:
    rows = [
        (w, t, label, 2.0 + t, 2.0 + t - gap, gap / (2.0 + t))
        for w, gap in (("chat", 0.5), ("defence", 0.0))
        for t, label in enumerate(LABELS)
    ]
    return pd.DataFrame(rows, columns=["w", "t", "label", "demand_kref", "served_kref", "unserved_share"])


def axis_titles(fig) -> list[str]:
    layout = fig.to_plotly_json()["layout"]
    return [layout[a].get("title", {}).get("text", "") for a in ("xaxis", "yaxis") if a in layout]


# ---- what all charts keep ---------------------------------------------------------------------------


def test_palette_reads_on_white_and_on_dark() -> None:
    """WCAG 1.4.11: graphical objects need a contrast of 3:1 with the background, in both schemes."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    scale = [str(colour) for _, colour in frontier.CONTROL_SCALE]
    for colour in (*style.PALETTE, style.MUTED, *scale):
        for background in ("#ffffff", "#242424"):
            light, dark = sorted((luminance(colour), luminance(background)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3.0, (colour, background)


def test_series_never_differ_by_colour_alone() -> None:
    names = [f"s{i}" for i in range(16)]
    pairs = {(style.colours(names)[n], style.patterns(names)[n]) for n in names}
    assert len(pairs) == 16


def test_every_chart_of_nothing_says_why(ledger) -> None:
    empty = pd.DataFrame()
    for fig in (
        frontier.frontier(empty), frontier.parallel(empty), frontier.price_curve(empty, "a", "b"),
        plan.capacity_against_demand(empty), plan.power(empty), plan.cooling(empty), plan.control_waterfall(empty),
        plan.what_binds(empty), plan.ledger_bars(empty, "h"), gantt.gantt(empty), places.sites(empty),
        sankey.sources_and_uses(capital.flows(ledger[:0]), {}),
    ):  # fmt: skip
        assert not fig.data
        assert len(fig.layout.annotations[0].text) > 15


# ---- trade-off ----------------------------------------------------------------------------------------


def test_frontier_draws_every_point_where_it_is(points) -> None:
    fig = frontier.frontier(
        points, here=points.iloc[2].to_dict(), baseline=points.iloc[0].to_dict(), selected=[1, 3]
    )
    marks = fig.data[0]
    assert list(marks.x) == list(points["delay_months"])
    assert list(marks.y) == list(points["cost_npv_musd"])
    assert list(marks.marker.color) == list(points["control_score"])
    assert list(marks.selectedpoints) == [1, 3]
    assert marks.marker.symbol[4] == "circle-open" != marks.marker.symbol[0]
    assert all("months" in x or "MUSD" in x for x in axis_titles(fig))
    marks = {trace.meta: trace for trace in fig.data[1:]}
    assert marks["baseline"].x[0] == 3.0 and marks["here"].y[0] == 1250
    assert not marks["pick"].x, "the browser moves this mark"


def test_parallel_lines_scale_each_measure_and_keep_the_row_order(points) -> None:
    fig = frontier.parallel(points, selected=[0])
    assert len(fig.data) == len(points)
    assert {trace.type for trace in fig.data} == {
        "scatter"
    }  # parcoords dies silently under the strict policy
    cost = [trace.y[0] for trace in fig.data]
    assert cost[2] == 0 and cost[4] == 1
    assert {trace.y[4] for trace in fig.data} == {0.5}, "a measure that never differs lies in the middle"
    assert fig.data[0].opacity > 4 * fig.data[1].opacity
    assert all("(" in text for text in fig.layout.xaxis.ticktext), "every axis names its unit"


def test_price_curve_leaves_out_points_without_a_price(points) -> None:
    fig = frontier.price_curve(points, "price_of_control_musd_per_point", "control_score")
    assert list(fig.data[0].y) == [0, 1, 15, 50]
    assert "MUSD per point" in axis_titles(fig)[1]


# ---- plan ---------------------------------------------------------------------------------------------


def test_capacity_stacks_what_is_served_under_the_whole_demand(demand) -> None:
    table = views.demand_against_capacity(demand)
    fig = plan.capacity_against_demand(table)
    bars = [trace for trace in fig.data if trace.type == "bar"]
    served = np.sum([trace.y for trace in bars], axis=0)
    line = next(trace for trace in fig.data if trace.type == "scatter")
    assert served == pytest.approx(demand.groupby("t")["served_kref"].sum().to_numpy())
    assert list(line.y) == pytest.approx(demand.groupby("t")["demand_kref"].sum().tolist())
    assert list(fig.layout.xaxis.categoryarray) == LABELS
    assert table["unserved_kref"].max() == 0.5


def test_power_shows_load_and_grid_of_every_site() -> None:
    power = pd.DataFrame({
        "p": ["north", "north", "south"], "h": ["a", "b", "c"], "t": 0, "label": "2027-Q1",
        "it_peak_mw": [5.0, 3, 2], "facility_peak_mw": [6.0, 4, 3], "grid_mw": [10.0, 0, 4], "backup_mw": [6.0, 4, 3],
    })  # fmt: skip
    fig = plan.power(views.power_by_site(power))
    assert fig.data[0].y[0] == 10.0 and fig.data[2].y[0] == 10.0  # hosts of one site share its grid
    assert "MW" in axis_titles(fig)[1]


def test_control_waterfall_ends_at_the_score_and_gathers_the_small() -> None:
    control = pd.DataFrame(
        {"decision": [f"d{i}" for i in range(12)], "points": [12.0 - i for i in range(12)]}
    )
    fig = plan.control_waterfall(views.control_by(control))
    bar = fig.data[0]
    assert bar.measure[-1] == "total" and bar.y[-1] == pytest.approx(control["points"].sum())
    assert sum(bar.y[:-1]) == pytest.approx(bar.y[-1])
    assert len(bar.x) == 11
    assert bar.text[0] == "+12", "totals print 0 without their own text"


def test_what_binds_adds_the_periods_of_a_limit_and_names_its_unit() -> None:
    prices = pd.DataFrame({
        "rule": ["quota_per_period", "quota_per_period", "site_grid", "demand_balance"],
        "index": ["jv,0", "jv,1", "haenam,1", "chat,1"], "t": [0, 1, 1, 1],
        "label": ["2027-Q1", "2027-Q2", "2027-Q2", "2027-Q2"], "dual": [-0.004, -0.003, -9.0, 50.0],
        "unit": ["accelerators", "accelerators", "MW", "1000 reference accelerators"],
        "meaning": ["quota jv in 2027-Q1", "quota jv in 2027-Q2", "grid at haenam in 2027-Q2", "more of chat in 2027-Q2"],
    })  # fmt: skip
    table = views.binding(prices)
    assert table["name"].tolist() == ["Grid at haenam", "Quota jv"], (
        "by worth; the cost of demand is no limit"
    )
    assert table["worth_musd"].tolist() == pytest.approx([9.0, 7.0])
    assert table.loc[1, ["unit", "from", "to", "periods"]].tolist() == [
        f"{number(1000)} accelerators",
        "2027-Q1",
        "2027-Q2",
        2,
    ]
    fig = plan.what_binds(table)
    assert list(fig.data[0].x) == pytest.approx([7.0, 9.0])
    assert fig.data[0].text[1] == "9 per MW" and fig.data[1].text[1] == "Grid at haenam"
    assert views.binding(prices, marginal=True)["name"].tolist() == ["chat"]


def test_gantt_marks_the_critical_path_and_shows_instants() -> None:
    milestones = pd.DataFrame({
        "h": ["north", "north", "", ""], "w": ["", "", "chat", ""], "kind": ["grid", "hardware", "first service", "stack"],
        "item": ["20 MW", "b300", "", "open"],
        "start_date": pd.to_datetime(["2027-01-01", "2027-03-01", "2028-01-01", None]),
        "end_date": pd.to_datetime(["2028-01-01", "2027-09-01", "2028-01-01", None]), "critical": [True, False, True, False],
    })  # fmt: skip
    fig = gantt.gantt(milestones)
    bars = {trace.y[0]: trace for trace in fig.data}
    grid = bars["north · Grid connection, works: 20 MW"]
    assert grid.base[0] == "2027-01-01"
    assert grid.x[0] == 365 * gantt.DAY_MS
    assert bars["chat · Opens"].x[0] > 0, "an instant must be visible"
    assert sum("◆" in name.text for name in fig.layout.annotations) == 2
    assert len(bars) == 3, "rows without dates are not drawn"
    assert [name.y for name in fig.layout.annotations] == [*fig.layout.yaxis.categoryarray[::-1]], (
        "a name a row"
    )
    assert not fig.layout.showlegend, "fourteen kinds would leave a phone no room for the bars"


def test_gantt_draws_float_and_says_what_is_waited_for() -> None:
    milestones = pd.DataFrame({
        "h": ["north", "north"], "w": "", "kind": ["permit", "hall"], "item": ["open north", "modular"],
        "start_date": pd.to_datetime(["2027-01-01", "2028-01-01"]), "end_date": pd.to_datetime(["2028-01-01", "2028-10-01"]),
        "critical": [True, False], "float_months": [0.0, 3.0], "after": ["", "permit"],
    })  # fmt: skip
    fig = gantt.gantt(milestones)
    loose = next(trace for trace in fig.data if trace.name == "Float")
    assert loose.base[0] == "2027-10-02" and loose.x[0] == 91 * gantt.DAY_MS
    hall = next(trace for trace in fig.data if trace.name == "Hall")
    assert "3 months of float" in hall.customdata[0][2] and "waits for permit" in hall.customdata[0][2]
    milestones["after"] = ["", "permit, grid application grid-firm, plant permit pv"]
    table = gantt.told(milestones)
    assert table["after"].tolist() == ["", "permit, grid connection, application, permits of plant"]
    assert not {"line", "shown", "place"} & set(table), "what only the drawing needs"


def test_gantt_tells_parts_that_overlap_apart_and_all_leases_in_one_row() -> None:
    many = pd.DataFrame({
        "h": "north", "w": "", "kind": ["hardware"] * 3 + ["lease"] * 2, "item": ["b300"] * 3 + ["2 MW IT", "0.5 MW IT"],
        "start_date": pd.to_datetime(["2027-01-01", "2027-04-01", "2027-07-01", "2028-01-01", "2029-01-01"]),
        "end_date": pd.to_datetime(["2027-10-01", "2028-01-01", "2028-04-01", "2028-01-01", "2029-01-01"]),
        "critical": False,
    })  # fmt: skip
    fig = gantt.gantt(many)
    notches = next(trace for trace in fig.data if trace.marker.color == gantt.NOTCHED)
    rows = ["north · Hardware: b300"] * 2 + ["north · Colocation lease"]
    assert list(notches.y) == rows, "the last of a row needs none"
    ends = pd.to_datetime(list(notches.base)) + pd.to_timedelta(notches.x, unit="ms")
    assert abs(ends - pd.to_datetime(["2027-10-01", "2028-01-01", "2028-01-01"])).max() < pd.Timedelta(days=2)
    leases = next(trace for trace in fig.data if trace.name == "Colocation lease")
    assert ["2 MW IT" in text[2] for text in leases.customdata] == [True, False]


LONG = [f"Ministry of the same long name, department of the same long name, office {i}" for i in range(40)]
"""Titles that are one once they are cut."""


def test_gantt_draws_every_row_by_its_id_and_writes_its_title() -> None:
    many = pd.DataFrame({
        "h": [f"h{i}" for i in range(90)], "h_title": [LONG[0]] * 90, "w": "", "kind": "order", "item": "x",
        "critical": [i == 89 for i in range(90)],
        "start_date": pd.Timestamp("2027-01-01"), "end_date": pd.Timestamp("2027-06-01"),
    })  # fmt: skip
    fig = gantt.gantt(many)
    assert len(set(fig.data[0].y)) == 90
    assert len(fig.layout.annotations) == 90 and all(
        "· order" in name.text for name in fig.layout.annotations
    )


def test_limits_of_unlike_units_rank_by_a_step_no_larger_than_the_limit() -> None:
    """Of a survival that holds 0.087 thousand, a thousand more is no step; of a wait of 12 months, a month is one."""
    prices = pd.DataFrame({
        "rule": ["survive", "max_delay_by_workload", "site_grid"], "index": ["site,chat,s,1", "chat", "s,1"],
        "t": [1, -1, 1], "label": ["2031-Q1", "", "2031-Q1"], "dual": [-2.5, -0.8, -9.0],
        "unit": ["1000 reference accelerators", "months", "MW"], "limit": [0.087, 12.0, 0.05],
        "meaning": ["survival of chat without s (site) in 2031-Q1", "waiting of chat", "grid at s in 2031-Q1"],
    })  # fmt: skip
    table = views.binding(prices)
    assert table["unit"].tolist() == ["month", "0.01 MW", "10 ref. accel."]
    assert table["worth_musd"].tolist() == pytest.approx([0.8, 0.09, 0.025])
    unsized = views.binding(prices.drop(columns="limit"))["unit"]  # a run that does not hold sizes
    assert unsized.tolist() == ["MW", f"{number(1000)} ref. accel.", "month"]


def test_forty_workloads_with_long_names_are_all_drawn() -> None:
    ids = [f"w{i}" for i in range(40)]
    rows = pd.DataFrame({
        "w": ids, "w_title": LONG, "t": 0, "label": "2027Q1", "start_date": pd.Timestamp("2027-01-01"),
        "end_date": pd.Timestamp("2027-04-01"), "served_share": 1.0, "fell": False,
    })  # fmt: skip
    drawn = answer.service(rows)
    assert set(drawn.data[0].y) == set(ids)
    assert len(set(drawn.layout.yaxis.ticktext)) == 40, "names that begin alike are cut in the middle"
    amounts = rows.assign(demand_kref=[float(i) for i in range(40)], served_kref=1.0, unserved_kref=0.0)
    stacked = plan.capacity_against_demand(amounts)
    bars = [trace for trace in stacked.data if trace.type == "bar"]
    assert len(bars) == 8 and bars[-1].name == "33 more workloads"
    assert sum(sum(bar.y) for bar in bars) == 40
    limits = pd.DataFrame({"name": LONG, "worth_musd": 1.0, "unit": "MW", "from": "a", "to": "b"})
    assert len(set(plan.what_binds(limits).data[0].y)) == 40


def test_each_cooling_technology_has_a_scale_of_its_own() -> None:
    rows = {
        "t": 0,
        "label": "2027-Q1",
        "c": ["air", "liquid"],
        "capacity_mw": [1.0, 50.0],
        "heat_peak_mw": [0.2, 40.0],
    }
    fig = plan.cooling(pd.DataFrame(rows))
    assert [trace.yaxis for trace in fig.data] == ["y", "y", "y2", "y2"]
    assert fig.layout.yaxis2.domain[1] < fig.layout.yaxis.domain[0] and fig.layout.xaxis.anchor == "y2"


def test_limits_span_the_bars_and_leave_gaps_where_there_is_none() -> None:
    rows = {"t": [0, 1], "label": ["2027-Q1", "2027-Q2"]}
    power = pd.DataFrame(rows | {"p": ["s", "r"], "facility_peak_mw": 1.0, "grid_mw": [2.0, 3.0]})
    cooling = pd.DataFrame(rows | {"c": "air", "capacity_mw": [2.0, 3.0], "heat_peak_mw": 1.0})
    cover = pd.DataFrame(
        rows
        | {"dscr": 1.4, "trailing_dscr": 1.3, "in_default": False, "lock_up_dscr": 1.1, "default_dscr": 1.05}
    )
    for fig, limits in ((plan.power(power), 2), (plan.cooling(cooling), 1), (finance.cover_strip(cover), 2)):
        lines = [trace for trace in fig.data if trace.xaxis == "x2"]
        assert len(lines) == limits
        for line in lines:
            assert (line.x[0], line.x[-1]) == tuple(fig.layout.xaxis2.range) == (-0.5, 1.5)
            assert list(line.customdata) == ["2027-Q1", "2027-Q1", "2027-Q2", "2027-Q2"]
    first, second = (trace for trace in plan.power(power).data if trace.xaxis == "x2")
    assert list(first.y) == [2.0, 2.0, None, None] and list(second.y) == [None, None, 3.0, 3.0]
    assert [trace.showlegend for trace in plan.power(power).data].count(False) == 1, "one key for all sites"


def test_labels_of_near_sites_stand_apart() -> None:
    korea = pd.DataFrame(
        {
            "p": ["ulsan", "haenam", "busan"], "name": ["Ulsan", "Haenam (Solaseado)", "Busan"], "it_mw": [34.6, 6.55, 1.47],
            "lat": [35.54, 34.57, 35.18], "lon": [129.31, 126.6, 129.07],
        }
    )  # fmt: skip
    assert places._sides(korea, 34.6, *places._window(korea)) == {
        "ulsan": "middle right", "haenam": "middle right", "busan": "bottom center",
    }  # fmt: skip


def test_a_label_stands_within_a_map_that_fills_its_chart() -> None:
    """Beside a site at the east of all a long label would be cut; a map as tall as the sites lie apart would be narrow."""
    wide = pd.DataFrame({
        "p": ["west", "east"], "name": ["West", "Eastern District"], "it_mw": 1.0, "lat": 36.0, "lon": [127.0, 140.0],
    })  # fmt: skip
    assert places._sides(wide, 1.0, *places._window(wide)) == {"west": "middle right", "east": "top center"}
    tall = wide.assign(lat=[-26.2, -1.3], lon=[28.0, 36.8])
    lon, lat = places._window(tall)
    shape = (lon[1] - lon[0]) * places.SHAPE**-1 * np.cos(np.radians(sum(lat) / 2))
    assert shape == pytest.approx(lat[1] - lat[0])
    assert min(-26.2 - lat[0], lat[1] + 1.3) > 0.1 * (lat[1] - lat[0]), "no bubble is cut by the frame"


def test_map_keeps_empty_sites_and_sizes_the_used() -> None:
    table = pd.DataFrame({
        "p": ["n", "s"], "name": ["North", "South"], "lat": [37.0, 35.0], "lon": [127.0, 129.0], "iso3": "KOR",
        "hosts": ["h", ""], "modes": ["build", ""], "accelerators": [900.0, 0.0], "it_mw": [3.2, 0.0],
    })  # fmt: skip
    before = table.assign(it_mw=[0.8, 0.0], year=2027)
    fig = places.sites(pd.concat([before, table.assign(year=2028)]))
    assert [trace.marker.symbol for trace in fig.data] == ["circle", "circle-open"] * 2
    assert [trace.meta for trace in fig.data if trace.visible] == [2028, 2028], (
        "the end of the horizon, until asked"
    )
    assert "0.8 MW" in fig.data[0].text[0] and "3.2 MW" in fig.data[2].text[0]
    assert fig.data[0].marker.size[0] == pytest.approx(10 + 26 / 2) and fig.data[2].marker.size[0] == 36
    assert fig.layout.geo.fitbounds is False
    assert fig.layout.geo.lataxis.range[0] < 35 < 37 < fig.layout.geo.lataxis.range[1]


# ---- capital ------------------------------------------------------------------------------------------


def test_needs_add_up_whatever_they_are_split_by(ledger) -> None:
    paid = ledger[ledger["kind"].isin(capital.CAPITAL_KINDS)]["musd"].sum()
    for by in capital.SPLITS:
        assert capital.needs(ledger, by)["musd"].sum() == pytest.approx(paid), by
        assert capital.calendar(ledger, by)["total"].sum() == pytest.approx(paid), by


def test_needs_gather_the_smallest_as_other(ledger) -> None:
    table = capital.needs(ledger, "account", top=1)
    assert set(table["account"]) == {"goods", "other"}
    bars = plan.ledger_bars(table, "account")
    assert [trace.name for trace in bars.data] == ["Systems", "other"]


def test_calendar_has_every_quarter_and_no_residual(ledger) -> None:
    table = capital.calendar(ledger, "account")
    assert table["label"].tolist() == LABELS[:4]
    assert table.set_index("label").at["2027-Q1", "total"] == 100.0
    assert "residual" not in table.columns


def test_funding_peak_is_before_the_grant_and_ignores_the_provider(ledger) -> None:
    table, peak = capital.funding(ledger, 3)
    assert peak == capital.Funding(192.0, "2027-Q3")
    assert table["outlay_total_musd"].iloc[-1] == pytest.approx(137.0)
    assert table["cumulative_musd"].iloc[-1] == pytest.approx(132.0)  # staff is paid from service
    assert capital.funding(ledger, 2)[1] == capital.Funding(
        180.0, "2027-Q2"
    )  # and rent, once there is service before
    fig = plan.cumulative_funding(table, peak.label, peak.musd)
    assert max(fig.data[1].y) == peak.musd
    assert "192" in fig.data[2].text[0]


def test_residual_is_shown_apart(ledger) -> None:
    assert capital.residuals(ledger)["musd"].tolist() == [-70.0]
    assert not (capital.outlays(ledger, capital.OUTLAY_KINDS)["kind"] == "residual").any()


def test_sankey_conserves_money_at_every_account(ledger) -> None:
    links = capital.flows(ledger)
    into = links[links["stage"] == "source"].groupby("target")["musd"].sum()
    out = links[links["stage"] == "use"].groupby("source")["musd"].sum()
    assert into.to_dict() == out.to_dict()
    assert into.sum() == 220.0
    fig = sankey.sources_and_uses(links, {})
    assert sum(fig.data[0].link.value) == 2 * 220.0
    assert any(label.startswith("The country · 180") for label in fig.data[0].node.label)


# ---- other view tables ----------------------------------------------------------------------------------


def test_bill_of_materials_adds_orders_and_keeps_the_first_dates() -> None:
    orders = pd.DataFrame({
        "h": "north", "a": "open", "k": "b300", "t": [0, 1, 2], "accelerators": [80.0, 160, 0], "units": [10, 20, 0],
        "order_date": pd.to_datetime(["2026-10-01", "2027-01-01", "2027-04-01"]),
        "live_date": pd.to_datetime(["2027-01-01", "2027-04-01", "2027-07-01"]), "musd": [4.0, 8.0, 0.0],
        "retire_date": pd.to_datetime(["2032-01-01"] * 3),
    })  # fmt: skip
    table = views.bill_of_materials({"orders": orders})
    assert table.loc[0, ["in_all", "booked_musd", "name"]].tolist() == [240.0, 12.0, "open · b300"]
    assert table.loc[0, "last_live"] == pd.Timestamp("2027-04-01")
    assert views.bill_of_materials({}).columns.tolist() == views.BOM_COLUMNS


def test_unmet_demand_gathers_quarters_of_one_reason() -> None:
    unmet = pd.DataFrame({
        "w": ["chat"] * 3, "t": [0, 1, 2], "label": LABELS[:3], "unserved_share": [1.0, 0.4, 0.0],
        "reason": ["lead", "lead", ""],
    })  # fmt: skip
    table = views.unmet_by_workload(unmet)
    assert table.iloc[0].tolist() == ["chat", "lead", "2027-Q1", "2027-Q2", 2, 1.0]
    assert len(table) == 1


def test_kpi_cards_know_good_news_from_bad() -> None:
    def kpi(**values):
        return pd.DataFrame({"kpi": list(values), "value": list(values.values()), "unit": "u"})

    now = kpi(control_score=60.0, cost_npv_musd=900.0, accelerators=5.0)
    cards = kpis.kpi_cards(now, kpi(cost_npv_musd=1000.0, control_score=70.0, accelerators=4.0))
    found = cards.set_index("kpi")
    assert cards["kpi"].tolist() == ["cost_npv_musd", "control_score", "accelerators"], "headline order"
    assert found.at["cost_npv_musd", "verdict"] == "better"
    assert found.at["control_score", "verdict"] == "worse"
    assert found.at["accelerators", "verdict"] == ""
    assert kpis.kpi_cards(now)["verdict"].tolist() == ["", "", ""]


def test_runs_side_by_side_show_differences_to_the_baseline() -> None:
    one = pd.DataFrame(
        {
            "kpi": ["delay_months", "first_service_date"],
            "value": [3.0, "2027-04-01"],
            "unit": ["months", "date"],
        }
    )
    two = pd.DataFrame({"kpi": ["delay_months", "new"], "value": [5.0, 1.0], "unit": ["months", ""]})
    table = kpis.results_side_by_side({"a": one, "b": two}, baseline="b").set_index("kpi")
    assert table.at["delay_months", "Δ a"] == -2.0
    assert np.isnan(table.at["new", "Δ a"])
    assert "Δ b" not in table.columns


def test_terms_fall_back_to_the_name_itself() -> None:
    assert term("account", "halls") == "Halls"
    assert term("account", "my-own") == "my-own"
    assert kpi_label("capex_musd.cloud-co") == "Capital outlay, all payers: cloud-co"
    assert heading("some_new_mw") == "some new mw"


def test_figures_are_plain_json(points, ledger) -> None:
    """A figure travels to the browser: no numpy scalar or timestamp may be left that JSON cannot carry."""
    for fig in (
        frontier.frontier(points),
        frontier.parallel(points),
        sankey.sources_and_uses(capital.flows(ledger), {}),
    ):
        assert json.loads(fig.to_json())["data"]


def test_noise_of_the_solver_is_no_difference_in_control(points: pd.DataFrame) -> None:
    same = points.assign(control_score=67.5 + 1e-14 * np.arange(len(points)))
    marker = frontier.frontier(same).data[0].marker
    assert marker.cmax - marker.cmin == pytest.approx(1.0)
    lines = frontier.parallel(same, ["cost_npv_musd", "control_score"]).data
    assert {line.y[1] for line in lines} == {0.5}
    assert {line.line.color for line in lines} == {frontier.CONTROL_SCALE[1][1]}, "the colour of the scatter"
