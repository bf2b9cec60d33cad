"""The finance of a plan on the page of capital: figures with their meaning, sources and uses, cover, downside cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import html

from planner.app.components import kpi, layout
from planner.app.components.chart import chart, table_section
from planner.app.state.finance import cases, downsides, finance
from planner.app.state.result import Result
from planner.facts.numbers import number, percent
from planner.finance.tables import CAUTIONS, FAULTS
from planner.intake.fields import Field
from planner.intake.scenario_file import placed
from planner.report import finance as views
from planner.report.charts import finance as charts
from planner.report.field_labels import path_words
from planner.report.names import spoken_ids
from planner.report.strings import t
from planner.report.terms import term

PAGE = "capital"
MONEY, CASE = "capital-money", "capital-case"
MONIES = ("nominal", "real", "shown")
DEFAULTS: dict[str, Any] = {"money": "nominal", "case": ""}
CARDS = (
    "uses_musd", "equity_musd", "peak_debt_musd", "peak_equity_musd", "min_dscr", "min_llcr", "equity_irr",
    "resource_cost_quarter_ends_musd", "cost_after_finance_musd", "support_musd",
)  # fmt: skip
State = dict[str, Any]


def _tables(one: Result, state: State) -> dict[str, pd.DataFrame]:
    return finance(one, state["case"])


def _as_signed(one: Result, name: str) -> pd.DataFrame:
    return pd.DataFrame() if FAULTS in finance(one) else downsides(one)[name]


TABLES: dict[str, Callable[[Result, State], pd.DataFrame]] = {
    "funding-sources": lambda one, s: views.funding(_tables(one, s), s["money"]),
    "cover": lambda one, s: views.cover(_tables(one, s)),
    "tornado": lambda one, _: _as_signed(one, "finance_tornado"),
    "break-evens": lambda one, _: views.break_evens_shown(_as_signed(one, "finance_break_evens")),
    "tranches": lambda one, s: _tables(one, s).get("finance_sources", pd.DataFrame()),
    "statement": lambda one, s: views.yearly(_tables(one, s), s["money"]),
    "owners": lambda one, s: views.owners_by_year(_tables(one, s)),
    "commitments": lambda one, _: one.table("commitments"),
    "defaults": lambda one, s: _rounded(_tables(one, s).get("finance_defaults", pd.DataFrame())),
}  # fmt: skip


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Values that were filled in, those that are numbers as a reader writes them."""
    return table.assign(value=[as_read(value) for value in table["value"]]) if len(table) else table


def as_read(value: object) -> str:
    """A value by four digits where it is a fraction; else as it stands."""
    text = str(value)
    try:
        return number(float(text), 4) if "." in text else text
    except ValueError:
        return text


def checked(state: State, one: Result) -> State:
    """The state with values this plan does not know put back to their defaults."""
    return {
        "money": state["money"] if state["money"] in monies(one) else "nominal",
        "case": state["case"] if state["case"] in cases(one) else "",
    }


def monies(one: Result) -> list[str]:
    """Ways to state money: the currency shown only where it is not the dollar."""
    return [name for name in MONIES if name != "shown" or _currency(one) != "USD"]


def _currency(one: Result) -> str:
    return str(one.run.scenario.finance.currency.shown)


def controls(one: Result, state: State) -> dmc.Group:
    """Which money, and the downside switch."""
    options = [
        {"value": m, "label": _currency(one) if m == "shown" else t(f"capital.monies.{m}")}
        for m in monies(one)
    ]
    return dmc.Group(
        [
            html.Div(
                [
                    html.Div(t("capital.money"), className="control-label", id=f"{MONEY}-label"),
                    dmc.SegmentedControl(id=MONEY, data=options, value=state["money"], size="xs",
                                         **{"aria-labelledby": f"{MONEY}-label"}),
                ]
            ),
            dmc.Select(
                id=CASE, label=t("capital.case"), size="xs", w=240, clearable=True, value=state["case"] or None,
                placeholder=t("capital.as-signed"), data=[{"value": c, "label": term("downside", c)} for c in cases(one)],
            ),
        ],
        align="flex-end",
        gap="lg",
    )  # fmt: skip


def content(one: Result, state: State) -> list[Any]:
    """Everything under the controls."""
    tables = _tables(one, state)
    if FAULTS in tables:
        title = t("capital.case-fault" if state["case"] else "capital.finance-faults")
        return [layout.alert(title, _faults(one, tables[FAULTS]), kind="error")]
    shown = {name: view(one, state) for name, view in TABLES.items()}
    unit = t(f"capital.unit.{state['money']}", currency=_currency(one))
    figure = shown["tornado"]["figure"].iloc[0]
    axis = term("finance_figure", figure) + {"MUSD": ", MUSD"}.get(
        _units(tables["finance_figures"])[figure], ""
    )
    shown["defaults"] = _filled(shown["defaults"])
    wary = _faults(one, tables[CAUTIONS])
    return [
        *([layout.alert(t("capital.finance-cautions"), wary)] if wary else []),
        _figures(tables["finance_figures"]),
        html.P(_money_needed(one, tables["finance_figures"]), className="muted"),
        chart(PAGE, "funding-sources", charts.sources_and_uses(shown["funding-sources"], unit.partition(",")[0]),
              shown["funding-sources"], note=t("capital.funding-sources-note", unit=unit)),
        html.Div(
            [
                chart(PAGE, "cover", charts.cover_strip(shown["cover"]), shown["cover"], note=t("capital.cover-note")),
                chart(PAGE, "tornado", charts.tornado(shown["tornado"], axis), shown["tornado"],
                      note=t("capital.tornado-note")),
            ],
            className="two-up",
        ),
        *(table_section(PAGE, name, spoken_ids(shown[name], one.run.scenario), lead=t(f"capital.{name}-lead", unit=unit),
                        none=_none(name))
          for name in ("break-evens", "tranches", "statement", "owners", "commitments", "defaults")),
    ]  # fmt: skip


def _units(table: pd.DataFrame) -> dict[str, str]:
    """Key figure -> its unit."""
    return dict(zip(table["figure"], table["unit"].astype(str), strict=True))


def _filled(table: pd.DataFrame) -> pd.DataFrame:
    """What was filled in as it is read: fields in the editor's words, values with their unit."""
    if not len(table):
        return table
    fields = [str(field).removeprefix("finance.") for field in table["path"]]
    values = [_with_unit(value, field) for value, field in zip(table["value"], fields, strict=True)]
    return table.assign(path=[path_words(field) for field in fields], value=values)


def _with_unit(value: object, field: str) -> str:
    parts = (part.rstrip("]") for part in reversed(field.replace("[", ".").split(".")))
    unit = next((found for part in parts if (found := Field(part, "number").unit)), "")
    try:
        amount = float(str(value))
    except ValueError:
        return str(value)
    if unit in ("share/year", "0–1"):
        return percent(amount, 2) + (" " + t("capital.a-year") if unit == "share/year" else "")
    return f"{as_read(value)} {unit}".strip()


def _faults(one: Result, table: pd.DataFrame) -> list[Any]:
    """Each fault with its line in the run's frozen scenario; those of nothing that stands there without."""
    found = placed(one.run.path / "scenario.yaml", table.itertuples(index=False, name=None))
    lines = []
    for problem in found:
        where = t("capital.fault-line", line=problem.line) if problem.line > 1 else ""
        lines.append(html.P(f"{where}{problem.path}: {problem.message}"))
    return lines


def _none(name: str) -> str | None:
    return t("capital.commitments-none") if name == "commitments" else None


def _money_needed(one: Result, table: pd.DataFrame) -> str:
    """How the three figures of the money needed are related."""
    values = dict(zip(table["figure"], table["value"], strict=True))
    return t(
        "capital.money-needed",
        peak=number(one.run.kpi("peak_funding_musd")),
        uses=number(values["uses_musd"]),
        owners=number(values["peak_equity_musd"]),
    )


def _figures(table: pd.DataFrame) -> html.Div:
    """Key figures, each with what it means."""
    values = dict(zip(table["figure"], table["value"], strict=True))
    units = _units(table)

    def card(name: str) -> Any:
        rate = units[name] == "1/year"
        value = number(values[name])
        if rate:
            value, _, words = views.irr_words(values[name]).partition(" (")
            if words:
                return kpi.card(term("finance_figure", name), value, "", note=words.rstrip(")"))
        unit = "" if rate or units[name] == "x" else units[name]
        return kpi.card(term("finance_figure", name), value, unit, note=term("finance_meaning", name))

    return kpi.cards([card(name) for name in CARDS], 230)
