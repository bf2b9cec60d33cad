"""The optimum of a three-site toy equals the cheapest of all its integer plans, costed one by one by hand.

Three hosts at three sites, three yearly periods, everything whole: opening dates, halls of 4 MW, units of 800
accelerators. All leads are one year, so things go live in period 1 or 2. What is not whole has a closed form:
grid and backup are bought as late and as small as they may be, and work goes first where it costs least energy.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from planner.case.build import build_case
from planner.planning.pipeline import solve

pytestmark = pytest.mark.untraced

UNIT_K, UNIT_MW, HALL_MW, PUE = 0.8, 1.6, 4.0, 1.2
END = 1.08**-3.0
HOSTS = {  # opening cost, team a year, USD/MWh, construction MUSD/MW, hardware price factor, work done, MW at most
    "south": (10.0, 4.0, 100.0, 8.0, 1.0, 1.0, 4.0),
    "north": (2.0, 2.0, 140.0, 9.0, 0.98, 1.0, 8.0),
    "east": (6.0, 1.0, 60.0, 7.0, 1.05, 0.9, 8.0),
}
METRO = {"south": "KR-HNM", "north": "KR-SEO", "east": "KR-ULS"}


def pv(t: float) -> float:
    return 1.08 ** -(t + 0.5)


def bought(price: float, t: int, life: int, upkeep: float = 0.0) -> float:
    """Paid in the year before period t, less what is left after use to the end of year 3, with yearly upkeep."""
    left = max(0.0, 1 - (3 - t) / life)
    return price * (pv(t - 1) - left * END + upkeep * sum(pv(u) for u in range(t, 3)))


def host_options(name: str):
    """Every whole plan of one host: thousands alive in periods 1 and 2, and its cost without energy of work."""
    opening, team, usd, construction, factor, _, most_mw = HOSTS[name]
    running = 800 * 1500 / 1e6 + UNIT_K * 1.0  # staff and licence of a unit
    yield 0.0, 0.0, 0.0
    for first in (1, 2):
        fixed = opening * pv(first - 1) + team * sum(pv(t) for t in range(first, 3))
        for h1, h2, u1, u2 in itertools.product(range(3), range(3), range(6), range(6)):
            early = first == 1
            if ((h1 or u1) and not early) or (h1 + h2) * HALL_MW > most_mw:
                continue
            if u1 * UNIT_MW > h1 * HALL_MW or (u1 + u2) * UNIT_MW > (h1 + h2) * HALL_MW:
                continue
            cost = fixed
            for t, halls, units in ((1, h1, u1), (2, h2, u2)):
                cost += halls * bought(HALL_MW * construction * 1.25, t, 20, 0.025)
                cost += units * bought(UNIT_K * 50 * factor, t, 5, 0.04)
                mw = units * UNIT_MW * PUE
                cost += bought(0.5 * mw, t, 40) + bought(0.6 * mw, t, 25, 0.02)
            for t, units in ((1, u1), (2, u1 + u2)):
                idle = units * 0.4 * PUE * 8760 * usd / 1e6
                cost += pv(t) * (units * running + idle)
            yield u1 * UNIT_K, (u1 + u2) * UNIT_K, cost


def cheapest(demand_k: tuple[float, float]) -> tuple[float, int]:
    """Least cost over all combinations of the three hosts, and how many there are."""
    tables = [np.array(sorted(set(host_options(name)))) for name in HOSTS]
    picks = np.array(list(itertools.product(*(range(len(t)) for t in tables))), dtype=np.int32)
    fleets = np.stack([tables[i][picks[:, i]] for i in range(3)], axis=1)  # plan, host, (k1, k2, cost)
    cost = fleets[:, :, 2].sum(axis=1)
    rate = np.array([HOSTS[n][5] for n in HOSTS])
    musd_per_ref = np.array([HOSTS[n][2] for n in HOSTS]) * 1.0 * PUE * 8760 / 1e6 / rate
    feasible = np.ones(len(picks), dtype=bool)
    for t, wanted in ((1, demand_k[0]), (2, demand_k[1])):
        left = np.full(len(picks), wanted)
        for i in np.argsort(musd_per_ref):  # work goes first where it costs least energy
            done = np.minimum(left, fleets[:, i, t - 1] * rate[i])
            cost = cost + pv(t) * done * musd_per_ref[i]
            left = left - done
        feasible &= left < 1e-9
    stack = 12 * pv(0) + 8 * (pv(1) + pv(2))
    return float(cost[feasible].min()) + stack, len(picks)


@pytest.fixture(scope="module")
def catalog(plain_catalog):
    one_year = {
        ("halls", "modular", "lead_months_mid"): 12, ("halls", "modular", "it_mw"): HALL_MW,
        ("backup", "diesel", "lead_months_mid"): 12,
        ("systems", "hgx-b300", "n_accelerators"): 800, ("systems", "hgx-b300", "peak_kw"): 1600,
        ("systems", "hgx-b300", "typical_kw"): 1200, ("systems", "hgx-b300", "idle_kw"): 400,
    }  # fmt: skip
    return plain_catalog(one_year)


def three_sites(tiny, first: float, second: float):
    plain = tiny().model_dump(mode="json", exclude_none=True, by_alias=True)
    host, site, work = plain["hosts"][0], plain["sites"][0], plain["demand"][0]
    size = {"by": "accelerators", "shape": "step",
            "points": [{"at": "2027-01-01", "value": first}, {"at": "2029-01-01", "value": second}]}  # fmt: skip
    return tiny(
        horizon={"step": "year"},
        solve={"integers": "all", "open_every_periods": 1},
        limits={"max_delay_months": 36},
        demand=[{**work, "size": size}],
        sites=[
            {**site, "id": n, "metro": METRO[n], "elec_price_usd_per_mwh": v[2], "construction_musd_per_mw_it": v[3]}
            for n, v in HOSTS.items()
        ],
        hosts=[
            {**host, "id": n, "site": n, "open_lead_months": 0, "open_cost_musd": v[0], "team_musd_per_year": v[1],
             "hardware_price_factor": v[4], "effectiveness": v[5], "max_it_mw": v[6]}
            for n, v in HOSTS.items()
        ],
        stacks={"lead_months": 12},
        systems={"delivery_months": 12, "price_usd": 40e6},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1500, 3000),
        (3300, 5200),
        pytest.param(1000, 1000, marks=pytest.mark.slow),
        pytest.param(800, 4400, marks=pytest.mark.slow),
    ],
)
def test_the_best_of_all_integer_plans(tiny, catalog, optimise, first, second):
    best, plans = cheapest((first / 1000, second / 1000))
    assert plans > 50_000
    scenario = three_sites(tiny, first, second)
    direct = optimise(scenario, catalog, integer=("open", "use", "halls", "units"))
    assert direct.objective == pytest.approx(best, rel=1e-6)


def test_the_pipeline_finds_it_too(tiny, catalog):
    outcome = solve(build_case(three_sites(tiny, 1500, 3000), catalog), quality="plan")
    assert outcome.plan is not None
    assert outcome.plan.kpi("cost_npv_musd") == pytest.approx(cheapest((1.5, 3.0))[0], rel=1e-5)
