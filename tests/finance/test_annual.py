"""The yearly pro-forma: hand-made cases, random ones against SAM's answers, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planner.finance import FinanceError, proforma
from planner.finance.faults import IrrError

HERE = Path(__file__).parent
CASES = json.loads((HERE / "yearly_cases.json").read_text(encoding="utf-8"))
SAM = json.loads((HERE / "pysam_cases.json").read_text(encoding="utf-8"))["cases"]
RATES, REST = 5e-6, 1e-6
HIGHEST_SAM_RATE = 1.0
"""SAM finds a rate of return to five digits only, and none from about 40 % on in some cases."""

PLAIN: dict[str, Any] = {
    "years": 10, "units_per_year": 1e6, "capex": 1e7, "opex": 5e5, "price": 2.5, "debt": "level", "debt_share": 0.6,
    "interest": 0.06, "tenor_years": 7, "equity_discount_rate": 0.1,
}  # fmt: skip
SCULPTED = {**PLAIN, "debt": "sculpted", "dscr": 1.4, "max_debt_share": 0.9}


def differences(got: dict[str, Any], want: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Largest difference of each field, over its largest entry; rates of return absolute."""
    for name, value in want.items():
        ours, theirs = np.atleast_1d(got[name]), np.atleast_1d(value)
        assert [x is None for x in ours] == [x is None for x in theirs], name
        known = [i for i, x in enumerate(theirs) if x is not None]
        a, b = ours[known].astype(float), theirs[known].astype(float)
        scale = 1.0 if name == "equity_irr" else np.abs(b).max(initial=0.0) or 1.0
        yield name, float(np.abs(a - b).max(initial=0.0) / scale)


def assert_close(got: dict[str, Any], want: dict[str, Any]) -> None:
    limits = {"equity_irr": RATES, "price": RATES}
    wrong = {name: d for name, d in differences(got, want) if d > limits.get(name, REST)}
    assert not wrong


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_cases_with_every_line_worked_out(case: dict[str, Any]) -> None:
    got = proforma(case["inputs"])
    assert set(case["expected"]) <= set(got)
    assert_close(got, case["expected"])


def test_random_projects_give_what_sam_gives() -> None:
    compared = refused = 0
    for case in SAM:
        inputs, sam = case["inputs"], dict(case["sam"])
        try:
            got = proforma(inputs)
        except IrrError:
            continue
        except FinanceError:
            assert (
                sam["size_of_debt"] > sam["total_uses"]
                or min(sam["cfads"][1 : inputs["tenor_years"] + 1]) <= 0
            )
            refused += 1
            continue
        if sam["equity_irr"] is None or sam["equity_irr"] > HIGHEST_SAM_RATE:
            del sam["equity_irr"]
        assert_close(got, sam)
        compared += 1
    assert compared >= 120 and compared + refused >= len(SAM) - 5


def test_the_random_projects_use_every_input() -> None:
    used = {name for case in SAM for name in case["inputs"]}
    assert {"dsra_months", "grace_years", "max_debt_share", "debt_fee_share", "debt_closing_cost", "construction",
            "salvage", "solve_price", "tax_rate", "depreciation", "depreciation_years", "inflation"} <= used  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"debt_share": 1.2}, "debt_share", "debt above 100 %"),
        ({"tenor_years": 12}, "tenor_years", "beyond the useful life"),
        ({"opex": 3e6}, "cfads", "nothing to pay debt from"),
        ({"price": float("nan")}, "price", "not a number"),
        ({"years": 9.5}, "years", "whole"),
        ({"debt": "balloon"}, "debt", "none of"),
        ({"intrest": 0.05}, "intrest", "unknown"),
        ({"grace_years": 7}, "grace_years", "shorter than the tenor"),
        ({"debt_share": 1.0}, "flows", "no rate of return"),
        ({"target_irr": 0.1}, "target_irr", "set solve_price"),
        ({"solve_price": "yes"}, "solve_price", "'yes' is not true or false"),
        ({"solve_price": True, "target_irr": 0.1}, "price", "is solved for"),
        ({"dsra_months": 240}, "dsra_months", "no debt is large enough"),
        ({"debt_fee_share": 2}, "debt_fee_share", "must lie within 0 and 1: a share"),
        ({"opex": 2.6e6, "debt_share": 0.0}, "flows", "no rate of return"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(changes: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(FinanceError) as caught:
        proforma(PLAIN | changes)
    assert [fault.path for fault in caught.value.faults] == [path]
    assert words in str(caught.value)


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(FinanceError) as caught:
        proforma(PLAIN | {"debt_share": 1.2, "tenor_years": 12, "capex": -1.0})
    assert [fault.path for fault in caught.value.faults] == ["capex", "debt_share", "tenor_years"]
    with pytest.raises(FinanceError) as caught:  # whatever is missing or no number
        proforma({"years": "ten", "debt": "none", "debt_fee_share": 2, "solve_price": True, "extra": 1})
    assert {fault.path for fault in caught.value.faults} >= {
        "years",
        "debt",
        "debt_fee_share",
        "target_irr",
        "extra",
        "capex",
    }


def test_debt_sized_by_cover_never_exceeds_the_cost() -> None:
    rich = SCULPTED | {"price": 9.0, "max_debt_share": None}
    with pytest.raises(FinanceError, match=r"debt would be .* % of the uses"):
        proforma(rich)
    capped = proforma(rich | {"max_debt_share": 0.7})
    assert capped["debt_share_of_uses"] == pytest.approx(0.7)
    assert np.ptp([x for x in capped["dscr"] if x is not None]) < 1e-9 and capped["min_dscr"] > 1.4
    assert capped["llcr_at_close"] == pytest.approx(capped["min_dscr"])


def test_a_fixed_share_with_a_fee_closes() -> None:
    got = proforma(PLAIN | {"debt_fee_share": 0.02, "dsra_months": 6, "debt_closing_cost": 1e5})
    assert got["debt_share_of_uses"] == pytest.approx(0.6, abs=1e-12)


def test_without_debt_there_is_no_cover_to_speak_of() -> None:
    got = proforma(PLAIN | {"debt_share": 0.0})
    assert got["min_dscr"] is None and got["llcr_at_close"] is None and got["size_of_equity"] == 1e7


def test_a_construction_loan_may_be_stated_in_a_block_in_fields_or_as_its_cost() -> None:
    loan = {"share": 0.5, "rate": 0.08, "months": 18, "fee_share": 0.01}
    cost = 0.5 * 1e7 * (0.08 * 18 / 24 + 0.01)
    given: list[dict[str, Any]] = [
        {"construction": loan},
        {"idc": loan},
        {f"construction_{name}": x for name, x in loan.items()},
        {"construction_financing_cost": cost},
    ]
    answers = [proforma(PLAIN | inputs) for inputs in given]
    assert [a["depreciation_basis"] for a in answers] == pytest.approx([1e7 + cost] * 4)
    assert proforma(PLAIN | {"salvage_share": 0.1}) == proforma(PLAIN | {"salvage": 1e6})


def test_the_price_for_a_return_gives_that_return() -> None:
    wanted = {name: value for name, value in SCULPTED.items() if name != "price"}
    got = proforma(wanted | {"solve_price": True, "target_irr": 0.14})
    assert proforma(SCULPTED | {"price": got["price"]})["equity_irr"] == pytest.approx(0.14, abs=1e-10)
