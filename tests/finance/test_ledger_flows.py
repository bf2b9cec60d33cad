"""A plan's ledger as the flows of a project: every line lands once, in the right quarter, prices and hands."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from planner.case.content import content_of_system
from planner.case.periods import Calendar
from planner.facts.catalog import load_catalog
from planner.facts.errors import BadValue
from planner.finance.ledger_flows import PlanFlows, Quarters, borne, flows_of

LEDGER = pd.DataFrame(
    [
        (0, "capex", "halls", "halls", "", "partner", "h", 40.0),
        (1, "capex", "goods", "servers", "hgx-b300", "partner", "h", 30.0),
        (1, "capex", "installation", "servers", "hgx-b300", "partner", "h", 10.0),
        (0, "opex", "platform", "", "", "partner", "", 3.0),
        (2, "energy", "electricity", "", "", "partner", "h", 5.0),
        (3, "rent", "cloud-rent", "", "", "partner", "cloud", 6.0),
        (3, "grant", "grant", "", "", "partner", "", -2.0),
        (4, "residual", "goods", "servers", "hgx-b300", "partner", "h", -8.0),
        (4, "commitment", "cloud-rent", "", "", "partner", "cloud", 1.5),
        (3, "physical", "water", "", "", "partner", "h", 99.0),
        (1, "capex", "provider-hardware", "servers", "hgx-b300", "operator", "cloud", 500.0),
    ],
    columns=["t", "kind", "account", "asset_class", "k", "payer", "h", "musd"],
).assign(p=lambda d: d["h"].map({"h": "south"}).fillna(""), supplier="")
PAYERS = {"h": "champion", "cloud": "state"}
START = date(2027, 1, 1)


def flows(step: int, operation_from: int, inflation: float = 0.0) -> PlanFlows:
    quarters = Quarters(Calendar(START, step, 4), inflation)
    return flows_of(borne(LEDGER, PAYERS), quarters, operation_from, {"south": "KAZ"}, "KOR", load_catalog())


def test_what_has_no_host_and_what_is_rented_the_state_pays() -> None:
    table = borne(LEDGER, PAYERS)
    assert table.loc[table["kind"] == "rent", "payer"].tolist() == ["state"]
    assert table.loc[table["asset_class"] == "halls", "payer"].tolist() == ["champion"]
    assert table.loc[table["musd"] == 3.0, "payer"].tolist() == ["state"]
    assert 500.0 not in set(table["musd"]), "what an operator invests its rent pays for"


def test_every_line_of_the_payers_lands_once() -> None:
    found = flows(3, 2)
    spent = {(s.asset, s.payer, s.country): s.musd.tolist() for s in found.spending}
    assert spent == {
        ("halls", "champion", "KAZ"): [40.0, 0.0, 0.0, 0.0],
        ("servers", "champion", "KAZ"): [0.0, 40.0, 0.0, 0.0],
        ("development", "state", "KOR"): [3.0, 0.0, 0.0, 0.0],
    }
    assert found.opex_musd.tolist() == [0.0, 0.0, 5.0, 6.0]
    assert found.grants_musd.tolist() == [0.0, 0.0, 0.0, 2.0]
    # what contracts still cost is due with what assets are then worth
    assert (found.residual_musd, found.start, found.operation_from) == (6.5, START, 2)


def test_content_is_that_of_the_accounts_by_value() -> None:
    content = {s.asset: s.content for s in flows(3, 2).spending}
    assert content["halls"] == {"KAZ": 1.0}
    goods = content_of_system(load_catalog(), "hgx-b300").groupby("country")["share"].sum()
    assert content["servers"]["USA"] == pytest.approx(
        0.75 * goods["USA"]
    )  # installation is made where it stands
    assert content["servers"]["KAZ"] == pytest.approx(0.25)
    assert sum(content["servers"].values()) == pytest.approx(1.0)


def test_periods_of_half_years_are_spread_and_prices_rise() -> None:
    found = flows(6, 4, 0.02)
    halls = next(s for s in found.spending if s.asset == "halls").musd
    assert halls[:3] == pytest.approx([20.0 * 1.02**0.25, 20.0 * 1.02**0.5, 0.0])
    assert found.residual_musd == pytest.approx(6.5 * 1.02**2)
    assert len(found.opex_musd) == 8 and np.all(found.opex_musd[:4] == 0)


def test_what_is_sold_is_what_its_place_bought_before() -> None:
    """Two days of sale: of what came before the first, each takes its part of the prices; of later lines the second all."""
    lines = [(0, "capex", 9.0), (1, "residual", -2.0), (2, "capex", 5.0), (3, "residual", -4.0)]
    own = pd.DataFrame(lines, columns=["t", "kind", "musd"]).assign(
        account="bridge", asset_class="plant", k="", payer="partner", h="h", p="south", supplier=""
    )
    other = own[own["kind"] == "capex"].assign(h="cloud")
    ledger = borne(pd.concat([LEDGER, own, other], ignore_index=True), PAYERS)
    found = flows_of(ledger, Quarters(Calendar(START, 3, 4), 0.0), 2, {"south": "KAZ"}, "KOR", load_catalog())
    first, second = found.sales
    assert (first.asset, first.quarter, first.musd, first.bought.tolist()) == (
        "plant",
        1,
        2.0,
        [3.0, 0, 0, 0],
    )
    assert (second.quarter, second.musd, second.bought.tolist()) == (3, 4.0, [6.0, 0, 5.0, 0])


def test_months_are_added_up_to_quarters() -> None:
    monthly = LEDGER.assign(t=LEDGER["t"] * 3)
    quarters = Quarters(Calendar(START, 1, 12), 0.0)
    by_month = flows_of(borne(monthly, PAYERS), quarters, 2, {"south": "KAZ"}, "KOR", load_catalog())
    assert by_month.opex_musd.tolist() == flows(3, 2).opex_musd.tolist()


@pytest.mark.parametrize("operation_from", [0, 4])
def test_plans_that_never_build_are_refused(operation_from: int) -> None:
    with pytest.raises(BadValue, match="before the last"):
        flows(3, operation_from)
