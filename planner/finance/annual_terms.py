"""What the yearly pro-forma is told: names, defaults and limits of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from math import inf, isfinite
from typing import Any

from planner.finance.construction import simple_financing_cost
from planner.finance.faults import Fault, raise_all

DEBTS = ("level", "equal-principal", "sculpted")
DEPRECIATIONS = ("straight-line", "sl-half-year-5")
HALF_YEAR_LIFE = 5
CONSTRUCTION_BLOCKS = ("construction", "idc")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Inputs of the yearly pro-forma; money in one currency, nominal; rates and shares as shares (0.08 = 8 %)."""

    years: int
    """of operation"""
    units_per_year: float
    """what is sold, such as available accelerator-hours"""
    capex: float
    """spent at close"""
    opex: float
    """of year 1"""
    debt: str
    """level, equal-principal (both of a share of the uses) or sculpted (to a cover)"""
    interest: float
    tenor_years: int
    equity_discount_rate: float
    """nominal"""
    price: float = 0.0
    """per unit in year 1; solved for where ``solve_price``"""
    price_escalation: float = 0.0
    inflation: float = 0.0
    opex_escalation: float = 0.0
    """on top of inflation: the two are added"""
    debt_share: float = 0.0
    """of all uses, for level and equal-principal debt"""
    dscr: float = 0.0
    """for sculpted debt"""
    max_debt_share: float | None = None
    """of the cost before reserves; a cap on sculpted debt"""
    grace_years: int = 0
    """of interest only, within the tenor; not for sculpted debt"""
    dsra_months: float = 0.0
    """of the coming year's debt service, held in reserve"""
    reserve_interest: float = 0.0
    debt_fee_share: float = 0.0
    debt_closing_cost: float = 0.0
    construction_share: float = 0.0
    """of capex under a construction loan; also as a mapping, ``construction`` or ``idc``: share, rate, months,
    fee_share"""
    construction_rate: float = 0.0
    construction_months: float = 0.0
    construction_fee_share: float = 0.0
    construction_financing_cost: float = 0.0
    """stated outright, on top of what the loan costs"""
    tax_rate: float = 0.0
    depreciation: str = "straight-line"
    """or sl-half-year-5"""
    depreciation_years: float = 0.0
    """of straight-line depreciation; 0: none"""
    salvage: float = 0.0
    """received at the end of the last year"""
    salvage_share: float = 0.0
    """of capex, on top of ``salvage``"""
    solve_price: bool = False
    """find the price that gives equity ``target_irr`` over ``target_year`` years"""
    target_irr: float = 0.0
    target_year: int = 0

    @property
    def construction_cost(self) -> float:
        """Interest and fee of the construction loan."""
        return self.construction_financing_cost + simple_financing_cost(
            self.capex, self.construction_share, self.construction_rate,
            self.construction_months, self.construction_fee_share,
        )  # fmt: skip

    @property
    def share_base(self) -> float:
        """What ``max_debt_share`` is a share of: cost with fees as first estimated, before reserves."""
        return self.capex * (1 + self.debt_fee_share) + self.construction_cost + self.debt_closing_cost

    @property
    def debt_field(self) -> str:
        """The input that sets the size of the debt."""
        return "dscr" if self.debt == "sculpted" else "debt_share"


FIELDS = {field.name: field for field in fields(Terms)}
REQUIRED = (
    "years",
    "units_per_year",
    "capex",
    "opex",
    "debt",
    "interest",
    "tenor_years",
    "equity_discount_rate",
)
POSITIVE = ("years", "units_per_year", "capex", "tenor_years")
AT_LEAST_ZERO = (
    "opex", "interest", "price", "dscr", "grace_years", "dsra_months", "reserve_interest",
    "debt_closing_cost", "construction_rate", "construction_months",
    "construction_financing_cost", "depreciation_years", "target_year",
)  # fmt: skip
SHARES = (
    "debt_share", "max_debt_share", "construction_share", "tax_rate", "salvage_share", "debt_fee_share",
    "construction_fee_share",
)  # fmt: skip
RATES = ("equity_discount_rate", "price_escalation", "inflation", "opex_escalation", "target_irr")


def read_terms(inputs: Mapping[str, Any]) -> Terms:
    """Terms of a mapping; raises FinanceError with every field that is unknown, missing or out of range."""
    given = _flat(inputs)
    wrong = list(_shape_faults(given))
    bad = {fault.path for fault in wrong}
    values = {name: _number(name, value) for name, value in given.items() if name not in bad}
    defaults = {name: field.default for name, field in FIELDS.items() if name not in (*REQUIRED, *bad)}
    raise_all([*wrong, *_range_faults(values), *_joint_faults(defaults | values, given)])
    if values.get("solve_price") and not values.get("target_year"):
        values["target_year"] = values["years"]
    return Terms(**values)


def _flat(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with a nested construction loan laid flat and a named depreciation in its own field."""
    flat: dict[str, Any] = {}
    for name, value in inputs.items():
        if name in CONSTRUCTION_BLOCKS and isinstance(value, Mapping):
            flat |= {f"construction_{part}": amount for part, amount in value.items()}
        elif name.startswith("idc_"):
            flat[f"construction_{name.removeprefix('idc_')}"] = value
        else:
            flat[name] = value
    if flat.get("depreciation_years") in DEPRECIATIONS:
        flat["depreciation"] = flat.pop("depreciation_years")
    return flat


def _number(name: str, value: Any) -> Any:
    whole = FIELDS[name].type == "int"
    return int(value) if whole else value


def _shape_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    for name in given:
        if name not in FIELDS:
            yield Fault(name, f"unknown; known are {', '.join(FIELDS)}")
    for name in REQUIRED:
        if name not in given:
            yield Fault(name, "missing")
    for name, value in given.items():
        kind = FIELDS[name].type if name in FIELDS else None
        if kind == "bool" and not isinstance(value, bool):
            yield Fault(name, f"{value!r} is not true or false")
        if kind in ("int", "float", "float | None") and not (kind == "float | None" and value is None):
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
            if not number or (kind == "int" and value != int(value)):
                yield Fault(name, f"{value!r} is not a {'whole ' if kind == 'int' else ''}number")


def _range_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Fields that lie outside what they may hold, each by itself."""
    numbers = {name: float(x) for name, x in values.items() if isinstance(x, int | float)}
    for name, value in numbers.items():
        if name in POSITIVE and value <= 0:
            yield Fault(name, f"{value:g} must be above 0")
        if name in AT_LEAST_ZERO and value < 0:
            yield Fault(name, f"{value:g} must not be negative")
        if name in SHARES and not 0 <= value <= 1:
            above = name in ("debt_share", "max_debt_share") and value > 1
            yield Fault(
                name, f"{value:g} must lie within 0 and 1: {'debt above 100 %' if above else 'a share'}"
            )
        if name in RATES and value <= -1:
            yield Fault(name, f"{value:g} must be above -1")
    for name, known in (("debt", DEBTS), ("depreciation", DEPRECIATIONS)):
        if name in values and values[name] not in known:
            yield Fault(name, f"{values[name]!r} is none of {', '.join(known)}")


def _joint_faults(known: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Fault]:
    """Fields that do not go together; ``known`` lacks those that are wrong by themselves."""
    years, tenor = known.get("years", inf), known.get("tenor_years", 0)
    grace, sculpted, solved = (
        known.get("grace_years", 0),
        known.get("debt") == "sculpted",
        known.get("solve_price"),
    )
    if tenor > years:
        yield Fault("tenor_years", f"tenor of {tenor} years beyond the useful life of {years}")
    if grace and (sculpted or ("tenor_years" in known and grace >= tenor)):
        yield Fault("grace_years", "grace is for level and equal-principal debt, and shorter than the tenor")
    if sculpted and known.get("dscr") == 0:
        yield Fault("dscr", "sculpted debt needs a cover above 0")
    if solved and "target_irr" not in given:
        yield Fault("target_irr", "missing: a price is to be solved for")
    if solved and "price" in given:
        yield Fault("price", "is solved for: leave it out, or leave solve_price out")
    if solved is False:
        if "price" not in given:
            yield Fault("price", "missing")
        for name in ("target_irr", "target_year"):
            if given.get(name):
                yield Fault(name, "is for a price that is solved for: set solve_price, or leave it out")
    if known.get("target_year", 0) > years:
        yield Fault("target_year", f"{known['target_year']} lies after the last year, {years}")
