"""From the trade-off to plans: plans along the whole front as one run, and the limits of a point as a run of their own."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from planner.app.components import notify, result, toolbar
from planner.app.services import Services
from planner.app.state import url
from planner.facts.numbers import number
from planner.intake.scenario_file import dump_scenario, parse_scenario
from planner.report.strings import t
from planner.report.terms import term
from planner.runs.run import FRONTIER
from planner.scenario.schema import Scenario
from planner.studies.frontier_limits import limited

PAGE = "tradeoff"
GOTO, ASK, POINTS, QUALITY = (f"{PAGE}-{x}" for x in ("goto", "ask", "points-asked", "quality"))
MAKE = f"{PAGE}-make"
COUNTS = (3, 5, 8, 12)
WORKERS = 2


def bar(quality: str) -> html.Div:
    """How many plans along the front, how good, and the button that asks for them."""
    qualities = [{"value": q, "label": term("quality", q)} for q in ("quick", "plan")]
    counts = [{"value": str(n), "label": t("tradeoff.plans", n=n)} for n in COUNTS]
    return html.Div(
        [
            dcc.Location(id=GOTO, refresh="callback-nav"),
            dmc.Select(id=POINTS, data=counts, value="5", allowDeselect=False, size="xs", w=130,
                       **{"aria-label": t("tradeoff.plans-label")}),
            dmc.Select(id=QUALITY, data=qualities, value=quality if quality == "quick" else "plan", allowDeselect=False,
                       size="xs", w=190, **{"aria-label": t("scenario.quality")}),
            toolbar.button(ASK, t("tradeoff.ask"), "player-play", size="xs"),
        ],
        className="record-head",
    )  # fmt: skip


def make_button(what: str, variant: str = "default") -> Any:
    """The button that makes a plan of the limits set (``limits``) or of the picked point (``pick``)."""
    return toolbar.button(
        {"type": MAKE, "what": what}, t(f"tradeoff.make-{what}"), "calendar-stats", size="xs", variant=variant
    )  # fmt: skip


def register_make(app: dash.Dash, services: Services, ref: str, live: str, points: str, state: str) -> None:
    """``ref``, ``live``, ``points``, ``state``: ids of the stores with the run, the live answer, the points, the view."""

    @app.callback(
        Output(GOTO, "href"),
        Input(ASK, "n_clicks"),
        State(POINTS, "value"),
        State(QUALITY, "value"),
        State(ref, "data"),
        prevent_initial_call=True,
    )
    def ask_front(clicks: int | None, points: str, quality: str, shown: str) -> Any:
        if not clicks:
            return no_update
        run_id = shown.partition("~")[0]
        job, reused = submit_front(services, _scenario(services, run_id), int(points), quality, run_id)
        if reused:
            notify.show(t("scenario.reused"))
        return url.href("run", job.id)

    @app.callback(
        Output(GOTO, "href", allow_duplicate=True),
        Input({"type": MAKE, "what": ALL}, "n_clicks"),
        State(ref, "data"),
        State(live, "data"),
        State(points, "data"),
        State(state, "data"),
        State(QUALITY, "value"),
        prevent_initial_call=True,
    )
    def make_plan(
        _clicks: list[int | None],
        shown: str,
        answer: dict[str, Any] | None,
        rows: list[dict[str, Any]],
        view: dict[str, Any],
        quality: str | None,
    ) -> Any:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            return no_update
        if not answer:
            notify.show(t("tradeoff.make-none"), kind="warning")
            return no_update
        asked = answer
        if ctx.triggered_id["what"] == "pick":
            asked = next((row for row in rows if row["point"] == view["pick"]), answer)
        run_id = shown.partition("~")[0]
        scenario = at_point(_scenario(services, run_id), answer, asked)
        options = {"quality": quality or "plan", "objective": "cost"}
        text = dump_scenario(scenario)
        return result.queued(services, run_id, scenario.name, text, options, scenario.title)


def submit_front(
    services: Services, scenario: Scenario, points: int, quality: str, run_id: str | None = None
) -> tuple[Any, bool]:
    """Puts a trade-off in the queue; where ``run_id`` is one already, its plans are taken over."""
    options = front_options(points, quality)
    job = services.job(run_id) if run_id else None
    if run_id and services.run(run_id).kind == FRONTIER:
        options["resume"] = run_id
    draft, folder = (job.draft, job.folder) if job is not None else (None, None)
    return services.submit(
        scenario.name, dump_scenario(scenario), options, title=scenario.title, draft=draft, folder=folder
    )


def front_options(points: int, quality: str) -> dict[str, Any]:
    """Options of a job that makes a trade-off."""
    return {"study": FRONTIER, "points": points, "quality": quality, "workers": WORKERS}


def at_point(scenario: Scenario, answer: dict[str, Any], asked: dict[str, Any]) -> Scenario:
    """The scenario under the limits of a point; ``answer["caps"]`` are the months by workload at its own limit."""
    months, floor = float(asked["max_delay_months"]), asked.get("min_control")
    longer = months - float(answer["max_delay_months"])
    caps = {w: max(0.0, own + longer) for w, own in answer["caps"].items()}
    title = t(
        "tradeoff.made-title", title=scenario.title or scenario.name, months=number(months), points=number(floor or 0.0)
    )  # fmt: skip
    return limited(scenario, caps, floor or None).model_copy(update={"title": title})


def _scenario(services: Services, run_id: str) -> Scenario:
    """The scenario of a run, as it was put in the queue or frozen by the command line."""
    job = services.job(run_id)
    text = (
        job.scenario if job is not None else (services.run_path(run_id) / "scenario.yaml").read_text("utf-8")
    )
    return parse_scenario(text, f"{run_id}.yaml", catalog=services.catalog)
