"""Finance of a plan: the packaged deals reproduce their published ratios, identities hold, what is filled in is listed."""

from __future__ import annotations

import doctest
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.case import finance as filling
from planner.case.finance import Presets, country_premium, exchange_rate, filled, payer_of_hosts
from planner.facts.catalog import load_catalog
from planner.finance import from_plan
from planner.finance.faults import FinanceError
from planner.finance.from_plan import PlanFinance, finance_of
from planner.finance.statements import key_figures
from planner.finance.tables import FAULTS, SCHEMA, finance_tables, tables_of
from planner.intake.scenario_file import with_overrides
from planner.report.terms import heading, term
from planner.scenario.finance import Finance, Source
from tests.finance.deals import NAMES, deal, tables_of_deal

pytestmark = pytest.mark.untraced


def found(name: str, **changes: Any) -> dict[str, pd.DataFrame]:
    """Tables of a deal at its written prices, changed."""
    changes = {"target_dscr": None, **changes}
    scenario = with_overrides(deal(name), {f"finance.{k}": v for k, v in changes.items()})
    return finance_tables(scenario, tables_of_deal(name))


@cache
def priced(name: str) -> PlanFinance:
    """A deal as it is written, at the prices that meet its target."""
    return finance_of(deal(name), tables_of_deal(name))


def test_doctests() -> None:
    assert doctest.testmod(from_plan).failed == 0 and doctest.testmod(filling).failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_identities_of_every_deal(name: str) -> None:
    project = priced(name)
    made = project.statements
    tiny = 1e-9 * float(made.uses["capex"].sum())
    assert made.sources.sum(axis=1).to_numpy() == pytest.approx(made.uses.sum(axis=1).to_numpy(), abs=tiny)
    assert made.balance_sheet["check"].to_numpy() == pytest.approx(np.zeros(len(made.uses)), abs=10 * tiny)
    assert made.balance_sheet["debt"].iloc[-1] == pytest.approx(0.0, abs=1e-6)
    assert made.balance_sheet["cash"].iloc[-1] == pytest.approx(0.0, abs=tiny)
    assert float(made.cash_flow["support"].sum()) == pytest.approx(0.0, abs=tiny)
    # every dollar of the ledger that the payers bear is spent once
    ledger = project.payers
    capex = ledger[ledger["kind"] == "capex"]["musd"].sum()
    first = {"development"}
    spent = sum(
        (s.musd / project.project.price_level).sum() for s in project.project.spending if s.asset not in first
    )
    assert spent == pytest.approx(capex, rel=1e-9)


RATIOS = [
    ("shell-loan", {}, (0.60, 0.75)),
    ("shell-loan", {"sources[shell].share": 0.88}, (0.88, 0.88)),
    ("accelerator-vehicle", {}, (0.62, 0.65)),
    ("delayed-draw", {}, (0.80, 0.80)),
    ("long-notes", {}, (0.916, 0.916)),
    ("exim-package", {}, (0.85, 0.85)),
]


@pytest.mark.parametrize(("name", "changes", "published"), RATIOS)
def test_the_published_ratio_of_debt_to_cost(
    name: str, changes: dict[str, Any], published: tuple[float, float]
) -> None:
    ratio = found(name, **changes)["finance_sources"].iloc[0]["loan_to_cost"]
    assert published[0] - 1e-9 <= ratio <= published[1] + 1e-9


def test_the_vehicle_lets_for_five_years_and_sells_at_the_end() -> None:
    book = found("accelerator-vehicle")["finance_tranches"]
    due = book[book["principal"] > 1e-9]["principal"]
    assert len(due) == 20 and due.iloc[-1] > 0.10 * due.sum() and due.iloc[-2] < 0.10 * due.sum()


@pytest.mark.parametrize("margin", [0.0225, 0.045, 0.065])
def test_the_delayed_draw_loan_costs_its_margin_over_the_base_rate(margin: float) -> None:
    tables = found("delayed-draw", **{"sources[ddtl].margin_per_year": margin})
    book = tables["finance_tranches"]
    base = load_catalog().value("finance_terms", "fed-funds-effective-rate", "value_mid") / 100
    owed = book["balance"].shift().fillna(0.0)
    rates = (4 * book["interest"] / owed)[owed > 1e-3]
    assert rates.to_numpy() == pytest.approx(np.full(len(rates), base + margin))
    assert (tables["finance_sources"].iloc[0]["last_repayment"].year - 2028) == 5


def test_sculpted_debt_has_one_cover_and_that_is_its_llcr() -> None:
    tables = found("delayed-draw", **{"sources[ddtl].share": 1.0})
    assert tables["finance_sources"].iloc[0]["cap"] == "share"
    cover = tables["finance_cover"]
    known = cover["dscr"].dropna()
    assert np.ptp(known) < 1e-6 * known.mean()
    repaying = cover["llcr"].dropna().iloc[-len(known) :]
    assert repaying.iloc[:-1].to_numpy() == pytest.approx(np.full(len(repaying) - 1, known.mean()), rel=1e-6)


def test_long_notes_cost_their_rate_and_are_guaranteed() -> None:
    tables = found("long-notes")
    source = tables["finance_sources"].iloc[0]
    assert (
        source["rate_per_year"] == 0.066
        and source["last_repayment"].year - source["first_repayment"].year == 26
    )
    assert tables["finance_cover"]["contingent_musd"].max() == pytest.approx(source["peak_balance_musd"])


def test_the_export_credit_follows_its_rules() -> None:
    tables = found("exim-package")
    book = tables["finance_tranches"]
    due = book["principal"][book["principal"] > 1e-9]
    assert len(due) == 20 and np.ptp(due) < 1e-9  # five years in equal instalments
    premium = (
        tables["finance_statements"].query("line == 'premium' and statement == 'uses'")["nominal_musd"].sum()
    )
    said = tables["finance_defaults"].set_index("path").loc["finance.sources[exim].premium_share"]
    assert premium / book["draw"].sum() == pytest.approx(float(said["value"])) and "class 5" in said["why"]


def test_the_minimum_premium_is_that_of_the_formula() -> None:
    # class 5, five years after half a year of drawing: 0.74 x 5.25 + 0.75 per cent
    assert country_premium(5, 5.25, load_catalog()) == pytest.approx((0.74 * 5.25 + 0.75) / 100)


def test_prices_meet_the_target() -> None:
    for name, target in (("shell-loan", 1.3), ("long-notes", 1.2)):
        assert key_figures(priced(name).statements)["min_dscr"] == pytest.approx(target, abs=1e-6)
    scenario = with_overrides(deal("delayed-draw"), {"finance.target_equity_irr": 0.15})
    project = finance_of(scenario, tables_of_deal("delayed-draw"))
    assert key_figures(project.statements)["equity_irr"] == pytest.approx(0.15, abs=1e-6)


def test_without_a_word_of_finance_owners_pay_and_all_of_it_is_listed() -> None:
    scenario = deal("delayed-draw").model_copy(update={"finance": Finance()})
    tables = finance_tables(scenario, tables_of_deal("delayed-draw"))
    assert set(tables) == set(SCHEMA) - {FAULTS}
    assert set(tables["finance_sources"]["kind"]) == {"equity"}
    figures = tables["finance_figures"].set_index("figure")["value"]
    assert figures["equity_musd"] == pytest.approx(figures["uses_musd"]) and figures["support_musd"] > 0
    filled_in = tables["finance_defaults"]
    assert {"finance.inflation_per_year", "finance.tax.rate", "finance.operation_from"} <= set(
        filled_in["path"]
    )
    owned = tables["finance_owners"].groupby("payer")["cumulative_musd"].last()
    assert set(owned.index) == {"champion", "state"} and (owned > 0).all()


def test_what_has_no_source_is_assumed_and_says_nothing_else() -> None:
    listed = found("exim-package")["finance_defaults"].set_index("path")
    assert listed.loc["finance.covenants.dsra_months", "source_date"] == ""
    assert not (listed[["source_url", "source_date"]] == "nan").to_numpy().any()
    assert listed.loc["finance.covenants.dsra_months", "assumed"]


def test_what_a_foreign_operator_builds_it_pays_for_and_its_cloud_the_state() -> None:
    scenario = deal("delayed-draw")
    (host,) = scenario.hosts
    rented = host.model_copy(update={"id": "cloud", "mode": "cloud", "owner_class": "us-operator"})
    built = host.model_copy(update={"owner_class": "us-operator"})
    payers = payer_of_hosts([built, rented], [], scenario.catalog)
    assert payers == {host.id: "provider", "cloud": "state"}
    equity = scenario.finance.model_copy(update={"sources": [], "payers": []})
    hers = scenario.model_copy(update={"hosts": [built], "finance": equity})
    made = finance_of(hers, tables_of_deal("delayed-draw"))
    capital = {s.payer for s in made.project.spending if s.asset == "servers"}
    assert capital == {"provider"}, "nothing that is built is left out or falls to another"
    paid = made.statements.sources
    assert paid["equity:provider"].sum() > 0.9 * paid.sum().sum()


def test_tables_have_the_columns_they_declare_and_no_figure_is_silent() -> None:
    for name, table in found("exim-package").items():
        assert tuple(table.columns) == SCHEMA[name], name
    statements = found("exim-package")["finance_statements"]
    assert np.isfinite(statements[["nominal_musd", "real_musd", "shown_m"]].to_numpy(float)).all()


def test_every_table_column_figure_and_line_has_words() -> None:
    made = priced("exim-package")
    columns = {column for names in SCHEMA.values() for column in names}
    assert not [
        c for c in columns if heading(c) == c.replace("_", " ") and c not in ("item", "value", "line")
    ]
    assert not [name for name in SCHEMA if term("table", name) == name]
    tables = tables_of(made, deal("exim-package"))
    for figure in tables["finance_figures"]["figure"]:
        assert term("finance_figure", figure) != figure and term("finance_meaning", figure) != figure
    for line in tables["finance_statements"]["line"].unique():
        assert term("finance_line", line.partition(":")[0]) != line


def test_money_is_shown_in_the_currency_asked_for() -> None:
    path = [
        {
            "currency": "KZT",
            "points": [
                {"at": "2027-01-01", "usd_per_unit": 0.002},
                {"at": "2031-01-01", "usd_per_unit": 0.001},
            ],
        }
    ]
    rows = found("exim-package", currency={"shown": "KZT", "paths": path})["finance_statements"]
    late = rows[rows["date"] >= "2031-01-01"]
    assert (late["shown_m"] - 1000 * late["nominal_musd"]).abs().max() < 1e-6
    scenario = with_overrides(deal("exim-package"), {"finance.currency.paths": path})
    middle = exchange_rate(scenario.finance, "KZT", pd.Timestamp(2029, 1, 1).date(), scenario.catalog)
    assert middle == pytest.approx(0.0015, abs=1e-6)


IMPOSSIBLE = [
    ("delayed-draw", {"revenue[anchor].price_usd": 0.01}, "finance.sources[ddtl]", "negative cash flow"),
    ("delayed-draw", {"revenue[anchor].price_usd": 0.01}, "finance.sources[ddtl]", "MUSD, from 2028-Q3"),
    ("exim-package", {"sources[exim].content_from": ["KEN"]}, "finance.sources[exim].assets", "no spending"),
    (
        "exim-package",
        {"target_dscr": 9, "revenue[state].until": "2028-07-01"},
        "finance.target_dscr",
        "revenue ends in 2028-Q3, debt in",
    ),
    (
        "shell-loan",
        {"operation_from": "2045-01-01"},
        "finance.sources[shell].tenor_years",
        "last quarter",
    ),
]


@pytest.mark.parametrize(("name", "changes", "path", "words"), IMPOSSIBLE)
def test_what_only_the_plan_shows_is_refused_with_its_place(
    name: str, changes: dict[str, Any], path: str, words: str
) -> None:
    scenario = with_overrides(deal(name), {f"finance.{k}": v for k, v in changes.items()})
    with pytest.raises(FinanceError):
        finance_of(scenario, tables_of_deal(name))
    faults = finance_tables(scenario, tables_of_deal(name))
    assert list(faults) == [FAULTS]
    assert any(row.path.startswith(path) and words in row.message for row in faults[FAULTS].itertuples()), (
        faults[FAULTS]
    )


# ---- presets


@pytest.mark.parametrize("preset", Presets(load_catalog()).names)
def test_a_preset_alone_is_a_source(preset: str) -> None:
    source, listed = filled(Source(id="s", preset=preset), load_catalog())
    assert source.kind and source.share is not None and source.currency == "USD"
    assert {d.path.removeprefix("finance.sources[s].") for d in listed} <= set(Source.model_fields)
    assert all(d.source_url or d.assumed for d in listed)
    Source.model_validate(source.model_dump(by_alias=True))  # every value is one a file may hold


def test_what_is_written_comes_before_the_preset() -> None:
    written = Source(id="s", preset="accelerator-loan", base_rate_per_year=0.05, profile="level")
    source, _ = filled(written, load_catalog())
    assert source.base_rate_per_year == 0.05 and source.profile == "level" and source.dscr is None
    assert source.margin_per_year == pytest.approx(0.045)  # the preset's own
    bare, _ = filled(Source(id="s", kind="loan", base_rate_per_year=0.066), load_catalog())
    assert bare.margin_per_year == 0.0  # a stated rate is the whole rate where no preset adds to it
    sculpted, _ = filled(Source(id="s", kind="loan", profile="sculpted"), load_catalog())
    assert sculpted.dscr == pytest.approx(1.3)
