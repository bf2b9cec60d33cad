"""A yearly pro-forma of one project and one loan, without a plan.

Conventions are those of NREL's SAM, model Single Owner, with every incentive left out (docs/finance.md): all
capital is spent at index 0, years 1 to N operate, flows lie at year ends, money is nominal. It is kept apart from
the statements of a plan because its conventions differ: cover is taken before tax, losses are refunded, the
reserve is a use at close.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import brentq

from planner.case import loans
from planner.finance import repayment, tax
from planner.finance.annual_terms import HALF_YEAR_LIFE, Terms, read_terms
from planner.finance.coverage import dscr, reserve_target
from planner.finance.faults import FinanceError
from planner.finance.kernel import Array, discount_factors, irr, npv

MONTHS_PER_YEAR = 12.0
HIGHEST_DOUBLING = 60

Lines = dict[str, Array]


def proforma(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Key figures and yearly lines (index 0 to N) of a project.

    ``inputs``: the fields of ``annual_terms.Terms``. Money and flows in the unit of ``capex``; shares and rates
    as shares; ``dscr`` is None in years without debt service.

    Raises FinanceError with every fault and its place: a field that is unknown, missing or out of range, debt
    above 100 % of the uses, a tenor beyond the years of operation, negative cash flow while debt is due, no rate
    of return or several, a target that no price meets.
    """
    terms = read_terms(inputs)
    _refuse_circle(terms)
    price = _solved_price(terms) if terms.solve_price else terms.price
    lines, sums = _flows(terms, price)
    _check(terms, lines, sums)
    return _answer(terms, price, lines, sums)


def _flows(terms: Terms, price: float) -> tuple[Lines, dict[str, float]]:
    """Every line and total at a price; no judgement on whether they make sense."""
    n, tenor = terms.years, terms.tenor_years
    year = np.arange(n + 1)
    operating = year > 0
    revenue = np.where(
        operating, terms.units_per_year * price * (1 + terms.price_escalation) ** (year - 1.0), 0.0
    )
    opex = np.where(
        operating, terms.opex * (1 + terms.inflation + terms.opex_escalation) ** (year - 1.0), 0.0
    )
    salvage = np.where(year == n, terms.salvage + terms.salvage_share * terms.capex, 0.0)
    cfads = np.where(operating & (year <= tenor), revenue - opex + salvage, 0.0)

    debt, principal = _loan(terms, cfads[1 : tenor + 1])
    balance = debt - np.cumsum(np.concatenate([[0.0], principal, np.zeros(n - tenor)]))
    paid = np.concatenate([[0.0], principal, np.zeros(n - tenor)])
    interest = np.concatenate([[0.0], terms.interest * balance[:-1]]) * (year <= tenor)
    service = interest + paid
    reserve = reserve_target(service, terms.dsra_months / MONTHS_PER_YEAR)
    reserve_interest = np.concatenate([[0.0], terms.reserve_interest * reserve[:-1]])

    basis = terms.capex + terms.construction_cost
    depreciation = np.concatenate([[0.0], _depreciation(terms, basis)])
    income = revenue - opex + salvage + reserve_interest - interest - depreciation
    taxes = np.where(operating, terms.tax_rate * income, 0.0)
    fee = terms.debt_fee_share * debt
    uses = basis + terms.debt_closing_cost + fee + reserve[0]
    equity = revenue - opex + salvage + reserve_interest - service - np.diff(reserve, prepend=0.0) - taxes
    equity[0] = debt - uses
    lines = {
        "revenue": revenue, "opex": opex, "salvage": salvage, "cfads": cfads, "interest": interest, "principal": paid,
        "debt_service": service, "debt_balance": balance, "dsra_balance": reserve, "reserve_interest": reserve_interest,
        "depreciation": depreciation, "tax": taxes, "equity_cashflow": equity,
    }  # fmt: skip
    sums = {"size_of_debt": debt, "total_uses": uses, "debt_fee": fee, "depreciation_basis": basis}
    return lines, sums


def _loan(terms: Terms, cfads: Array) -> tuple[float, Array]:
    """Size of the loan and its principal over the tenor."""
    rates = np.full(terms.tenor_years, terms.interest)
    if terms.debt == "sculpted":
        caps = {"cover": repayment.sculpted_debt(cfads, rates, terms.dscr)}
        if terms.max_debt_share is not None:
            caps["share"] = terms.max_debt_share * terms.share_base
        debt = min(caps.values())
        service = repayment.sculpted(debt, cfads, rates) if debt else np.zeros(terms.tenor_years)
        return debt, repayment.principal_of_service(debt, rates, service)
    unit = _principal_per_unit(terms)
    first = unit[0] + terms.interest
    base = terms.capex + terms.construction_cost + terms.debt_closing_cost
    debt = terms.debt_share * base / (1 - terms.debt_share * sum(_own_costs(terms, first)))
    return debt, debt * unit


def _own_costs(terms: Terms, first_service: float) -> tuple[float, float]:
    """Reserve and fee of one unit of debt, which the debt itself helps to pay."""
    return terms.dsra_months / MONTHS_PER_YEAR * first_service, terms.debt_fee_share


def _refuse_circle(terms: Terms) -> None:
    """Debt of a fixed share whose part of its own reserve and fee is larger than the debt has no size."""
    if terms.debt == "sculpted":
        return
    reserve, fee = _own_costs(terms, _principal_per_unit(terms)[0] + terms.interest)
    if terms.debt_share * (reserve + fee) >= 1:
        raise FinanceError.single(
            "dsra_months" if reserve >= fee else "debt_fee_share",
            f"reserve and fee are {100 * (reserve + fee):.4g} % of the debt that pays {100 * terms.debt_share:.4g} % "
            "of them: no debt is large enough; lower it, or debt_share",
        )


def _principal_per_unit(terms: Terms) -> Array:
    paying = terms.tenor_years - terms.grace_years
    principal = loans.planned(terms.debt, 1.0, terms.interest, paying)
    return np.concatenate([np.zeros(terms.grace_years), principal])


def _depreciation(terms: Terms, basis: float) -> Array:
    if terms.depreciation == "sl-half-year-5":
        return tax.straight_line(basis, HALF_YEAR_LIFE, terms.years, half_first=True)
    if terms.depreciation_years:
        return tax.straight_line(basis, terms.depreciation_years, terms.years)
    return np.zeros(terms.years)


def _solved_price(terms: Terms) -> float:
    """Price at which equity earns ``target_irr`` over the first ``target_year`` years."""

    def short(price: float) -> float:
        flows = _flows(terms, price)[0]["equity_cashflow"][: terms.target_year + 1]
        return npv(terms.target_irr, flows)

    low, high = 0.0, (terms.capex + terms.opex) / terms.units_per_year
    for _ in range(HIGHEST_DOUBLING):
        if short(high) > 0:
            break
        low, high = high, 2 * high
    if short(low) > 0 or short(high) < 0:
        raise FinanceError.single("target_irr", f"no price gives equity {terms.target_irr:g} a year")
    return float(brentq(short, low, high, xtol=1e-15 * high, rtol=1e-14))


def _check(terms: Terms, lines: Lines, sums: dict[str, float]) -> None:
    """Refuse results that mean nothing: negative cash flow under debt, more debt than uses."""
    cash, due = lines["cfads"][1 : terms.tenor_years + 1], lines["debt_service"][1 : terms.tenor_years + 1]
    sized = terms.debt == "sculpted" or bool(np.any(due > 0))
    short = np.flatnonzero(cash <= 0) + 1
    if sized and len(short):
        raise FinanceError.single("cfads", f"nothing to pay debt from: {cash.min():.6g} in year {short[0]}")
    debt, uses = sums["size_of_debt"], sums["total_uses"]
    if debt > uses:
        share = f"debt would be {100 * debt / uses:.4g} % of the uses"
        raise FinanceError.single(
            terms.debt_field,
            f"{share}: the cash flow carries more than the project costs; state max_debt_share",
        )


def _answer(terms: Terms, price: float, lines: Lines, sums: dict[str, float]) -> dict[str, Any]:
    tenor = terms.tenor_years
    cover = [float(x) if np.isfinite(x) else None for x in dscr(lines["cfads"], lines["debt_service"])]
    due = [x for x in cover if x is not None]
    debt, uses, equity = sums["size_of_debt"], sums["total_uses"], lines["equity_cashflow"]
    factors = discount_factors(np.full(terms.years, terms.equity_discount_rate))
    loan_worth = float(lines["cfads"][1 : tenor + 1] @ discount_factors(np.full(tenor, terms.interest)))
    return {
        "price": price,
        **sums,
        "size_of_equity": uses - debt,
        "debt_share_of_uses": debt / uses,
        "dsra_initial": float(lines["dsra_balance"][0]),
        **{name: line.tolist() for name, line in lines.items()},
        "dscr": cover,
        "min_dscr": min(due, default=None),
        "llcr_at_close": loan_worth / debt if debt else None,
        "equity_irr": irr(equity),
        "equity_npv": npv(terms.equity_discount_rate, equity),
        "levelised_price": float(lines["revenue"][1:] @ factors / (terms.units_per_year * factors.sum())),
    }
