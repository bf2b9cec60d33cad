"""Power purchase agreements: what may be signed when, and what each delivers in every slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from planner.case.blocks import hourly, stressed_hours
from planner.case.case import STRESS, Case
from planner.case.columns import joined
from planner.case.commitments import TAIL, with_tails
from planner.case.context import Context, keyed
from planner.case.plant_offers import YIELD
from planner.case.table import Table
from planner.scenario.power import PowerPurchase
from planner.scenario.schema import Site

TABLES = {
    "ppas": Table(("h", "g", "t"), {
        "lead": "steps from the signature to the first delivery", "periods": "steps of the term",
        "musd_per_mw_step": "all energy delivered, MUSD per MW and step", **TAIL,
    }),
    "ppa_terms": Table(("h", "g"), {
        "p": "site", "max_mw": "most MW at the site", "surplus_musd_per_mwh": "what is not used fetches, MUSD per MWh",
    }),
    "deliveries": Table(("h", "g", "t", "s"), {"share": "MW delivered in the slice per MW of the contract"}),
}  # fmt: skip


def ppa_tables(
    context: Context, blocks: Sequence[np.ndarray], slices: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Contracts by first delivery, their terms, and deliveries from the first they may have.

    Nobody takes one over, but all that it delivers after the horizon is sold at the price of what is not used.
    """
    calendar = context.calendar
    signed: list[tuple[Any, ...]] = []
    terms: list[tuple[Any, ...]] = []
    delivered: list[tuple[Any, ...]] = []
    fetched: list[float] = []
    for h, site, ppa in _offered(context):
        shares, lead = _shares(context, site, ppa, blocks), calendar.whole_steps(ppa.lead_months)
        hours = slices.loc[0]["hours"].reindex(list(shares)).to_numpy(float) / calendar.steps[0]
        musd = ppa.usd_per_mwh / 1e6 * float(hours @ np.array(list(shares.values())))
        term, first = calendar.whole_steps(ppa.term_months), calendar.after(0, lead)
        signed += [(h, ppa.id, t, lead, calendar.term(t, term), musd) for t in range(first, calendar.n)]
        fetched += [musd * ppa.surplus_usd_per_mwh / ppa.usd_per_mwh] * max(calendar.n - first, 0)
        terms.append((h, ppa.id, site.id, ppa.max_mw, ppa.surplus_usd_per_mwh / 1e6))
        delivered += [(h, ppa.id, t, s, x) for t in range(first, calendar.n) for s, x in shares.items()]
    table = keyed(signed, ["h", "g", "t"], ["lead", "periods", "musd_per_mw_step"])
    table = with_tails(context, table, "musd_per_mw_step", np.array(fetched, dtype=float), 0.0)
    return table, TABLES["ppa_terms"].frame(terms), TABLES["deliveries"].frame(delivered)


def mean_shares(case: Case) -> dict[tuple[str, str, int], float]:
    """(h, g, t) -> MW delivered per MW of the contract, as the mean of the period's hours."""
    slices = case.slices.reset_index(drop=True)[["t", "s", "hours"]]
    rows = joined(case.deliveries.reset_index(drop=True), slices, ["t", "s"])
    hours = rows["t"].map(slices.groupby("t")["hours"].sum())
    means = (
        (rows["share"] * rows["hours"] / hours).groupby([rows["h"], rows["g"], rows["t"]], sort=False).sum()
    )
    return {(str(h), str(g), int(t)): float(x) for (h, g, t), x in means.items()}


def _offered(context: Context) -> list[tuple[str, Site, PowerPurchase]]:
    sites = {host.id: context.site(host.site) for host in context.scenario.hosts if host.mode != "cloud"}
    return [(h, site, ppa) for h, site in sites.items() if site.power for ppa in site.power.ppas]


def _shares(
    context: Context, site: Site, ppa: PowerPurchase, blocks: Sequence[np.ndarray]
) -> dict[str, float]:
    """Slice -> MW delivered per MW; sun and wind deliver nothing that is counted in stressed hours."""
    if ppa.profile == "flat":
        mean, over_day = (ppa.capacity_factor_pct or 100.0) / 100.0, np.ones(24)
    else:
        mean = context.local(YIELD[ppa.profile], site, ppa.capacity_factor_pct) / 100.0
        over_day = hourly(context, "sun") if ppa.profile == "solar" else np.ones(24)
    shares = {f"b{i}": min(1.0, mean * float(over_day[block].mean())) for i, block in enumerate(blocks)}
    if stressed_hours(context):
        shares[STRESS] = mean if ppa.profile == "flat" else 0.0
    return shares
