"""What the pages of results share: choosing a run, the head with status and links, KPI cards, messages."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import ClientsideFunction, Input, Output, State, html

from planner.app import ids
from planner.app.components import format as fmt
from planner.app.components import kpi, layout, notify
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.result import Result, load, load_plan
from planner.app.state.stale import changed_draft
from planner.facts.numbers import number, quantity, signed
from planner.jobs.store import WITH_PLAN
from planner.report.strings import t
from planner.report.terms import term
from planner.runs.run import FRONTIER

CHOICE: dict[str, Any] = {
    "searchable": True,
    "size": "xs",
    "w": 540,
    "maw": "100%",
    "className": "run-choice",
}
"""How a choice of runs looks: wide enough for most names; what is cut ends in dots, and the browser tells the whole of it
(charts.js)."""
MOOD = {"better": True, "worse": False}


def shown(services: Services, page: str, ref: str | None, draw: Callable[[Result], Any]) -> Any:
    """The page of a run, or of the newest plan where the address names none; without any, what to do first."""
    ref = ref or _newest(services, page)
    if ref is None:
        start = layout.link_button(t("result.none-start"), url.href("scenarios"), "player-play")
        return layout.page(
            t(f"app.nav.{page}"), layout.empty(t("result.none-title"), t("result.none-text"), start)
        )
    return draw(load(services, ref) if page == "tradeoff" else load_plan(services, ref))


def _newest(services: Services, page: str) -> str | None:
    """The newest plan; for the trade-off the newest frontier before any plan."""
    fronts = [row for row in services.runs() if row["kind"] == FRONTIER and row["state"] in WITH_PLAN]
    return str(fronts[0]["id"]) if fronts and page == "tradeoff" else services.latest_plan()


def queued(
    services: Services, run_id: str, name: str, text: str, options: dict[str, Any], title: str | None,
    there: str = "scenario.reused",
) -> str:  # fmt: skip
    """Address of the job that comes from a run, in its folder; where there was one already, the reader is told so."""
    source = services.job(run_id)
    folder = None if source is None else source.folder
    job, reused = services.submit(name, text, options, title=title, draft=None, folder=folder)
    if reused:
        notify.show(t(there))
    return url.href("run", job.id)


def subtitle(result: Result) -> str:
    """Quality and gap of the result, with its price year: no figure without them."""
    outcome = result.run.outcome
    gap = outcome.get("gap")
    parts = [term("quality", outcome.get("quality")) or "–"]
    if gap is not None:
        parts.append(t("result.gap", gap=number(100 * gap, 2)))
    parts.append(t("result.money", year=result.price_year))
    if result.run.audit_line:
        parts.append(result.run.audit_line)
    return " · ".join(parts)


def badges(services: Services, result: Result) -> list[Any]:
    """A badge where the audit is not clean, and one where the scenario has changed since the run."""
    draft = changed_draft(services, services.store.job(result.run_id))
    unsound = kpi.audit_badge(result.run.audit)
    return [*([] if unsound is None else [unsound]), *([] if draft is None else [kpi.stale_badge(draft.id)])]


def other_facts(services: Services, run: Any) -> html.Div:
    """A note where the run was made with other facts than those of this application; nothing where it was not."""
    notes = run.catalog_notes(services.catalog)
    return html.Div(
        [layout.alert(t("result.other-catalog"), notes)] if notes else [], className="other-facts"
    )


def links(result: Result, here: str, ref: str | None = None, **state: Any) -> list[Any]:
    """The other pages of the same plan; with ``ref``, of that plan of the same run.

    ``state`` goes into their addresses; a page that knows no such setting leaves it aside.
    """
    pages = [
        ("tradeoff", "chart-dots-3"),
        ("plan", "calendar-stats"),
        ("capital", "coins"),
        ("whatif", "search"),
    ]
    return [
        layout.link_button(
            t(f"app.nav.{page}"),
            url.href(page, result.run_id if page == "tradeoff" else ref or result.ref, **state),
            mark,
            variant="default",
            size="xs",
        )
        for page, mark in pages
        if page != here
    ]


def kpi_cards(cards: pd.DataFrame, min_width: int = 190) -> html.Div:
    """Cards of ``planner.report.kpis.kpi_cards``: value, unit, difference to the baseline, published range."""
    return kpi.cards([_card(row) for row in cards.to_dict("records")], min_width)


def _card(row: dict[str, Any]) -> Any:
    value, unit = quantity(row["value"], str(row["unit"])), ""
    if value.endswith(f" {row['unit']}") and row["unit"]:
        value, unit = value.removesuffix(f" {row['unit']}"), str(row["unit"])
    delta = None
    if row["delta"] == row["delta"]:
        delta = t("result.delta", delta=signed(row["delta"], str(row["unit"])))
    return kpi.card(
        row["words"], value, unit, delta=delta, good=MOOD.get(row["verdict"]), note=range_note(row)
    )


def range_note(row: dict[str, Any]) -> str | None:
    """The published range and whether the value lies in it."""
    low, high = row["low"], row["high"]
    if low is None or high is None or low != low or high != high:
        return None
    key = "result.inside" if row["inside"] is True or row["inside"] == 1 else "result.outside"
    return t(key, low=number(low), high=number(high), unit=row["unit"])


def choices(services: Services) -> list[dict[str, Any]]:
    """Runs whose result can be opened: plans and frontiers, newest first."""
    return [row for row in services.runs() if row["state"] in WITH_PLAN and row["kind"] in ("plan", FRONTIER)]


def run_label(row: dict[str, Any]) -> str:
    """What a run is called in a list: when it was made and its name come first, for titles are long and often alike."""
    if row["title"] == row["id"]:
        return str(row["id"])
    return f"{fmt.moment(pd.Timestamp(row['created'], unit='s'))} {row['id']}: {row['title']}"


def picker(id: str, services: Services, current: str) -> dmc.Select:
    """A choice of the runs whose plans can be opened."""
    options = [{"value": row["id"], "label": run_label(row)} for row in choices(services)]
    if current not in {o["value"] for o in options}:
        options.insert(0, {"value": current, "label": current})
    return dmc.Select(
        id=id,
        data=options,
        value=current,
        allowDeselect=False,
        **{"aria-label": t("result.choose")},
        **CHOICE,
    )


def register_picker(app: dash.Dash, id: str, ref: str) -> None:
    """Choosing another run opens it on the same page; ``ref`` is the id of the store with the run shown."""
    app.clientside_callback(
        ClientsideFunction("planner", "openRun"),
        Output(ids.LOCATION, "href", allow_duplicate=True),
        Input(id, "value"),
        State(ref, "data"),
        prevent_initial_call=True,
    )


def records(points: pd.DataFrame) -> list[dict[str, Any]]:
    """Points for the browser: what is missing or endless is null."""
    plain = points.astype(object).where(points.notna() & ~points.isin([math.inf, -math.inf]), None)
    return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]


def finite(answer: dict[str, Any]) -> dict[str, Any]:
    """A live answer for the browser: what is no number is null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in answer.items()}
