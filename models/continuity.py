"""Service that is given is kept: what a workload is served does not fall while its demand does not.

Variables: lapsed[w,h,a,k,t], thousands of accelerators whose work for w data end at the start of t.

    D (1 - unserved) + sum rate before x lapsed >= C (1 - unserved before)        (w,t)   divided by D
    lapsed <= serve before                                                        (w,h,a,k,t)
    sum over w of lapsed <= what data take away                                   (h,a,k,t)

C is the part of the demand D of t that was asked for in the period before too; ``planner.case.continuity`` says in
which periods there is a row, and what counts as taken away by data.
"""

from __future__ import annotations

from typing import Any

from planner.case.case import Case
from planner.models.common import add_family, add_param, add_set, add_var, columns, grouped, tuples
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    hak = ["h", "a", "k"]
    add_set(m, "KEPT", tuples(case.kept), 3)
    add_param(m, "kept_share", m.KEPT, case.kept["share"])
    add_set(m, "LAPSE", columns(case.lapses, ["w", *hak, "t"]), 5)
    add_set(m, "LAPSE_AFTER", tuples(case.lapses), 6)
    add_param(m, "lapse_weight", m.LAPSE, case.lapses["weight"])
    add_family(m, "lapses_of", m.KEPT, grouped(case.lapses, ["w", "before", "t"], hak), 3)
    add_set(m, "LOSS", tuples(case.losses), 4)
    add_param(m, "working_lost", m.LOSS, case.losses["working_k"])
    add_family(m, "lapses_at", m.LOSS, grouped(case.lapses, [*hak, "t"], ["w"]), 1)
    add_var(m, "lapsed", m.LAPSE)

    def kept_rule(m: Any, w: Any, before: Any, t: Any) -> Any:
        return (
            m.unserved[w, t]
            - m.kept_share[w, before, t] * m.unserved[w, before]
            - sum(
                m.lapse_weight[w, h, a, k, t] * m.lapsed[w, h, a, k, t]
                for h, a, k in m.lapses_of[w, before, t]
            )
            <= 1 - m.kept_share[w, before, t]
        )

    m.service_kept = Rule(m.KEPT, rule=kept_rule)
    m.lapse_of_work = Rule(
        m.LAPSE_AFTER,
        rule=lambda m, w, h, a, k, before, t: m.lapsed[w, h, a, k, t] <= m.serve[w, h, a, k, before],
    )
    m.lapse_by_data = Rule(
        m.LOSS,
        rule=lambda m, h, a, k, t: (
            sum(m.lapsed[w, h, a, k, t] for w in m.lapses_at[h, a, k, t]) <= m.working_lost[h, a, k, t]
        ),
    )
