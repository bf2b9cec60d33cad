"""What the page of questions to a plan shows: a form a question, what was asked before, and the answers of runs."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import dcc, html

from planner.app.components import download, figure, kpi, layout, toolbar
from planner.app.components import format as fmt
from planner.app.components.attrs import attrs
from planner.app.components.table import plain_table
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.result import Result
from planner.app.state.what_if import case_of, questions
from planner.case.case import Case
from planner.case.limits import SHARE_COLUMN
from planner.explain.bridges import ITEM
from planner.explain.next_point import NextPoint
from planner.facts.numbers import number, percent, signed
from planner.report.charts.what_if import pictures_of
from planner.report.names import member_names, names_of, spoken, titles
from planner.report.page import Chart
from planner.report.strings import t
from planner.report.terms import readable, term
from planner.report.what_if import notes_of, shown, told_of
from planner.runs.run import HUB, LOSS, NEGOTIATION, STACKS, SURVIVAL, VALUATIONS, Run
from planner.scenario.schema import Scenario
from planner.studies.hub import MOST, countries
from planner.studies.stacks import FIVE

ASK, NOW, FIELD, ANSWER = "wi-ask", "wi-now", "wi-field", "wi-answer"
SAVE, PAGE = "run-tables", "run-answer"
BREAK = "\v"
WHY, CONTROL, WAITS = "why", "control", "waits"
LOST = {
    "operators": "operator", "vendors": "vendor", "stacks": "a", "hosts": "h", "sites": "p",
    "parents": "operator_parent", "chip_origins": "chip_origin",
}  # fmt: skip
"""Fields of a ``Cut`` that are offered, and the column of the case's offers that names their members."""
ASKED_ABOUT = {"workload": "w", "host": "h", "stack": "a", "system": "k"}


def sections(services: Services, one: Result, state: dict[str, Any]) -> list[Any]:
    """A form for every question, and the runs of questions that were asked before; ``state`` fills that of survival."""
    case = case_of(one)
    may = (user := services.user()) is not None and user.may_plan
    return [
        *_before(services, one),
        _queued(
            LOSS, [_lost(case, one.run.scenario, one.table("fleet")), _day(LOSS, case), _what(LOSS)], may
        ),
        _queued(
            SURVIVAL,
            [
                _classes(state["by"]),
                _workloads(one.run.scenario, state["workloads"]),
                _day(SURVIVAL, case, blank=True, value=state["from"]),
                _what(SURVIVAL, state["what"]),
            ],
            may,
        ),
        _queued(STACKS, [_stacks(services)], may),
        _queued(VALUATIONS, [], may),
        _queued(NEGOTIATION, [], may),
        _hub(one.run.scenario, services, may),
        _at_once(WHY, [_choice(name, case) for name in ASKED_ABOUT]),
        _at_once(CONTROL, []),
        _at_once(WAITS, []),
    ]


def _before(services: Services, one: Result) -> list[Any]:
    """What was asked of this plan before: the question, its state, the way to its answer."""
    found = questions(services, one)
    if not found:
        return []
    lines = [
        html.Li([dcc.Link(named(options, one.run.scenario), href=url.href("run", job.id)),
                 " ", kpi.status_badge(job.state), " ",
                 html.Span(fmt.moment(pd.Timestamp(job.created, unit="s")), className="muted small")])
        for job, options in found
    ]  # fmt: skip
    return [layout.section(t("whatif.before"), html.Ul(lines))]


def named(options: dict[str, Any], scenario: Scenario) -> str:
    """A question in words, by the options of its job."""
    study = str(options["study"])
    if study == LOSS:
        cut = options["cut"]
        lost = ", ".join(
            words for field in LOST for words in member_names(scenario, field, cut.get(field) or []).values()
        )
        return t("whatif.named-loss", lost=lost, day=cut["from"], what=t(f"whatif.what-{cut['what']}"))
    if study == SURVIVAL:
        kept, day = options.get("workloads"), options.get("from")
        return t(
            "whatif.named-survival",
            by=", ".join(options["by"]),
            workloads=t("whatif.named-of", names=", ".join(_titles(scenario, kept))) if kept else "",
            day=t("whatif.named-from", day=day) if day else "",
            what=t(f"whatif.what-{options['what']}"),
        )
    if study == HUB:
        return t("whatif.named-hub", countries=", ".join(options["countries"]))
    return term("study", study)


def _titles(scenario: Scenario, workloads: list[str]) -> list[str]:
    known = titles(scenario, "w")
    return [known.get(name, name) for name in workloads]


def _queued(study: str, fields: list[Any], may: bool) -> Any:
    """A question that is worked out as a run."""
    ask = toolbar.button(
        {"type": ASK, "study": study}, t("whatif.ask"), "player-play", size="xs", disabled=not may
    )
    return layout.section(
        t(f"whatif.{study}-title"),
        html.Div([*fields, ask], className="filter-bar"),
        lead=t(f"whatif.{study}-lead"),
    )  # fmt: skip


def _at_once(what: str, fields: list[Any]) -> Any:
    """A question that is answered on the page."""
    ask = toolbar.button(
        {"type": NOW, "what": what}, t("whatif.tell"), "search", size="xs", variant="default"
    )
    return layout.section(
        t(f"whatif.{what}-title"),
        html.Div([*fields, ask], className="filter-bar"),
        dcc.Loading(
            html.Div(id={"type": ANSWER, "what": what}, role="status", className="answer"),
            color="var(--mantine-primary-color-filled)",
        ),
        lead=t(f"whatif.{what}-lead"),
    )  # fmt: skip


def _id(study: str, name: str) -> dict[str, str]:
    return {"type": FIELD, "study": study, "name": name}


def _lost(case: Case, scenario: Scenario, fleet: pd.DataFrame) -> Any:
    """A picker by names, what the plan has most of first and with its share; a name in two groups says of which it is."""
    held = {field: shares_held(case, fleet, column) for field, column in LOST.items()}
    found = {field: member_names(scenario, field, list(held[field].index)) for field in LOST}
    times = Counter(words for names in found.values() for words in names.values())
    groups = [
        {
            "group": t(f"whatif.lost.{field}"),
            "items": [
                {"value": f"{field}:{name}",
                 "label": (words if times[words] == 1 else f"{words} ({t(f'whatif.lost.{field}').lower()})")
                 + (t("whatif.in-plan", share=percent(held[field][name])) if held[field][name] > 0 else "")}
                for name, words in names.items()
            ],
        }
        for field, names in found.items()
    ]  # fmt: skip
    return dmc.MultiSelect(
        id=_id(LOSS, "of"), label=t("whatif.lost-label"), description=t("whatif.lost-help"), data=groups, value=[],
        searchable=True, w=420, maw="calc(100vw - 80px)", inputWrapperOrder=["label", "input", "description"],
    )  # fmt: skip


def _members(case: Case, column: str) -> list[str]:
    found = case.offers.reset_index() if column not in case.offers else case.offers
    return sorted({str(name) for name in found[column] if isinstance(name, str) and name})


def shares_held(case: Case, fleet: pd.DataFrame, column: str) -> pd.Series:
    """Member of a class -> share of the plan's accelerator-quarters that are had from it, the largest first."""
    keys = ["h", "a", "k"]
    offers = case.offers.reset_index(drop=set(case.offers.index.names) <= set(case.offers.columns))
    offers = offers[list(dict.fromkeys([*keys, column]))].drop_duplicates(keys)
    held = fleet.groupby(keys, as_index=False)["accelerators"].sum()
    rows = offers.merge(held, on=keys, how="left").fillna({"accelerators": 0.0})
    rows = rows[[isinstance(name, str) and bool(name) for name in rows[column]]]
    sums = rows.groupby(column)["accelerators"].sum()
    return (sums / max(float(held["accelerators"].sum()), 1e-9)).sort_values(ascending=False, kind="stable")


def _classes(value: list[str]) -> Any:
    return dmc.MultiSelect(
        id=_id(SURVIVAL, "of"), label=t("whatif.classes"), value=value, w=360,
        maw="calc(100vw - 80px)", data=[{"value": by, "label": by.replace("-", " ")} for by in SHARE_COLUMN],
    )  # fmt: skip


def _workloads(scenario: Scenario, value: list[str]) -> Any:
    names = [w.id for w in scenario.demand]
    return dmc.MultiSelect(
        id=_id(SURVIVAL, "workloads"), label=t("whatif.workloads"), value=[name for name in value if name in names],
        data=[{"value": w, "label": words} for w, words in zip(names, _titles(scenario, names), strict=True)],
        placeholder=t("whatif.all-workloads"), w=360, maw="calc(100vw - 80px)", searchable=True,
    )  # fmt: skip


def _day(study: str, case: Case, blank: bool = False, value: str = "") -> Any:
    """A day of the horizon; blank where the study finds one itself."""
    first, last = case.calendar.start, case.calendar.end
    middle = date(first.year + max(1, (last.year - first.year) // 2), 1, 1)
    return dmc.DateInput(
        id=_id(study, "from"), label=t(f"whatif.from-{study}"), value=(value or None) if blank else middle.isoformat(),
        minDate=first.isoformat(), maxDate=last.isoformat(), valueFormat="YYYY-MM-DD", clearable=blank, w=190,
        placeholder=t("whatif.last-year") if blank else None,
    )  # fmt: skip


def _what(study: str, value: str = "service") -> Any:
    label = f"wi-{study}-what-label"
    choices = [{"value": what, "label": t(f"whatif.what-{what}")} for what in ("service", "supply")]
    return html.Div(
        [
            html.Div(t("whatif.what"), className="control-label", id=label),
            dmc.SegmentedControl(
                id=_id(study, "what"), data=choices, value=value, size="xs", className="wraps",
                **attrs({"aria-labelledby": label}),
            ),
        ]
    )  # fmt: skip


def _stacks(services: Services) -> Any:
    names = services.catalog.table("stacks")["name"]
    return dmc.MultiSelect(
        id=_id(STACKS, "of"), label=t("whatif.stacks"), value=list(FIVE), searchable=True, w=620,
        maw="calc(100vw - 80px)", data=[{"value": str(a), "label": f"{name} ({a})"} for a, name in names.items()],
    )  # fmt: skip


def _hub(scenario: Scenario, services: Services, may: bool) -> Any:
    """Which countries of a hub are compared; where all demand is of one, that there is nothing to compare."""
    found = countries(scenario, services.catalog)
    if len(found) < 2:
        return layout.section(t("whatif.hub-title"), html.P(t("whatif.hub-one"), className="muted"))
    names = services.catalog.table("countries")["name"]
    picker = dmc.MultiSelect(
        id=_id(HUB, "of"), label=t("whatif.hub-countries"), value=found[:MOST], maxValues=MOST, w=420,
        maw="calc(100vw - 80px)", data=[{"value": c, "label": f"{names.get(c, c)} ({c})"} for c in found],
    )  # fmt: skip
    return _queued(HUB, [picker], may)


def _choice(name: str, case: Case) -> Any:
    known = sorted(set(case.serve.reset_index()["w"])) if name == "workload" else None
    excluded = case.why_not[name].dropna().astype(str) if name in case.why_not else pd.Series(dtype=str)
    found = known if known is not None else _members(case, ASKED_ABOUT[name])
    ids, column = sorted({*found, *excluded} - {""}), ASKED_ABOUT[name]
    names = spoken(case.scenario, column) if column in ("w", "h") else names_of(case.catalog, column)
    return dmc.Select(
        id=_id(WHY, name), label=t(f"whatif.why-{name}"), value=None,
        data=[{"value": id, "label": names.get(id, id)} for id in ids],
        searchable=True, clearable=True, w=210, placeholder=t("whatif.any"),
    )  # fmt: skip


def sentences(lines: list[str]) -> list[Any]:
    """Lines of an answer, a paragraph each; kinds of plant beneath a line (``ITEM``) are a list."""
    out: list[Any] = []
    for line in (part for each in lines for part in each.replace(ITEM, BREAK).split("\n")):
        head, *items = line.split(BREAK)
        out.append(html.P(head[:1].upper() + head[1:]))
        out += [html.Ul([html.Li(item) for item in items])] if items else []
    return out


def next_point_told(found: NextPoint) -> list[Any]:
    """Price of the cheapest next point of control, the work that it moves, and every decision's part."""
    price = (
        t("whatif.next-none", most=number(found.most))
        if found.musd != found.musd
        else t("whatif.next", musd=number(found.musd, 4))
    )
    moved = [
        html.Li(t("whatif.next-move", stack=m.a, host=m.h, change=signed(m.change, "share", 2)))
        for m in found.moves.itertuples()
    ]
    parts = found.decisions.assign(decision=[term("decision", d) for d in found.decisions["decision"]])
    caption = t("whatif.next-decisions")
    return [html.P(price), html.Ul(moved) if moved else None, *plain_table(readable(parts), caption)]


def answer_of(run: Run) -> list[Any]:
    """The tables of a run that answers a question, what is to be said besides, and the way back to the plan."""
    back = layout.link_button(
        t("whatif.back"), url.href("whatif", run.manifest["options"].get("ref")), "arrow-back-up", variant="default",
        size="xs",
    )  # fmt: skip
    notes = notes_of(run)
    parts = [layout.alert(t("whatif.notes"), notes, kind="warning")] if notes else []
    tables = shown(run)
    question = named(run.manifest["options"], run.scenario)
    said = [html.P(line) for line in told_of(run)] or _next_step(run)
    head = layout.section(
        question[:1].upper() + question[1:], *said,
        lead=t("whatif.answer-lead", quality=term("quality", run.outcome["quality"])),
        actions=[download.button(SAVE, t("whatif.save")), download.button(PAGE, t("whatif.page")), back],
    )  # fmt: skip
    drawn = [_picture(run.kind, picture) for picture in pictures_of(run)]
    return [head, *parts, *drawn, *(_table(name, frame) for name, frame in tables.items())]


def _picture(kind: str, picture: Chart) -> Any:
    """A chart whose figures stand in the table below it."""
    height = int(picture.figure.layout.height or figure.HEIGHT)
    drawn = figure.graph(f"whatif-{kind}", picture.figure, picture.alt, note=picture.note, height=height)
    return layout.section(picture.title, drawn)


def _next_step(run: Run) -> list[Any]:
    """Where one member alone may serve a workload: the question again, without it."""
    if run.kind != SURVIVAL or "nobody_else" not in (rows := run.table("survival")):
        return []
    options = run.manifest["options"]
    parts: list[Any] = []
    asked = options.get("workloads") or [w.id for w in run.scenario.demand]
    for by, text in rows[["by", "nobody_else"]].itertuples(index=False):
        alone = [name for name in str(text or "").split(", ") if name in asked]
        if not alone:
            continue
        names = ", ".join(_titles(run.scenario, alone))
        parts.append(html.P(t("whatif.told-alone", by=str(by).replace("-", " "), names=names)))
        if rest := [name for name in asked if name not in alone]:
            again = {"by": [by], "workloads": rest, "from": options.get("from"), "what": options["what"]}
            link = url.href("whatif", options.get("ref"), **again)
            parts.append(layout.link_button(t("whatif.leave-out", names=names), link, "refresh", size="xs"))
    return parts


def _table(name: str, frame: pd.DataFrame) -> Any:
    title = t(f"whatif.table.{name}")
    if not len(frame):
        return layout.section(title, html.P(t("charts.no-rows"), className="muted"))
    return layout.section(title, *plain_table(readable(frame), title), lead=t(f"whatif.table.{name}-lead"))
