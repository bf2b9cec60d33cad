"""The ledger books every payment once, in its period; and what is booked is the cost objective."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.case.build import build_case
from planner.models.build import build_model
from planner.models.ledger import Booked, asset, book, in_words, partner_cost, table_of, yearly


@pytest.fixture(scope="module")
def case(tiny, plain_catalog):
    return build_case(tiny(), plain_catalog())


def table(**columns) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    frame.index = pd.Index(["x"] * len(frame))
    return frame


def paid(parts: list[Booked]) -> dict[tuple[str, int], float]:
    rows = in_words(table_of(parts))
    return rows.groupby(["kind", "t"])["musd"].sum().to_dict()


@pytest.mark.parametrize(
    ("live", "lead", "life", "expected"),
    [
        (4, 0, 20, {("capex", 4): 100, ("residual", 12): -60}),
        (4, 1, 20, {("capex", 3): 100, ("residual", 12): -60}),
        (4, 3, 20, {("capex", 1): 30 + 70 / 3, ("capex", 2): 70 / 3, ("capex", 3): 70 / 3, ("residual", 12): -60}),
        (4, 2, 8, {("capex", 2): 65, ("capex", 3): 35}),  # used up exactly at the horizon's end
        (0, 0, 4, {("capex", 0): 100}),  # used up before
        (11, 0, 20, {("capex", 11): 100, ("residual", 12): -95}),
    ],
)  # fmt: skip
def test_outlays_and_residual_of_an_asset(case, live, lead, life, expected):
    """30 % at the order, the rest over the lead; straight line to the end of twelve quarters."""
    rows = asset(case, "order", table(t=[live], lead=[lead], life=[life]), 100.0, 7.0, "goods")
    assert paid(rows) == pytest.approx(expected)
    assert table_of(rows)["quantity"].sum() == 7.0


def test_an_asset_paid_in_full_at_the_order_keeps_its_quantity(case, monkeypatch):
    monkeypatch.setitem(case.order_share, "servers", 1.0)
    rows = asset(case, "order", table(t=[4], lead=[3], life=[20]), 100.0, 7.0, "goods")
    assert paid(rows) == pytest.approx({("capex", 1): 100, ("residual", 12): -60})
    assert table_of(rows)["quantity"].sum() == 7.0


def test_payments_by_period_end_with_the_life_or_the_horizon(case):
    rows = yearly(case, "order", table(t=[2, 10], life=[3, 20]), 5.0, [3, 20], account="hardware-upkeep")
    assert paid(rows) == {("opex", t): 5.0 for t in (2, 3, 4, 10, 11)}


def test_an_unknown_field_is_refused():
    with pytest.raises(TypeError, match="colour"):
        book("order", ["x"], 0, 1.0, account="goods", colour="red")


def test_a_rent_ends_with_its_term_and_keeps_the_price_of_its_start(tiny, plain_catalog, optimise):
    """Rents fall 20 % a year; work wanted for one year only is rented for four quarters at one price."""
    demand = {
        "optional": True,
        "size": {"by": "accelerators", "shape": "step",
                 "points": [{"at": "2028-01-01", "value": 800}, {"at": "2029-01-01", "value": 0}]},
    }  # fmt: skip
    hosts = [{"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
              "stacks": ["us-cloud"], "open_lead_months": 3, "rent_terms": ["one-year"]}]  # fmt: skip
    stacks = [{"id": "us-cloud", "adoption_musd": 0, "platform_musd_per_year": 0, "lead_months": 0,
               "licence_usd_per_accelerator_year": 0}]  # fmt: skip
    catalog = plain_catalog(
        {
            ("parameters", "rent_change_per_year", "value_mid"): -0.2,
            ("rent_terms", "one-year", "price_factor"): 1.5,
        }
    )
    answer = optimise(tiny(demand=demand, hosts=hosts, stacks=stacks), catalog, bounds={"delay": (0, 0)})
    contract = ("cloud", "us-cloud", "hgx-b300", "one-year", 4)
    assert answer.used("rent") == {contract: pytest.approx(0.8)}
    assert answer.used("fleet") == {
        ("cloud", "us-cloud", "hgx-b300", t): pytest.approx(0.8) for t in range(4, 8)
    }
    rows = answer.entries[(answer.entries["index"] == contract) & (answer.entries["kind"] == "rent")]
    rent = 3 * 1.5 * 0.8**1.5 * 2190 / 1000  # start January 2028, prices of the middle of 2026
    assert dict(zip(rows["t"], rows["musd"], strict=True)) == pytest.approx(dict.fromkeys(range(4, 8), rent))


def test_the_objective_is_the_ledger(tiny, plain_catalog, optimise):
    answer = optimise(tiny(finance={"grants": [{"id": "g", "payer": "fund", "date": "2028-02-01", "musd": 3}]}),
                      plain_catalog())  # fmt: skip
    own = answer.entries[answer.entries["payer"] == "partner"]
    factors = [1.08 ** -((t + 0.5) / 4) for t in range(12)] + [1.08**-3]
    total = 0.0
    values = {f: answer.values(f).to_dict() for f in own["family"].unique() if f != "constant"}
    for row in own.itertuples():
        total += (
            row.musd * factors[row.t] * (1.0 if row.family == "constant" else values[row.family][row.index])
        )
    assert answer.objective == pytest.approx(total, rel=1e-9)
    grant = own[own["account"] == "grant"]
    assert grant[["t", "musd"]].to_numpy().tolist() == [[4, -3.0]]


def test_what_others_pay_is_no_cost_of_the_partner(tiny, plain_catalog):
    hosts = [{"id": "cloud", "site": "south", "mode": "cloud", "owner_class": "us-operator", "operator": "us",
              "stacks": ["us-cloud"], "open_lead_months": 3}]  # fmt: skip
    case = build_case(tiny(hosts=hosts, stacks=[{"id": "us-cloud"}]), plain_catalog())
    _, entries = build_model(case)
    capex = entries[entries["kind"] == "capex"]
    assert set(capex["payer"]) == {"us"} and (capex["musd"] > 0).all()
    without = partner_cost(case, entries[entries["payer"] == "partner"])
    pd.testing.assert_series_equal(partner_cost(case, entries), without)


def test_a_stack_adopted_after_the_horizon_serves_nothing_and_pays_only_within(tiny, plain_catalog):
    case = build_case(tiny(stacks={"lead_months": 48}), plain_catalog())
    assert not len(case.serve)
    assert "adopted 2031-Q1, after the horizon" in set(case.why_not["detail"])
    _, entries = build_model(case)
    use = entries[entries["family"] == "use"]
    assert use["t"].max() == 11
    assert use["musd"].sum() == pytest.approx(12 * 12 / 16)


def test_entries_outside_the_horizon_are_refused(tiny, plain_catalog, monkeypatch):
    import planner.models.build as build

    monkeypatch.setattr(
        build, "grant_entries", lambda case: [book("constant", [()], [-1], 1.0, account="grant")]
    )
    with pytest.raises(ValueError, match="outside the horizon"):
        build_model(build_case(tiny(), plain_catalog()))
