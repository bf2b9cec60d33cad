"""The page of an answer to a question: sentences, pictures and tables in one HTML file that needs no network.

page_of("negotiation", {"negotiation": table}, "Korea 2027-2032", "within 2 %")
page_of_run(run)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from planner.report.charts.what_if import pictures
from planner.report.page import Part, answer_html, facts_of
from planner.report.strings import t
from planner.report.terms import term
from planner.report.what_if import VIEWS, notes_of, shown, told_of
from planner.runs.run import Run


def page_of(
    kind: str, tables: Mapping[str, pd.DataFrame], of: str, facts: str, told: Sequence[str] = ()
) -> str:
    """The page of tables just made; ``of`` says of what, ``facts`` what they rest on, ``told`` the answer in sentences."""
    return _page(kind, tables, VIEWS[kind](tables), of, facts, told)


def page_of_run(run: Run) -> str:
    """The page of a run that answers a question."""
    tables = {name: run.table(name) for name in run.tables}
    return _page(run.kind, tables, shown(run), run.title, facts_of(run), [*told_of(run), *notes_of(run)])


def _page(
    kind: str,
    tables: Mapping[str, pd.DataFrame],
    read: Mapping[str, pd.DataFrame],
    of: str,
    facts: str,
    told: Sequence[str],
) -> str:
    parts = [
        Part(t(f"whatif.table.{name}"), t(f"whatif.table.{name}-lead"), table) for name, table in read.items()
    ]
    return answer_html(f"{term('study', kind)}: {of}", facts, told, pictures(kind, tables), parts)
