"""One page for whoever decides: the answer in sentences, four figures, what stands where, who is served when, and the
assumptions that move it most. A single HTML file for one sheet of paper: no script, nothing fetched.

    text = brief_page(run)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from planner.facts.errors import PlannerError
from planner.facts.numbers import fixed, megawatts, percent
from planner.report.answer import FIGURES, TABLES, answer, capacity_by_place, places
from planner.report.built import EVEN, not_proven, with_openings
from planner.report.charts.style import PALETTE
from planner.report.names import member_names, spoken
from planner.report.page import cards
from planner.report.strings import t
from planner.report.terms import term
from planner.sizing.size import size
from planner.sizing.words import shared_doubts

if TYPE_CHECKING:
    from planner.runs.run import Run
    from planner.scenario.schema import Scenario
    from planner.sizing.steps import Chain

MOST_ROWS = 10
MOST_ASSUMED = 4
STYLE = """
@page { size: A4; margin: 12mm; }
:root { color-scheme: light; } * { box-sizing: border-box; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body { margin: 0 auto; max-width: 190mm; padding: 20px 12px; color: #1d2328; background: #fff;
  font: 13px/1.42 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 20px; margin: 0; } h2 { font-size: 13.5px; margin: 12px 0 3px; } p { margin: 3px 0; }
.note { color: #556069; font-size: 11px; } .lead { font-size: 15px; line-height: 1.4; margin: 8px 0 4px; }
.print { float: right; font: inherit; padding: 5px 14px; border: 1px solid #0b6373; border-radius: 6px; background: #0b6373;
  color: #fff; cursor: pointer; } @media print { .print { display: none; } }
.bad { color: #b3261e; font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: 8px; margin: 10px 0; }
.card { border: 1px solid #d5dbe0; border-radius: 6px; padding: 7px 10px; } .card span { color: #556069; font-size: 11px; }
.card b { display: block; font-size: 18px; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 11.5px; }
th, td { padding: 2px 8px 2px 0; text-align: left; border-bottom: 1px solid #e3e7eb; vertical-align: top; }
.num { text-align: right; white-space: nowrap; }
.years { display: flex; gap: 8px; height: 118px; align-items: flex-end; margin-top: 4px; }
.year { flex: 1; display: flex; flex-direction: column; justify-content: flex-end; height: 100%; text-align: center;
  font-size: 10.5px; } .year i { display: block; }
.key { display: inline-block; width: 9px; height: 9px; margin-right: 5px; }
@media (max-width: 560px) { section { overflow-x: auto; }
  .two { grid-template-columns: minmax(0, 1fr); } .cards { grid-template-columns: 1fr 1fr; } }
@media print { body { padding: 0; font-size: 11.5px; line-height: 1.36; } h2 { margin-top: 8px; } .lead { font-size: 13px; }
  .cards { margin: 7px 0; } .card { padding: 4px 8px; } .card b { font-size: 16px; } .years { height: 108px; }
  table { font-size: 10.5px; } th, td { padding-top: 1px; padding-bottom: 1px; } }
"""
BARS_PX = 84.0


def brief_page(run: Run, script: str | None = None) -> str:
    """The whole page as text. All text of the run is escaped: a name cannot become markup.

    ``script``: address of what makes the button work that prints the page; without it there is none.
    """
    title = run.title
    tables = {name: run.table(name) for name in (*TABLES, "service", "assumptions")}
    told = answer(tables, run.kpis, run.scenario)
    button = f'<button class="print" type="button">{escape(t("brief.print"))}</button>' if script else ""
    parts = [
        button,
        f"<h1>{escape(title)}</h1>",
        f'<p class="note">{escape(" · ".join(_facts(run)))}</p>',
        f'<p class="bad">{escape(run.audit_line)}</p>' if run.audit_fault else "",
        f'<p class="lead">{escape(told.lead)}</p>',
        f"<p>{escape(told.rest)}</p>",
        f'<p class="bad">{escape(told.falls)}</p>' if told.falls else "",
        cards(run.kpis, FIGURES),
        '<div class="two">',
        _capacity(capacity_by_place(tables["fleet"], run.scenario)),
        _service(tables["service"], tables["demand"], spoken(run.scenario, "w")),
        "</div>",
        _places(
            with_openings(places(tables["fleet"], run.scenario), tables["halls"], tables["openings"]),
            run.scenario,
        ),
        _assumptions(run, tables["assumptions"]),
        f'<p class="note">{escape(_made(run))}</p>',
    ]
    body = "\n".join(part for part in parts if part)
    loaded = f'<script src="{escape(script)}" defer></script>\n' if script else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n{loaded}</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _facts(run: Run) -> list[str]:
    """Day, how good the plan is, and in which money."""
    proven = not_proven(run.outcome)
    day = str(run.outcome.get("finished", ""))[:10]
    quality = term("quality", run.outcome.get("quality"))
    sound = [] if run.audit_fault else [run.audit_line]
    return [
        *filter(None, [day]),
        quality,
        *proven,
        t("brief.money", year=run.scenario.money.price_year),
        *sound,
    ]


def _made(run: Run) -> str:
    version = run.manifest.get("versions", {}).get("planner", "")
    return t(
        "brief.made", run=run.name, version=version, catalog=str(run.manifest.get("catalog_hash", ""))[:12]
    )


def _capacity(table: pd.DataFrame) -> str:
    """Columns of accelerators by year, in parts by place."""
    if not len(table):
        return ""
    order = list(dict.fromkeys(table["p"]))
    colour = {p: PALETTE[i % len(PALETTE)] for i, p in enumerate(order)}
    names = dict(zip(table["p"], table["place"], strict=True))
    totals = table.groupby("year")["accelerators"].sum()
    scale = BARS_PX / max(float(totals.max()), 1.0)
    years = []
    for year, part in table.groupby("year"):
        pieces = "".join(
            f'<i style="height:{scale * row.accelerators:.1f}px;background:{colour[row.p]}"></i>'
            for row in part.itertuples()
            if row.accelerators > 0
        )
        years.append(f'<div class="year">{escape(fixed(totals[year]))}{pieces}{year}</div>')
    keys = " &nbsp; ".join(
        f'<span class="key" style="background:{colour[p]}"></span>{escape(str(names[p]))}' for p in order
    )
    return (
        f"<section><h2>{escape(t('brief.capacity'))}</h2>"
        f'<div class="years">{"".join(years)}</div><p class="note">{keys}</p></section>'
    )


def _service(service: pd.DataFrame, demand: pd.DataFrame, name_of: Mapping[str, str]) -> str:
    """When half and nearly all of each workload's demand stay served; the largest workloads, the rest counted."""
    asked = demand.groupby("w")["demand_kref"].max()
    rows = service.assign(asked=service["w"].map(asked)).sort_values("asked", ascending=False)
    shown = [
        (name_of.get(row.w, str(row.w)), _day(row.date_50), _day(row.date_95))
        for row in rows.head(MOST_ROWS).itertuples()
    ]
    more = len(rows) - len(shown)
    note = f'<p class="note">{escape(t("brief.more", n=more))}</p>' if more > 0 else ""
    head = (t("brief.workload"), t("brief.half"), t("brief.most"))
    return f"<section><h2>{escape(t('brief.service'))}</h2>{_table(head, shown)}{note}</section>"


def _day(value: object) -> str:
    return t("brief.never") if value is None or value is pd.NaT else str(value)[:7]


def _places(held: pd.DataFrame, scenario: Scenario) -> str:
    operators = member_names(scenario, "operators", list(held["operator"]))
    rows = [
        (
            str(row["place"]), term("mode", row["mode"]), operators[row["operator"]], _since(row),
            fixed(row["accelerators"]), megawatts(row["hall_mw"]) if row["hall_mw"] else "", megawatts(row["it_mw"]),
        )
        for _, row in held.iterrows()
    ]  # fmt: skip
    names = ("place", "how", "operator", "since", "accelerators", "halls", "mw")
    head = tuple(t(f"brief.{name}") for name in names)
    return f"<section><h2>{escape(t('brief.places'))}</h2>{_table(head, rows, numbers=3)}</section>"


def _since(row: pd.Series) -> str:
    """From when on a place holds something; with the odds of its opening where it is more likely late than not."""
    share = row["on_time_share"]
    if share != share or share >= EVEN:
        return str(row["from"])
    return t("brief.on-time", label=row["from"], share=percent(share))


def _assumptions(run: Run, assumed: pd.DataFrame) -> str:
    """What moves the size most, and defaults that stand in for values the scenario does not give."""
    try:
        lead = doubts_told(size(run.scenario, run.scenario.catalog).chains.values())
    except PlannerError as error:
        lead = t("brief.no-doubts", reason=str(error))
    rows = [(str(r.item), str(r.value), str(r.why)) for r in assumed.head(MOST_ASSUMED).itertuples()]
    more = len(assumed) - len(rows)
    note = f'<p class="note">{escape(t("brief.more", n=more))}</p>' if more > 0 else ""
    table = _table((t("brief.item"), t("brief.value"), t("brief.why")), rows) + note if rows else ""
    return f"<section><h2>{escape(t('brief.assumptions'))}</h2><p>{escape(lead)}</p>{table}</section>"


def doubts_told(chains: Iterable[Sequence[Chain]]) -> str:
    """What the number of accelerators rests on most, as a sentence; empty where all is certain."""
    told = ", ".join(
        f"{name} ({percent(share)})" for name, share in shared_doubts(c[0] for c in chains if c).items()
    )
    return t("brief.doubts", doubts=told) if told else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """A plain table; the last ``numbers`` columns are figures."""
    first = len(head) - numbers

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=num' if i >= first else ''}>{escape(v)}</{tag}>" for i, v in enumerate(values)
        )

    lines = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', head)}</tr></thead><tbody>{lines}</tbody></table>"
