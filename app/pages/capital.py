"""Capital: when money is needed, for what, by whom, to which country it goes; from the plan's ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import ClientsideFunction, Input, Output, State, dcc, html

from planner.app.components import kpi, layout, result
from planner.app.components.attrs import attrs
from planner.app.components.chart import chart, deliverables, register_downloads, table_section
from planner.app.components.toolbar import toolbar
from planner.app.pages import add_page, capital_downsides, capital_finance, capital_tariff, capital_terms
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.finance import replanning
from planner.app.state.kept import kept
from planner.app.state.result import Result, load
from planner.facts.numbers import number
from planner.report import capital
from planner.report.charts import plan as charts
from planner.report.charts import sankey
from planner.report.names import catalogued, names_of
from planner.report.strings import t
from planner.report.terms import term

PAGE = "capital"
STATE, REF, DEFAULTS_ID, CONTENT = "capital-state", "capital-ref", "capital-defaults", "capital-content"
RUN, BY, WHAT, PAYER = "capital-run", "capital-by", "capital-what", "capital-payer"
SPLITS = ("account", "origin_iso3", "payer", "h", "kind")
FINANCE = "capital-finance"
DEFAULTS: dict[str, Any] = {"by": "account", "what": "capital", "payer": "", **capital_finance.DEFAULTS}
KINDS = {"capital": capital.CAPITAL_KINDS, "outlay": capital.OUTLAY_KINDS}


def _needs(one: Result, state: dict[str, Any]) -> pd.DataFrame:
    return capital.needs(one.table("ledger"), state["by"], KINDS[state["what"]], state["payer"] or None)


def _calendar(one: Result, state: dict[str, Any]) -> pd.DataFrame:
    return capital.calendar_told(
        one.table("ledger"), state["by"], KINDS[state["what"]], state["payer"] or None,
        names_of(one.run.catalog, state["by"]),
    )  # fmt: skip


def _funding(one: Result) -> tuple[pd.DataFrame, capital.Funding]:
    ledger = one.table("ledger")
    return capital.funding(ledger, capital.served_from(one.kpis, ledger))


TABLES: dict[str, Callable[[Result, dict[str, Any]], pd.DataFrame]] = {
    "needs": _needs,
    "funding": lambda one, _: _funding(one)[0],
    "flows": lambda one, _: capital.flows(one.table("ledger")),
    "composition": lambda one, _: capital.cost_composition(one.table("ledger")),
    "calendar": _calendar,
    "residual": lambda one, _: capital.residuals(one.table("ledger")),
    "assumptions": lambda one, _: one.table("assumptions"),
}


def checked(state: dict[str, Any], one: Result) -> dict[str, Any]:
    """The state with values this plan does not know put back to their defaults."""
    payers = set(one.table("ledger")["payer"])
    return {
        "by": state["by"] if state["by"] in SPLITS else "account",
        "what": state["what"] if state["what"] in KINDS else "capital",
        "payer": state["payer"] if state["payer"] in payers else "",
        **capital_finance.checked(state, one),
    }


def register(app: dash.Dash, services: Services) -> None:
    def page(id: str | None, **query: Any) -> Any:
        return result.shown(services, PAGE, id, lambda one: draw(one, services, query))

    add_page(PAGE, page)

    @app.callback(
        Output(CONTENT, "children"),
        Output(FINANCE, "children"),
        Output(STATE, "data"),
        Input(BY, "value"),
        Input(WHAT, "value"),
        Input(PAYER, "value"),
        Input(capital_finance.MONEY, "value"),
        Input(capital_finance.CASE, "value"),
        State(REF, "data"),
        prevent_initial_call=True,
    )
    def change(
        by: str, what: str, payer: str | None, money: str, case: str | None, ref: str
    ) -> tuple[Any, Any, dict[str, Any]]:
        one = load(services, ref)
        state = checked(
            {"by": by, "what": what, "payer": payer or "", "money": money, "case": case or ""}, one
        )
        asked = dash.ctx.triggered_id in (capital_finance.MONEY, capital_finance.CASE)
        same = dash.no_update
        return (same, financed(one, state), state) if asked else (drawn(one, state), same, state)

    app.clientside_callback(
        ClientsideFunction("charts", "keepState"),
        Output(DEFAULTS_ID, "data"),
        Input(STATE, "data"),
        State(DEFAULTS_ID, "data"),
        prevent_initial_call=True,
    )
    result.register_picker(app, RUN, REF)
    capital_downsides.register(app, services, REF)
    capital_tariff.register(app, services, REF)
    capital_terms.register(app, services, REF)
    cases = {capital_downsides.NAME: lambda one, _: capital_downsides.cases(one, replanning(services, one))}
    register_downloads(app, services, PAGE, REF, TABLES | capital_finance.TABLES | cases, STATE)


def draw(one: Result, services: Services, query: dict[str, Any]) -> html.Div:
    """The page of one plan, in the state the address names."""
    state = checked(url.parse(query, DEFAULTS), one)
    payers = sorted(set(one.table("ledger")["payer"]) - {""}, key=lambda p: (p != capital.PARTNER, p))
    return layout.page(
        f"{t('capital.title')}: {one.title}",
        result.other_facts(services, one.run),
        dcc.Store(id=REF, data=one.ref),
        dcc.Store(id=STATE, data=state),
        dcc.Store(id=DEFAULTS_ID, data=DEFAULTS),
        dmc.Group(
            [result.picker(RUN, services, one.ref), toolbar(*result.links(one, PAGE), deliverables(PAGE, one.ref))],
            justify="space-between",
        ),
        kept((PAGE, "figures", one.key), lambda: _figures(one)),
        html.Nav(
            [html.A(t(f"capital.part.{name}"), href=f"#{name}") for name in ("needs", "finance", "downsides")],
            className="contents",
            **attrs({"aria-label": t("capital.parts")}),
        ),
        html.H2(t("capital.part.needs"), id="needs", className="section-head"),
        dmc.Group(
            [
                _choice(BY, t("capital.by"), [(s, term("by", s)) for s in SPLITS], state["by"]),
                _choice(WHAT, t("capital.what"), [(k, t(f"capital.kinds.{k}")) for k in KINDS], state["what"]),
                dmc.Select(
                    id=PAYER, label=t("capital.payer"), size="xs", w=220, clearable=True, value=state["payer"] or None,
                    placeholder=t("capital.everyone"), data=[{"value": p, "label": term("payer", p)} for p in payers],
                ),
            ],
            align="flex-end",
            gap="lg",
        ),
        html.Div(drawn(one, state), id=CONTENT, className="tab-content"),
        html.H2(t("capital.finance"), id="finance", className="section-head"),
        html.P(t("capital.finance-lead"), className="muted"),
        capital_finance.controls(one, state),
        capital_terms.block(services, one),
        capital_tariff.block(one),
        html.Div(financed(one, state), id=FINANCE, className="tab-content"),
        html.Div(capital_downsides.block(services, one), id="downsides"),
        lead=t("capital.lead"),
        actions=result.badges(services, one),
    )  # fmt: skip


def _choice(id: str, label: str, options: list[tuple[str, str]], value: str) -> html.Div:
    return html.Div(
        [
            html.Div(label, className="control-label", id=f"{id}-label"),
            dmc.SegmentedControl(
                id=id, data=[{"value": v, "label": words} for v, words in options], value=value, size="xs",
                className="wraps", **{"aria-labelledby": f"{id}-label"},
            ),
        ]
    )  # fmt: skip


def _figures(one: Result) -> html.Div:
    """The figures a financier asks for first."""
    values = dict(zip(one.kpis["kpi"], one.kpis["value"], strict=True))
    _, peak = _funding(one)
    left = capital.residuals(one.table("ledger"))
    partner = left.loc[left["payer"] == capital.PARTNER, "musd"].sum()
    note = t("capital.kpi.peak-when", quarter=peak.label) if peak.label else None
    return kpi.cards(
        [
            kpi.card(t("capital.kpi.partner"), number(values.get("capex_partner_musd")), "MUSD"),
            kpi.card(t("capital.kpi.total"), number(values.get("capex_musd")), "MUSD"),
            kpi.card(t("capital.kpi.peak"), number(values.get("peak_funding_musd")), "MUSD", note=note),
            kpi.card(t("capital.kpi.outlay"), number(values.get("total_outlay_musd")), "MUSD"),
            kpi.card(t("capital.kpi.year"), number(values.get("peak_year_outlay_musd")), "MUSD"),
            kpi.card(t("capital.kpi.residual"), number(-partner), "MUSD"),
        ]
    )


def drawn(one: Result, state: dict[str, Any]) -> Any:
    """``content``, drawn once for all readers."""
    asked = [state[name] for name in ("by", "what", "payer")]
    return kept((PAGE, one.key, *asked), lambda: content(one, state))


def financed(one: Result, state: dict[str, Any]) -> Any:
    """The finance of the plan, drawn once for all readers."""
    asked = [state[name] for name in capital_finance.DEFAULTS]
    return kept((PAGE, "finance", one.key, *asked), lambda: capital_finance.content(one, state))


def content(one: Result, state: dict[str, Any]) -> list[Any]:
    """Charts and tables for one split, kind of payment and payer."""
    year = one.price_year
    shown = {name: view(one, state) for name, view in TABLES.items()}
    payer = term("payer", state["payer"]) if state["payer"] else t("capital.everyone")
    what = t(f"capital.kinds.{state['what']}")
    funding, peak = _funding(one)
    catalog = one.run.catalog
    countries = names_of(catalog, "origin_iso3")
    return [
        chart(PAGE, "needs", charts.ledger_bars(shown["needs"], state["by"], called=names_of(catalog, state["by"])),
              catalogued(shown["needs"], catalog),
              note=t("capital.needs-note", what=what, payer=payer, year=year)),
        chart(PAGE, "funding", charts.cumulative_funding(funding, peak.label, peak.musd), shown["funding"],
              note=t("capital.funding-note", year=year)),
        chart(PAGE, "flows", sankey.sources_and_uses(shown["flows"], countries), sankey.told(shown["flows"], countries),
              note=t("capital.flows-note", year=year), wide=True),
        table_section(PAGE, "calendar", shown["calendar"], lead=t("capital.calendar-lead", year=year)),
        html.Div(
            [
                table_section(PAGE, "composition", shown["composition"], lead=t("capital.composition-note")),
                table_section(PAGE, "residual", shown["residual"], lead=t("capital.residual-lead"),
                              none=t("capital.residual-none")),
            ],
            className="two-up",
        ),
        table_section(PAGE, "assumptions", shown["assumptions"], lead=t("capital.assumptions-lead")),
    ]  # fmt: skip
