"""The year's highest import, where a site's tariff charges for it.

Variable: billed_peak[h,t] MW, highest import of the calendar year up to t.

    grid_import <= billed_peak                                                         (h,t,s)    peak_by_slice
    facility load of the design hour - plant_firm <= billed_peak                       (h,t)      peak_at_design
    billed_peak of the period before <= billed_peak, within a calendar year            (h,t)      peak_of_year

The design hour counts: a slice is the mean of its hours, and the year has hotter and busier ones. Plant that carries
the design load lowers it, what stands by or is the spare unit of N+1 does not. Storage lowers it to the mean of the design
day, no further: ``plant_firm`` holds no more of it than that day charges again, without sun or wind (``recharge`` of
``planner.models.storage``). Sites without such a charge have no variables and no rows.
"""

from __future__ import annotations

from typing import Any

from planner.case.case import MEDIA, Case
from planner.models.common import add_family, add_set, add_var, columns
from planner.models.ledger import Booked, book, local
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Rows where energy may be drawn; power comes before it."""
    charges = set(columns(case.peak_charges, ["h", "t"]))
    slices = [key for key in m.IMPORT if key[:2] in charges]
    billed = list(dict.fromkeys(key[:2] for key in slices))
    add_set(m, "BILLED", billed, 2)
    add_var(m, "billed_peak", m.BILLED)
    add_set(m, "BILLED_SLICE", slices, 3)
    m.peak_by_slice = Rule(
        m.BILLED_SLICE, rule=lambda m, h, t, s: m.grid_import[h, t, s] <= m.billed_peak[h, t]
    )
    _declare_design(m, case)
    same = case.peak_charges["same_year"]
    add_set(m, "BILLED_AGAIN", [(h, t) for h, t in billed if same[h, t] and (h, t - 1) in m.BILLED], 2)
    m.peak_of_year = Rule(m.BILLED_AGAIN, rule=lambda m, h, t: m.billed_peak[h, t - 1] <= m.billed_peak[h, t])


def _declare_design(m: Any, case: Case) -> None:
    built = [key for key in m.FIRM if key[:2] in m.BILLED]
    leased = [key for key in m.LOAD_DESIGN if (key[0], key[2]) in m.BILLED and key[1] == MEDIA[0]]
    leased = [(h, t, s) for h, _, t, s in leased if case.hosts.loc[h, "mode"] == "colocation"]
    add_set(m, "BILLED_DESIGN", built, 3)
    add_set(m, "BILLED_LEASED", leased, 3)
    building = case.physics["colocation_pue"]
    own = {key: [key[:2]] if key[:2] in m.ONSITE else [] for key in built}
    add_family(m, "billed_onsite", m.BILLED_DESIGN, own, 2)
    m.peak_at_design = Rule(
        m.BILLED_DESIGN,
        rule=lambda m, h, t, s: (
            sum(m.pue[h, c, t, s] * m.heat[h, c, x, t, s] for c, x in m.firm_heat[h, t, s])
            - sum(m.plant_firm[i, u] for i, u in m.billed_onsite[h, t, s])
            <= m.billed_peak[h, t]
        ),
    )
    m.peak_at_design_leased = Rule(
        m.BILLED_LEASED,
        rule=lambda m, h, t, s: building * sum(m.it_peak[h, x, t, s] for x in m.MEDIA) <= m.billed_peak[h, t],
    )


def entries(case: Case) -> list[Booked]:
    """The charge on the billed peak."""
    table = case.peak_charges.reset_index(drop=True)
    if not len(table):
        return []
    musd = table["musd_per_mw_step"] * table["t"].map(case.periods["steps"])
    return [book("billed_peak", columns(table, ["h", "t"]), table["t"], musd,
                 account="peak-charge", **local(case, table["h"]))]  # fmt: skip
