"""The answer of a plan on a page: its sentences and how good it is; a delay not proven and falling service stand out."""

from __future__ import annotations

from dash import html

from planner.app.components import layout
from planner.report.answer import answer_of
from planner.report.built import dearer_than, sooner_than
from planner.report.strings import t
from planner.runs.run import Run


def answer_block(run: Run, brief: bool = False) -> html.Div:
    """What is built, when, at what cost, with how much control; ``brief``: what was asked for, is it kept, what is built."""
    told = answer_of(run)
    gap = dearer_than(run.outcome)
    within = [html.P(t("result.gap-words", gap=gap), className="muted")] if gap else []
    warned = [layout.alert(line, [], kind="error") for line in (sooner_than(run.outcome), told.falls) if line]
    rest = [told.cost, told.asked] if brief else [told.rest]
    return html.Div(
        [html.P(told.lead, className="answer-lead"), html.P(" ".join(filter(None, rest))), *within, *warned],
        className="answer",
    )
