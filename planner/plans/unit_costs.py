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
         "rent": "rents", "fee": "fees", "grant": "grants", "finance": "debt drawn and served",
         "physical": "emissions and water"}  # fmt: skip
STAFF = "staff"
SHOWN = 4
"""Terms named one by one; the rest is one more."""
NOTHING_OWNED = "nothing is bought for built places in this plan"
BUILT = "build"
MODES = {BUILT: "built", "colocation": "leased", "cloud": "rented"}
"""How a place is had -> how figures call it."""


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

    def reason(self, low: float, high: float) -> str:
        """Which side of a range the figure lies on, the term that puts it there, and all terms.

        >>> UnitFigure("x", "USD/h", "", {"capital": 2.0, "residual value": -0.5}).reason(1.6, 3.0)
        'below the published range; without residual value 2.00: capital 2.00 − residual value 0.50'
        """
        above, digits = self.value > high, 0 if abs(self.value) >= 1000 else 2
        side = f"{'above' if above else 'below'} the published range"
        if self.times:
            return f"{side}: {self.text}"
        name, term = (max if above else min)(self.terms.items(), key=lambda pair: pair[1])
        alone = f"; without {name} {fixed(self.value - term, digits)}" if above or term < 0 else ""
        return f"{side}{alone}: {self.text}"


def unit_figures(case: Case, tables: Mapping[str, pd.DataFrame]) -> dict[str, UnitFigure]:
    """kpi -> figure: USD an accelerator and MUSD a MW all in, kW an accelerator, USD an accelerator-hour."""
    own = tables["ledger"][tables["ledger"]["payer"] == PARTNER]
    found = [*_all_in(case, own, tables["orders"]), _power(tables), *_hours(case, own, tables["fleet"])]
    return {figure.kpi: figure for figure in found}


def _all_in(case: Case, own: pd.DataFrame, orders: pd.DataFrame) -> list[UnitFigure]:
    """Of built places alone: what stands in leased space pays for its place as rent."""
    built = case.hosts.index[case.hosts["mode"] == BUILT]
    own, orders = own[own["h"].isin(built)], orders[orders["h"].isin(built)]
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
    what = "hardware, halls, cooling, grid, backup and site of what is bought for built places"
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
        t = by_period["accelerators"].round(6).idxmax()  # the first of equal ones
        it_mw, n = float(by_period.at[t, "it_mw"]), float(by_period.at[t, "accelerators"])
        terms = {"IT": it_mw * 1000 / n, "design PUE": float(facility.get(t, np.nan)) / it_mw}
    note = "facility power in the design hour over owned and leased accelerators"
    return UnitFigure("kw_per_accelerator", "kW", note, terms, times=True)


def _hours(case: Case, own: pd.DataFrame, fleet: pd.DataFrame) -> list[UnitFigure]:
    """Discounted cost by what it is for, over discounted available accelerator-hours: all, then by how places are had.

    What has no host (platforms, adoption of stacks) is shared out by hours.
    """
    factor = case.periods["discount"].astype(float) * case.periods["hours"].astype(float)
    held = case.physics["availability"] * fleet["accelerators"] * fleet["t"].map(factor)
    hours = held.groupby(fleet["mode"]).sum()
    whole, mode = float(hours.sum()), own["h"].map(case.hosts["mode"])
    note = "discounted cost over discounted available accelerator-hours, all hours held"
    out = [UnitFigure("levelised_cost_usd_per_accelerator_hour", "USD/h", note, _terms(own, whole))]
    shared = _terms(own[mode.isna()], whole)
    for name, words in MODES.items():
        n = float(hours.get(name, 0.0))
        own_terms = _terms(own[mode == name], n)
        terms = {k: own_terms.get(k, 0.0) + shared.get(k, 0.0) for k in [*own_terms, *shared]} if n else {}
        what = (
            f"same, {words} places; what has no place is shared out by hours" if n else f"nothing is {words}"
        )
        out.append(UnitFigure(f"levelised_{words}_usd_per_accelerator_hour", "USD/h", what, terms))
    return out


def _terms(own: pd.DataFrame, hours: float) -> dict[str, float]:
    words = own["kind"].map(KINDS).fillna(own["kind"]).where(own["account"] != STAFF, STAFF)
    musd = own.groupby(words)["musd_discounted"].sum()
    return {str(name): float(v) * 1e6 / hours for name, v in musd.items()} if hours else {}
