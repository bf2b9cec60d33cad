"""A plan of Korea's example as it was found at fault: contracts cut at the horizon, hardware on a straight line.

Its orders and rents stand beside this file (prices real MUSD; 24 quarters from 2027). An outside check of that plan
says: 857.5 MUSD signed, 664.5 booked, 193.1 after the horizon; hardware worth 396.3 on a straight line, 247.0 at the
market.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.case.build import build_case
from planner.case.case import Case
from planner.case.commitments import with_tails
from planner.case.context import Context
from planner.case.residual import left_share
from planner.facts.catalog import load_catalog
from planner.scenario.schema import Scenario

PLAN = Path(__file__).parent / "korea_plan"
TERMS = {"three-year": 12, "one-year": 4, "on-demand": 1}
PREMIUM = 1.2
"""What a national champion pays above the market, as a factor."""
GOODS, AROUND = 1 + 0.18 + 0.065, 0.045 + 0.02
"""System, network and storage; spares and installation: shares of the system's price in the catalog of that plan."""


@pytest.fixture(scope="module")
def case(tiny) -> Case:
    scenario: Scenario = tiny(horizon={"start": "2027-01-01", "years": 6}, finance={"residual": "market"})
    return build_case(scenario, load_catalog())


@pytest.mark.untraced
def test_contracts_are_signed_booked_and_owed(case):
    rents = pd.read_csv(PLAN / "rents.csv")
    each = (
        rents["accelerators"] * rents["usd_per_accelerator_hour"] * float(case.periods["hours"].iloc[0]) / 1e6
    )
    table = rents.assign(periods=rents["r"].map(TERMS), musd_per_step=each)
    context = Context.of(case.scenario, case.catalog)
    late = with_tails(context, table, "musd_per_step", np.zeros(len(table)), 0.0)["due_after_musd"].sum()
    booked = (each * np.minimum(table["periods"], case.calendar.n - table["t"])).sum()
    assert [booked + late, booked, late] == pytest.approx([857.5, 664.5, 193.1], abs=0.05)


def test_hardware_on_a_straight_line_and_at_the_market(case):
    """The 247.0 of the outside check values the system alone (no network, no storage) and lets the owner's premium
    and the first sale cost nothing. The rule is that network keeps a market value, and that premium, spares,
    installation and the first owner's loss are gone: 238.3. Both count age from service and end with the economic life.
    """
    orders = pd.read_csv(PLAN / "orders.csv").assign(life=20)
    paid = orders["musd"].to_numpy(float)
    straight = paid @ left_share(case, "servers", orders, "straight-line")
    assert straight == pytest.approx(396.3, abs=0.05)

    def at_market(goods_share: float) -> float:
        return float(paid @ left_share(case, "servers", orders.assign(goods_share=goods_share), "market"))

    first_owner = 1 - case.physics["accelerator_first_owner_loss"]
    assert at_market(1 / (GOODS + AROUND) / first_owner) == pytest.approx(247.0, abs=0.05)
    assert at_market(GOODS / (GOODS + AROUND) / PREMIUM) == pytest.approx(238.3, abs=0.05)
    assert paid @ left_share(case, "servers", orders, "none") == 0
