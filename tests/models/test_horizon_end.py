"""What lies beyond the horizon: contracts that run on, and assets that somebody would buy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from planner.audit import audit
from planner.case.build import build_case
from planner.case.commitments import worth_of_one
from planner.case.context import Context
from planner.case.registry import HARDWARE
from planner.case.residual import left_share
from planner.planning.pipeline import solve

pytestmark = pytest.mark.untraced

RATE, N, LATE = 1.08**0.25, 12, 10
"""Discounting of a quarter, quarters of the horizon, first quarter with demand."""
END = RATE**-N
RENT = 3 * 2190 / 1000 * 0.8
"""MUSD a quarter of 800 accelerators at 3 USD an hour."""
CLOUD: dict[str, Any] = {
    "hosts": [{"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
               "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["three-year", "on-demand"]}],
    "stacks": [{"id": "us-cloud", "adoption_musd": 1, "platform_musd_per_year": 1, "lead_months": 3,
                "licence_usd_per_accelerator_year": 0}],
    "demand": {"size": {"by": "accelerators", "points": [{"at": "2029-07-01", "value": 800}]},
               "must_serve_by": "2029-07-01"},
}  # fmt: skip


def pv(t: float) -> float:
    return RATE ** -(t + 0.5)


def owed(periods: int) -> float:
    """Value at the horizon's end of 1 in each of so many quarters after it."""
    return sum(pv(j) for j in range(periods))


def threshold() -> float:
    """Share of the rent fetched at which three years signed two quarters before the end cost what two quarters on
    demand at twice the rent cost: sum p pv + END p (1 - s) owed(10) = 2 sum p pv.
    """
    booked = pv(10) + pv(11)
    return 1 - booked / (END * owed(10))


@pytest.mark.parametrize(("more", "term"), [(0.005, "three-year"), (-0.005, "on-demand")])
def test_a_long_contract_is_signed_late_only_where_letting_it_on_pays(
    tiny, plain_catalog, optimise, more, term
):
    share = threshold() + more
    answer = optimise(tiny(**CLOUD, finance={"relet_share_accelerators": share}), plain_catalog())
    used = answer.used("rent")
    assert {key[3] for key in used} == {term}
    booked = RENT * (pv(10) + pv(11))
    want = booked + END * RENT * (1 - share) * owed(10) if term == "three-year" else 2 * booked
    rents = answer.entries[(answer.entries["account"] == "cloud-rent") & (answer.entries["family"] == "rent")]
    factors = [pv(t) for t in range(N)] + [END]
    paid = sum(r.musd * factors[r.t] * used.get(r.index, 0.0) for r in rents.itertuples())
    assert paid == pytest.approx(want, rel=1e-9)


def test_without_letting_on_no_contract_is_signed_that_is_dearer_than_a_shorter_one(tiny, plain_catalog):
    outcome = solve(build_case(tiny(**CLOUD, finance={"relet_share_accelerators": 0}), plain_catalog()))
    contracts = outcome.plan.tables["commitments"]
    assert set(contracts["r"]) == {"on-demand"}
    assert contracts["due_after_musd"].sum() == 0
    assert outcome.plan.kpi("commitment_cost_musd") == 0
    assert not len(audit(outcome.plan))


def test_every_contract_is_booked_or_owed(tiny, plain_catalog):
    """Three years from the third quarter on: ten quarters booked, two owed; letting on never earns."""
    existing = {"contracts": [{"id": "signed", "host": "cloud", "stack": "us-cloud", "system": "hgx-b300",
                               "accelerators": 100, "until": "2030-09-30", "usd_per_accelerator_hour": 4}]}  # fmt: skip
    hosts = [{**CLOUD["hosts"][0], "rent_terms": ["three-year"], "open_lead_months": 6}]
    scenario = tiny(hosts=hosts, stacks=CLOUD["stacks"], existing=existing,
                    demand={"must_serve_by": "2027-07-01"}, finance={"relet_share_accelerators": 1})  # fmt: skip
    outcome = solve(build_case(scenario, plain_catalog()))
    table = outcome.plan.tables["commitments"].set_index("what")
    signed = RENT * 0.875  # 100 of 800 are there
    assert table.loc["rents", "booked_musd"] == pytest.approx(10 * signed, rel=1e-6)
    assert table.loc["rents", "due_after_musd"] == pytest.approx(2 * signed, rel=1e-6)
    assert table.loc["rents", "cost_musd_discounted"] == 0  # what it fetches is what it costs
    mine = 0.1 * 4 * 2190 / 1000
    assert table.loc["existing", ["signed_musd", "booked_musd", "due_after_musd"]].tolist() == pytest.approx(
        [15 * mine, 12 * mine, 3 * mine]
    )
    want = END * 3 / 4 * mine * 0.25 / 0.75 * owed(3)  # a rent of 4 fetches 3
    assert table.loc["existing", "cost_musd_discounted"] == pytest.approx(want)
    assert (table["signed_musd"] == table["booked_musd"] + table["due_after_musd"]).all()
    assert outcome.plan.kpi("commitments_signed_musd") == pytest.approx(table["signed_musd"].sum())
    assert not len(audit(outcome.plan))


def test_a_part_of_a_period_counts_in_part(tiny, plain_catalog):
    context = Context.of(tiny(), plain_catalog())
    assert worth_of_one(context, 0.0, np.array([0.0, 2.0, 2.5])).tolist() == pytest.approx(
        [0.0, owed(2), owed(2) + 0.5 * pv(2)]
    )


GOODS = {("parameters", name, "value_mid"): value for name, value in (
    ("network_cost_share", 0.2), ("installation_cost_share", 0.05), ("accelerator_first_owner_loss", 0.1),
    ("accelerator_market_value_change_per_year", -0.4))}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (
            "market",
            1.2 / 1.25 / 1.1 * 0.9 * 0.6**2,
        ),  # of a price with installation, for an owner who pays 10 % more
        ("straight-line", 1 - 2 / 5),
        ("none", 0.0),
    ],
)
def test_servers_are_worth_what_used_goods_fetch(tiny, plain_catalog, rule, left):
    """Two years of use: buildings keep their straight line, installation and the owner's premium are lost."""
    catalog = plain_catalog(GOODS)
    scenario = tiny(finance={"residual": rule}, hosts={"hardware_price_factor": 1.1}, solve={"gap": 1e-6})
    outcome = solve(build_case(scenario, catalog))
    ledger = outcome.plan.tables["ledger"].set_index(["kind", "account"]).sort_index()
    price = 0.8 * 50 * 1.25 * 1.1
    paid = ledger.loc["capex", "musd"].groupby(level=0).sum().reindex(list(HARDWARE), fill_value=0.0)
    assert paid.sum() == pytest.approx(price)
    assert paid["owner-premium"] == pytest.approx(price * (1 - 1 / 1.1))
    assert paid["installation"] == pytest.approx(price * 0.05 / 1.25 / 1.1)
    residual = ledger.loc["residual", "musd"] if rule != "none" else {}
    assert -sum(residual.get(name, 0.0) for name in HARDWARE) == pytest.approx(price * left)
    assert ("installation" in residual) == (rule == "straight-line")
    hall = 0.0 if rule == "none" else 2.5 * 8 * 1.25 * (1 - 2 / 20)
    assert -residual.get("halls", 0.0) == pytest.approx(hall)
    views = [outcome.plan.kpi(f"cost_{name}_musd") for name in (
        "npv", "residual_market", "residual_straight_line", "without_residual")]  # fmt: skip
    assert views[0] == pytest.approx(views[{"market": 1, "straight-line": 2, "none": 3}[rule]])
    assert not len(audit(outcome.plan))


def test_a_server_past_its_life_is_worth_nothing_at_the_market_too(tiny, plain_catalog):
    catalog = plain_catalog({("systems", "hgx-b300", "economic_life_years"): 1})
    case = build_case(tiny(finance={"residual": "market"}), catalog)

    left = left_share(case, "servers", case.orders)
    assert (left[case.orders["t"] + case.orders["life"] <= N] == 0).all()
    assert (left[case.orders["t"] + case.orders["life"] > N] > 0).all()


def test_used_goods_never_fetch_more_than_their_price_less_the_first_loss(tiny, plain_catalog):
    """Where used prices rise nothing is bought to be sold again at the end."""
    rising = plain_catalog(
        GOODS | {("parameters", "accelerator_market_value_change_per_year", "value_mid"): 0.3}
    )
    level = plain_catalog(
        GOODS | {("parameters", "accelerator_market_value_change_per_year", "value_mid"): 0.0}
    )
    case = build_case(tiny(finance={"residual": "market"}), rising)
    assert (left_share(case, "servers", case.orders) <= 0.9).all()
    plans = [solve(build_case(tiny(solve={"gap": 1e-6}), facts)).plan for facts in (rising, level)]
    assert plans[0].kpi("cost_npv_musd") == pytest.approx(plans[1].kpi("cost_npv_musd"))
    assert not len(audit(plans[0]))


def test_what_is_required_stands_in_every_period_of_its_window(tiny, plain_catalog, optimise):
    """A guarantee of 1,000 accelerators from the first quarter in which a contract can begin, used or not."""
    guarantee = {
        "id": "g",
        "do": "require",
        "what": "rent",
        "value": 1000,
        "from": "2027-01-01",
        "to": "2029-03-31",
    }
    hosts = [{**CLOUD["hosts"][0], "rent_terms": ["one-year", "on-demand"]}]
    catalog = plain_catalog({("rent_terms", "one-year", "price_factor"): 1.5})
    answer = optimise(tiny(**{**CLOUD, "hosts": hosts}, decisions=[guarantee]), catalog)
    alive = dict.fromkeys(range(N), 0.0)
    for (_, _, _, term, t), k in answer.used("rent").items():
        for u in range(t, min(N, t + (4 if term == "one-year" else 1))):
            alive[u] += k
    assert alive[0] == 0  # nothing can begin within its lead of a quarter
    assert [alive[t] for t in range(1, 9)] == pytest.approx([1.0] * 8)  # two years, to the end of March 2029
    assert alive[9] == 0


@pytest.mark.parametrize("by", ["in total", "by year"])
def test_a_cap_on_outlay_in_total_counts_what_contracts_owe(tiny, plain_catalog, optimise, by):
    """Two quarters of three years: the horizon sees a sixth of the sum, a cap in total sees all of it."""
    scenario = {**CLOUD, "finance": {"relet_share_accelerators": 1}}
    caps = [{"what": "outlay", "musd": 11 * RENT, **({"year": 2029} if by == "by year" else {})}]
    answer = optimise(tiny(**scenario, limits={"money": caps}), plain_catalog())
    terms = {key[3] for key in answer.used("rent")}
    assert ("on-demand" in terms) == (by == "in total")


@pytest.mark.parametrize(
    ("caps", "term"),
    [
        ([], "three-year"),
        ([{"what": "commitments", "musd": 11 * RENT}], "on-demand"),
        ([{"what": "commitments", "musd": 11 * RENT, "payer": "us"}], "three-year"),
        ([{"what": "commitments", "musd": 13 * RENT, "year": 2029}], "three-year"),
        ([{"what": "capex", "musd": 0}], "three-year"),  # the partner buys nothing
        ([{"what": "capex", "musd": 1, "payer": "us"}], "on-demand"),  # and the provider may hardly
        (
            [{"what": "commitments", "musd": 11 * RENT, "payer": "state"}],
            "on-demand",
        ),  # it bears what is rented
        ([{"what": "commitments", "musd": 11 * RENT, "payer": "champion"}], "three-year"),
        ([{"what": "capex", "musd": 1, "payer": "provider"}], "on-demand"),
    ],
)
def test_caps_on_money_by_what_it_is_and_by_payer(tiny, plain_catalog, caps, term):
    scenario = tiny(**CLOUD, finance={"relet_share_accelerators": 1}, limits={"money": caps})
    outcome = solve(build_case(scenario, plain_catalog()))
    if term == "on-demand" and caps[0]["what"] == "capex":
        assert outcome.plan is None
        return
    assert ("on-demand" in set(outcome.plan.tables["rents"]["r"])) == (term == "on-demand")
    assert not len(audit(outcome.plan))
