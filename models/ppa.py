"""Power purchase agreements: energy from elsewhere, paid whether it is used or not, drawn through the meter.

Variables: ppa[h,g,t] MW of contracts that start; matched[h,g,t,s], surplus[h,g,t,s] MW delivered that is used, and sold.

    matched + surplus <= share of the slice x contracts alive                          (h,g,t,s)  ppa_output
    sum over g of matched + flexible_import <= grid_import                             (h,t,s)    ppa_matched
    sum over g of mean share x contracts alive <= existing grid + connect alive        (h,t)      ppa_meter
    sum over hosts of contracts alive <= most MW at the site                           (p,g,t)    site_ppa

What is used does not pay the tariff's energy; the network's fee and the peak it does. It is part of what the connection
carries, and adds nothing to it. No more energy is contracted than the lines of a place could draw, in leased halls than all
that is leased would: a place without a meter signs nothing.
"""

from __future__ import annotations

from typing import Any

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.ppa import mean_shares
from planner.models.common import add_family, add_param, add_set, add_var, alive_map, columns, tuples
from planner.models.ledger import Booked, book, local
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Contracts and what is used of them; lines come before it."""
    keys = [key for key in tuples(case.deliveries) if (key[0], *key[2:]) in m.IMPORT]
    add_set(m, "PPA", tuples(case.ppas), 3)
    add_set(m, "DELIVERY", keys, 4)
    add_var(m, "ppa", m.PPA)
    add_var(m, "matched", m.DELIVERY)
    add_var(m, "surplus", m.DELIVERY)
    add_param(m, "delivery_share", m.DELIVERY, {key: case.deliveries.at[key, "share"] for key in keys})
    living = alive_map(case.ppas, ["h", "g"], ["t"], "periods", case.calendar)
    add_family(m, "ppas_of", m.DELIVERY, {key: living.get(key[:3], []) for key in keys}, 1)
    m.ppa_output = Rule(
        m.DELIVERY,
        rule=lambda m, h, g, t, s: (
            m.matched[h, g, t, s] + m.surplus[h, g, t, s]
            <= m.delivery_share[h, g, t, s] * sum(m.ppa[h, g, u] for u in m.ppas_of[h, g, t, s])
        ),
    )
    kinds: dict[Any, list[str]] = {}
    for h, g, t, s in keys:
        kinds.setdefault((h, t, s), []).append(g)
    add_set(m, "MATCHED", kinds, 3)
    add_family(m, "matched_kinds", m.MATCHED, kinds, 1)
    loose = {key: [key] if key in m.FLEXIBLE else [] for key in kinds}
    add_family(m, "matched_flexible", m.MATCHED, loose, 3)
    m.ppa_matched = Rule(
        m.MATCHED,
        rule=lambda m, h, t, s: (
            sum(m.matched[h, g, t, s] for g in m.matched_kinds[h, t, s])
            + sum(m.flexible_import[i, u, v] for i, u, v in m.matched_flexible[h, t, s])
            <= m.grid_import[h, t, s]
        ),
    )
    _declare_meter(m, case, living)
    _declare_site(m, case)


def _declare_meter(m: Any, case: Case, living: dict[Any, list[Any]]) -> None:
    mean = mean_shares(case)
    kinds: dict[Any, list[tuple[str, int]]] = {}
    for h, g, t in dict.fromkeys((h, g, t) for h, g, t, _ in m.DELIVERY):
        kinds.setdefault((h, t), []).extend((g, u) for u in living.get((h, g, t), []))
    lines = {(h, t): m.lines_alive[h, t, s] for h, t, s in m.FIRM}
    add_set(m, "METER", kinds, 2)
    add_family(m, "metered_ppas", m.METER, kinds, 2)
    add_family(m, "metered_lines", m.METER, {key: lines.get(key, []) for key in kinds}, 2)
    leased = {(h, t): [(h, t)] if case.hosts.loc[h, "mode"] == "colocation" else [] for h, t in kinds}
    add_family(m, "metered_space", m.METER, leased, 2)
    building = case.physics["colocation_pue"]
    means = {(h, g, t): mean[h, g, t] for (h, t), pairs in kinds.items() for g, _ in pairs}
    add_set(m, "METERED", means, 3)
    add_param(m, "mean_delivery_share", m.METERED, means)
    m.ppa_meter = Rule(
        m.METER,
        rule=lambda m, h, t: (
            sum(m.mean_delivery_share[h, g, t] * m.ppa[h, g, u] for g, u in m.metered_ppas[h, t])
            <= m.existing_grid_mw[h, t]
            + sum(m.connect[h, n, u] for n, u in m.metered_lines[h, t])
            + building * sum(m.space_mw[i, u] for i, u in m.metered_space[h, t])
        ),
    )


def _declare_site(m: Any, case: Case) -> None:
    placed = case.ppas.assign(p=case.ppas["h"].map(case.hosts["p"]))
    living = alive_map(placed, ["p", "g"], ["h", "t"], "periods", case.calendar)
    most = case.ppa_terms.groupby(["p", "g"])["max_mw"].first()
    add_set(m, "SITE_PPA", living, 3)
    add_param(m, "site_ppa_mw", m.SITE_PPA, {key: most[key[:2]] for key in living})
    add_family(m, "site_ppas", m.SITE_PPA, living, 2)
    m.site_ppa = Rule(
        m.SITE_PPA,
        rule=lambda m, p, g, t: (
            sum(m.ppa[h, g, u] for h, u in m.site_ppas[p, g, t]) <= m.site_ppa_mw[p, g, t]
        ),
    )


def entries(case: Case) -> list[Booked]:
    """The tariff saved by what is used, and what surplus fetches; the contracts are a charge of the registry."""
    table = case.deliveries.reset_index(drop=True)
    if not len(table):
        return []
    table = joined(table, case.slices.reset_index(drop=True)[["t", "s", "hours"]], ["t", "s"])
    table = joined(table, case.tariffs, ["h", "t", "s"])
    table = joined(table, case.ppa_terms.reset_index(drop=True).drop(columns="p"), ["h", "g"])
    index, hours, here = columns(table, ["h", "g", "t", "s"]), table["hours"], local(case, table["h"])
    sold = table["surplus_musd_per_mwh"] * hours
    return [
        book(
            "matched", index, table["t"], -table["musd_per_mwh"] * hours, hours, account="ppa-matched", **here
        ),
        book("surplus", index, table["t"], -sold, hours, account="ppa-surplus", **here),
    ]
