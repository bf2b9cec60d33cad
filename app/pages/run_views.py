"""What the page of a run shows: where it stands, what can be asked of it, what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import html

from planner.app.components import format as fmt
from planner.app.components import kpi, layout, toolbar
from planner.app.components.answer import answer_block
from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.app.components.result import other_facts
from planner.app.components.table import plain_table
from planner.app.pages import what_if_views
from planner.app.services import Services
from planner.app.state import url
from planner.app.state.runs import STATES
from planner.app.state.stale import changed_draft
from planner.facts.numbers import MISSING, number, percent
from planner.jobs.store import WITH_PLAN, WITHOUT_PLAN, Job
from planner.planning.solve_run import GAPS
from planner.report.field_labels import change_words
from planner.report.names import spoken
from planner.report.strings import known, t
from planner.report.terms import term
from planner.runs.files import frame_of
from planner.runs.run import DOWNSIDES, FRONTIER, WHAT_IF
from planner.studies.frontier_plans import MADE

FACTS, ACTIONS, RESULT, CHART, CHART_BOX, CHART_TABLE = (
    "run-facts", "run-actions", "run-result", "run-chart", "run-chart-box", "run-chart-table",
)  # fmt: skip
TICK, SEEN, GOTO, SHARE = "run-tick", "run-seen", "run-goto", "run-share"
ASK, AGAIN, CURE = "run-ask", "run-again", "run-cure"
PAGES = (
    ("plan", "calendar-stats", "filled"),
    ("capital", "coins", "default"),
    ("tradeoff", "chart-dots-3", "default"),
)
Made = Sequence[tuple[str, str, str]]
HEADLINE = (
    "cost_npv_musd",
    "delay_months",
    "control_score",
    "national_control",
    "served_share",
    "accelerators",
    "it_mw",
)


def facts(
    job: Job, position: int | None, closing: pd.DataFrame, made: Made = (), expected: float | None = None
) -> list[Any]:
    """State, stage, time, best plan, bound and gap; refreshed every second while the run lives.

    ``closing``: how the run closes in (``progress_table``); ``made``: the plans of a trade-off so far; ``expected``:
    seconds that such a run took before.
    """
    waiting = t("run.position", n=position) if position is not None else None
    wish = (
        t("run.cancelling")
        if job.want_cancel and job.live
        else t("run.stopping")
        if job.want_stop and job.live
        else None
    )
    said = " ".join(part for part in (wish, waiting or (_stage(job) if job.live else None)) if part)
    line = [kpi.status_badge(job.state), html.Span(said, className="muted")]
    options = json.loads(job.options)
    front = options.get("study") == FRONTIER
    quality, _, within = term("quality", options.get("quality")).partition("(")
    cards = [
        kpi.card(
            t("run.took"), fmt.duration(job.seconds), note=t("run.asked", at=fmt.moment(_time(job.created)))
        ),
        kpi.card(
            t("run.quality"),
            quality.strip() or MISSING,
            within.rstrip(")"),
            note=term("study", options["study"])
            if options.get("study")
            else t(f"scenario.objective-{options.get('objective') or 'cost'}"),
        ),
    ]
    if job.live and expected is not None:
        cards.insert(1, kpi.card(t("run.expected"), fmt.duration(expected), note=t("run.expected-note")))
    if front and made:
        cards.append(kpi.card(t("run.plans"), t("run.plans-of", n=made[-1][0], of=made[-1][1])))
    if job.state == "running" and len(closing):
        cards += _closing(closing)
    if job.gap is not None and not job.live:  # a step at work has a gap of its own
        cards.append(kpi.card(t("run.gap"), percent(job.gap, 2), note=t("run.gap-note")))
    parts: list[Any] = [html.Div(line, className="record-head"), kpi.cards(cards, 170)]
    if (next_step := what_next(job, options)) is not None:
        parts.append(html.P(next_step, className="muted"))
    if job.live and job.state == "running":
        parts.insert(
            1,
            dmc.Progress(
                value=100 * int(made[-1][0]) / int(made[-1][1]) if made else 100,
                animated=True,
                striped=True,
                size="sm",
                **attrs({"aria-label": t("run.working")}),
            ),
        )
    return parts


def _closing(closing: pd.DataFrame) -> list[Any]:
    """The best whole plan, or where the search on the way to it stands, and the bound: the last of each."""
    last = closing.ffill().iloc[-1]
    best = "searched" if pd.isna(last["plan_musd"]) else "plan"
    shown = ((best, last[f"{best}_musd"]), ("bound", last["bound_musd"]))
    return [
        kpi.card(
            t(f"run.{name}"),
            number(musd, 5),
            "MUSD" if pd.notna(musd) else "",
            note=t(f"run.{name}-note"),
        )
        for name, musd in shown
    ]


def what_next(job: Job, options: dict[str, Any]) -> str | None:
    """What a reader may do now, by the state of a run; nothing where it is done as asked."""
    if job.state in ("stopped", "lost") and options.get("study") == FRONTIER:
        return t(f"run.next.{job.state}-front")
    if job.state == "done" and options.get("study", "plan") == "plan":
        own = re.search(r"^ +gap: *([\d.]+)", job.scenario, re.MULTILINE)  # of the solver, as it was frozen
        asked = float(own[1]) if own else GAPS.get(options.get("quality") or "plan", max(GAPS.values()))
        return (
            t("run.next.gap", gap=percent(job.gap, 1), asked=percent(asked, 0))
            if (job.gap or 0.0) > asked
            else None
        )
    return t(f"run.next.{job.state}") if known(f"run.next.{job.state}") else None


def actions(job: Job, services: Services) -> Any:
    """Buttons that fit the state: stop and cancel while it lives, run again when it has ended without a plan."""
    may = services.role_on(job) == "planner"
    if job.live:
        stop = toolbar.button(
            {"type": ASK, "do": "stop"},
            t("run.stop"),
            "player-stop",
            variant="default",
            disabled=not may or job.state == "queued" or job.want_stop is not None,
        )
        cancel = toolbar.button(
            {"type": ASK, "do": "cancel"},
            t("run.cancel"),
            "x",
            variant="default",
            disabled=not may or job.want_cancel is not None,
        )
        return dmc.Group([stop, cancel], gap="xs")
    parts: list[Any] = []
    if json.loads(job.options).get("study") == FRONTIER and job.state in ("stopped", "lost", "failed"):
        parts.append(
            toolbar.button({"type": AGAIN, "do": "resume"}, t("run.resume"), "player-play", disabled=not may)
        )
    if (draft := changed_draft(services, job)) is not None:
        parts.append(kpi.stale_badge(draft.id))
    if job.draft:
        parts.append(
            layout.link_button(t("run.scenario"), url.href("scenario", job.draft), "files", variant="default")
        )
    if job.state not in ("done", "infeasible", "unbounded"):
        parts.append(
            toolbar.button({"type": AGAIN, "do": "again"}, t("run.again"), "refresh", disabled=not may)
        )
    return dmc.Group(parts, gap="xs")


def plans_made(events: list[dict[str, Any]]) -> Made:
    """What a trade-off has said of each plan that it has made: how many, of how many, and the plan's figures."""
    found = (MADE.match(event["message"] or "") for event in events if event["stage"] == "plans")
    return [(m[1], m[2], m.string[m.end() :]) for m in found if m is not None]


def result(job: Job, services: Services, made: Made = ()) -> list[Any]:
    """What came of a run that has ended; while it lives, the plans of a trade-off so far."""
    if job.live and made:
        plans = [html.Li(f"{n}. {told}") for n, _, told in made]
        return [layout.section(t("run.plans-made"), html.Ul(plans), lead=t("run.plans-lead"))]
    if job.live:
        return []
    if job.state in (*WITH_PLAN, *WITHOUT_PLAN):
        return outcome(services, services.run(job.id), job.id)
    lines = [line for line in (job.error or "").splitlines() if line.strip()][-12:]
    title = t(f"run.end.{job.state}")
    if job.state == "cancelled":
        return [layout.alert(title, [t("run.cancelled-text")], kind="info")]
    return [layout.alert(title, [html.Pre("\n".join(lines), className="log")] if lines else [], kind="error")]


def outcome(services: Services, run: Any, run_id: str) -> list[Any]:
    """Key figures and where to look further, or why there is no plan and what would mend it."""
    if run.kind == "batch":
        return [*_unsound(run), other_facts(services, run), *_cases(run)]
    if run.kind == DOWNSIDES:
        link = layout.link_button(
            t("run.downsides-open"), url.href("capital", run.manifest["options"]["ref"]), "coins"
        )
        return [layout.section(t("run.downsides"), actions=[link])]
    if run.kind in WHAT_IF:
        return [other_facts(services, run), *what_if_views.answer_of(run)]
    if not run.has_plan:
        title = t(f"run.end.{STATES.get(run.status, 'failed')}")
        found = run.outcome.get("troubles", [])
        names = (
            {id: name for key in ("w", "h", "p") for id, name in spoken(run.scenario, key).items()}
            if found
            else {}
        )
        troubles = [_trouble(one, names) for one in found]
        notes = [html.P(note) for note in run.outcome.get("notes", [])]
        if not troubles and not notes:
            notes = [html.P(t(f"run.{run.status}-text"))] if known(f"run.{run.status}-text") else []
        blocks = [layout.alert(title, [html.Div(part)], kind="error") for part in troubles]
        blocks = blocks or [layout.alert(title, notes, kind="error")]
        return [other_facts(services, run), *blocks]
    if run.kind == FRONTIER:
        return [*_unsound(run), other_facts(services, run), _front(run, run_id)]
    figures = run.kpis.set_index("kpi")
    links = [
        layout.link_button(
            t(f"app.nav.{page}"),
            url.href(page, run_id),
            mark,
            variant="filled" if page == "plan" else "default",
        )
        for page, mark, look in PAGES
    ]
    return [
        *_unsound(run),
        other_facts(services, run),
        layout.section(
            t("run.end.done"),
            answer_block(run, brief=True),
            kpi.cards([_card(figures.loc[name], name) for name in HEADLINE if name in figures.index], 150),
            actions=links,
        ),
    ]


def _front(run: Any, run_id: str) -> Any:
    """A trade-off that is made: how many plans and points, and the way there."""
    links = [
        layout.link_button(t("app.nav.tradeoff"), url.href("tradeoff", run_id), "chart-dots-3"),
        layout.link_button(
            t("run.first-plan"), url.href("plan", run_id), "calendar-stats", variant="default"
        ),
    ]
    counts = {name: run.outcome.get(name) for name in ("plans", "points")}
    return layout.section(
        t("run.front-done"), *taken_over(run), lead=t("run.front-counts", **counts), actions=links
    )


def taken_over(run: Any) -> list[Any]:
    """How many plans of another trade-off it went on from; nothing where it was made from the start."""
    n = run.outcome.get("taken_over")
    return [] if n is None else [html.P(t("run.taken-over", n=n) if n else t("run.taken-none"))]


def _unsound(run: Any) -> list[Any]:
    """A message where the audit is not clean; nothing where it is, or where there is no plan."""
    if not run.audit_fault:
        return []
    return [layout.alert(t(f"app.audit.{run.audit}"), [run.audit_line], kind="error")]


def _cases(run: Any) -> list[Any]:
    """A batch: how many of its cases ended how, and its table."""
    counts = run.outcome.get("cases") or {}
    said = "; ".join(f"{n} {status}" for status, n in counts.items())
    file = run.path / "results.parquet"
    table = plain_table(frame_of(file.read_bytes())) if file.is_file() else []
    return [layout.section(t("run.batch"), *table, lead=said)]


def directory(services: Services, run: Any, run_id: str) -> html.Div:
    """A run that the command line wrote: no queue, only its outcome."""
    state = STATES.get(run.status, "failed")
    if state in ("running", "lost", "resumable"):
        told: list[Any] = [t(f"run.next.{state}", n=run.plans_left)]
        told += [html.Pre(run.resume, className="log")] if state == "resumable" else []
        return layout.page(run.title, layout.alert(t(f"app.status.{state}"), told, kind="info"), lead=run_id)
    return layout.page(run.title, *outcome(services, run, run_id), lead=run_id)


def _card(row: Any, name: str) -> Any:
    from planner.report.terms import kpi_label

    unit, value = str(row["unit"] or ""), row["value"]
    if unit in ("share", "1", "fraction"):
        return kpi.card(kpi_label(name), percent(value, 1))
    return kpi.card(kpi_label(name), number(value), unit)


def _trouble(found: dict[str, Any], named: Mapping[str, str]) -> list[Any]:
    """A finding, what would mend it in words, a button that does so, and the paths it writes to."""
    head = f"{found['workload']}: " if found.get("workload") else ""
    parts: list[Any] = [html.P(head + str(found.get("message", "")))]
    change = found.get("change") or {}
    words, paths = (
        change_words(change, named),
        "; ".join(f"{path} = {value}" for path, value in change.items()),
    )
    if cure := found.get("cure"):
        in_paths = bool(change) and all(path in cure for path in change)
        parts.append(
            html.P(t("run.least-change", cure=words) if in_paths else t("scenario.check-cure", cure=cure))
        )
    if change:
        parts.append(
            dmc.Button(
                t("run.cure", cure=words),
                id={"type": CURE, "change": json.dumps(change, default=str)},
                leftSection=icon("circle-check"),
                size="xs",
            )
        )
        parts.append(html.P(paths, className="muted small"))
    return parts


def _stage(job: Job) -> str:
    stage = job.stage or ""
    named = t(f"run.stage.{stage}") if known(f"run.stage.{stage}") else stage
    return f"{named}: {job.message}" if job.message and job.message.lower() != named.lower() else named


def _time(seconds: float) -> pd.Timestamp:
    return pd.Timestamp(seconds, unit="s")
