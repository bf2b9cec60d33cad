"""Quick estimate: from demand to accelerators, megawatts and money in a second, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, dcc, html

from planner.app.components import download, figure, kpi, layout, table, toolbar
from planner.app.pages import add_page
from planner.app.pages.scenarios import listed, visible
from planner.app.services import Services
from planner.app.state import editing, url
from planner.app.state.estimate import scaled
from planner.app.state.kept import kept
from planner.facts.numbers import number
from planner.intake.scenario_file import example_path, examples
from planner.report.charts.estimate import ranges
from planner.report.strings import t
from planner.scenario.schema import Scenario
from planner.sizing.size import Sizing, size
from planner.sizing.words import sentences
from planner.sizing.words import table as steps

DEFAULTS = {"of": "korea", "inference": 1.0, "training": 1.0}
BASE, INFERENCE, TRAINING, OUT, QUERY, CSV, FILE = (
    "es-base", "es-inference", "es-training", "es-out", "es-query", "es-csv", "es-file",
)  # fmt: skip
MEASURES = (("facility_mw", "MW"), ("capex_musd", "MUSD"), ("accelerators", ""))
SHOWN = (*MEASURES, ("it_mw", "MW"), ("servers", ""), ("halls", ""), ("energy_gwh", "GWh"))
MARKS = [{"value": v, "label": f"{v:g} ×"} for v in (0.25, 1, 2, 3)]


def register(app: dash.Dash, services: Services) -> None:
    add_page(
        "estimate", lambda **query: _page(services, url.parse(query, DEFAULTS | {"of": _first(services)}))
    )

    @app.callback(
        Output(OUT, "children"),
        Output(QUERY, "data"),
        Input(BASE, "value"),
        Input(INFERENCE, "value"),
        Input(TRAINING, "value"),
    )
    def estimate(base: str, inference: float, training: float) -> Any:
        state = {"of": base, "inference": float(inference), "training": float(training)}
        return _shown(services, state), url.query(
            state, DEFAULTS | {"of": ""}
        )  # the default is another for everybody

    app.clientside_callback(
        ClientsideFunction("planner", "replaceQuery"), Input(QUERY, "data"), prevent_initial_call=True
    )

    @app.callback(
        Output(FILE, "data"),
        Input(CSV, "n_clicks"),
        dash.State(BASE, "value"),
        dash.State(INFERENCE, "value"),
        dash.State(TRAINING, "value"),
        prevent_initial_call=True,
    )
    def save(clicks: int | None, base: str, inference: float, training: float) -> Any:
        if not clicks:
            return dash.no_update
        sizing = size(
            scaled(_scenario(services, _text_of(services, base)), inference, training), services.catalog
        )
        return download.send(services, f"estimate-{base}.csv", download.csv_text(sizing.years))


def _page(services: Services, state: dict[str, Any]) -> html.Div:
    sliders = dmc.Paper(
        [
            dmc.Select(
                id=BASE, label=t("estimate.base"), data=_choices(services), value=state["of"], allowDeselect=False,
                searchable=True,
            ),
            _slider(INFERENCE, state["inference"]),
            _slider(TRAINING, state["training"]),
        ],
        withBorder=True,
        className="section sliders",
    )  # fmt: skip
    return layout.page(
        t("app.nav.estimate"),
        dcc.Store(id=QUERY),
        dcc.Download(id=FILE),
        sliders,
        dcc.Loading(
            html.Div(_shown(services, state), id=OUT, className="stack", role="status"),
            delay_show=300,
            color="var(--mantine-primary-color-filled)",
        ),
        lead=t("estimate.lead"),
        actions=[toolbar.toolbar(download.button(CSV, t("estimate.csv")))],
    )


def _slider(id: str, value: float) -> html.Div:
    name = id.removeprefix("es-")
    return html.Div(
        [
            html.Div(t(f"estimate.{name}"), className="slider-label", id=f"{id}-label"),
            dmc.Slider(
                id=id, value=value, min=0.25, max=3, step=0.05, marks=MARKS, updatemode="mouseup", mb="lg",
                thumbLabel=t(f"estimate.{name}"), labelAlwaysOn=False,
            ),
        ]
    )  # fmt: skip


def _first(services: Services) -> str:
    """The scenario that was worked on last, else an example."""
    mine = listed(services)
    return mine[0].id if mine else str(DEFAULTS["of"])


def _choices(services: Services) -> list[dict[str, Any]]:
    mine = [{"value": d.id, "label": d.title or d.name} for d in listed(services)]
    groups = [
        {"group": t("estimate.examples"), "items": [{"value": name, "label": name} for name in examples()]}
    ]
    return groups + ([{"group": t("scenario.mine"), "items": mine}] if mine else [])


def _text_of(services: Services, name: str) -> str:
    """The text of an example or of a draft the user may see."""
    return example_path(name).read_text("utf-8") if name in examples() else visible(services, name).text


def _scenario(services: Services, text: str) -> Scenario:
    """The scenario of a text; raises ``InputError`` for one with problems."""
    checked = editing.check(text, services.catalog)
    if checked.scenario is None:
        raise editing.InputError(checked.problems)
    return checked.scenario


def _shown(services: Services, state: dict[str, Any]) -> list[Any]:
    text = _text_of(services, state["of"])
    key = ("estimate", text, state["inference"], state["training"], services.catalog.hash)
    try:
        return list(kept(key, lambda: _drawn(services, _scenario(services, text), state)))
    except editing.InputError as error:
        return [layout.alert(t("scenario.check-invalid"), [str(p) for p in error.problems[:8]], kind="error")]


def _drawn(services: Services, scenario: Scenario, state: dict[str, Any]) -> list[Any]:
    sizing = size(scaled(scenario, state["inference"], state["training"]), services.catalog)
    money = t("app.unit.money", year=scenario.money.price_year)
    charts = [
        figure.graph(
            f"es-{measure}",
            ranges(sizing.years, measure, t(f"estimate.{measure}"), unit),
            t(f"estimate.{measure}-alt"),
            title=t(f"estimate.{measure}"),
            table=sizing.years[["year", *(f"{measure}_{level}" for level in ("low", "mid", "high"))]],
            height=300,
            note=f"{unit}, {money}" if "MUSD" in unit else unit,
        )
        for measure, unit in MEASURES[:2]
    ]
    return [
        layout.alert(t("estimate.rough"), [t("estimate.method", method=sizing.method)], kind="info"),
        layout.section(
            t("estimate.peak", year=int(sizing.peak["year"])),
            kpi.cards(cards(sizing, SHOWN)),
            lead=t("estimate.range", money=money),
        ),
        html.Div(
            [dmc.Paper(chart, withBorder=True, className="section") for chart in charts], className="two-up"
        ),
        layout.section(
            t("estimate.workloads"), *table.plain_table(_workloads(sizing), t("estimate.workloads"))
        ),
        layout.section(
            t("estimate.chains"),
            html.Ul([html.Li(text) for text in sentences(sizing.chains)]),
            html.H3(t("estimate.chains-steps")),
            *table.plain_table(_steps(sizing), t("estimate.chains-steps")),
            lead=t("estimate.chains-lead"),
        ),
        layout.section(
            t("estimate.assumptions"), *table.plain_table(sizing.assumptions, t("estimate.assumptions"))
        ),
    ]


def _steps(sizing: Sizing) -> Any:
    """Every step of the chains; the amounts are those after it, no published range."""
    rows = steps([found[:1] for found in sizing.chains.values()])
    return rows.rename(columns={level: t(f"estimate.after-{level}") for level in ("low", "mid", "high")})


def _workloads(sizing: Sizing) -> Any:
    last = sizing.workloads["year"].max()
    return sizing.workloads[sizing.workloads["year"] == last].drop(columns="tokens_per_s")


def _text(value: float) -> str:
    """Three figures, and no decimals for whole numbers such as halls."""
    return number(value)


def cards(sizing: Sizing, measures: Sequence[tuple[str, str]]) -> list[Any]:
    """Figures of the year of most power with their ranges: (measure, unit) each."""
    return [
        kpi.card(
            t(f"estimate.{name}"),
            _text(sizing.peak[f"{name}_mid"]),
            unit,
            note=t(
                "estimate.span",
                low=_text(sizing.peak[f"{name}_low"]),
                high=_text(sizing.peak[f"{name}_high"]),
            ),
        )
        for name, unit in measures
    ]
