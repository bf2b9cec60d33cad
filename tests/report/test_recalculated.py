"""The workbook calculated anew by LibreOffice, with every value its formulas carry dropped."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.plans.content import content_lines, shares
from planner.report import capital as capital_of
from planner.report.terms import heading
from planner.report.workbook import write_workbook
from planner.runs.run import Run
from planner.runs.solve import run_solve

SOFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")
Values = dict[tuple[str, str], object]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small example, made to build and to rent."""
    scenario = with_overrides(load_scenario(example_path("two-hosts")), {"limits.min_control": 50})
    return run_solve(scenario, {"quality": "quick"}, tmp_path_factory.mktemp("book") / "small")


@pytest.fixture(scope="module")
def book(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_workbook(run, tmp_path_factory.mktemp("book") / "book.xlsx")


@pytest.fixture(scope="module")
def calculated(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Values]:
    """calculated({(sheet, cell): number}) -> every cell after these are changed and all is calculated anew."""
    return lambda changes=None: calculate(book, tmp_path_factory.mktemp("calculated"), changes or {})


def calculate(book: Path, folder: Path, changes: dict[tuple[str, str], float]) -> Values:
    sheets = {
        name: f"xl/worksheets/sheet{i}.xml"
        for i, name in enumerate(openpyxl.load_workbook(book).sheetnames, 1)
    }
    with (
        zipfile.ZipFile(book) as old,
        zipfile.ZipFile(folder / "bare.xlsx", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name not in sheets.values():
                new.writestr(name, old.read(name))
                continue
            text = re.sub(r"(</f>)<v>[^<]*</v>", r"\1", old.read(name).decode("utf-8"))
            for (sheet, cell), number in changes.items():
                if sheets[sheet] == name:
                    text, done = re.subn(rf'(<c r="{cell}"[^>]*><v>)[^<]*', rf"\g<1>{number}", text)
                    assert done == 1, (sheet, cell)
            new.writestr(name, text)
    command = [str(SOFFICE), f"-env:UserInstallation={(folder.parent / 'soffice').as_uri()}", "--headless", "--convert-to",
               "xlsx", "--outdir", str(folder / "out"), str(folder / "bare.xlsx")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=170)
    return values_of(folder / "out" / "bare.xlsx")


@pytest.fixture(scope="module")
def plain(calculated: Callable[..., Values]) -> Values:
    return calculated()


def values_of(path: Path) -> Values:
    opened = openpyxl.load_workbook(path, data_only=True)
    return {
        (s.title, c.coordinate): c.value
        for s in opened
        for line in s.iter_rows()
        for c in line
        if c.value is not None
    }


def figures(values: Values) -> dict[str, float]:
    """kpi -> value of the summary."""
    keys = {cell: kpi for (sheet, cell), kpi in values.items() if sheet == "Summary" and cell.startswith("H")}
    found = {str(kpi): values.get(("Summary", f"B{cell[1:]}")) for cell, kpi in keys.items()}
    return {kpi: float(v) for kpi, v in found.items() if isinstance(v, int | float)}


def moved(before: Values, after: Values) -> set[str]:
    old, new = figures(before), figures(after)
    return {kpi for kpi in old if abs(new.get(kpi, 0.0) - old[kpi]) > 1e-9 * max(1.0, abs(old[kpi]))}


def failed(values: Values) -> list[str]:
    """What the sheet Check says no longer agrees."""
    return [str(values[("Check", f"A{cell[1:]}")]) for (sheet, cell), v in values.items()
            if sheet == "Check" and cell.startswith("F") and v == "NO"]  # fmt: skip


def check_every_formula(book: Path, found: Values) -> int:
    """Formulas whose value, worked out anew, is the one they carry."""
    carried, count = values_of(book), 0
    for sheet in openpyxl.load_workbook(book):
        for line in sheet.iter_rows():
            for cell in line:
                if cell.data_type == "f":
                    key = (sheet.title, cell.coordinate)
                    want, got = carried.get(key, ""), found.get(key, "")
                    if isinstance(want, int | float):
                        assert got == pytest.approx(want, rel=1e-6, abs=1e-6), (key, cell.value)
                    else:
                        assert str(got) == str(want), (key, cell.value)
                    count += 1
    return count


def test_every_formula_comes_to_the_value_it_carries(book: Path, plain: Values) -> None:
    assert check_every_formula(book, plain) > 1500
    assert not failed(plain)


def test_sheets_of_finance_too(tmp_path: Path) -> None:
    """Sources and uses, the debt's corkscrew, the waterfall and cover of an export credit."""
    deal = example_path("two-hosts").parent / "finance" / "exim-package.yaml"
    made = run_solve(load_scenario(deal), {"quality": "quick"}, tmp_path / "deal")
    book = write_workbook(made, tmp_path / "book.xlsx")
    found = calculate(book, tmp_path, {})
    assert check_every_formula(book, found) > 2500
    assert not failed(found)
    checks = {str(v) for (sheet, cell), v in found.items() if sheet == "Check" and cell.startswith("A")}
    assert {
        "Sources less uses, largest of any quarter",
        "Debt of exim, left at the end",
        "Least DSCR",
    } <= checks


def test_figures_are_the_planners(run: Run, plain: Values) -> None:
    known = run.kpis.dropna(subset=["value"]).set_index("kpi")["value"].astype(float).to_dict()
    assert figures(plain) == pytest.approx(known, rel=1e-6, abs=1e-9)


def test_the_discount_rate_moves_what_is_discounted(run: Run, calculated, plain) -> None:
    after = calculated({("Inputs", "B5"): 0.09})
    ledger = run.table("ledger")
    own = ledger[ledger["payer"] == "partner"]
    n = int(ledger["t"].max())
    years = own["t"].map(lambda t: (t + 0.5) / 4 if t < n else n / 4)
    assert figures(after)["cost_npv_musd"] == pytest.approx((own["musd"] * 1.09**-years).sum(), rel=1e-9)
    for kpi in ("residual_musd", "cost_without_residual_musd", "levelised_cost_usd_per_accelerator_hour"):
        assert kpi in moved(plain, after)
    assert not moved(plain, after) & {"capex_musd", "total_outlay_musd", "delay_months", "accelerators"}
    assert len(failed(after)) >= 4


def test_a_tariff_moves_energy_and_what_it_is_part_of(run: Run, calculated, plain) -> None:
    cell = next(c for (sheet, c), v in plain.items() if sheet == "Inputs" and v == "USD/MWh").replace(
        "C", "B"
    )
    price = plain[("Inputs", cell)]
    after = calculated({("Inputs", cell): 2 * float(str(price))})
    host = plain[("Inputs", cell.replace("B", "D"))]
    ledger = run.table("ledger")
    paid = ledger.loc[(ledger["account"] == "electricity") & (ledger["h"] == host), "musd"].sum()
    new, old = figures(after), figures(plain)
    assert new["total_outlay_musd"] - old["total_outlay_musd"] == pytest.approx(paid, rel=1e-6)
    assert {"cost_npv_musd", "levelised_built_usd_per_accelerator_hour"} <= moved(plain, after)
    assert "capex_musd" not in moved(plain, after)


def test_one_cell_of_the_ledger_moves_every_figure_that_holds_it(
    run: Run, book: Path, calculated, plain
) -> None:
    sheet = openpyxl.load_workbook(book)["Ledger"]
    heads = {cell.value: cell.column_letter for cell in sheet[4]}
    line = next(i for i in range(5, sheet.max_row + 1) if sheet[f"{heads[heading('account')]}{i}"].value == "goods"
                and sheet[f"{heads[heading('kind')]}{i}"].value == "capex")  # fmt: skip
    after = calculated({("Ledger", f"{heads[heading('musd')]}{line}"): 1000.0})
    capital = {"cost_npv_musd", "cost_without_residual_musd", "capex_musd", "capex_partner_musd", "total_outlay_musd",
               "peak_funding_musd", "peak_year_outlay_musd", "levelised_cost_usd_per_accelerator_hour",
               "levelised_built_usd_per_accelerator_hour", "usd_per_accelerator_all_in"}  # fmt: skip
    capital |= {"musd_per_mw_it", "cost_residual_market_musd", "cost_residual_straight_line_musd",
                "levelised_cost_usd_per_million_tokens"}  # fmt: skip
    assert capital <= moved(plain, after)
    check_figures(run, figures(plain), figures(after), line - 5)
    words = set(failed(after))
    assert {
        f"Capital less grants, all payers, by {by}" for by in ("account", "seat", "payer", "host")
    } <= words
    assert len(words) >= len(capital) + 4


def check_figures(run: Run, old: dict[str, float], new: dict[str, float], row: int) -> None:
    """What the planner's own functions make of the ledger in which a row of goods costs 1,000."""
    ledger = run.table("ledger").copy()
    more = 1000.0 - ledger.loc[row, "musd"]
    ledger.loc[row, "musd"] = 1000.0
    worth = more * ledger.loc[row, "musd_discounted"] / run.table("ledger").loc[row, "musd"]
    want = {name: old[name] + more for name in ("capex_musd", "capex_partner_musd", "total_outlay_musd")}
    want |= {name: old[name] + worth for name in ("cost_npv_musd", "cost_without_residual_musd",
             "cost_residual_market_musd", "cost_residual_straight_line_musd")}  # fmt: skip
    for name in ("levelised_cost_usd_per_accelerator_hour", "levelised_cost_usd_per_million_tokens"):
        want[name] = old[name] * want["cost_npv_musd"] / old["cost_npv_musd"]
    want["usd_per_accelerator_all_in"] = (
        old["usd_per_accelerator_all_in"] + more * 1e6 / run.table("orders")["accelerators"].sum()
    )
    want["musd_per_mw_it"] = (
        old["musd_per_mw_it"] * want["usd_per_accelerator_all_in"] / old["usd_per_accelerator_all_in"]
    )
    _, peak = capital_of.funding(ledger, capital_of.served_from(run.kpis, ledger))
    want["peak_funding_musd"] = peak.musd
    places = {h.id: run.scenario.country for h in run.scenario.hosts}
    lines = content_lines(ledger, places, run.scenario.country, run.catalog)
    want["capex_us_content_share"] = shares(lines, "content_iso3", "USA")
    want["capex_us_seat_share"] = shares(lines, "origin_iso3", "USA")
    assert {name: new[name] for name in want} == pytest.approx(want, rel=1e-6)
