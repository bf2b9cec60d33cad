"""The workbook and the page: figures equal the planner's, formulas agree, no text of a user becomes code."""

from __future__ import annotations

import html
import json
import math
import re
import shutil
import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pandas as pd
import pytest
from openpyxl.formula.translate import Translator
from typer.testing import CliRunner

from planner.app.components.chart import DELIVERED
from planner.case.periods import Calendar
from planner.cli import app
from planner.facts.numbers import quantity
from planner.facts.spans import Span
from planner.finance.tables import finance_tables
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.report import capital
from planner.report.answer import FIGURES, answer_of
from planner.report.brief import brief_page
from planner.report.charts.report import charts_of
from planner.report.finance import sections
from planner.report.page import html_page
from planner.report.terms import heading
from planner.report.workbook import workbook_bytes
from planner.report.workbook.book import Book
from planner.report.workbook.inputs import Facts
from planner.report.workbook.tables import frames
from planner.runs.files import write_json
from planner.runs.run import Run
from planner.runs.solve import run_solve
from planner.sizing.steps import Chain, Step
from planner.sizing.words import shared_doubts
from tests.finance.deals import deal, tables_of_deal

EVIL = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, untraced: Callable[[], AbstractContextManager[None]]
) -> Run:
    """The small example, made to build and to rent, under a title that tries to be a formula and markup."""
    scenario = with_overrides(load_scenario(example_path("two-hosts")), {"limits.min_control": 50})
    scenario = scenario.model_copy(update={"title": EVIL, "note": "<script>alert(1)</script></script>"})
    with untraced():
        return run_solve(scenario, {"quality": "quick"}, tmp_path_factory.mktemp("book") / "small")


@pytest.fixture(scope="module")
def book(run: Run) -> bytes:
    return workbook_bytes(run)


@pytest.fixture(scope="module")
def values(book: bytes) -> openpyxl.Workbook:
    """The workbook with the values its formulas carry."""
    return openpyxl.load_workbook(BytesIO(book), data_only=True)


@pytest.fixture(scope="module")
def formulas(book: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(BytesIO(book))


def rows(sheet) -> pd.DataFrame:
    """The table of a sheet: headings in row 4."""
    cells = list(sheet.iter_rows(min_row=4, values_only=True))
    return pd.DataFrame(cells[1:], columns=cells[0])


@pytest.mark.untraced
def test_summary_has_every_kpi_with_unit_and_range(run: Run, values) -> None:
    table = rows(values["Summary"]).set_index("Measure")
    assert len(table) == len(run.kpis)
    assert table.loc["Cost, present value", "Value"] == pytest.approx(run.kpi("cost_npv_musd"))
    assert table.loc["Cost, present value", "Unit"] == "MUSD"
    ranged = run.kpis[run.kpis["low"].notna()]
    assert len(ranged) and table["Published low"].notna().sum() == len(ranged)


def test_every_figure_of_the_summary_is_a_formula(run: Run, formulas) -> None:
    cells = [row[1] for row in formulas["Summary"].iter_rows(min_row=5, max_row=4 + len(run.kpis))]
    assert all(cell.data_type == "f" for cell in cells)
    passed_on = {cell.row for cell in cells if "From the planner" in cell.value}
    sheet = formulas["Summary"]
    assert {sheet[f"H{row}"].value for row in passed_on} <= {
        "control_max",
        "control_score_v121",
        "control_score_equal",
    }  # not money: they rest on the answers to every criterion


def test_a_place_is_live_before_it_serves_and_the_sheet_says_so(run: Run, values) -> None:
    opened = rows(values["Hosts opened"])
    assert "Live" not in opened
    assert opened["May first hold load"].dropna().tolist() == run.table("opens")["live_date"].tolist()


@pytest.mark.parametrize("by", ["account", "seat", "payer", "host"])
def test_capital_sheets_add_up_to_the_ledger(run: Run, values, by: str) -> None:
    table = rows(values[f"Capital by {by}"]).set_index("Line")
    paid = capital.outlays(run.table("ledger"))["musd"].sum()
    assert table.loc["Total", "Total"] == pytest.approx(paid)
    assert table["Total"].drop("Total").sum() == pytest.approx(paid)


def test_a_sheet_by_period_has_one_formula_a_row(formulas) -> None:
    found = 0
    for sheet in formulas:
        if sheet["A4"].value != "Line":
            continue
        for line in sheet.iter_rows(min_row=5, min_col=6):
            made = [cell for cell in line if cell.data_type == "f"]
            if not made:
                continue
            first = made[0]
            found += 1
            for cell in made[1:]:
                moved = Translator(first.value, origin=first.coordinate).translate_formula(cell.coordinate)
                assert cell.value == moved, (sheet.title, cell.coordinate)
    assert found > 40


def test_no_number_stands_in_a_formula_but_units(formulas) -> None:
    for sheet in formulas:
        for line in sheet.iter_rows():
            for cell in line:
                if cell.data_type != "f":
                    continue
                text = re.sub(r"'[^']*'!|\"[^\"]*\"", "", cell.value)  # sheets and texts
                text = re.sub(r"\$?[A-Z]{1,3}\$?\d+|[A-Za-z_][A-Za-z_.]*", "", text)  # cells and names
                numbers = {float(n) for n in re.findall(r"\d+(?:\.\d+)?", text)}
                assert numbers <= {0, 1, 1000, 1_000_000}, (sheet.title, cell.coordinate, cell.value)


def test_every_check_agrees(values) -> None:
    check = rows(values["Check"])
    assert len(check) > 40 and set(check["Agrees"]) == {"yes"}


def test_peak_funding_is_the_largest_running_total(run: Run, values) -> None:
    flows = rows(values["Flows"]).set_index("Line")
    closing = flows.loc["To be funded: closing"].iloc[4:].astype(float)
    assert closing.max() == pytest.approx(run.kpi("peak_funding_musd"))


def test_no_text_of_a_user_becomes_a_formula(formulas) -> None:
    assert formulas["Summary"]["A1"].value == EVIL
    for sheet in formulas:
        for line in sheet.iter_rows():
            for cell in line:
                assert cell.data_type != "f" or "HYPERLINK" not in cell.value, cell.coordinate
                assert cell.hyperlink is None


def test_sources_and_assumptions_come_along(values) -> None:
    sources = rows(values["Sources"])
    assert sources[heading("source_url")].notna().sum() > 100
    assert {"Inputs", "Scenario", "Ledger", "Orders", "Milestones", "Bill of materials"} <= set(
        values.sheetnames
    )


# ---- page


def test_page_stands_alone_and_escapes_what_users_write(run: Run) -> None:
    text = html_page(run, charts_of(run))
    own = text.replace(re.search(r"<script>(?!\n).*?</script>", text, re.S)[0], "")
    assert "<script src" not in own and "<link" not in own and "@import" not in own
    assert "=HYPERLINK(&quot;" in own and '=HYPERLINK("' not in own
    assert "<script>alert" not in own
    charts = re.findall(r'<script type="application/json" data-chart="chart-\d+">(.*?)</script>', own, re.S)
    assert len(charts) == 9
    assert all("data" in json.loads(chart) for chart in charts)
    assert "real 2026 USD" in own
    told = answer_of(run)
    assert html.escape(told.lead) in own and html.escape(told.rest) in own
    assert "Content by country" in own and "Vendors seated there" in own


def test_the_brief_is_one_small_page_with_the_figures_of_the_plan(run: Run) -> None:
    text = brief_page(run)
    assert "<script" not in text and "<link" not in text and len(text) < 30_000
    assert "=HYPERLINK(&quot;" in text and '=HYPERLINK("' not in text
    for name in FIGURES:
        assert f"<b>{quantity(run.kpi(name), str(run.kpis.set_index('kpi').loc[name, 'unit']))}</b>" in text
    told = answer_of(run)
    assert all(html.escape(sentence) in text for sentence in told.sentences)
    assert "What the number of accelerators rests on most" in text


def test_doubts_of_workloads_count_by_the_accelerators_they_hold() -> None:
    def chain(held: float, **spread: float) -> Chain:
        steps = [Step(name, Span(1.0, 1.0, math.exp(math.sqrt(x))), "") for name, x in spread.items()]
        return Chain("w", "k", held, "", tuple(steps))

    found = shared_doubts([chain(300.0, rate=3.0, peak=1.0), chain(100.0, peak=1.0)])
    assert found == pytest.approx({"rate": 0.75 * 0.75, "peak": 0.25 * 0.75 + 0.25})


@pytest.mark.untraced
def test_the_page_of_a_plan_with_sources_tells_its_finance() -> None:
    tables = tables_of_deal("delayed-draw") | finance_tables(
        deal("delayed-draw"), tables_of_deal("delayed-draw")
    )
    parts = {title: frame for title, _, frame in sections(deal("delayed-draw"), tables)}
    figures = tables["finance_figures"].dropna(subset=["value"])
    assert len(parts["Finance"]) == len(figures) and parts["Finance"]["meaning"].str.len().min() > 10
    assert {"ddtl"} <= set(parts["Sources of capital"]["source"])
    assert len(parts["Downside cases"]) > 5 and len(parts["Break-evens"])
    wary = "What lenders and givers would object to"
    assert wary not in parts
    faults = pd.DataFrame({"path": ["finance.sources"], "message": ["why"]})
    assert sections(deal("delayed-draw"), tables | {"finance_cautions": faults})[0][0] == wary
    assert [title for title, *_ in sections(deal("delayed-draw"), {"finance_faults": faults})] == [
        "This plan cannot be financed as asked"
    ]


def test_content_adds_up_to_capital_both_ways(run: Run) -> None:
    table = capital.by_content(run.table("content"))
    assert table["content_musd"].sum() == pytest.approx(run.kpi("capex_musd"))
    assert table["seat_musd"].sum() == pytest.approx(run.kpi("capex_musd"))
    assert len(table) > 4 and (table.set_index("iso3").loc["TWN", "content_musd"]) > 0


def test_report_command_writes_both_and_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    runner = CliRunner()
    for kind, least in (("xlsx", 20_000), ("html", 20_000), ("pdf", 20_000), ("brief", 2_000)):
        target = tmp_path / f"out.{kind}"
        command = ["report", str(run.path), "--format", kind, "-o", str(target)]
        done = runner.invoke(app, command)
        assert done.exit_code == 0, done.output
        assert target.stat().st_size > least
        again = runner.invoke(app, command)
        assert again.exit_code == 2 and "is there already" in again.output
    ending, made = DELIVERED["pdf"]  # the button beside the report's
    content = made(run)
    assert ending == "pdf" and isinstance(content, bytes) and content.startswith(b"%PDF-")


@pytest.mark.untraced
def test_every_report_says_how_the_audit_stands(run: Run, tmp_path: Path) -> None:
    assert "audit clean" in html_page(run, [])
    copy = Run(shutil.copytree(run.path, tmp_path / "small"))
    write_json(copy.path / "outcome.json", copy.outcome | {"audit": {"state": "broken", "rules_broken": 2}})
    broken = Run(copy.path)
    words = "the audit finds 2 rules broken: do not use this plan"
    assert words in html_page(broken, []) and words in brief_page(broken)
    head = openpyxl.load_workbook(BytesIO(workbook_bytes(broken)))["Summary"]
    assert any(words in str(cell.value) for row in head.iter_rows(max_row=3) for cell in row)


def test_priorities_in_the_workbook_add_up_to_one_as_the_wait_is_weighted() -> None:
    asked = [SimpleNamespace(id=w, priority=p) for w, p in (("chat", 3.0), ("health", 1.0), ("silent", 9.0))]
    scenario = SimpleNamespace(demand=asked, hosts=[SimpleNamespace(id="north", mode="build")])
    works = pd.DataFrame({"w": ["chat", "health"], "t": [0, 1]})
    fleet = pd.DataFrame({"k": ["x"], "it_mw": [3.0], "accelerators": [1500.0]})
    orders = pd.DataFrame({"h": ["north"], "k": ["x"]})
    held = {"demand": works, "service": works, "serving": works, "fleet": fleet, "orders": orders}
    facts = Facts(SimpleNamespace(scenario=scenario), held)  # type: ignore[arg-type]
    facts.__dict__["context"] = SimpleNamespace(calendar=Calendar(date(2027, 1, 1), 3, 2, (1, 4)))
    found = frames(facts)
    assert found["Serving"]["months"].tolist() == [3.0, 12.0]
    assert found["Demand"]["priority"].tolist() == found["Service"]["priority"].tolist() == [0.75, 0.25]
    assert found["Orders"]["mode"].tolist() == ["build"]
    assert found["Orders"]["kw_per_accelerator"].tolist() == [2.0]


def test_headings_have_room_and_no_number_touches_its_unit() -> None:
    out = BytesIO()
    book = Book(out)
    frame = pd.DataFrame(
        {
            "statement": ["cash"] * 300 + ["balance_sheet"],
            "shown_m": [0.123456789] * 301,
            "unit": ["MUSD"] * 301,
        }
    )
    book.table(book.sheet("Lines", "Lines"), frame)
    book.book.close()
    sheet = openpyxl.load_workbook(out)["Lines"]
    assert sheet.column_dimensions["A"].width > len("balance_sheet"), "the widest name, wherever it stands"
    assert sheet.column_dimensions["B"].width < 40
    lines = textwrap.wrap(str(sheet["B4"].value), int(sheet.column_dimensions["B"].width) - 1)
    assert sheet.row_dimensions[4].height >= 15 * len(lines) and len(lines) > 1
    assert sheet["B4"].alignment.horizontal == "right" and sheet["C4"].alignment.horizontal != "right"
    assert sheet["B5"].number_format.endswith("_)")
