"""The workbook calculated anew by LibreOffice, with every value its formulas carry dropped."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from planner.finance.cases import signed
from planner.finance.from_plan import finance_of
from planner.finance.kernel import irr
from planner.finance.statements import key_figures, statements
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.plans.content import content_lines, shares
from planner.report import capital as capital_of
from planner.report.terms import heading
from planner.report.workbook import write_workbook
from planner.report.workbook.book import Timeline
from planner.runs.run import Run
from planner.runs.solve import run_solve

SOFFICE = shutil.which("soffice")
pytestmark = [
    pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed"),
    pytest.mark.untraced,
]
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
    names = openpyxl.load_workbook(book, read_only=True).sheetnames
    sheets = {name: f"xl/worksheets/sheet{i}.xml" for i, name in enumerate(names, 1)}
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
    opened = openpyxl.load_workbook(path, read_only=True, data_only=True)
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
    for sheet in openpyxl.load_workbook(book, read_only=True):
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


@pytest.fixture(scope="module")
def deal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """An export credit, and its workbook."""
    file = example_path("two-hosts").parent / "finance" / "exim-package.yaml"
    folder = tmp_path_factory.mktemp("deal")
    made = run_solve(load_scenario(file), {"quality": "quick"}, folder / "deal")
    return made, write_workbook(made, folder / "book.xlsx")


def finance_figures(values: Values) -> dict[str, float]:
    """figure -> value of the sheet of finance figures."""
    keys = {
        cell: key for (sheet, cell), key in values.items() if sheet == "Finance figures" and cell[0] == "D"
    }
    found = {str(key): values.get(("Finance figures", f"B{cell[1:]}")) for cell, key in keys.items()}
    return {key: float(v) for key, v in found.items() if isinstance(v, int | float)}


def cell_of(book: Path, row: int) -> tuple[str, str]:
    """The cell of the ledger that holds the money of a row of the run's table."""
    sheet = openpyxl.load_workbook(book, read_only=True)["Ledger"]
    (heads,) = sheet.iter_rows(min_row=4, max_row=4)
    (column,) = (cell.column_letter for cell in heads if cell.value == heading("musd"))
    return "Ledger", f"{column}{row + 5}"


def test_sheets_of_finance_too(deal: tuple[Run, Path], tmp_path: Path) -> None:
    """Flows, the debt's corkscrew, sources and uses, tax, the waterfall and cover of an export credit."""
    found = calculate(deal[1], tmp_path, {})
    assert check_every_formula(deal[1], found) > 4000
    assert not failed(found)
    table = deal[0].table("finance_figures").dropna(subset=["value"]).set_index("figure")["value"]
    assert finance_figures(found) == pytest.approx(table.to_dict(), rel=1e-6, abs=1e-9)
    checks = {str(v) for (sheet, cell), v in found.items() if sheet == "Check" and cell.startswith("A")}
    assert {
        "Sources less uses, largest of any quarter",
        "Debt of exim, left at the end",
        "DSCR, least",
        "Return on equity",
    } <= checks


@pytest.mark.slow
def test_sheets_of_a_plan_that_chose_its_draws_too(tmp_path: Path) -> None:
    """A grant and a loan that is first drawn after operation has begun."""
    sources = [
        {"id": "late", "optional": True, "share": 0.5, "from": "2028-10-01", "until": "2031-12-31", "tenor_years": 2,
         "base_rate_per_year": 0.02, "margin_per_year": 0},
        {"id": "eu", "optional": True, "kind": "grant", "amount_m": 3, "assets": ["halls"]},
    ]  # fmt: skip
    file = example_path("two-hosts").parent / "finance" / "exim-package.yaml"
    scenario = with_overrides(load_scenario(file), {"finance.sources": sources, "finance.target_dscr": None})
    run = run_solve(scenario, {"quality": "quick"}, tmp_path / "run")
    book = write_workbook(run, tmp_path / "book.xlsx")
    (tmp_path / "calculated").mkdir()
    found = calculate(book, tmp_path / "calculated", {})
    check_every_formula(book, found)
    assert not failed(found)
    table = run.table("finance_figures").dropna(subset=["value"]).set_index("figure")["value"]
    assert finance_figures(found) == pytest.approx(table.to_dict(), rel=1e-6, abs=1e-9)
    assert table["peak_debt_musd"] > 0.1 and table["grants_musd"] > 0.1
    assert run.kpi("finance_effect_musd") < 0


@pytest.mark.slow
def test_sheets_of_a_plan_that_sells_plant_again_too(tmp_path: Path) -> None:
    """Engines until the line comes: key figures and statements with the sale in its quarter."""
    file = example_path("two-hosts").parent / "finance" / "exim-package.yaml"
    plain = load_scenario(file)
    engine = {"id": "gas-engine-dc-2026", "capex_usd_per_kw": 300, "lead_months": 3, "permit_months": 0, "unit_mw": 0,
              "ways": ["buy"]}  # fmt: skip
    changes = {f"sites[{site.id}].{name}": value for site in plain.sites
               for name, value in (("grid_lead_months", 36), ("power", {"options": [engine]}))}  # fmt: skip
    run = run_solve(with_overrides(plain, changes), {"quality": "quick"}, tmp_path / "run")
    assert len(run.table("bridges"))
    book = write_workbook(run, tmp_path / "book.xlsx")
    (tmp_path / "calculated").mkdir()
    found = calculate(book, tmp_path / "calculated", {})
    check_every_formula(book, found)
    assert not failed(found)
    known = run.kpis.dropna(subset=["value"]).set_index("kpi")["value"].astype(float).to_dict()
    assert figures(found) == pytest.approx(known, rel=1e-6, abs=1e-9)
    table = run.table("finance_figures").dropna(subset=["value"]).set_index("figure")["value"]
    assert finance_figures(found) == pytest.approx(table.to_dict(), rel=1e-6, abs=1e-9)


def test_finance_follows_one_cell_of_the_ledger(deal: tuple[Run, Path], tmp_path: Path) -> None:
    """Running cost of one quarter: every figure that rests on it is what the planner makes of the same change."""
    run, book = deal
    ledger = run.table("ledger")
    rows = ledger[(ledger["payer"] == "partner") & (ledger["kind"] == "opex") & (ledger["musd"] > 0)]
    row = int(rows[rows["t"] == rows["t"].max() - 6].index[0])
    more = 2.0
    after = finance_figures(calculate(book, tmp_path, {cell_of(book, row): ledger.loc[row, "musd"] + more}))
    found = finance_of(run.scenario, {name: run.table(name) for name in run.tables})
    project = signed(found)
    opex = project.opex_musd.copy()
    half = slice(2 * int(ledger.loc[row, "t"]), 2 * int(ledger.loc[row, "t"]) + 2)  # periods of half a year
    opex[half] += more / 2 * project.price_level[half]
    made = statements(replace(project, opex_musd=opex))
    want = {k: v for k, v in key_figures(made).items() if v is not None}
    assert {k: after[k] for k in want} == pytest.approx(want, rel=1e-6, abs=1e-9)
    assert want["equity_irr"] != pytest.approx(key_figures(found.statements)["equity_irr"], rel=1e-6)
    assert want["min_dscr"] < (key_figures(found.statements)["min_dscr"] or 0.0)


@pytest.mark.slow
def test_rates_of_return_are_found_far_from_where_they_were(deal: tuple[Run, Path], tmp_path: Path) -> None:
    """Goods of a thousand million: owners lose most of it, and the rate is the one that the flows have."""
    run, book = deal
    ledger = run.table("ledger")
    row = int(ledger[(ledger["payer"] == "partner") & (ledger["account"] == "goods")]["musd"].idxmax())
    found = calculate(book, tmp_path, {cell_of(book, row): 1000.0})
    sheet = openpyxl.load_workbook(book)["Cover"]
    lines = {line[0].value: line[0].row for line in sheet.iter_rows()}
    after = finance_figures(found)
    for figure, words in (
        ("equity_irr", "Owners receive less pay"),
        ("project_irr", "Project before finance"),
    ):
        places = [("Cover", cell.coordinate) for cell in sheet[lines[words]][Timeline.FIRST :]]
        flows = [float(str(found[place])) for place in places if place in found]
        assert sum(flows) < 0
        assert after[figure] == pytest.approx((1.0 + irr(flows)) ** 4 - 1.0, abs=1e-6)
    says = {
        v for (sheet, cell), v in found.items() if sheet == "Check" and re.fullmatch(r"F([5-9]|\d\d+)", cell)
    }
    assert says == {"yes", "NO"}


@pytest.mark.slow
def test_finance_follows_rates_prices_and_the_discount_rate(deal: tuple[Run, Path], tmp_path: Path) -> None:
    _, book = deal
    plain = values_of(book)
    before, table = (
        finance_figures(plain),
        {v: cell for (sheet, cell), v in plain.items() if sheet == "Finance inputs"},
    )
    moves = {
        ("Finance inputs", table["exim"].replace("A", "C")): {"min_dscr", "equity_irr", "cost_after_finance_musd"},
        ("Finance inputs", table["inflation"].replace("D", "B")): {"uses_musd", "equity_irr", "cost_after_finance_musd"},
        ("Finance inputs", table["price_factor"].replace("D", "B")): {"min_dscr", "equity_irr", "min_llcr", "price_factor"},
        ("Inputs", "B5"): {"resource_cost_quarter_ends_musd", "cost_after_finance_musd"},
    }  # fmt: skip
    for n, (cell, figures_moved) in enumerate(moves.items()):
        (tmp_path / str(n)).mkdir()
        value = float(str(plain[cell]))
        after = finance_figures(calculate(book, tmp_path / str(n), {cell: 0.9 * value - 0.01}))
        changed = {k for k in before if after[k] != pytest.approx(before[k], rel=1e-9, abs=1e-12)}
        assert figures_moved <= changed, cell
        if cell == ("Inputs", "B5"):
            assert figures_moved == changed


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
    ledger = run.table("ledger")
    row = int(ledger.index[(ledger["account"] == "goods") & (ledger["kind"] == "capex")][0])
    after = calculated({cell_of(book, row): 1000.0})
    capital = {"cost_npv_musd", "cost_without_residual_musd", "capex_musd", "capex_partner_musd", "total_outlay_musd",
               "peak_funding_musd", "peak_year_outlay_musd", "levelised_cost_usd_per_accelerator_hour",
               "levelised_built_usd_per_accelerator_hour", "usd_per_accelerator_all_in"}  # fmt: skip
    capital |= {"musd_per_mw_it", "cost_residual_market_musd", "cost_residual_straight_line_musd",
                "levelised_cost_usd_per_million_tokens"}  # fmt: skip
    assert capital <= moved(plain, after)
    check_figures(run, figures(plain), figures(after), row)
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
