"""The workbook and the page: figures equal the planner's, formulas agree, no text of a user becomes code."""

from __future__ import annotations

import json
import re
import shutil
from io import BytesIO
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from planner.cli import app
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.report import capital
from planner.report.charts.report import charts_of
from planner.report.page import html_page
from planner.report.terms import heading
from planner.report.workbook import workbook_bytes
from planner.runs.files import write_json
from planner.runs.run import Run
from planner.runs.solve import run_solve

EVIL = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small example, made to build and to rent, under a title that tries to be a formula and markup."""
    scenario = with_overrides(load_scenario(example_path("two-hosts")), {"limits.min_control": 50})
    scenario = scenario.model_copy(update={"title": EVIL, "note": "<script>alert(1)</script></script>"})
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


def test_summary_has_every_kpi_with_unit_and_range(run: Run, values) -> None:
    table = rows(values["Summary"]).set_index("Measure")
    assert len(table) == len(run.kpis)
    assert table.loc["Cost, present value", "Value"] == pytest.approx(run.kpi("cost_npv_musd"))
    assert table.loc["Cost, present value", "Unit"] == "MUSD"
    ranged = run.kpis[run.kpis["low"].notna()]
    assert len(ranged) and table["Published low"].notna().sum() == len(ranged)


@pytest.mark.parametrize("by", ["account", "origin", "payer", "host"])
def test_capital_sheets_add_up_to_the_ledger(run: Run, values, by: str) -> None:
    table = rows(values[f"Capital by {by}"])
    paid = capital.outlays(run.table("ledger"))["musd"].sum()
    assert table["Total"][:-1].sum() == pytest.approx(paid)
    assert table.iloc[-1]["Quarter"] == "Total"
    assert table.iloc[-1]["Total"] == pytest.approx(paid)


def test_sums_are_formulas(formulas) -> None:
    sheet = formulas["Capital by account"]
    last = sheet.max_row
    assert all(str(cell.value).startswith("=SUM(") for cell in sheet[last][2:])
    assert str(formulas["Funding"]["D6"].value) == "=C6+D5"


def test_every_check_agrees_when_worked_out_from_the_sheets(values, formulas) -> None:
    """The SUMIFS of the check sheet, done here over the ledger sheet, give the planner's figures."""
    ledger = rows(values["Ledger"])
    check = rows(values["Check"])
    assert set(check["Agrees"]) == {"yes"}
    assert len(check) >= 10
    done = 0
    for what, own, formula in zip(
        check["What"], check["From the planner"], [c.value for c in formulas["Check"]["B"][4:]], strict=True
    ):
        found = re.fullmatch(r"=(-?)SUMIFS\((.*)\)", formula)
        if not found:
            continue
        parts = found[2].split(",")
        picked = pd.Series(True, index=ledger.index)
        for where, value in zip(parts[1::2], parts[2::2], strict=True):
            column = column_of(ledger, where)
            text = value.strip('"')
            picked &= column != text.removeprefix("<>") if text.startswith("<>") else column == text
        total = column_of(ledger, parts[0])[picked].sum() * (-1 if found[1] else 1)
        assert total == pytest.approx(own, abs=1e-6), what
        done += 1
    assert done == 5


def column_of(ledger: pd.DataFrame, reference: str) -> pd.Series:
    letter = re.search(r"\$([A-Z]+)\$", reference)
    assert letter
    return ledger.iloc[:, openpyxl.utils.column_index_from_string(letter[1]) - 1]


def test_peak_funding_is_the_kpi(run: Run, values) -> None:
    table = rows(values["Funding"])
    assert table.iloc[-1]["Cumulative MUSD"] == pytest.approx(run.kpi("peak_funding_musd"))
    assert "Peak" in table.iloc[-1]["Quarter"]


def test_no_text_of_a_user_becomes_a_formula(formulas) -> None:
    assert formulas["Summary"]["A1"].value == EVIL
    for sheet in formulas:
        for line in sheet.iter_rows():
            for cell in line:
                if cell.data_type == "f":
                    assert re.match(r"=(-?SUM(IFS)?\(|MAX\(|IF\(|'?[A-Z][\w ]*'?!|[A-Z]+\d)", cell.value), (
                        cell.value
                    )
                assert cell.hyperlink is None


def test_sources_and_assumptions_come_along(values) -> None:
    sources = rows(values["Sources"])
    assert sources[heading("source_url")].notna().sum() > 100
    assert {"Inputs", "Ledger", "Orders", "Milestones", "Bill of materials"} <= set(values.sheetnames)


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


def test_report_command_writes_both_and_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    runner = CliRunner()
    for kind in ("xlsx", "html"):
        target = tmp_path / f"out.{kind}"
        command = ["report", str(run.path), "--format", kind, "-o", str(target)]
        done = runner.invoke(app, command)
        assert done.exit_code == 0, done.output
        assert target.stat().st_size > 20_000
        again = runner.invoke(app, command)
        assert again.exit_code == 2 and "is there already" in again.output


def test_every_report_says_how_the_audit_stands(run: Run, tmp_path: Path) -> None:
    assert "audit clean" in html_page(run, [])
    copy = Run(shutil.copytree(run.path, tmp_path / "small"))
    write_json(copy.path / "outcome.json", copy.outcome | {"audit": {"state": "broken", "rules_broken": 2}})
    broken = Run(copy.path)
    words = "the audit finds 2 rules broken: do not use this plan"
    assert words in html_page(broken, [])
    head = openpyxl.load_workbook(BytesIO(workbook_bytes(broken)))["Summary"]
    assert any(words in str(cell.value) for row in head.iter_rows(max_row=3) for cell in row)
