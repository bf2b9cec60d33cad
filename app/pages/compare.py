"""Compare: two to six runs, the inputs that differ and the results side by side."""

from __future__ import annotations

from collections import Counter
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import ClientsideFunction, Input, Output, State, dcc, html

from planner.app import ids
from planner.app.components import download, layout, result, table
from planner.app.components.chart import chart
from planner.app.components.toolbar import toolbar
from planner.app.pages import add_page
from planner.app.pages import compare_tables as tables
from planner.app.services import NotFound, Refused, Services
from planner.app.state import url
from planner.app.state.kept import kept
from planner.app.state.result import Result, load_plan
from planner.facts.numbers import MISSING
from planner.report.charts import plan as charts
from planner.report.field_labels import path_words
from planner.report.kpis import differences_in_cost, differences_in_service, results_side_by_side
from planner.report.names import spoken
from planner.report.strings import t
from planner.report.terms import readable
from planner.scenario.schema import Scenario

PAGE = "compare"
STATE, DEFAULTS_ID, RUNS, BASE, CONTENT = (
    f"{PAGE}-{x}" for x in ("state", "defaults", "runs", "base", "content")
)
MOST = 6
NOTES = r"(?:^|\.)(?:note|title)$"
"""Inputs that only explain: in the download, not on the screen."""
CHARTS = {
    "cost": ("cost_npv_musd", "MUSD"), "delay": ("delay_months", "months"), "control": ("control_score", "points"),
    "national": ("national_control", "points"), "funding": ("peak_funding_musd", "MUSD"),
}  # fmt: skip
DEFAULTS: dict[str, Any] = {"runs": [], "base": ""}


def register(app: dash.Dash, services: Services) -> None:
    add_page(PAGE, lambda **query: draw(services, query))

    @app.callback(
        Output(CONTENT, "children"),
        Output(STATE, "data"),
        Output(BASE, "data"),
        Output(BASE, "value"),
        Input(RUNS, "value"),
        Input(BASE, "value"),
        prevent_initial_call=True,
    )
    def change(
        chosen: list[str] | None, base: str | None
    ) -> tuple[Any, dict[str, Any], list[dict[str, str]], str | None]:
        refs = _distinct(chosen or [])
        base = base if base in refs else (refs[0] if refs else None)
        return drawn(services, refs, base), {"runs": refs, "base": base or ""}, _bases(services, refs), base

    @app.callback(
        Output(ids.DOWNLOAD, "data", allow_duplicate=True),
        Input(f"{PAGE}-xlsx", "n_clicks"),
        State(STATE, "data"),
        prevent_initial_call=True,
    )
    def send(clicks: int | None, state: dict[str, Any]) -> Any:
        if not clicks or len(state["runs"]) < 2:
            return dash.no_update
        found, names = comparison(services, state["runs"], state["base"])
        return download.send(
            services, f"compare-{'-'.join(names)}"[:120] + ".xlsx", download.xlsx_bytes(found)
        )

    app.clientside_callback(
        ClientsideFunction("charts", "keepState"),
        Output(DEFAULTS_ID, "data"),
        Input(STATE, "data"),
        State(DEFAULTS_ID, "data"),
        prevent_initial_call=True,
    )


def draw(services: Services, query: dict[str, Any]) -> html.Div:
    """The page in the state the address names."""
    state = url.parse(query, DEFAULTS)
    options = [{"value": row["id"], "label": result.run_label(row)} for row in result.choices(services)]
    refs = _distinct(state["runs"])
    known = {o["value"] for o in options}
    options += [{"value": r, "label": r} for r in refs if r not in known]
    base = state["base"] if state["base"] in refs else (refs[0] if refs else None)
    return layout.page(
        t("compare.title"),
        dcc.Store(id=STATE, data={"runs": refs, "base": base or ""}),
        dcc.Store(id=DEFAULTS_ID, data=DEFAULTS),
        dmc.Group(
            [
                dmc.MultiSelect(
                    id=RUNS, label=t("compare.runs"), data=options, value=refs, maxValues=MOST, searchable=True, w=760,
                    maw="calc(100vw - 40px)",
                    size="sm", clearable=True,
                ),
                dmc.Select(id=BASE, label=t("compare.baseline"), data=_bases(services, refs), value=base, w=560,
                           maw="calc(100vw - 40px)", size="sm", className="run-choice", allowDeselect=False),
                toolbar(download.button(f"{PAGE}-xlsx", "XLSX")),
            ],
            align="flex-end",
        ),
        html.Div(drawn(services, refs, base), id=CONTENT, className="tab-content"),
        lead=t("compare.lead"),
    )  # fmt: skip


def _distinct(refs: list[str]) -> list[str]:
    """The runs asked for, each once, as many as can be compared."""
    return list(dict.fromkeys(refs))[:MOST]


def _bases(services: Services, refs: list[str]) -> list[dict[str, str]]:
    """The runs that may be the baseline, by their names."""
    names = names_of(_results(services, refs))
    return [{"value": ref, "label": names.get(ref, ref)} for ref in refs]


def names_of(found: dict[str, Result]) -> dict[str, str]:
    """What each run is called: the title of its scenario; those of one title by their names, which differ at once."""
    titles = Counter(one.title for one in found.values())
    return {ref: one.title if titles[one.title] == 1 else ref for ref, one in found.items()}


def _results(services: Services, refs: list[str]) -> dict[str, Result]:
    """The results that can be opened; two of one name keep their references."""
    found: dict[str, Result] = {}
    for ref in refs:
        try:
            found[ref] = load_plan(services, ref)
        except (NotFound, Refused):
            continue
    return found


def comparison(services: Services, refs: list[str], base: str) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Sheets ``inputs`` and ``results`` as shown, and the names of the runs in order, the baseline first."""
    from planner.runs.compare import compare_runs

    found = _results(services, refs)
    ordered = sorted(found, key=lambda ref: ref != base)
    inputs = compare_runs([found[ref].run for ref in ordered]).inputs
    results = results_side_by_side({ref: found[ref].kpis for ref in ordered}, base)
    return {"results": results, "inputs": inputs}, ordered


def drawn(services: Services, refs: list[str], base: str | None) -> Any:
    """``content``, drawn once for all readers of the same runs; what cannot be opened is asked for each time."""
    found = _results(services, refs)
    if len(found) < max(len(refs), 2):
        return content(services, refs, base)
    key = (PAGE, base, *((ref, one.key) for ref, one in found.items()))
    return kept(key, lambda: content(services, refs, base))


def content(services: Services, refs: list[str], base: str | None) -> list[Any]:
    """Charts of the headline measures, results with differences, inputs that differ."""
    found = _results(services, refs)
    missing = [ref for ref in refs if ref not in found]
    parts: list[Any] = []
    if missing:
        parts.append(layout.alert(t("compare.missing"), missing))
    if len(found) < 2:
        return [*parts, layout.empty(t("compare.too-few-title"), t("compare.too-few"), mark="columns-3")]
    names = names_of(found)
    unsound = {ref: one.run.audit_line for ref, one in found.items() if one.run.audit_fault}
    if unsound:
        lines = [f"{names[ref]}: {line}" for ref, line in unsound.items()]
        parts.append(layout.alert(t("compare.unsound"), lines, kind="error"))
    base = base if base in found else next(iter(found))
    sheets, ordered = comparison(services, list(found), base)
    outcomes = {names[ref]: found[ref].run.outcome for ref in ordered}
    results, inputs = sheets["results"], sheets["inputs"]
    parts.append(
        html.Div([_chart(name, results, ordered, found, names) for name in CHARTS], className="four-up")
    )
    parts.append(
        layout.section(
            t("compare.results"),
            *table.plain_table(
                tables.results(results, ordered, names), caption=t("compare.results"), names=names.values()
            ),
            *(html.P(line) for line in (*differences_in_service(outcomes), *differences_in_cost(outcomes))),
            lead=t("compare.results-lead", baseline=names[base]),
        )
    )
    parts += _beside(found, ordered, names)
    text = inputs[~inputs["path"].str.contains(NOTES)].astype(str).replace({"[]": MISSING, "-": MISSING})
    text.insert(0, "input", [words_of(path, found[base].run.scenario) for path in text["path"]])
    text = text.rename(columns=dict(zip(text.columns[2:], (names[ref] for ref in ordered), strict=True)))
    body = (
        table.plain_table(text, caption=t("compare.inputs"), names=names.values())
        if len(text)
        else [html.P(t("compare.inputs-none"))]
    )
    parts.append(layout.section(t("compare.inputs"), *body, lead=t("compare.inputs-lead")))
    return parts


def _beside(found: dict[str, Result], ordered: list[str], names: dict[str, str]) -> list[Any]:
    """What is built in each; of two, their finance with the reason of each difference."""
    sections = [("built", tables.built(found, ordered, names))]
    if len(ordered) == 2:
        first, second = ordered
        sections.append(
            ("finance", tables.finance(found[first], found[second], (names[first], names[second])))
        )
    return [
        layout.section(
            t(f"compare.{name}"),
            *table.plain_table(readable(rows), caption=t(f"compare.{name}"), names=names.values()),
            lead=t(f"compare.{name}-lead"),
        )
        for name, rows in sections
        if len(rows)
    ]


def words_of(path: str, scenario: Scenario) -> str:
    """An input in words: the thing by its title, the field as the editor calls it."""
    fields, _, entry = path.partition("[")
    known = {"demand": "w", "sites": "p", "hosts": "h"}.get(fields)
    id, _, rest = entry.partition("]")
    if known is None or not rest:
        return path_words(path)
    return f"{spoken(scenario, known).get(id, id)}: {path_words(rest.lstrip('.'))}"


def _chart(
    name: str, results: pd.DataFrame, ordered: list[str], found: dict[str, Result], names: dict[str, str]
) -> Any:
    kpi, unit = CHARTS[name]
    row = results[results["kpi"] == kpi][["words", "unit", *ordered]]
    years = sorted({one.price_year for one in found.values()})
    money = f"MUSD, {t('result.money', year=' / '.join(map(str, years)))}" if unit == "MUSD" else unit
    bars = charts.compare_bars(
        row, ordered, [names[ref] for ref in ordered], f"{t(f'compare.{name}-title')} ({unit})"
    )
    return chart(PAGE, name, bars, None, note=t("compare.note", unit=money), table_downloads=False)
