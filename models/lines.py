"""What lines carry in every slice, where plant or a flexible connection may stand beside the firm one.

Variable: flexible_import[h,t,s] MW drawn through the flexible connection, part of grid_import; none in stressed hours.

    grid_import - flexible_import <= existing grid + firm connect alive                (h,t,s)    import_limit
    flexible_import <= flexible connect alive                                          (h,t,s)    flexible_limit
    flexible_import <= grid_import                                                     (h,t,s)    flexible_part
    flexible_import + grid_import in stressed hours <= design load + charge            (h,t,s)    flexible_paused
    sum over hosts of flexible connect alive <= most MW at the site                    (p,t)      site_flexible

A discount is for what is given up in stressed hours: what is drawn through a flexible line and what is drawn in stressed
hours are no more than the design load together, so that no flexible line stands beside a firm one that carries all. In
hours of less load than that, a part of it may be drawn at a discount though a firm line could carry it. Elsewhere firm power
says already that a line carries what is drawn, and there are no rows.
"""

from __future__ import annotations

from typing import Any

from planner.case.case import DESIGN, STRESS, Case
from planner.case.columns import joined
from planner.models.common import add_family, add_param, add_set, add_var, alive_map, columns
from planner.models.ledger import Booked, book, local
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    """Import of every slice against what the lines have; energy, connections and plant come before it."""
    lines = case.connections
    firm = alive_map(lines[~lines["flexible"]], ["h"], ["n", "t"], "life", case.calendar)
    loose = alive_map(lines[lines["flexible"]], ["h"], ["n", "t"], "life", case.calendar)
    flexible = [key for key in m.IMPORT_BUILD if key[:2] in loose and key[2] != STRESS]
    limited = [key for key in m.IMPORT_BUILD if key[:2] in m.ONSITE or key[0] in case.flexibles.index]
    add_set(m, "FLEXIBLE", flexible, 3)
    add_var(m, "flexible_import", m.FLEXIBLE)
    add_set(m, "IMPORT_LIMIT", limited, 3)
    add_family(m, "import_lines", m.IMPORT_LIMIT, {key: firm.get(key[:2], []) for key in limited}, 2)
    own = {key: [key] if key in m.FLEXIBLE else [] for key in limited}
    add_family(m, "import_flexible", m.IMPORT_LIMIT, own, 3)
    add_family(m, "flexible_lines", m.FLEXIBLE, {key: loose[key[:2]] for key in flexible}, 2)
    m.import_limit = Rule(
        m.IMPORT_LIMIT,
        rule=lambda m, h, t, s: (
            m.grid_import[h, t, s] - sum(m.flexible_import[i, u, v] for i, u, v in m.import_flexible[h, t, s])
            <= m.existing_grid_mw[h, t] + sum(m.connect[h, i, u] for i, u in m.import_lines[h, t, s])
        ),
    )
    m.flexible_limit = Rule(
        m.FLEXIBLE,
        rule=lambda m, h, t, s: (
            m.flexible_import[h, t, s] <= sum(m.connect[h, i, u] for i, u in m.flexible_lines[h, t, s])
        ),
    )
    m.flexible_part = Rule(
        m.FLEXIBLE, rule=lambda m, h, t, s: m.flexible_import[h, t, s] <= m.grid_import[h, t, s]
    )
    _declare_paused(m)
    _declare_site(m, case)


def _declare_paused(m: Any) -> None:
    keys = [key for key in m.FLEXIBLE if (*key[:2], STRESS) in m.IMPORT_BUILD]
    add_set(m, "FLEXIBLE_PAUSED", keys, 3)
    for name, s in (("paused_stress", STRESS), ("paused_design", DESIGN)):
        add_family(m, name, m.FLEXIBLE_PAUSED, {key: [(*key[:2], s)] for key in keys}, 3)
    m.flexible_paused = Rule(
        m.FLEXIBLE_PAUSED,
        rule=lambda m, h, t, s: (
            m.flexible_import[h, t, s] + sum(m.grid_import[i, u, v] for i, u, v in m.paused_stress[h, t, s])
            <= sum(
                m.pue[i, c, u, v] * m.heat[i, c, x, u, v]
                for i, u, v in m.paused_design[h, t, s]
                for c, x in m.firm_heat[i, u, v]
            )
            + sum(m.charge[h, g, t, s] for g in m.import_charge[h, t, s])
        ),
    )


def _declare_site(m: Any, case: Case) -> None:
    lines = case.connections[case.connections["flexible"]]
    placed = lines.assign(p=lines["h"].map(case.hosts["p"]))
    living = alive_map(placed, ["p"], ["h", "n", "t"], "life", case.calendar)
    most = case.flexibles.groupby("p")["max_mw"].first()
    add_set(m, "SITE_FLEXIBLE", living, 2)
    add_param(m, "site_flexible_mw", m.SITE_FLEXIBLE, {key: most[key[0]] for key in living})
    add_family(m, "site_flexible_lines", m.SITE_FLEXIBLE, living, 3)
    m.site_flexible = Rule(
        m.SITE_FLEXIBLE,
        rule=lambda m, p, t: (
            sum(m.connect[h, i, u] for h, i, u in m.site_flexible_lines[p, t]) <= m.site_flexible_mw[p, t]
        ),
    )


def entries(case: Case) -> list[Booked]:
    """The discount on energy drawn through flexible connections."""
    slices = case.slices[~case.slices["design"]].reset_index(drop=True)
    own = joined(case.tariffs, slices[slices["s"] != STRESS], ["t", "s"])
    table = joined(own, case.flexibles, ["h"])
    if not len(table):
        return []
    price = table["musd_per_mwh"] * table["hours"]
    index = columns(table, ["h", "t", "s"])
    return [book("flexible_import", index, table["t"], -table["discount_share"] * price, account="flexible-discount",
                 **local(case, table["h"]))]  # fmt: skip
