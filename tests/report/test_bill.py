"""The bill of materials: a line for what is bought, with its dates and money; nothing that is not bought."""

import pandas as pd

from planner.case.registry import CONTRACTS, PURCHASES
from planner.plans.schema import SCHEMA
from planner.report.terms import heading
from planner.report.views import bill_of_materials

DAY = pd.Timestamp


def tables(**rows: list[dict]) -> dict[str, pd.DataFrame]:
    """Tables of a plan with these rows; columns not given are missing, tables not given are empty."""
    return {p.name: pd.DataFrame(rows.get(p.name, []), columns=list(SCHEMA[p.name])) for p in PURCHASES}


def test_a_rental_is_live_when_it_starts() -> None:
    rent = {"h": "cloud", "a": "us-cloud", "k": "hgx-b300", "r": "3y", "musd_total": 40.0}
    bill = bill_of_materials(tables(rents=[
        {**rent, "accelerators": 100.0, "start_date": DAY("2027-04-01"), "end_date": DAY("2030-04-01")},
        {**rent, "accelerators": 50.0, "start_date": DAY("2031-10-01"), "end_date": DAY("2034-10-01")},
    ]))  # fmt: skip
    row = bill.iloc[0]
    assert (
        len(bill) == 1
        and row["in_all"] == 150
        and row["at_once"] == 100
        and row["booked_musd"] == 80
        and row["name"] == "us-cloud · hgx-b300"
    )
    assert [row[c] for c in ("first_order", "first_live", "last_live")] == [
        DAY("2027-04-01"), DAY("2027-04-01"), DAY("2031-10-01"),
    ]  # fmt: skip


def test_contracts_that_follow_one_another_are_in_service_once() -> None:
    rent = {"h": "cloud", "a": "us-cloud", "k": "hgx-b300", "r": "1y", "musd_total": 1.0}
    days = [DAY(f"{year}-01-01") for year in (2027, 2028, 2029, 2030)]
    renewed = [{**rent, "accelerators": 10.0 * n, "start_date": a, "end_date": b}
               for n, a, b in ((2, days[0], days[1]), (3, days[1], days[2]), (1, days[1], days[3]))]  # fmt: skip
    row = bill_of_materials(tables(rents=renewed)).iloc[0]
    assert (row["at_once"], row["in_all"]) == (40, 60)


def test_a_leased_place_buys_neither_grid_nor_backup() -> None:
    """Power of leased space stands in the table of power; it is no purchase."""
    lease = {"h": "colo", "it_mw": 4.0, "musd_per_year": 6.0, "musd_total": 30.0,
             "start_date": DAY("2027-07-01"), "end_date": DAY("2032-07-01")}  # fmt: skip
    power = pd.DataFrame([{"h": "colo", "mode": "colocation", "grid_mw": 4.0, "backup_mw": 4.0}])
    bill = bill_of_materials({**tables(leases=[lease]), "power": power})
    assert bill["item"].tolist() == ["Colocation leases"]
    assert bill.iloc[0][["in_all", "booked_musd", "first_live"]].tolist() == [4.0, 30.0, DAY("2027-07-01")]


def test_grid_backup_and_cooling_have_money_and_dates() -> None:
    first = {
        "h": "champion",
        "added_mw": 6.0,
        "musd": 3.0,
        "order_date": DAY("2027-01-01"),
        "live_date": DAY("2028-07-01"),
    }
    later = {
        "h": "champion",
        "added_mw": 2.0,
        "musd": 1.0,
        "order_date": DAY("2029-01-01"),
        "live_date": DAY("2030-07-01"),
    }
    none = {"h": "champion", "c": "direct-to-chip", "added_mw": 0.0, "musd": 0.0, "capacity_mw": 6.0}
    bill = bill_of_materials(tables(
        connections=[{**first, "n": "grid"}, {**later, "n": "grid"}], backups=[{**first, "g": "diesel"}],
        cooling=[{**first, "c": "direct-to-chip"}, none],
    )).set_index("item")  # fmt: skip
    assert bill.loc["Grid connection", ["in_all", "unit", "booked_musd"]].tolist() == [8.0, "MW grid", 4.0]
    for item, last in (
        ("Grid connection", "2030-07-01"),
        ("Backup power", "2028-07-01"),
        ("Cooling", "2028-07-01"),
    ):
        dates = bill.loc[item, ["first_order", "first_live", "last_live"]].tolist()
        assert dates == [DAY("2027-01-01"), DAY("2028-07-01"), DAY(last)], item
    assert bill.loc["Cooling", "in_all"] == 6.0 and bill["booked_musd"].notna().all()


def test_money_of_contracts_is_said_to_be_that_within_the_horizon() -> None:
    """Rents, leases, rented plant and PPAs may outlive it: no heading of what falls due within it says less."""
    counted = ["booked_musd", *{p.money for p in CONTRACTS}]
    assert {heading(column) for column in counted} == {"Due within the horizon (MUSD)"}
    assert "musd" not in bill_of_materials({})


def test_every_purchase_with_a_unit_is_a_line_of_the_bill() -> None:
    one = {"h": "x", "a": "a", "k": "k", "r": "r", "b": "b", "c": "c", "n": "n", "g": "g"}
    rows = {p.name: [{**one, p.counted: 1.0}] for p in PURCHASES if p.unit}
    assert bill_of_materials(tables(**rows))["item"].tolist() == [p.words for p in PURCHASES if p.unit]
