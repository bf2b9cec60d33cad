"""A plan's ledger as the flows of a project: every line lands once, in the right quarter and prices."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from planner.case.periods import Calendar
from planner.facts.errors import BadValue
from planner.finance.ledger_flows import flows_of

LEDGER = pd.DataFrame(
    [
        (0, "capex", "halls", "state", "", 40.0),
        (1, "capex", "servers", "state", "USA", 30.0),
        (1, "capex", "servers", "state", "TWN", 10.0),
        (0, "opex", "", "state", "", 3.0),
        (2, "energy", "", "state", "", 5.0),
        (3, "rent", "", "state", "", 6.0),
        (3, "grant", "", "state", "", -2.0),
        (4, "residual", "servers", "state", "USA", -8.0),
        (3, "physical", "", "state", "", 99.0),
        (1, "capex", "servers", "provider", "USA", 500.0),
    ],
    columns=["t", "kind", "asset_class", "payer", "origin_iso3", "musd"],
)
START = date(2027, 1, 1)


def test_every_line_of_the_payers_lands_once() -> None:
    found = flows_of(LEDGER, Calendar(START, 3, 4), 2, ["state"], "KAZ", 0.0)
    spent = {(s.asset, tuple(s.content)): s.musd.tolist() for s in found.spending}
    assert spent == {
        ("halls", ()): [40.0, 0.0, 0.0, 0.0],
        ("servers", ("USA",)): [0.0, 30.0, 0.0, 0.0],
        ("servers", ("TWN",)): [0.0, 10.0, 0.0, 0.0],
        ("development", ()): [3.0, 0.0, 0.0, 0.0],
    }
    assert {(s.payer, s.country) for s in found.spending} == {("state", "KAZ")}
    assert found.opex_musd.tolist() == [0.0, 0.0, 5.0, 6.0]
    assert found.grants_musd.tolist() == [0.0, 0.0, 0.0, 2.0]
    assert (found.residual_musd, found.start, found.operation_from) == (8.0, START, 2)


def test_periods_of_half_years_are_spread_and_prices_rise() -> None:
    found = flows_of(LEDGER, Calendar(START, 6, 4), 4, ["state", "provider"], "KAZ", 0.02)
    halls = next(s for s in found.spending if s.asset == "halls").musd
    assert halls[:3] == pytest.approx([20.0 * 1.02**0.25, 20.0 * 1.02**0.5, 0.0])
    assert found.residual_musd == pytest.approx(8.0 * 1.02**2)
    assert sum(s.musd.sum() for s in found.spending if s.payer == "provider") > 500.0
    assert len(found.opex_musd) == 8 and np.all(found.opex_musd[:4] == 0)


@pytest.mark.parametrize(("step", "operation_from"), [(1, 2), (3, 0), (3, 4)])
def test_months_and_plans_that_never_build_are_refused(step: int, operation_from: int) -> None:
    with pytest.raises(BadValue, match="whole quarters"):
        flows_of(LEDGER, Calendar(START, step, 4), operation_from, ["state"], "KAZ", 0.0)
