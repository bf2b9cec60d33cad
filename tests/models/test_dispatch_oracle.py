"""Dispatch of one host with sizes fixed against PyPSA (MIT), an open model of power systems that knows nothing of ours.

Each case is solved by the planner with plant and lines held at given sizes; PyPSA then gets the same load by slice, the
same prices and sizes, and must find the same megawatts and the same cost of a period to 1e-6. Slices are PyPSA's
snapshots: hours of the period weigh costs, hours of the day weigh what is stored. Stressed hours hold no storage here:
their link to ordinary days is ours (`test_storage.py`).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import pytest

from planner.case.build import build_case
from planner.case.case import Case
from planner.facts.catalog import Catalog
from planner.scenario.schema import Scenario
from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

HOST, T = "champion", 6
SUN, CELLS, ENGINE, SETS = "pv-utility-2026", "battery-4h-2026", "gas-engine-dc-2026", "diesel-genset-2026"
LOAD = [0.2] * 7 + [0.5, 0.8, 1, 1, 1, 0.8, 0.9, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.4, 0.3, 0.2]
PRICES = [
    41.0,
    40,
    39,
    38,
    37,
    42,
    55,
    90,
    140,
    160,
    155,
    120,
    60,
    45,
    48,
    70,
    130,
    170,
    190,
    180,
    110,
    80,
    60,
    50,
]
SHINES = [0.0] * 6 + [0.5, 1.5, 2.5, 3.2, 3.6, 3.8, 3.7, 3.3, 2.6, 1.6, 0.7] + [0.0] * 7


class Sizes(NamedTuple):
    """What stands: MW by option of plant, and by line."""

    options: dict[str, dict[str, Any]]
    plant: dict[str, float]
    lines: dict[str, float]
    tariff: bool = False


def plant(capex: float = 1000, **more: Any) -> dict[str, Any]:
    return {"capex_usd_per_kw": capex, "lead_months": 6, "permit_months": 3, "forced_outage_pct": 10, **more}


BATTERY = plant(round_trip_pct=85)
FADING = plant(round_trip_pct=85, fade_pct_per_year=3, fade_pct_per_cycle=0.002, cycles_per_year=400)
BOUGHT = 4
"""Period in which plant goes live."""
CASES = {
    "solar, battery and grid": Sizes(
        {SUN: plant(max_mw=9, capacity_factor_pct=20), CELLS: BATTERY}, {SUN: 2.2, CELLS: 0.5}, {"grid-firm": 2.2}, True
    ),
    "gas and a small grid, with outage": Sizes(
        {ENGINE: plant(fuel_usd_per_mmbtu=11.3, unit_mw=0.1)}, {ENGINE: 1.3}, {"grid-firm": 0.8}, True
    ),
    "a flexible connection beside a firm one": Sizes(
        {SETS: plant(fuel_usd_per_mmbtu=13.1)}, {SETS: 1.1}, {"grid-firm": 0.5, "grid-flexible": 1.2}
    ),
    "prices by hour with a battery": Sizes({CELLS: BATTERY}, {CELLS: 0.7}, {"grid-firm": 2.2}, True),
    "a battery that fades, its cycles warranted": Sizes({CELLS: FADING}, {CELLS: 0.7}, {"grid-firm": 2.2}, True),
}  # fmt: skip


@pytest.fixture(scope="module")
def pypsa() -> Any:
    """Its import takes seconds: once, and only here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pypsa

    for name in ("pypsa", "linopy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return pypsa


@pytest.fixture(scope="module")
def facts(plain_catalog: Callable[..., Catalog]) -> Catalog:
    return plain_catalog({
        **{("profiles", ("batch", hour), "value"): load for hour, load in enumerate(LOAD)},
        **{("profiles", ("interactive", hour), "value"): load for hour, load in enumerate(LOAD)},
        **{("profiles", ("sun", hour), "value"): sun for hour, sun in enumerate(SHINES)},
    })  # fmt: skip


def held(tiny: Callable[..., Scenario], facts: Catalog, sizes: Sizes) -> tuple[Case, dict[Any, Any]]:
    """The case and the bounds that hold its sizes from period 4 on."""
    site: dict[str, Any] = {"power": {"options": [{"id": g, **own} for g, own in sizes.options.items()]}}
    if sizes.tariff:
        site |= {"elec_price_usd_per_mwh": None, "tariff": {"energy_usd_per_mwh_by_hour": PRICES}}
    if "grid-flexible" in sizes.lines:
        site["power"]["flexible"] = {"max_mw": 9, "lead_months": 12, "curtailed_hours_per_year": 300}
    bounds: dict[Any, Any] = {"plant": (0, 0), "connect": (0, 0)}
    bounds |= {("plant", (HOST, g, BOUGHT)): (mw, mw) for g, mw in sizes.plant.items()}
    bounds |= {("connect", (HOST, n, BOUGHT)): (mw, mw) for n, mw in sizes.lines.items()}
    return build_case(tiny(sites=site, horizon={"years": 2}), facts), bounds


def network(pypsa: Any, case: Case, sizes: Sizes, load: pd.Series) -> Any:
    """The same host as a PyPSA network: one bus, generators with marginal costs in USD/MWh, a storage unit."""
    slices = list(load.index)
    found = pypsa.Network()
    found.set_snapshots(slices)
    hours = case.slices.loc[T]["hours"].reindex(slices)
    day = hours / hours.sum() * 24.0
    found.snapshot_weightings = pd.DataFrame({"objective": hours, "stores": day, "generators": hours})
    found.add("Bus", "host")
    found.add("Load", "machines", bus="host", p_set=load.to_numpy())
    price = (case.tariffs.loc[HOST, T]["musd_per_mwh"] * 1e6).reindex(slices)
    for n, mw in sizes.lines.items():
        off = case.flexibles.at[HOST, "discount_share"] if n == "grid-flexible" else 0.0
        there = [float(n == "grid-firm" or s != "stress") for s in slices]
        found.add(
            "Generator", n, bus="host", p_nom=mw, p_max_pu=there, marginal_cost=(price * (1 - off)).to_numpy()
        )
    for g, mw in sizes.plant.items():
        if g == CELLS:
            found.add("StorageUnit", g, bus="host", p_nom=mw, max_hours=4 * _left(sizes), efficiency_store=0.85,
                      cyclic_state_of_charge=True, p_max_pu=0.9, p_min_pu=-0.9)  # fmt: skip
            continue
        row, own = case.catalog.table("power_options").loc[g], sizes.options[g]
        fuel = 0.0 if g == SUN else own["fuel_usd_per_mmbtu"] * row["heat_rate_mmbtu_per_mwh"]
        running = 0.0 if g == SUN else float(row["variable_om_usd_per_mwh"])
        found.add("Generator", g, bus="host", p_nom=mw, p_max_pu=_available(case, sizes, g, slices),
                  marginal_cost=fuel + running)  # fmt: skip
    return found


def _left(sizes: Sizes) -> float:
    """Share of the battery's energy at the end of the period, from the first day of the one in which it was bought."""
    own = sizes.options[CELLS]
    fade = own.get("fade_pct_per_year", 0) + own.get("fade_pct_per_cycle", 0) * own.get("cycles_per_year", 0)
    return 1 - fade / 100 * (T + 1 - BOUGHT) / 4


def _warranted(sizes: Sizes, hours: pd.Series) -> Any:
    """What PyPSA does not know: no more than a quarter of the year's full cycles."""

    def add(found: Any, snapshots: Any) -> None:
        own = sizes.options.get(CELLS, {})
        if "cycles_per_year" in own:
            gives = found.model["StorageUnit-p_dispatch"]
            weights = hours.rename_axis("snapshot").to_xarray()
            most = own["cycles_per_year"] / 4 * 4 * sizes.plant[CELLS] * _left(sizes)
            found.model.add_constraints((gives * weights).sum() <= most, name="warranted")

    return add


def _available(case: Case, sizes: Sizes, g: str, slices: list[str]) -> list[float]:
    """Share of a MW by slice: the mean of the sun over the hours of a slice, or what does not fail."""
    if g != SUN:
        return [0.9] * len(slices)
    mean, hour, out = sizes.options[g]["capacity_factor_pct"] / 100, 0, []
    for length in (case.slices.loc[T]["hours"].reindex(slices) / 8760 * 4 * 24).round().astype(int):
        out.append(mean * sum(SHINES[hour : hour + length]) / length)
        hour += length
    return out


@pytest.mark.parametrize("name", CASES)
def test_dispatch_is_that_of_pypsa(name, pypsa, tiny, facts, optimise):
    sizes = CASES[name]
    case, bounds = held(tiny, facts, sizes)
    answer = optimise(case, bounds=bounds)
    assert answer.status is Status.OPTIMAL
    heat = answer.values("heat").sort_index()
    load = 1.2 * heat.loc[HOST, "air-chilled-water", "air", T].drop("design")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = network(pypsa, case, sizes, load)
        hours = case.slices.loc[T]["hours"].reindex(load.index)
        status = other.optimize(
            solver_name="highs",
            log_to_console=False,
            include_objective_constant=False,
            extra_functionality=_warranted(sizes, hours),
        )
    assert status == ("ok", "optimal")

    energy = answer.entries[(answer.entries["t"] == T) & answer.entries["kind"].eq("energy")]
    values = {
        family: answer.values(family).to_dict() for family in energy["family"].unique() if family in _FLOWS
    }
    energy = energy[energy["family"].isin(values)]
    paid = sum(row.musd * values[row.family][row.index] for row in energy.itertuples()) * 1e6
    assert paid == pytest.approx(float(other.objective), rel=1e-6)

    drawn = answer.values("grid_import").loc[HOST, T]
    assert drawn.to_dict() == pytest.approx(
        other.generators_t.p[list(sizes.lines)].sum(axis=1).to_dict(), abs=1e-6
    )
    for g in sizes.plant:
        if g == CELLS:
            net = answer.values("discharge").loc[HOST, g, T] - answer.values("charge").loc[HOST, g, T]
            assert net.to_dict() == pytest.approx(other.storage_units_t.p[g].to_dict(), abs=1e-6)
            full = answer.values("level").loc[HOST, g, T]
            assert full.to_dict() == pytest.approx(
                other.storage_units_t.state_of_charge[g].to_dict(), abs=1e-6
            )
        else:
            made = answer.values("gen").loc[HOST, g, T]
            assert made.to_dict() == pytest.approx(other.generators_t.p[g].to_dict(), abs=1e-6)


_FLOWS = ("grid_import", "flexible_import", "gen")
