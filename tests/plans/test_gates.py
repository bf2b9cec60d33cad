"""What carries nothing firm does not decide when a place opens, unless a duty asks for it; storage that carries load does.

The plan of one place with a line, to which what is tested is added by hand.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from planner.case.build import build_case
from planner.explain.waits import waits
from planner.planning.pipeline import solve
from planner.plans.milestones import milestone_table
from planner.plans.network import SERVICE, host_network
from planner.plans.openings import late_months
from tests.plans.test_network import check

FARM, SUN, CELLS, ENGINE = "farm", "pv-utility-2026", "battery-4h-2026", "gas-engine-dc-2026"
CHEAP = "fuelcell-2026"
HALL = {"id": "old", "host": "champion", "it_mw": 1, "grid_mw": 2, "backup_mw": 2}
PATH = ["permit", "hall"]


@pytest.fixture(scope="module")
def plan(tiny, plain_catalog):
    """Permit of 6 months, halls after 15, served by 2028-Q3, the seventh quarter."""
    changes = {"hosts": {"open_lead_months": 6}, "demand": {"must_serve_by": "2028-07-01"}}
    return solve(build_case(tiny(**changes), plain_catalog()), quality="quick").plan


@pytest.fixture(scope="module")
def offered(plan, tiny):
    """offered(lead_months) -> the case with contract, sun and storage of that lead."""

    def make(lead: int, site: dict[str, Any] | None = None, **changes: Any) -> Any:
        dated = {"lead_months": lead, "permit_months": 0, "max_mw": 5}
        farm = {
            "id": FARM,
            "profile": "wind",
            "max_mw": 5,
            "usd_per_mwh": 60,
            "term_months": 120,
            "lead_months": lead,
        }
        engine = {"id": ENGINE, "unit_mw": 0.5, "fuel_usd_per_mmbtu": 1, **dated}
        power = {
            "ppas": [farm],
            "options": [
                {"id": SUN, **dated},
                {"id": CELLS, **dated},
                engine,
                {**engine, "id": CHEAP, "lead_months": lead - 3},
            ],
            **changes.pop("power", {}),
        }
        return build_case(
            tiny(
                hosts={"open_lead_months": 6},
                demand={"must_serve_by": "2028-07-01"},
                sites={"power": power, **(site or {})},
                **changes,
            ),
            plan.case.catalog,
        )

    return make


def with_source(plan, case, g, t, **power):
    """The tables of the plan with 1 MW of a source live in a period, and other figures of power."""
    name = "ppas" if g == FARM else "plants"
    facts = getattr(case, name).loc[("champion", g, t)]
    day = case.calendar.day_of
    order, live = (pd.Timestamp(day(case.calendar.step_of(t) - lead)) for lead in (int(facts["lead"]), 0))
    row = {"h": "champion", "g": g, "t": t, "added_mw": 1.0}
    dates = {"order_date": order, "sign_date": order, "live_date": live, "start_date": live}
    return plan.tables | {
        name: pd.DataFrame([row | dates]),
        "power": plan.tables["power"].assign(**power),
    }


@pytest.mark.untraced
@pytest.mark.parametrize("g", [FARM, SUN, CELLS])
def test_no_opening_waits_for_what_carries_nothing_firm(plan, offered, g):
    """Of 15 or 18 months: network, date, odds and sentence are those without it, and its row has no float."""
    begins = int(plan.tables["serving"].query("accelerators > 0")["t"].min())
    want = host_network(plan.case, plan.tables, "champion")
    for lead in (15, 18):
        case = offered(lead)
        tables = with_source(plan, case, g, lead // 3)
        assert lead // 3 <= begins
        found = host_network(case, tables, "champion")
        check(found)
        assert [a.name for a in found.activities] == [a.name for a in want.activities]
        assert [a.kind for a in found.path()] == PATH
        assert found.early_ends()[SERVICE] == want.early_ends()[SERVICE] <= begins
        assert (late_months(case, found) == late_months(plan.case, want)).all()
        assert waits(case, tables) == waits(plan.case, plan.tables)
        shown = milestone_table(case, tables, [found]).query("item == @g")
        assert shown["end_date"].tolist() == [pd.Timestamp(case.calendar.day_of(lead // 3))]
        assert shown["float_months"].isna().all() and not shown["critical"].any()


@pytest.mark.untraced
def test_a_permit_for_sun_alone_opens_no_hall_that_stands(plan, offered):
    """Halls that stand serve without what sun adds to them; they wait for the permit of engines."""
    case = offered(18, existing={"halls": [HALL]})
    none = {name: plan.tables[name].head(0) for name in ("opens", "halls", "connections")}
    for g, waits_for in ((SUN, False), (ENGINE, True)):
        tables = with_source(plan, case, g, 6, grid_mw=0.5) | none
        tables["serving"] = tables["serving"].query("t >= 6")
        kinds = {a.kind for a in host_network(case, tables, "champion").activities}
        assert ("permit" in kinds) == waits_for == ("plant" in kinds)


@pytest.mark.untraced
@pytest.mark.parametrize(("power", "site", "gate"), [
    ({}, {}, False),
    ({"storage_firm_mw": 0.5}, {}, True),  # lines and other plant leave it
    ({"grid_mw": 0.5}, {}, False),
    ({"grid_mw": 0.5}, {"redundancy": "N+1"}, True),  # plant carries load, and may lose a unit
    ({"flexible_mw": 1.0}, {"flexible": {"max_mw": 1}}, True),  # carries stressed hours, see below
])  # fmt: skip
def test_storage_that_gives_in_the_design_hour_is_waited_for(plan, offered, power, site, gate):
    case = offered(18, power=site)
    tables = with_source(plan, case, CELLS, 6, **power)
    tables["serving"] = tables["serving"].query("t >= 6")
    tables["dispatch"] = dispatched(discharge_mw=1.0)
    found = host_network(case, tables, "champion")
    check(found)
    assert (CELLS in [a.item for a in found.path()]) == gate


def dispatched(**mw):
    zero = dict.fromkeys(("import_mw", "generation_mw", "discharge_mw"), 0.0)
    return pd.DataFrame([{"h": "champion", "t": 6, "s": s, **zero, **mw} for s in ("stress", "peak")])


@pytest.mark.untraced
@pytest.mark.parametrize(("power", "generated", "site", "gate"), [
    ({}, 1.0, {}, False),  # its line carries all: it generates what is cheaper so
    ({"grid_mw": 0.5}, 1.0, {}, True),
    ({"grid_mw": 0.5, "storage_firm_mw": 9.0}, 1.0, {}, False),
    ({"plant_standby_mw": 0.5}, 1.0, {}, True),  # it stands by in place of backup sets
    ({"grid_mw": 0.5, "flexible_mw": 9.0}, 0.4, {"flexible": {"max_mw": 1}}, False),
    ({"grid_mw": 0.5, "flexible_mw": 9.0}, 0.6, {"flexible": {"max_mw": 1}}, True),  # in stressed hours
])  # fmt: skip
def test_firm_plant_is_waited_for_where_lines_do_not_carry_the_first_load(
    plan, offered, power, generated, site, gate
):
    case = offered(18, power=site)
    tables = with_source(plan, case, ENGINE, 6, **power)
    tables["serving"] = tables["serving"].query("t >= 6")
    tables["dispatch"] = dispatched(generation_mw=generated)
    found = host_network(case, tables, "champion")
    check(found)
    assert (ENGINE in [a.item for a in found.activities]) == gate
    (line,) = waits(case, tables)
    assert ("for plant" in line) == (gate and ENGINE in [a.item for a in found.path()])


@pytest.mark.untraced
@pytest.mark.parametrize(("line_mw", "site", "gates"), [
    (0.9, {}, {CHEAP}),  # either would do: the one that could be there first
    (0.1, {}, {CHEAP, ENGINE}),  # neither alone
    (0.9, {"redundancy": "N+1"}, {CHEAP, ENGINE}),  # either may be lost
])  # fmt: skip
def test_of_several_plants_the_first_that_suffice_are_waited_for(plan, offered, line_mw, site, gates):
    case = offered(18, power=site)
    peak = float(plan.tables["power"].query("t == 6")["facility_peak_mw"].iloc[0])
    tables = with_source(plan, case, ENGINE, 6, grid_mw=peak - 1.0 + line_mw - 0.8)
    tables["plants"] = pd.concat(
        [tables["plants"], with_source(plan, case, CHEAP, 6)["plants"]], ignore_index=True
    )
    tables["serving"] = tables["serving"].query("t >= 6")
    found = host_network(case, tables, "champion")
    check(found)
    assert {a.item for a in found.activities if a.kind == "plant"} == gates


@pytest.mark.untraced
@pytest.mark.parametrize(("grid_mw", "said"), [(40, True), (1, False)])
def test_plant_that_a_larger_line_would_spare_is_said_to_be_waited_for_as_the_line_is_sized(
    plan, offered, grid_mw, said
):
    case = offered(18, site={"grid_mw": [{"from": "2027-01-01", "mw": grid_mw}], "grid_lead_months": 12})
    tables = with_source(plan, case, ENGINE, 6, grid_mw=0.5)
    tables["serving"] = tables["serving"].query("t >= 6")
    (line,) = waits(case, tables)
    assert "for plant" in line
    assert ("as the plan sizes its line, 500 kW: the grid of the site would give one for all" in line) == said


@pytest.mark.untraced
@pytest.mark.parametrize(("since", "ahead"), [
    (None, 2),  # in force all along: none could be drawn in 2027, in 2028 it comes in the third quarter
    ("2028-03-31", 2),  # from the first quarter of 2028 on
    ("2028-04-01", None),  # held from the first whole year on, after the opening
    ("2029-01-01", None),  # after the opening
])  # fmt: skip
@pytest.mark.parametrize("match", ["year", "hour"])
def test_a_share_of_renewable_energy_in_force_waits_for_its_first_source(plan, offered, since, ahead, match):
    floor = {"match": match, "share": 0.1, **({"from": since} if since else {})}
    case = offered(18, limits={"renewable": [floor]})
    tables = with_source(plan, case, FARM, 6)
    tables["serving"] = tables["serving"].query("t >= 6")
    found = host_network(case, tables, "champion")
    check(found)
    gates = {a.item: a.serves_ahead for a in found.activities if a.kind == "ppa"}
    assert gates == ({} if ahead is None else {FARM: ahead})
    if ahead is not None:
        longer = found.early_ends({f"ppa {FARM}": 6 + 4})
        assert longer[SERVICE] == 10 - ahead


@pytest.mark.untraced
def test_a_later_source_is_not_waited_for_where_one_is_there_or_comes_sooner(plan, offered):
    """Of contract and sun of the same day either would do, and the later ordered could be there first."""
    case = offered(15, limits={"renewable": [{"share": 0.1}]})
    later = with_source(plan, case, FARM, 6)["ppas"]
    for t, order in ((5, later["sign_date"].iloc[0]), (6, pd.Timestamp("2027-07-01"))):
        sun = with_source(plan, case, SUN, t)
        sun["plants"] = sun["plants"].assign(order_date=order)
        found = host_network(case, sun | {"ppas": later}, "champion")
        check(found)
        assert [a.item for a in found.activities if a.item in (SUN, FARM)] == [SUN]
