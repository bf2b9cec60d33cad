"""What is said of lines that come late: what would carry a place until a later stage of its site's grid, by the sums of a
first line, and which plant would be there before a date that no line keeps.
"""

from __future__ import annotations

import re

import pandas as pd
import pytest

from planner.case.build import build_case
from planner.case.context import Context
from planner.case.periods import HOURS_PER_MONTH
from planner.case.readiness import soonest_service
from planner.explain.bridges import Bridge, Load, line_decides
from planner.explain.causes import _soonest
from planner.explain.late_stages import stage_words
from planner.explain.waits import _sentence
from planner.facts.numbers import number
from planner.plans.network import SERVICE, Activity, Network
from planner.scenario.power import PowerOption
from tests.plans.test_network import BRIDGE

STAGES = [{"from": "2027-01-01", "mw": 1}, {"from": "2029-01-01", "mw": 10}]
FIRST, STAGE = 5, 8


@pytest.fixture(scope="module")
def case(tiny, plain_catalog):
    site = {"grid_mw": STAGES, "grid_lead_months": 12}
    return build_case(tiny(hosts={"open_lead_months": 6}, sites=site), plain_catalog())


@pytest.fixture
def tables(case):
    """Served from the sixth quarter with 1 MW, half of it on average, all the grid gives; from the ninth, the stage, with 3.

    0.5, 1.5 and 1 MW are missing before it, 1 on average, a half of that as energy.
    """
    periods = range(FIRST, 12)
    mw = [1.0 if t < STAGE else 3.0 for t in periods]
    place = {"p": "south", "h": "champion", "w": "work", "t": periods}
    short = [{5: 1 / 3, 6: 0.6, 7: 0.5}.get(t, 0.0) for t in periods]
    energy = [each * 0.5 * 3 * HOURS_PER_MONTH for each in mw]
    return {
        "serving": pd.DataFrame(
            {**place, "accelerators": 100.0, "served_kref": [1 - each for each in short]}
        ),
        "demand": pd.DataFrame(
            {
                **place,
                "unserved_share": short,
                "demand_kref": 1.0,
                "served_kref": [1 - each for each in short],
            }
        ),
        "power": pd.DataFrame(
            {**place, "grid_mw": mw, "flexible_mw": 0.0, "facility_peak_mw": mw, "energy_mwh": energy}
        ),
    }


def test_what_is_missing_until_the_grid_grows_is_bridged_by_the_same_sums(case, tables):
    text = stage_words(case, tables, "champion")
    assert text.startswith(
        "The grid at south holds it to 1 MW until 2029-Q1, when it draws 2 MW more; "
        "before that up to 1.5 MW are missing. Nothing that"
    )
    told = BRIDGE.findall(text)
    assert told and {int(months) for _, _, months, *_ in told} == {3 * (STAGE - FIRST)}, text
    assert "each for 9 months of what is missing (1.5 MW, 0.5 on average)" in text
    usd = float(re.search(r"energy of the grid at (\d+) USD", text).group(1))
    context = Context.of(case.scenario, case.catalog)
    for name, way, months, musd, *_ in told:
        bridge = Bridge(context, context.scenario.hosts[0], PowerOption(id=name), way == "rented", 0)
        assert float(musd) == pytest.approx(bridge.musd(int(months), Load(1.5, 0.5), usd), rel=0.01)
        assert number(float(musd)) == musd


@pytest.mark.parametrize("change", [
    lambda t: {"demand": t["demand"].assign(unserved_share=0.0)},  # nothing is missing
    lambda t: {"power": t["power"].assign(grid_mw=0.5)},  # not all of the grid is used
    lambda t: {"power": t["power"].assign(facility_peak_mw=1.0)},  # the stage is not drawn on
    lambda t: {"power": t["power"].query("t >= 8"), "serving": t["serving"].query("t >= 8")},  # it opens with it
])  # fmt: skip
def test_a_place_that_its_grid_does_not_hold_back_is_told_none(case, tables, change):
    assert stage_words(case, tables | change(tables), "champion") == ""


def test_it_is_told_once_and_after_the_opening(case, tables):
    """Where the opening waits for the line, its own bridges are named."""
    stage = stage_words(case, tables, "champion")
    for kind, opening in (("hall", False), ("grid", True)):
        first = Activity(kind, kind, "modular" if kind == "hall" else "grid-firm", 10)
        found = Network("champion", (first, Activity(SERVICE, SERVICE, "", 0, 0, ((kind, 0),), 10, 10)))
        line = _sentence(case, found, Load(1.0, 0.5), stage)
        assert line.endswith(stage) != opening and line.count("of the catalog, by months alone") == 1, line


PLANT = re.compile(r"([\w-]+) in (\d{4}-Q\d)")


@pytest.mark.parametrize("sun", [False, True])
def test_a_date_that_waits_for_the_line_names_it_and_plant_that_comes_sooner(tiny, plain_catalog, sun):
    """A line after 45 months: each kind named, offered alone, would let the place serve from the quarter told."""
    options = [{"id": "pv-utility-2026", "max_mw": 5}] if sun else []
    late = {"grid_lead_months": 45, "power": {"options": options}}
    changes = {
        "hosts": {"open_lead_months": 6},
        "demand": {"must_serve_by": "2028-07-01"},
        "horizon": {"years": 5},
    }
    case = build_case(tiny(sites=late, **changes), plain_catalog())
    text = line_decides(case, "champion", "work")
    assert text.startswith("; it waits for power (the line of south): all else could be there in 2028-Q2"), (
        text
    )
    assert text in _soonest(case, "work") and "MUSD" not in text
    told = PLANT.findall(text.split("unpriced: ")[1])
    assert len(told) == 3
    for name, quarter in told:
        power = {"options": [*options, {"id": name}]}
        with_it = build_case(tiny(sites=late | {"power": power}, **changes), plain_catalog())
        assert case.calendar.label(soonest_service(with_it, "champion")) == quarter
        assert "or plant offered there" in line_decides(with_it, "champion", "work") or quarter == "2028-Q2"


def test_a_date_that_waits_for_halls_names_no_plant(tiny, plain_catalog):
    case = build_case(tiny(hosts={"open_lead_months": 18}, sites={"grid_lead_months": 12}), plain_catalog())
    assert line_decides(case, "champion", "work") == ""
