"""What the plan page shows: its tables by name (screen and download are the same), and its tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import dcc, html

from planner.app.components import layout, result
from planner.app.components.answer import answer_block
from planner.app.components.chart import chart, table_section
from planner.app.state import url
from planner.app.state.result import Result
from planner.case.build import build_case
from planner.case.registry import PURCHASES
from planner.facts.numbers import number, quantity
from planner.report import views
from planner.report.answer import FIGURES, capacity_by_place, limit_names, service_over_time
from planner.report.charts import answer as pictures
from planner.report.charts import gantt, places
from planner.report.charts import plan as charts
from planner.report.kpis import HEADLINE, kpi_cards
from planner.report.names import catalogued, spoken_ids, titled, titles
from planner.report.strings import t
from planner.report.terms import term
from planner.sizing.against import TABLES as COMPARED
from planner.sizing.against import against

PAGE = "plan"
ESTIMATE, ESTIMATED = "plan-estimate", "plan-estimated"
MAP_YEAR = "plan-map-year"
TABS = ("overview", "timeline", "sites", "control", "materials", "gaps")

SIDE_BY_SIDE = 10
"""Workloads up to which their service has room beside the capacity."""

View = Callable[[Result, Any], pd.DataFrame]


def kpis(one: Result, _services: Any = None) -> pd.DataFrame:
    return kpi_cards(one.kpis, names=None).drop(columns=["baseline", "delta", "verdict"])


def gantt_rows(one: Result, _services: Any = None) -> pd.DataFrame:
    rows = one.table("milestones")
    return gantt.told(rows) if len(rows) else rows


def binding_rows(one: Result) -> pd.DataFrame:
    rows = views.binding(one.table("prices"))
    return rows.assign(name=limit_names(rows["name"], one.run.scenario))


def marginal_rows(one: Result, _services: Any = None) -> pd.DataFrame:
    rows = views.binding(one.table("prices"), top=len(one.run.scenario.demand), marginal=True)
    return rows.assign(name=rows["name"].replace(titles(one.run.scenario, "w")))


def control_rows(by: str) -> View:
    def view(one: Result, _services: Any = None) -> pd.DataFrame:
        rows = views.control_by(one.table("control"), by)
        return rows.assign(**{by: [term("decision", v) for v in rows[by]]}) if by == "decision" else rows

    return view


def from_estimate(one: Result) -> pd.DataFrame:
    """The terms that lead from the quick estimate to the plan: what, accelerators, facility MW; they add up."""
    run = one.run
    beside = against(build_case(run.resolved, run.catalog), {name: one.table(name) for name in COMPARED})
    power = beside.facility_mw.set_index("term")["value"]
    rows = beside.accelerators[["term", "value"]].rename(columns={"value": "accelerators"})
    rows = rows.set_index("term").join(power.rename("facility_mw"), how="outer")
    order = list(dict.fromkeys([*beside.accelerators["term"], *beside.facility_mw["term"]]))
    return rows.reindex(order).rename_axis("term").reset_index()


def estimated(one: Result) -> Any:
    """The section of these terms: it takes the case, which is built in seconds."""
    return table_section(PAGE, "estimated", from_estimate(one), lead=t("plan.estimated-note"))


def why_not(one: Result, _services: Any = None) -> pd.DataFrame:
    rows = one.table("why_not")
    return views.why_not_summary(rows) if len(rows) else rows


TABLES: dict[str, View] = {
    "kpis": kpis,
    "standing": lambda one, _: capacity_by_place(one.table("fleet"), one.run.scenario),
    "served": lambda one, _: service_over_time(one.table("demand"), one.run.scenario),
    "capacity": lambda one, _: views.demand_against_capacity(one.table("demand")),
    "binding": lambda one, _: binding_rows(one),
    "marginal": marginal_rows,
    "gantt": gantt_rows,
    "openings": lambda one, _: views.openings(one.table("openings")),
    "training": lambda one, _: one.table("training"),
    "service": lambda one, _: one.table("service"),
    "map": lambda one, services: views.site_map_by_year(
        one.table("fleet"), one.run.scenario, services.catalog
    ),
    "power": lambda one, _: views.power_by_site(one.table("power")),
    "sources": lambda one, _: views.dispatch_by_source(
        one.table("dispatch"), one.table("generation"), one.table("power"), one.table("storage")
    ),
    "cooling": lambda one, _: views.cooling_by_technology(one.table("cooling")),
    "energy": lambda one, _: views.energy_by_host(one.table("power")),
    "survival": lambda one, _: views.least_left(one.table("survival")),
    "levels": lambda one, _: views.levels_reached(one.table("levels")),
    "agreements": lambda one, _: views.agreements_signed(
        {name: one.table(name) for name in ("agreements", "ordered_under")}
    ),
    "waterfall": control_rows("decision"),
    "objective": control_rows("objective_name"),
    "criteria": lambda one, _: one.table("control"),
    "materials": lambda one, _: views.bill_of_materials({p.name: one.table(p.name) for p in PURCHASES}),
    "estimated": lambda one, _: from_estimate(one),
    "orders": lambda one, _: one.table("orders"),
    "rents": lambda one, _: one.table("rents"),
    "unmet": lambda one, _: views.unmet_by_workload(one.table("unmet")),
    "whynot": why_not,
}


READ = (
    "materials", "orders", "rents", "openings", "whynot", "gantt", "energy", "service", "training", "levels", "agreements",
    "survival", "unmet", "sources", "cooling",
)  # fmt: skip
"""Tables that are only read: what the scenario or the catalog names stands by its name."""


def content(tab: str, one: Result, base: Result | None, services: Any) -> Any:
    """One tab of the page."""
    draw = {
        "overview": _overview, "timeline": _timeline, "sites": _sites, "control": _control, "materials": _materials,
        "gaps": _gaps,
    }[tab if tab in TABS else "overview"]  # fmt: skip

    def get(name: str) -> pd.DataFrame:
        table = TABLES[name](one, services)
        return (spoken_ids if name in READ else titled)(table, one.run.scenario)

    return html.Div(draw(one, base, get), className="tab-content")


def _overview(one: Result, base: Result | None, get: Callable[[str], pd.DataFrame]) -> list[Any]:
    year = one.price_year
    before = None if base is None else base.kpis
    capacity, binding, marginal = get("capacity"), get("binding"), get("marginal")
    standing, served = get("standing"), get("served")
    return [
        answer_block(one.run),
        result.kpi_cards(kpi_cards(one.kpis, before, FIGURES)),
        html.Div(
            [
                chart(PAGE, "standing", pictures.capacity(standing), standing, note=t("plan.standing-note")),
                chart(PAGE, "served", pictures.service(served), served, note=t("plan.served-note")),
            ],
            className="two-up" if served["w"].nunique() <= SIDE_BY_SIDE else "stack",
        ),
        result.kpi_cards(kpi_cards(one.kpis, before, tuple(name for name in HEADLINE if name not in FIGURES))),
        chart(PAGE, "capacity", charts.capacity_against_demand(capacity), capacity, note=t("plan.capacity-note")),
        chart(PAGE, "binding", charts.what_binds(binding), binding, note=t("plan.binding-note", year=year)),
        chart(PAGE, "marginal", charts.what_binds(marginal), marginal, note=t("plan.marginal-note", year=year)),
        table_section(PAGE, "kpis", _shown_kpis(get("kpis")), lead=t("plan.all-kpis-lead"), title=t("plan.all-kpis")),
    ]  # fmt: skip


def _timeline(one: Result, _base: Result | None, get: Callable[[str], pd.DataFrame]) -> list[Any]:
    steps = catalogued(titled(one.table("milestones"), one.run.scenario), one.run.catalog)
    runs = get("training")
    return [
        chart(PAGE, "gantt", gantt.gantt(steps), get("gantt"), note=t("plan.gantt-note"), wide=True),
        table_section(PAGE, "openings", get("openings"), lead=t("plan.openings-note")),
        table_section(PAGE, "service", get("service"), lead=t("plan.service-note")),
        *([table_section(PAGE, "training", runs, lead=t("plan.training-note"))] if len(runs) else []),
    ]


def _sites(one: Result, _base: Result | None, get: Callable[[str], pd.DataFrame]) -> list[Any]:
    sites, power, cooling = get("map"), get("power"), get("cooling")
    # by the names of the map; two sites at one place are told apart by their ids
    last = sites[sites["year"] == sites["year"].max()]
    same = last["name"].duplicated(keep=False)
    names = last["name"].where(~same, last["name"] + " (" + last["p"] + ")")
    power = power.assign(p_title=power["p"].map(dict(zip(last["p"], names, strict=True))))
    return [
        html.Div(
            [
                chart(
                    PAGE,
                    "map",
                    places.sites(sites),
                    sites,
                    note=t("plan.map-note"),
                    below=_years(sites["year"]),
                ),
                chart(PAGE, "power", charts.power(power), power, note=t("plan.power-note")),
            ],
            className="two-up",
        ),
        *_own_power(get("sources")),
        chart(PAGE, "cooling", charts.cooling(cooling), cooling, note=t("plan.cooling-note")),
        table_section(PAGE, "energy", get("energy"), lead=t("plan.energy-note")),
    ]


def _years(years: pd.Series) -> Any:
    """The year at whose end the map is looked at; nothing to choose where there is one."""
    first, last = int(years.min()), int(years.max())
    marks = [{"value": year, "label": str(year)} for year in range(first, last + 1)]
    return dmc.Slider(
        id=MAP_YEAR, min=first, max=last, value=last, step=1, marks=marks, label=None, updatemode="drag",
        thumbLabel=t("plan.map-year"), className="limit-slider", disabled=first == last,
    )  # fmt: skip


def _own_power(sources: pd.DataFrame) -> list[Any]:
    """What the grid and plant of its own give, where a plan has such plant."""
    if not len(sources):
        return []
    return [chart(PAGE, "sources", charts.sources(sources), sources, note=t("plan.sources-note"))]


def _control(one: Result, _base: Result | None, get: Callable[[str], pd.DataFrame]) -> list[Any]:
    decisions, objectives = get("waterfall"), get("objective")
    by_objective = charts.control_waterfall(objectives, "objective_name")
    return [
        chart(PAGE, "waterfall", charts.control_waterfall(decisions), decisions, note=t("plan.waterfall-note")),
        chart(PAGE, "objective", by_objective, objectives, note=t("plan.objective-note")),
        table_section(PAGE, "criteria", get("criteria"), lead=t("plan.criteria-note")),
        table_section(PAGE, "levels", get("levels"), lead=t("plan.levels-note"), none=t("plan.levels-none")),
        table_section(PAGE, "agreements", get("agreements"), lead=t("plan.agreements-note"), none=t("plan.agreements-none")),
        table_section(PAGE, "survival", get("survival"), lead=t("plan.survival-note"), none=t("plan.survival-none")),
        html.P(_link(t("plan.survival-ask"), url.href("whatif", one.ref))),
    ]  # fmt: skip


def _link(words: str, href: str) -> Any:
    return layout.link_button(words, href, "search", variant="default", size="xs")


def _materials(one: Result, _base: Result | None, get: Callable[[str], pd.DataFrame]) -> list[Any]:
    return [
        table_section(
            PAGE, "materials", get("materials"), lead=t("plan.materials-note", year=one.price_year)
        ),
        html.Div(
            layout.section(t("plan.estimated-title"), html.P(t("plan.estimated-wait"), className="muted")),
            id=ESTIMATED,
            role="status",
        ),
        dcc.Store(id=ESTIMATE, data=one.ref),  # its coming into the page has the terms worked out
        table_section(PAGE, "orders", get("orders")),
        table_section(PAGE, "rents", get("rents")),
    ]


def _gaps(_one: Result, _base: Result | None, get: Callable[[str], pd.DataFrame]) -> list[Any]:
    unmet, left_out = get("unmet"), get("whynot")
    return [
        table_section(PAGE, "unmet", unmet, lead=t("plan.unmet-note"), none=t("plan.unmet-none")),
        table_section(PAGE, "whynot", left_out, lead=t("plan.whynot-note"), none=t("plan.whynot-none")),
    ]


def _shown_kpis(rows: pd.DataFrame) -> pd.DataFrame:
    """KPIs as text: value with its unit, range, inside or outside, definition."""
    return pd.DataFrame(
        {
            "words": rows["words"],
            "value": [quantity(v, str(u)) for v, u in zip(rows["value"], rows["unit"], strict=True)],
            "range": [
                "" if low is None or low != low else f"{number(low)} – {number(high)}"
                for low, high in zip(rows["low"], rows["high"], strict=True)
            ],
            "inside": ["" if v is None or v != v else "yes" if v else "no" for v in rows["inside"]],
            "note": rows["note"],
        }
    )
