"""A late or thin grid by hand: quarters of waiting without a bridge, none with one, and a small early line.

800 accelerators draw 1.92 MW in the design hour; halls and backup are there in period 3, nine months after the start.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.test_plant import DESIGN_MW, ENGINE, RENTED, facts, option

pytestmark = pytest.mark.untraced
__all__ = ["facts"]

FREE = {"demand": {"must_serve_by": None}}
HALLS = 9.0
"""Months to the first hall."""


def late(*options: dict[str, Any], months: float, years: int = 4) -> dict[str, Any]:
    horizon = {"start": "2027-01-01", "years": years}
    return {
        "sites": {"grid_lead_months": months, "power": {"options": list(options)}},
        "horizon": horizon,
        **FREE,
    }


@pytest.mark.parametrize("months", [36, 45])
def test_first_power_in_the_fourth_year_waits_as_many_quarters_as_the_line(tiny, facts, optimise, months):
    assert optimise(
        tiny(**late(months=months, years=5)), facts, objective="delay"
    ).objective == pytest.approx(months)


def test_a_bridge_takes_the_whole_wait_away(tiny, facts, optimise):
    """Rented plant is there with the first hall: what it costs by hand and that it leaves is tested with plant."""
    bridged = late(option(RENTED, term_months=36), months=36)
    assert optimise(tiny(**bridged), facts, objective="delay").objective == pytest.approx(HALLS)


@pytest.mark.parametrize("early_mw", [0.48, 0.96])
def test_a_small_early_line_serves_its_share_and_a_bridge_the_rest(tiny, facts, optimise, early_mw):
    """A part of the design load after 12 months, all of it after 24: the rest of the work waits a year longer."""
    grid = [{"from": "2027-01-01", "mw": early_mw}, {"from": "2029-01-01", "mw": 5}]
    alone = {"sites": {"grid_mw": grid, "grid_lead_months": 12}, **FREE}
    share = early_mw / DESIGN_MW
    found = optimise(tiny(**alone), facts, objective="delay").objective
    assert found == pytest.approx(12 + 12 * (1 - share))
    bridged = {
        "sites": {"grid_mw": grid, "grid_lead_months": 12, "power": {"options": [option(RENTED)]}},
        **FREE,
    }
    assert optimise(tiny(**bridged), facts, objective="delay").objective == pytest.approx(HALLS)


def test_a_bridge_that_is_dearer_than_the_wait_is_worth_is_not_bought(tiny, facts, optimise):
    """Nobody has to be served before the line: at 100,000 USD/kW no engine is bought, and the wait is the line's."""
    dear = late(option(ENGINE, capex_usd_per_kw=100_000), months=36)
    dear["limits"] = {"max_delay_months": 36}
    answer = optimise(tiny(**dear), facts)
    assert not answer.used("plant") and min(t for *_, t in answer.used("connect")) == 12
