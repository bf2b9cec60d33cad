"""Figures per unit (an accelerator, a megawatt, an hour) with the terms they are made of.

A figure is the sum of its terms (power: the product), so that what explains it cannot differ from it. Money is
the partner's: capital of what is bought undiscounted, cost per hour discounted over discounted hours held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import pandas as pd

from planner.case.case import Case
from planner.facts.numbers import fixed

PARTNER = "partner"
CLASSES = ("servers", "halls", "cooling", "grid", "backup", "site")
"""Asset classes of an accelerator all in: hardware, and the place it stands in."""
KINDS = {"capex": "capital", "residual": "residual value",
         "commitment": "contracts past the end", "opex": "upkeep and platforms", "energy": "energy",
         "rent": "rents", "fee": "fees", "grant": "grants", "physical": "emissions and water"}  # fmt: skip
STAFF = "staff"
SHOWN = 4
"""Terms named one by one; the rest is one more."""
NOTHING_OWNED = "nothing is owned in this plan"


@dataclass(frozen=True)
class UnitFigure:
    """One figure: its terms in its unit, empty where there is none; ``times``: they multiply, the first has the unit."""

    kpi: str
    unit: str
    note: str
    terms: Mapping[str, float]
    times: bool = False

    @property
    def value(self) -> float:
        """Sum or product of the terms; NaN without any."""
        if not self.terms:
            return float("nan")
        return float(prod(self.terms.values()) if self.times else sum(self.terms.values()))

    @property
    def text(self) -> str:
        """The largest terms and the rest, in figures that add up (or multiply) to the value.

        >>> UnitFigure("x", "USD/h", "", {"capital": 2.0, "residual value": -0.5}).text
        'capital 2.00 − residual value 0.50'
        """
        if self.times:
            return " × ".join(f"{name} {fixed(value, 2)}" for name, value in self.terms.items())
        digits = 0 if abs(self.value) >= 1000 else 2
        ordered = sorted(self.terms.items(), key=lambda term: -abs(term[1]))
        named, rest = ordered[:SHOWN], sum(value for _, value in ordered[SHOWN:])
        shown = [(n, v) for n, v in [*named, ("other", rest)] if abs(v) >= 0.5 * 10**-digits]
        signed = [f"{'−' if v < 0 else '+'} {n} {fixed(abs(v), digits)}" for n, v in shown]
        return " ".join(signed).removeprefix("+ ")


def unit_figures(case: Case, tables: Mapping[str, pd.DataFrame]) -> dict[str, UnitFigure]:
    """kpi -> figure: USD an accelerator and MUSD a MW all in, kW an accelerator, USD an accelerator-hour."""
    own = tables["ledger"][tables["ledger"]["payer"] == PARTNER]
    found = [*_all_in(case, own, tables["orders"]), _power(tables), _hour(case, own, tables["fleet"])]
    return {figure.kpi: figure for figure in found}


def _all_in(case: Case, own: pd.DataFrame, orders: pd.DataFrame) -> list[UnitFigure]:
    capex = own[own["kind"] == "capex"].groupby("asset_class")["musd"].sum()
    bought = float(orders["accelerators"].sum())
    peak = (
        orders["k"].map(case.systems["peak_mw_per_k"]).astype(float)
        if len(orders)
        else pd.Series(dtype=float)
    )
    it_mw = float((orders["accelerators"] / 1000 * peak).sum())
    musd = {c: float(capex.get(c, 0.0)) for c in CLASSES}
    usd_each = {c: v * 1e6 / bought for c, v in musd.items()} if bought else {}
    musd_per_mw = {c: v / it_mw for c, v in musd.items()} if it_mw else {}
    what = "hardware, halls, cooling, grid, backup and site of what is bought"
    return [
        UnitFigure("usd_per_accelerator_all_in", "USD", what if bought else NOTHING_OWNED, usd_each),
        UnitFigure(
            "musd_per_mw_it", "MUSD/MW", "same, per MW of IT bought" if bought else NOTHING_OWNED, musd_per_mw
        ),
    ]


def _power(tables: Mapping[str, pd.DataFrame]) -> UnitFigure:
    """IT power x design PUE of owned and leased accelerators, in the period with most of them."""
    own = tables["fleet"][tables["fleet"]["mode"] != "cloud"]
    by_period = own.groupby("t")[["accelerators", "it_mw"]].sum()
    facility = tables["power"].groupby("t")["facility_peak_mw"].sum()
    terms = {}
    if len(by_period) and by_period["it_mw"].max() > 0:
        t = by_period["accelerators"].idxmax()
        it_mw, n = float(by_period.at[t, "it_mw"]), float(by_period.at[t, "accelerators"])
        terms = {"IT": it_mw * 1000 / n, "design PUE": float(facility.get(t, np.nan)) / it_mw}
    note = "facility power in the design hour over owned and leased accelerators"
    return UnitFigure("kw_per_accelerator", "kW", note, terms, times=True)


def _hour(case: Case, own: pd.DataFrame, fleet: pd.DataFrame) -> UnitFigure:
    """Discounted cost by what it is for, over discounted available accelerator-hours."""
    factor = case.periods["discount"].astype(float) * case.periods["hours"].astype(float)
    hours = float(case.physics["availability"] * (fleet["accelerators"] * fleet["t"].map(factor)).sum())
    words = own["kind"].map(KINDS).fillna(own["kind"]).where(own["account"] != STAFF, STAFF)
    musd = own.groupby(words)["musd_discounted"].sum()
    terms = {str(name): float(v) * 1e6 / hours for name, v in musd.items()} if hours else {}
    note = "discounted cost over discounted available accelerator-hours, all hours held"
    return UnitFigure("levelised_cost_usd_per_accelerator_hour", "USD/h", note, terms)
