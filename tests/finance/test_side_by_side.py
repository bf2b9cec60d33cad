"""Two plans as a lender asks: every figure is that of its own plan, every reason a difference of the two."""

from __future__ import annotations

import doctest
import re
from typing import Any

import pytest

from planner.case.build import build_case
from planner.finance import side_by_side as beside
from planner.finance.side_by_side import OWNERS_WORST, Side, side_by_side
from planner.finance.statements import key_figures
from planner.intake.scenario_file import with_overrides
from planner.planning.pipeline import solve
from tests.finance.deals import deal, tables_of_deal

BASE, OTHER = "delayed-draw", "exim-package"
TARIFF = ("tariff for a DSCR of 1.3", "accelerator-hour")


@pytest.fixture(scope="module")
def sides() -> tuple[Side, Side]:
    plain = with_overrides(deal(OTHER), {"finance.target_dscr": None})
    return Side.of(deal(BASE), tables_of_deal(BASE)), Side.of(plain, tables_of_deal(OTHER))


def test_doctests() -> None:
    assert doctest.testmod(beside).failed == 0


def test_figures_are_those_of_each_plan(sides: tuple[Side, Side]) -> None:
    table = side_by_side(*sides).set_index(["figure", "of"])
    for column, side in zip(("base", "other"), sides, strict=True):
        assert table.loc[("least DSCR", "all debt"), column] == key_figures(side.found.statements)["min_dscr"]
        signed = side.tables["commitments"]["signed_musd"].sum()
        assert table.loc[("contracts signed", "all"), column] == pytest.approx(signed)
    assert table.loc[("drawn from a source", "ddtl"), "other"] == 0.0
    assert table.loc[("drawn from a source", "exim"), "base"] == 0.0
    assert {of for figure, of in table.index if figure == OWNERS_WORST} == {"champion", "state"}


@pytest.mark.untraced
def test_the_tariff_gives_the_cover(sides: tuple[Side, Side]) -> None:
    base = sides[0]
    price = side_by_side(*sides).set_index("figure").loc["tariff for a DSCR of 1.3", "base"]
    contract = {"id": "all", "kind": "usage", "price_usd": float(price)}
    again = with_overrides(base.scenario, {"finance.revenue": [contract]})
    found = key_figures(Side.of(again, base.tables).found.statements)
    assert found["min_dscr"] == pytest.approx(1.3, abs=1e-6)


@pytest.mark.untraced
def test_reasons_name_the_accounts_that_differ_most(sides: tuple[Side, Side]) -> None:
    rows = side_by_side(*sides).set_index(["figure", "of"])["reason"]
    table = side_by_side(*sides).set_index(["figure", "of"])
    for row in ((OWNERS_WORST, "champion"), ("drawn from a source", "ddtl"), TARIFF):
        told = [float(x) for x in re.findall(r" ([+-][\d.e+-]+)", rows[row])]
        assert sum(told) == pytest.approx(
            table.loc[row, "difference"], rel=0.01
        )  # parts in three figures add up
    assert rows[TARIFF].endswith("USD/h in the worst quarter of each") and "debt service" in rows[TARIFF]
    assert "all else" not in rows[TARIFF]  # nothing of a tariff is left unnamed
    assert rows[("least DSCR", "all debt")].endswith("MUSD in the worst quarter of each")


@pytest.mark.untraced
def test_a_plan_beside_itself_differs_in_nothing(sides: tuple[Side, Side]) -> None:
    table = side_by_side(sides[0], sides[0])
    assert (table["difference"] == 0).all() and set(table["reason"]) == {"no difference"}


@pytest.mark.untraced
def test_dearer_debt_is_no_matter_of_accounts(sides: tuple[Side, Side]) -> None:
    dearer = with_overrides(sides[0].scenario, {"finance.sources[ddtl].share": 0.3})
    rows = side_by_side(sides[0], Side.of(dearer, sides[0].tables)).set_index(["figure", "of"])
    row = ("drawn from a source", "ddtl")
    assert rows.loc[row, "difference"] != 0 and rows.loc[row, "reason"] == beside.OTHERWISE
    peak = rows.loc[(OWNERS_WORST, "champion")]
    assert "draws of ddtl +" in peak["reason"], "less is drawn, so that owners pay more"
    told = [float(x) for x in re.findall(r" ([+-][\d.e+-]+)", peak["reason"])]
    assert sum(told) == pytest.approx(peak["difference"], rel=0.01)


@pytest.mark.untraced
def test_a_grant_counts_once_among_the_reasons(tiny: Any, plain_catalog: Any) -> None:
    """Drawn by the plan or given to it, it is a source of the statements and a receipt of the ledger."""

    def side(**finance: Any) -> Side:
        plan = solve(build_case(tiny(finance=finance), plain_catalog()), quality="quick").plan
        assert plan is not None
        return Side.of(plan.case.scenario, plan.tables)

    chosen = {"id": "eu", "optional": True, "kind": "grant", "assets": ["halls"], "amount_m": 4}
    given = {"id": "fund", "payer": "partner", "date": "2027-01-01", "musd": 3}
    rows = side_by_side(side(sources=[chosen], grants=[given]), side()).set_index(["figure", "of"])
    worst = rows.loc[OWNERS_WORST]
    assert {"champion", "state"} == set(worst.index)
    for row in worst.itertuples():
        told = {name: float(musd) for name, musd in re.findall(r"(?:, |^)(.+?) ([+-][\d.e+-]+)", row.reason)}
        assert {"draws of eu", "draws of fund"} <= set(told) <= {"draws of eu", "draws of fund", beside.ELSE}
        assert told["draws of eu"] + told["draws of fund"] == pytest.approx(row.difference, rel=0.01)
