"""Draws random projects, runs NREL's SAM on them and stores what it says in pysam_cases.json.

SAM is no dependency of the planner: `pip install nrel-pysam`, then `python tests/finance/make_pysam_cases.py`.
Results are stored as SAM gives them, ten digits; the planner is not asked.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import PySAM.Singleowner as Singleowner

from planner.finance.kernel import annuity

SEED, CASES = 20261128, 160
TARGET = Path(__file__).with_name("pysam_cases.json")
SHARES_TO_PERCENT = 100.0
LINES = {
    "cfads": "cf_cash_for_ds", "debt_service": "cf_debt_payment_total", "debt_balance": "cf_debt_balance",
    "dsra_balance": "cf_reserve_debtservice", "depreciation": "cf_feddepr_total",
    "equity_cashflow": "cf_project_return_aftertax",
}  # fmt: skip
TOTALS = {
    "size_of_debt": "size_of_debt", "size_of_equity": "size_of_equity", "total_uses": "cost_installed",
    "min_dscr": "min_dscr", "equity_npv": "project_return_aftertax_npv",
}  # fmt: skip


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A project of accelerators let by the hour; every input of the pro-forma occurs in some of them."""
    years = int(rng.integers(6, 21))
    units = float(rng.uniform(2e7, 3e8))
    debt = str(rng.choice(["level", "equal-principal", "sculpted", "sculpted"]))
    tenor = int(rng.integers(3, years + 1))
    capex = units * float(rng.uniform(8, 22))
    opex = capex * float(rng.uniform(0.03, 0.08))
    price = (opex + capex * annuity(float(rng.uniform(0.05, 0.18)), years)) / units
    inputs: dict[str, Any] = {
        "years": years, "units_per_year": units, "capex": capex, "opex": opex,
        "inflation": float(rng.choice([0.0, rng.uniform(0.005, 0.04)])),
        "opex_escalation": float(rng.uniform(0, 0.03)), "price_escalation": float(rng.uniform(-0.03, 0.03)),
        "equity_discount_rate": float(rng.uniform(0.07, 0.15)), "interest": float(rng.uniform(0.04, 0.12)),
        "tenor_years": tenor, "price": price, "debt": debt,
    }  # fmt: skip
    if debt == "sculpted":
        inputs["dscr"] = float(rng.uniform(1.2, 2.2))
        if rng.random() < 0.3:
            inputs |= {"debt_fee_share": float(rng.uniform(0, 0.03)), "debt_closing_cost": capex * 0.002}
    else:
        inputs["debt_share"] = float(rng.uniform(0.3, 0.85))
        if rng.random() < 0.4:
            inputs["grace_years"] = int(rng.integers(1, min(3, tenor - 1) + 1))
    if rng.random() < 0.6:
        inputs |= {"tax_rate": float(rng.uniform(0.1, 0.35))}
        ways: list[Any] = [
            {"depreciation": "sl-half-year-5"},
            {"depreciation_years": int(rng.integers(3, 11))},
        ]
        inputs |= rng.choice(ways)
    if rng.random() < 0.4:
        inputs |= {"dsra_months": int(rng.integers(1, 13)), "reserve_interest": float(rng.uniform(0, 0.03))}
    if rng.random() < 0.3:
        inputs["construction"] = {
            "share": float(rng.uniform(0.3, 1.0)), "rate": float(rng.uniform(0.04, 0.1)),
            "months": int(rng.integers(6, 37)), "fee_share": float(rng.uniform(0, 0.02)),
        }  # fmt: skip
    if rng.random() < 0.25:
        inputs["salvage"] = capex * float(rng.uniform(0.02, 0.3))
    if debt == "sculpted" and rng.random() < 0.3:
        inputs |= {"solve_price": True, "target_irr": float(rng.uniform(0.09, 0.2))}
        inputs["target_year"] = int(rng.integers(max(5, years // 2), years + 1))
        del inputs["price"]
    elif debt == "sculpted" and rng.random() < 0.4:
        inputs["max_debt_share"] = float(rng.uniform(0.4, 0.8))
    return json.loads(json.dumps(inputs), parse_float=lambda text: float(f"{float(text):.6g}"))


def run(inputs: dict[str, Any]) -> dict[str, Any]:
    """SAM's answer, with every incentive, reserve and cost of its default project set to nothing."""
    sam = Singleowner.default("CustomGenerationProfileSingleOwner")
    plain = {
        "cost_debt_fee": 0, "insurance_rate": 0, "months_working_reserve": 0, "om_capacity": (0,), "om_fuel_cost": (0,),
        "om_production": (0,), "state_tax_rate": (0,), "depr_alloc_sl_20_percent": 0, "depr_bonus_fed": 0,
        "months_receivables_reserve": 0, "property_tax_rate": 0, "cp_capacity_payment_type": 0, "cost_other_financing": 0,
        "system_use_lifetime_output": 0, "degradation": (0,), "ppa_multiplier_model": 0, "itc_fed_percent": (0,),
        "ptc_fed_amount": (0,), "ptc_sta_amount": (0,), "itc_sta_percent": (0,), "itc_fed_amount": (0,),
    }  # fmt: skip
    for name, value in {**plain, **settings(inputs)}.items():
        sam.value(name, value)
    sam.execute(0)
    out = sam.Outputs.export()
    answer: dict[str, Any] = {ours: digits(out[theirs]) for ours, theirs in (LINES | TOTALS).items()}
    answer["equity_irr"] = digits(out["project_return_aftertax_irr"] / SHARES_TO_PERCENT)
    answer["price"] = digits(out["cf_ppa_price"][1] / SHARES_TO_PERCENT)
    answer["levelised_price"] = digits(out["lppa_nom"] / SHARES_TO_PERCENT)
    return answer


def settings(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs in SAM's names and units."""
    given = {
        "inflation": 0.0,
        "dsra_months": 0,
        "reserve_interest": 0.0,
        "tax_rate": 0.0,
        "salvage": 0.0,
    } | inputs
    nominal, inflation, capex = given["equity_discount_rate"], given["inflation"], given["capex"]
    loan = given.get("construction", {"share": 0, "rate": 0, "months": 0, "fee_share": 0})
    straight = given.get("depreciation_years", 0)
    return {
        "gen": tuple([given["units_per_year"] / 8760] * 8760),
        "system_capacity": 1000,
        "analysis_period": given["years"],
        "total_installed_cost": capex,
        "construction_financing_cost": loan["share"]
        * capex
        * (loan["rate"] * loan["months"] / 24 + loan["fee_share"]),
        "om_fixed": (given["opex"],),
        "om_fixed_escal": given["opex_escalation"] * SHARES_TO_PERCENT,
        "inflation_rate": inflation * SHARES_TO_PERCENT,
        "real_discount_rate": ((1 + nominal) / (1 + inflation) - 1) * SHARES_TO_PERCENT,
        "ppa_price_input": (given.get("price", 1.0),),
        "ppa_escalation": given["price_escalation"] * SHARES_TO_PERCENT,
        "ppa_soln_mode": 0 if given.get("solve_price") else 1,
        "en_electricity_rates": 1,  # power is not bought; without this SAM refuses to solve for a price
        "ppa_soln_tolerance": 1e-9,
        "ppa_soln_max_iterations": 1000,
        "ppa_soln_max": 1000.0,
        "flip_target_percent": given.get("target_irr", 0.11) * SHARES_TO_PERCENT,
        "flip_target_year": given.get("target_year", given["years"]),
        "term_tenor": given["tenor_years"],
        "term_int_rate": given["interest"] * SHARES_TO_PERCENT,
        "loan_moratorium": given.get("grace_years", 0),
        "debt_option": 1 if given["debt"] == "sculpted" else 0,
        "payment_option": 1 if given["debt"] == "equal-principal" else 0,
        "debt_percent": given.get("debt_share", 0.0) * SHARES_TO_PERCENT,
        "dscr": given.get("dscr", 1.3),
        "dscr_limit_debt_fraction": 1 if "max_debt_share" in given else 0,
        "dscr_maximum_debt_fraction": given.get("max_debt_share", 1.0) * SHARES_TO_PERCENT,
        "cost_debt_fee": given.get("debt_fee_share", 0.0) * SHARES_TO_PERCENT,
        "cost_debt_closing": given.get("debt_closing_cost", 0.0),
        "dscr_reserve_months": given["dsra_months"],
        "reserves_interest": given["reserve_interest"] * SHARES_TO_PERCENT,
        "federal_tax_rate": (given["tax_rate"] * SHARES_TO_PERCENT,),
        "depr_alloc_sl_5_percent": 100 if given.get("depreciation") == "sl-half-year-5" else 0,
        "depr_alloc_custom_percent": 100 if straight else 0,
        "depr_custom_schedule": tuple([SHARES_TO_PERCENT / straight] * straight) if straight else (0,),
        "salvage_percentage": given["salvage"] / capex * SHARES_TO_PERCENT,
    }


def digits(value: Any) -> Any:
    """Ten significant digits; None where SAM says NaN."""
    if isinstance(value, tuple):
        return [digits(x) for x in value]
    return float(f"{value:.10g}") if math.isfinite(value) else None


def main() -> None:
    rng = np.random.default_rng(SEED)
    cases = [{"inputs": inputs, "sam": run(inputs)} for inputs in (draw(rng) for _ in range(CASES))]
    head = json.dumps({"source": "NREL-PySAM 7.1.1.post1, Singleowner", "seed": SEED})[1:-1]
    rows = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    TARGET.write_text(f'{{{head}, "cases": [\n{rows}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
