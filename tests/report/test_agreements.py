"""What a report says of agreements: each that is signed, with what is ordered under it."""

import pandas as pd

from planner.report.views import agreements_signed

SIGNED = pd.DataFrame({
    "e": ["deal", "cover"], "t": [2, 1], "label": ["2027-Q3", "2027-Q2"], "musd": [2.0, 0.5],
    "decide_date": pd.to_datetime(["2027-01-01", "2027-01-01"]), "live_date": pd.to_datetime(["2027-07-01", "2027-04-01"]),
})  # fmt: skip
UNDER = pd.DataFrame({"e": ["deal", "deal"], "accelerators": [100.0, 60.0]})


def test_what_is_ordered_under_each_agreement_stands_beside_it():
    found = agreements_signed({"agreements": SIGNED, "ordered_under": UNDER})
    assert found["accelerators"].tolist() == [160.0, 0.0] and found["musd"].tolist() == [2.0, 0.5]


def test_a_run_from_before_agreements_has_none():
    assert not len(agreements_signed({})) and not len(agreements_signed({"agreements": SIGNED.iloc[:0]}))
