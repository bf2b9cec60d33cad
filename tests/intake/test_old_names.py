"""Fields under a name that they had before are offered only where something is written there."""

from __future__ import annotations

from typing import Any

import pytest

from planner.intake.fields import field
from planner.intake.old_names import unwritten


@pytest.mark.parametrize(
    ("written", "hidden"), [({}, {"capital_musd_total"}), ({"limits.capital_musd_total": 5.0}, set())]
)
def test_an_old_name_is_offered_only_where_it_is_used(written: dict[str, Any], hidden: set[str]) -> None:
    assert unwritten("limits", ["capital_musd_total", "max_cost_musd"], written.get) == hidden


def test_a_share_of_a_rent_is_no_count_of_accelerators() -> None:
    assert field("finance.relet_share_accelerators").unit == "0–1"
