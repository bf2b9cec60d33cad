"""A question on the page of capital: at what tariff a loan is covered, from the flows of the plan as it stands."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Input, Output, State, dcc, html, no_update

from planner.app.components import layout
from planner.app.components.toolbar import button
from planner.app.services import Services
from planner.app.state.result import Result, load
from planner.facts.errors import PlannerError
from planner.facts.numbers import fixed, number, percent
from planner.finance.faults import FinanceError
from planner.finance.tariffs import LOAN, Loan, tariff
from planner.report.finance import irr_words
from planner.report.strings import t
from planner.runs.finance import plan_tables

ASK, ANSWER = "capital-tariff", "capital-tariff-answer"
SHARE, RATE, TENOR, DSCR = (f"capital-tariff-{x}" for x in ("share", "rate", "tenor", "dscr"))
PERCENT = 100.0
TERMS = f"finance.sources[{LOAN}]"
"""Where a fault of the loan itself stands, beside one of the price that would cover it."""


def register(app: dash.Dash, services: Services, ref: str) -> None:
    """``ref`` is the id of the store with the plan shown."""

    @app.callback(
        Output(ANSWER, "children"),
        Input(ASK, "n_clicks"),
        State(SHARE, "value"),
        State(RATE, "value"),
        State(TENOR, "value"),
        State(DSCR, "value"),
        State(ref, "data"),
        prevent_initial_call=True,
    )
    def tell_tariff(clicks: int | None, share: Any, rate: Any, tenor: Any, dscr: Any, shown: str) -> Any:
        if not clicks:
            return no_update
        return answered(load(services, shown), share, rate, tenor, dscr)


def block(one: Result) -> Any:
    """The question, filled with the catalog's usual loan."""
    usual = Loan.usual(one.run.scenario.catalog)
    fields = [
        _field(SHARE, PERCENT * usual.share, min=1, max=100),
        _field(RATE, "", min=0, max=100),
        _field(TENOR, "", min=0.25, max=50),
        _field(DSCR, usual.dscr, min=1, max=10),
    ]
    ask = button(ASK, t("whatif.tell"), "search", size="xs")
    answer = html.Div(id=ANSWER, role="status", className="answer")
    return layout.section(
        t("capital.tariff-title"),
        html.Div([*fields, ask], className="filter-bar"),
        dcc.Loading(answer, color="var(--mantine-primary-color-filled)"),
        lead=t("capital.tariff-lead"),
    )


def _field(id: str, value: float | str, **limits: float) -> dmc.NumberInput:
    name = id.rpartition("-")[2]
    return dmc.NumberInput(
        id=id, label=t(f"capital.tariff-{name}"), value=value, placeholder=t("capital.tariff-usual"), size="xs", w=190,
        **limits,
    )  # fmt: skip


def answered(one: Result, share: Any, rate: Any, tenor: Any, dscr: Any) -> list[Any]:
    """The tariff in sentences, or why there is none."""
    if not share or not dscr:
        return [html.P(t("capital.tariff-say"))]
    loan = Loan(
        share=float(share) / PERCENT,
        dscr=float(dscr),
        rate_per_year=None if rate in (None, "") else float(rate) / PERCENT,
        tenor_years=float(tenor) if tenor else None,
    )
    try:
        found = tariff(one.run.scenario, plan_tables(one.run), loan)
    except FinanceError as error:
        refused = any(fault.path.startswith(TERMS) for fault in error.faults)
        title = t("capital.tariff-refused" if refused else "capital.tariff-none")
        said = dict.fromkeys(fault.message for fault in error.faults)
        return [layout.alert(title, [f"{text[:1].upper()}{text[1:]}." for text in said], kind="error")]
    except PlannerError as error:
        return [layout.alert(t("capital.tariff-none"), str(error).splitlines(), kind="error")]
    return [
        html.P(
            t(
                "capital.tariff-part",
                loan=fixed(found.loan_musd, 1),
                uses=number(found.uses_musd),
                share=percent(found.loan_musd / found.uses_musd),
            )
        ),
        html.P(t("capital.tariff-told", price=fixed(found.usd_per_hour, 2), dscr=number(found.min_dscr))),
        html.P(
            t(
                "capital.tariff-loan",
                rate=percent(found.rate_per_year, 2),
                tenor=number(found.tenor_years),
            )
        ),
        html.P(t("capital.tariff-owners", irr=irr_words(found.equity_irr))),
    ]
