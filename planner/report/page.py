"""One page that a financier reads: a single HTML file, charts and their library inside, nothing fetched.

    text = html_page(run, charts_of(run))

Charts are handed in (``planner.report.charts.report`` makes them); every chart has its table below it, folded
away on the screen and left out on paper.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from planner.facts.numbers import number, quantity
from planner.report import capital, finance, views
from planner.report.answer import Answer, answer_of
from planner.report.built import not_proven
from planner.report.content_rules import content_rules
from planner.report.kpis import HEADLINE, kpi_cards
from planner.report.names import spoken_ids
from planner.report.strings import t
from planner.report.terms import in_percent, readable

if TYPE_CHECKING:
    from planner.runs.run import Run

CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displayModeBar": False,
}
STYLE = """
:root { color-scheme: light; } * { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 32px 24px 64px; color: #1d2328; background: #fff;
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.7rem; margin: 0 0 4px; } h2 { font-size: 1.2rem; margin: 40px 0 4px; }
p { margin: 4px 0; }
.lead { font-size: 1.1rem; margin-top: 14px; } .bad { color: #b3261e; font-weight: 600; }
.note { color: #556069; font-size: 0.86rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 12px; margin: 20px 0; }
.card { border: 1px solid #d5dbe0; border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 1.35rem; } .card span { color: #556069; font-size: 0.82rem; }
figure { margin: 8px 0 0; } figcaption { color: #556069; font-size: 0.86rem; }
.scroll { overflow: auto; max-height: 460px; border: 1px solid #d5dbe0; border-radius: 8px; margin-top: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 0.84rem; }
th, td { padding: 5px 10px; text-align: left; border-bottom: 1px solid #e3e7eb; vertical-align: top; }
th { position: sticky; top: 0; background: #f3f6f7; } .num { text-align: right; white-space: nowrap; }
.short { white-space: nowrap; }
summary { cursor: pointer; color: #0b6373; font-size: 0.86rem; margin-top: 6px; }
@page { size: A4; margin: 12mm; }
@media print { details { display: none; } .scroll { max-height: none; overflow: visible; } h2 { break-after: avoid; }
  figure { break-inside: avoid; } body { padding: 0; } }
"""
SCRIPT = """
document.querySelectorAll("script[data-chart]").forEach(function (source) {
  var figure = JSON.parse(source.textContent);
  Plotly.newPlot(source.dataset.chart, figure.data, figure.layout, CONFIG);
});
"""


@dataclass(frozen=True)
class Chart:
    """A chart of the page: heading, one sentence for those who cannot see it, figure, caption, its table."""

    title: str
    alt: str
    figure: go.Figure
    note: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Part:
    """A table of the report: heading, one sentence, rows."""

    title: str
    note: str
    table: pd.DataFrame


def facts_of(run: Run) -> str:
    """What the report is of, and how good it is, in one line."""
    gap = run.outcome.get("gap")
    facts = [
        f"Run {run.name}", f"status {run.status}", f"quality {run.outcome.get('quality')}",
        *([] if gap is None else [f"gap {number(100 * gap, 2)} %"]),
        *not_proven(run.outcome),
        f"money in real {run.scenario.money.price_year} USD", *filter(None, [run.audit_line]),
        f"planner {run.manifest.get('versions', {}).get('planner', '')}", str(run.outcome.get("finished", ""))[:10],
    ]  # fmt: skip
    return " · ".join(facts)


def parts_of(run: Run) -> list[Part]:
    """Every table of the report that has rows, in reading order: the same on the screen and on paper."""
    year = run.scenario.money.price_year
    tables = {name: run.table(name) for name in run.tables}
    parts = [
        Part("What the cost is made of", "Present value of the country's cost; residual values are negative.",
             capital.cost_composition(tables["ledger"])),
        Part("Sales and residual values", "Shown apart: they reduce the cost, never the need for money.",
             capital.residuals(tables["ledger"])),
        Part("Content by country", "Capital by where its value is made, and by the vendor's seat; undiscounted.",
             capital.by_content(tables.get("content"))),
        Part("Rules on content", "Share of a system's price from the countries asked for: by the programme's presumption "
             "(chips whole at their designer's seat), and stage by stage from the least to the largest assumed shares.",
             content_rules(run.scenario, run.catalog, tables["fleet"])),
        *(Part(*part) for part in finance.sections(run.scenario, tables)),
        Part("Bill of materials", t("plan.materials-note", year=year),
             views.bill_of_materials(tables)),
        Part("Openings of places", "First workload served: planned, earliest by its network of activities, with what odds.",
             views.openings(tables.get("openings"))),
        Part("Agreements signed", "Decided, in force from, cost of signing in MUSD, and what is ordered under each.",
             views.agreements_signed(tables)),
        Part("Training runs", "Where and by when each is done, whole or not.", tables.get("training", pd.DataFrame())),
        Part("Left after a loss", "Least share of a workload's service after the loss of any one member of a class.",
             views.least_left(tables.get("survival"))),
        Part("Levels of efficiency and energy", "What each place comes to in its worst year: PUE, or the share of its "
             "energy that counts; its work scores the levels it keeps.", views.levels_reached(tables.get("levels"))),
        Part("Demand not served", "Share of the workload's demand at its worst.",
             views.unmet_by_workload(tables.get("unmet", pd.DataFrame({"unserved_share": []})))),
        Part("All measures", "With the published range where there is one.", _measures(run)),
        Part("Assumptions taken", "Defaults for want of a value in the scenario.",
             tables.get("assumptions", pd.DataFrame())),
    ]  # fmt: skip
    return [replace(part, table=spoken_ids(part.table, run.scenario)) for part in parts if len(part.table)]


def html_page(run: Run, charts: Sequence[Chart]) -> str:
    """The whole page as text. All text of the run is escaped: a name cannot become markup."""
    title = run.title
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="note">{escape(facts_of(run))}</p>',
        *_answer(answer_of(run)),
        cards(run.kpis, HEADLINE),
        *(_chart(i, chart) for i, chart in enumerate(charts)),
        *(_section(part) for part in parts_of(run)),
    ]
    return _document(title, parts)


def answer_html(
    title: str, facts: str, told: Sequence[str], charts: Sequence[Chart], parts: Sequence[Part]
) -> str:
    """The page of an answer to a question: sentences, pictures, tables; ``facts`` is what it rests on, in one line."""
    return _document(title, [
        f"<h1>{escape(title)}</h1>",
        f'<p class="note">{escape(facts)}</p>',
        *(f"<p>{escape(line)}</p>" for line in told),
        *(_chart(i, chart) for i, chart in enumerate(charts)),
        *(_section(part) for part in parts),
    ])  # fmt: skip


def _document(title: str, parts: Sequence[str]) -> str:
    """A page with its style and the library of its charts inside."""
    body = "\n".join(parts)
    script = SCRIPT.replace("CONFIG", json.dumps(CONFIG))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"<script>{get_plotlyjs()}</script>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _answer(told: Answer) -> list[str]:
    falls = [f'<p class="bad">{escape(told.falls)}</p>'] if told.falls else []
    return [f'<p class="lead">{escape(told.lead)}</p>', f"<p>{escape(told.rest)}</p>", *falls]


def cards(kpis: pd.DataFrame, names: tuple[str, ...]) -> str:
    """Key figures with their units, each in a box."""
    items = [
        f'<div class="card"><span>{escape(row.words)}</span><b>{escape(quantity(row.value, str(row.unit)))}</b></div>'
        for row in kpi_cards(kpis, names=names).itertuples()
    ]
    return f'<div class="cards">{"".join(items)}</div>'


def _chart(i: int, chart: Chart) -> str:
    figure = chart.figure.update_layout(
        template="plotly_white", paper_bgcolor="#ffffff", plot_bgcolor="#ffffff"
    )
    height = int(figure.layout.height or 360)
    data = str(figure.to_json()).replace("<", "\\u003c")  # no text of a run may end the script
    return (
        f"<h2>{escape(chart.title)}</h2>\n"
        f'<figure role="group" aria-label="{escape(chart.alt)}"><div id="chart-{i}" style="height:{height}px"></div>'
        f'<script type="application/json" data-chart="chart-{i}">{data}</script>'
        f"<figcaption>{escape(chart.note)}</figcaption></figure>\n"
        f"<details><summary>Show as table</summary>{_table(chart.table)}</details>"
    )


def _section(part: Part) -> str:
    return f'<h2>{escape(part.title)}</h2>\n<p class="note">{escape(part.note)}</p>\n{_table(part.table)}'


def _measures(run: Run) -> pd.DataFrame:
    rows = kpi_cards(run.kpis, names=None)
    ranges = [
        "" if low is None or low != low else f"{number(low)} – {number(high)}"
        for low, high in zip(rows["low"], rows["high"], strict=True)
    ]
    values = [quantity(v, str(u)) for v, u in zip(rows["value"], rows["unit"], strict=True)]
    return pd.DataFrame({"words": rows["words"], "value": values, "range": ranges, "note": rows["note"]})


def _table(frame: pd.DataFrame) -> str:
    shown = readable(frame)
    numeric = figures_in(shown)
    head = "".join(
        f'<th scope="col"{_class(n)}>{escape(str(c))}</th>'
        for c, n in zip(shown.columns, numeric, strict=True)
    )
    rows = [
        "<tr>" + "".join(_td(cell_text(v), n) for v, n in zip(row, numeric, strict=True)) + "</tr>"
        for row in shown.itertuples(index=False, name=None)
    ]
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="table"><table>{body}</table></div>'


def figures_in(table: pd.DataFrame) -> list[bool]:
    """Which columns hold figures, shares in per cent among them."""
    kinds = pd.api.types
    return [
        (kinds.is_numeric_dtype(table[c]) and not kinds.is_bool_dtype(table[c])) or in_percent(table[c])
        for c in table
    ]


def _td(text: str, numeric: bool) -> str:
    """A cell; dates and ids stay on one line, sentences wrap."""
    kind = "num" if numeric else "short" if len(text) <= 22 else ""
    return f'<td class="{kind}">{escape(text)}</td>'


def _class(numeric: bool) -> str:
    return ' class="num"' if numeric else ""


def cell_text(value: Any) -> str:
    """A value as a reader writes it; nothing where there is none."""
    return "" if value is None or value is pd.NaT or value != value else number(value)
