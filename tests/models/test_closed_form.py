"""The model's optimum equals arithmetic by hand: one site, one host, one system, round numbers.

800 accelerators are wanted from 2027-01-01 for three years of 12 quarters; the duty to serve begins with
2028-01-01, period 4. Cheapest is to have everything live exactly then. Rate 8 % real, mid-quarter payments.
"""

from __future__ import annotations

import pytest

from planner.solver.solution import Status

pytestmark = pytest.mark.untraced

RATE = 1.08


def pv(t: float) -> float:
    """Present value of 1 paid in the middle of quarter ``t``."""
    return RATE ** -((t + 0.5) / 4)


END = RATE**-3.0
ALIVE = range(4, 12)
PEAK_MW = 1.6  # 100 servers of 16 kW
FACILITY_MW = PEAK_MW * 1.2


def spread(price: float, at_order: float, lead: int) -> float:
    """Present value of a price: a share at the order, the rest evenly over the lead before period 4."""
    first = 4 - lead
    return price * (
        at_order * pv(first) + (1 - at_order) / lead * sum(pv(t) for t in range(first, first + lead))
    )


def residual(price: float, life_years: float) -> float:
    """Present value of what is left after two years of use, straight line, at the horizon's end."""
    return price * (1 - 2 / life_years) * END


def every(musd_per_year: float, periods=ALIVE) -> float:
    return sum(musd_per_year / 4 * pv(t) for t in periods)


@pytest.fixture(scope="module")
def answer(tiny, plain_catalog, optimise):
    return optimise(tiny(), plain_catalog())


def test_everything_goes_live_when_the_duty_begins(answer):
    assert answer.status is Status.OPTIMAL
    assert answer.used("order") == {("champion", "champion-us-chips", "hgx-b300", 4): pytest.approx(0.8)}
    assert answer.used("halls") == {("champion", "modular", 4): pytest.approx(1)}
    assert answer.used("open") == {("champion", 4): pytest.approx(1)}
    assert answer.used("connect") == {("champion", "grid-firm", 4): pytest.approx(FACILITY_MW)}
    assert answer.used("backup") == {("champion", "diesel", 4): pytest.approx(FACILITY_MW)}
    assert answer.used("unserved") == {("work", t): pytest.approx(1) for t in range(4)}
    assert answer.values("delay").iloc[0] == pytest.approx(12.0)


def test_cost_of_every_account_by_hand(answer):
    """Lead times: servers 6, halls and backup 9, grid 12, opening 9 with its first hall, adoption 6 months."""
    hardware = 0.8 * 50.0  # 800 accelerators at 50,000 USD
    hall = 2.5 * 8 * 1.25
    grid, backup = FACILITY_MW * 0.5, FACILITY_MW * 0.6
    mwh_per_quarter = 100 * 0.012 * 1.2 * 2190  # working servers draw 12 kW
    by_hand = {
        "goods": spread(hardware, 0.3, 2) - residual(hardware, 5),
        "hardware-upkeep": every(hardware * 0.04),
        "platform-licence": every(0.8),
        "staff": every(800 * 1500 / 1e6),
        "site": spread(10, 0.3, 3),
        "team": every(4),
        "halls": spread(hall, 0.1, 3) - residual(hall, 20),
        "hall-upkeep": every(hall * 0.025),
        "grid": spread(grid, 0.1, 4) - residual(grid, 40),
        "backup": spread(backup, 0.1, 3) - residual(backup, 25),
        "backup-upkeep": every(backup * 0.02),
        "stack-adoption": 6 * pv(0) + 6 * pv(1),
        "platform": every(8, range(2, 12)),
        "electricity": sum(mwh_per_quarter * 100 / 1e6 * pv(t) for t in ALIVE),
    }
    factors = [pv(t) for t in range(12)] + [END]
    entries = answer.entries[answer.entries["payer"] == "partner"]
    amounts = {
        name: answer.values(name).to_dict() for name in entries["family"].unique() if name != "constant"
    }
    booked: dict[str, float] = dict.fromkeys(by_hand, 0.0)
    for row in entries.itertuples():
        booked[row.account] = booked.get(row.account, 0.0) + (
            row.musd * factors[row.t] * amounts[row.family][row.index]
        )
    assert {k: v for k, v in booked.items() if v} == pytest.approx(by_hand, rel=1e-7)
    assert answer.objective == pytest.approx(sum(by_hand.values()), rel=1e-7)


def test_an_asset_older_than_its_life_has_no_residual_and_is_replaced(tiny, plain_catalog, optimise):
    """Servers that last one year are bought again after four quarters; only the last batch keeps no value."""
    catalog = plain_catalog({("systems", "hgx-b300", "economic_life_years"): 1})
    answer = optimise(tiny(), catalog)
    host = ("champion", "champion-us-chips", "hgx-b300")
    assert answer.used("order") == {(*host, 4): pytest.approx(0.8), (*host, 8): pytest.approx(0.8)}
    left = answer.entries[(answer.entries["family"] == "order") & (answer.entries["kind"] == "residual")]
    assert left.set_index("index")["musd"].to_dict() == {
        (*host, 9): pytest.approx(-50 * 0.25),
        (*host, 10): pytest.approx(-50 * 0.5),
        (*host, 11): pytest.approx(-50 * 0.75),
    }


def test_an_asset_without_lead_is_paid_when_it_goes_live(tiny, plain_catalog, optimise):
    answer = optimise(tiny(systems={"delivery_months": 0}), plain_catalog())
    order = ("champion", "champion-us-chips", "hgx-b300", 4)
    rows = answer.entries[(answer.entries["index"] == order) & (answer.entries["kind"] == "capex")]
    assert rows[["t", "musd", "quantity"]].to_numpy().tolist() == [[4, 50.0, 1000.0]]


def test_the_price_is_that_of_the_order_date(tiny, plain_catalog, optimise):
    """Prices fall 8 % a year from the middle of 2026: an order in July 2027 is one year on."""
    catalog = plain_catalog({("parameters", "hardware_price_change_per_year", "value_mid"): -0.08})
    orders = optimise(tiny(), catalog).case.orders
    assert orders.loc[("champion", "champion-us-chips", "hgx-b300", 4), "musd_per_k"] == pytest.approx(
        50 * 0.92
    )


def test_energy_follows_the_profile_and_idle_power_does_not(tiny, plain_catalog, optimise):
    """Half a day at full load, half at 40 %: 4 kW always, 8 kW times the load, a dear day tariff."""
    changes = {("profiles", ("batch", hour), "value"): 0.4 for hour in range(12)}
    changes |= {("profiles", ("interactive", hour), "value"): 0.4 for hour in range(12)}
    changes |= {("profiles", ("tariff", hour), "value"): 0.5 for hour in range(12)}
    answer = optimise(tiny(), plain_catalog(changes))
    drawn = answer.values("grid_import")
    assert drawn["champion", 4, "b0"] == pytest.approx(100 * 0.012 * 1.2)
    assert drawn["champion", 4, "b1"] == pytest.approx(100 * (0.004 + 0.008 * 0.4) * 1.2)
    paid = answer.entries[answer.entries["account"] == "electricity"].set_index("index")["musd"]
    assert paid["champion", 4, "b0"] == pytest.approx(1095 * 100 / 1e6)
    assert paid["champion", 4, "b1"] == pytest.approx(1095 * 50 / 1e6)


def test_slices_of_unequal_length_keep_their_weight(tiny, plain_catalog, optimise):
    """Five slices of 24 hours are 5, 5, 5, 5 and 4 hours long: energy is that of 24 hours all the same."""
    five = optimise(tiny(solve={"slices": 5}), plain_catalog())
    hours = five.case.slices.loc[4]["hours"]
    assert hours.to_dict() == pytest.approx(
        {"b0": 2190 * 5 / 24, "b1": 2190 * 5 / 24, "b2": 2190 * 5 / 24, "b3": 2190 * 5 / 24,
         "b4": 2190 * 4 / 24, "design": 0.0}
    )  # fmt: skip
    mwh = (five.values("grid_import")["champion"][4] * hours.drop("design")).sum()
    assert mwh == pytest.approx(100 * 0.012 * 1.2 * 2190)


def test_preemptible_work_counts_by_the_hours_of_its_slices(tiny, plain_catalog, optimise):
    """A firm load fills the busy 20 of 24 hours; work that may wait needs 100 accelerators on average.

    It has 800 accelerators for 4 hours in 24, so 133.3 on average: nothing more is bought.
    """
    changes = {("profiles", ("interactive", hour), "value"): 0.5 for hour in range(4)}
    scenario = tiny(
        solve={"slices": 6},
        demand=[
            {**tiny().demand[0].model_dump(exclude_none=True), "latency_class": "interactive"},
            {
                **tiny().demand[0].model_dump(exclude_none=True),
                "id": "nightly",
                "kind": "batch",
                "preemptible": True,
                "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 50}]},
            },
        ],
    )
    answer = optimise(scenario, plain_catalog(changes))
    assert sum(answer.used("order").values()) == pytest.approx(0.8)
    run = answer.values("run")["nightly", "champion", "champion-us-chips", "hgx-b300", 4]
    assert run.to_dict() == pytest.approx({**{f"b{i}": 0.0 for i in range(5)}, "b5": 0.3})


def test_a_second_hall_is_bought_whole(tiny, plain_catalog, optimise):
    more = {"size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 1256}]}}  # 2.512 MW
    answer = optimise(tiny(demand=more), plain_catalog())
    assert answer.used("halls") == {("champion", "modular", 4): pytest.approx(2)}
    relaxed = optimise(tiny(demand=more), plain_catalog(), integer=())
    assert sum(relaxed.used("halls").values()) == pytest.approx(2.512 / 2.5)
    assert relaxed.objective < answer.objective
