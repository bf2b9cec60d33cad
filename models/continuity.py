"""Service that is given is kept: what a workload is served does not fall while its demand does not.

Variables: lapsed[w,h,a,k,t], thousands of accelerators whose work for w data end at the start of t.

    D (1 - unserved) + sum rate before x lapsed >= C (1 - unserved before)        (w,t)   divided by D
    lapsed <= serve before                                                        (w,h,a,k,t)
    sum over w of lapsed <= what data take away + availability x what ends
                            + availability x under + most x signed                (h,a,k,t)

C is the part of the demand D of t that was asked for in the period before too. What ends are orders at the end of their
life and contracts of the longest term, where nothing can go live instead; ``planner.case.continuity`` says in which
periods there is a row, what counts as taken away by data, and where what ends does. The last two stand where an agreement
ends service at t: what was ordered under it and is alive, and work that it opened, if it was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from planner.case.case import Case
from planner.case.columns import joined
from planner.case.continuity import longest, orders_ended, work_ended
from planner.models.common import add_family, add_param, add_set, add_var, distinct, grouped, tuples
from planner.models.rules import Rule


def declare(m: Any, case: Case) -> None:
    hak = ["h", "a", "k"]
    add_set(m, "KEPT", tuples(case.kept), 3)
    add_param(m, "kept_share", m.KEPT, case.kept["share"])
    add_set(m, "LAPSE", distinct(case.lapses, ["w", *hak, "t"]), 5)
    add_set(m, "LAPSE_AFTER", tuples(case.lapses), 6)
    add_param(m, "lapse_weight", m.LAPSE, case.lapses["weight"])
    add_family(m, "lapses_of", m.KEPT, grouped(case.lapses, ["w", "before", "t"], hak), 3)
    add_set(m, "LOSS", tuples(case.losses), 4)
    add_param(m, "working_lost", m.LOSS, case.losses["working_k"])
    own = set(tuples(case.losses[case.losses["own"].astype(bool)]))
    availability = float(case.physics["availability"])
    add_family(m, "orders_ended", m.LOSS, _ended(case, case.orders, ["t"], "life", own), 1)
    rents = longest(case.rents) if own else case.rents
    add_family(m, "rents_ended", m.LOSS, _ended(case, rents, ["r", "t"], "periods", own), 2)
    add_family(m, "lapses_at", m.LOSS, grouped(case.lapses, [*hak, "t"], ["w"]), 1)
    add_family(m, "under_ended", m.LOSS, grouped(orders_ended(case), [*hak, "t"], ["e", "live"]), 2)
    opened = work_ended(case)
    if len(opened):
        opened = opened.groupby([*hak, "t", "e"], as_index=False)["most_k"].sum()
    opened = joined(
        opened.rename(columns={"t": "end"}), case.agreements[["e", "t"]].reset_index(drop=True), ["e"]
    )
    signed = add_set(m, "WORK_ENDED", distinct(opened, [*hak, "end", "e", "t"]), 6)
    add_param(m, "work_ended", signed, opened["most_k"])
    add_family(m, "signed_ended", m.LOSS, grouped(opened, [*hak, "end"], ["e", "t"]), 2)
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
            sum(m.lapsed[w, h, a, k, t] for w in m.lapses_at[h, a, k, t])
            - sum(availability * m.order[h, a, k, v] for v in m.orders_ended[h, a, k, t])
            - sum(availability * m.rent[h, a, k, r, v] for r, v in m.rents_ended[h, a, k, t])
            - sum(availability * m.under[e, h, a, k, v] for e, v in m.under_ended[h, a, k, t])
            - sum(m.work_ended[h, a, k, t, e, v] * m.sign[e, v] for e, v in m.signed_ended[h, a, k, t])
            <= m.working_lost[h, a, k, t]
        ),
    )


def _ended(
    case: Case, table: pd.DataFrame, take: Sequence[str], life: str, where: set[Any]
) -> dict[Any, Sequence[tuple[Any, ...]]]:
    """(h, a, k, t) of ``where`` -> take-tuples of what ends at the start of t."""
    if not where:
        return {}
    ends = table.assign(end=case.calendar.periods_of(case.calendar.steps_of(table["t"]) + table[life]))
    return {key: rows for key, rows in grouped(ends, ["h", "a", "k", "end"], take).items() if key in where}
