"""Tables of a supplier-loss test: the plan and the answer to the cut, service lost by workload, and what stops."""

from __future__ import annotations

import pandas as pd

from planner.plans.plan import Plan
from planner.scenario.schema import Cut

COST = "cost_npv_musd"
UNSERVED = 0.01
"""A workload is back when no more than this share of it is unserved beyond the plan."""
GONE = 0.01
"""Accelerators below which nothing stands any more."""
SMALL_MUSD = 0.005
"""Change of an account below which it is rounding."""
KPIS = (
    COST, "capex_partner_musd", "delay_months", "served_share", "control_score", "national_control",
    "accelerators", "peak_year_outlay_musd",
)  # fmt: skip


SUMMARY = ["kpi", "unit", "plan", "after_loss", "change", "change_at_least"]


def summary_table(base: Plan, after: Plan, bound: float | None) -> pd.DataFrame:
    """KPIs of the plan and of the answer, and the change; of cost also the least that any answer adds to the plan.

    ``bound``: no answer costs less, MUSD.
    """
    units = base.kpis.set_index("kpi")["unit"]
    rows = [(k, units[k], base.kpi(k), after.kpi(k), after.kpi(k) - base.kpi(k)) for k in KPIS if k in units]
    table = pd.DataFrame(rows, columns=SUMMARY[:-1])
    if bound is None:
        return table.assign(change_at_least=float("nan"))
    return table.assign(change_at_least=(bound - table["plan"]).where(table["kpi"] == COST))


def service_table(base: Plan, after: Plan, first: int) -> pd.DataFrame:
    """Per workload, those that lose most months first: months of demand lost against the plan, the worst period's share,
    from when on it is served as in the plan again, and why it never is."""
    keys = ["w", "t"]
    before = base.tables["demand"].set_index(keys)
    lost = (
        after.tables["demand"].set_index(keys)["unserved_share"].astype(float)
        - before["unserved_share"].astype(float)
    ).rename("lost")
    frame = lost.reset_index().assign(months=before["months"].astype(float).to_numpy())
    calendar = base.case.calendar
    rows = []
    for w, part in frame.groupby("w", sort=False):
        later = part[part["t"] >= first]
        bad = later.loc[later["lost"] > UNSERVED, "t"]
        back = first if not len(bad) else int(bad.max()) + 1
        months = float((part["lost"] * part["months"]).sum())
        after_cut = float(later["months"].sum())
        never = back >= calendar.n
        rows.append(
            (w, months, months / after_cut if after_cut else 0.0, float(later["lost"].max()) if len(later) else 0.0,
             "never within the horizon" if never else calendar.label(back),
             pd.NaT if never else pd.Timestamp(calendar.date_of(back)))
        )  # fmt: skip
    columns = ["w", "lost_months", "lost_share_after", "worst_share", "back", "back_date"]
    table = pd.DataFrame(rows, columns=columns)
    table["why"] = [
        why_never(after, w) if pd.isna(day) else ""
        for w, day in zip(table["w"], table["back_date"], strict=True)
    ]
    return table.sort_values(["lost_months", "worst_share"], ascending=False, kind="stable").reset_index(
        drop=True
    )


def why_never(after: Plan, w: str) -> str:
    """Why a workload is not served again: the rules against each offer that is left, or that those that may are too few."""
    left = after.case.serve.reset_index()[["w", "t"]]
    if (left.loc[left["w"] == w, "t"] == after.case.calendar.n - 1).any():
        return "what may still serve it is too little or too late"
    against = after.case.why_not
    told = list(dict.fromkeys(against.loc[against["workload"] == w, "detail"].astype(str)))
    return (
        f"no offer that is left may serve it: {'; '.join(told)}"
        if told
        else "no offer that is left may serve it"
    )


def buys_table(base: Plan, after: Plan) -> pd.DataFrame:
    """account, musd: capital of all payers that the answer adds to the plan or spares, not discounted; the largest first."""
    spent = [
        plan.tables["ledger"].query("kind == 'capex'").groupby("account")["musd"].sum()
        for plan in (after, base)
    ]
    change = spent[0].sub(spent[1], fill_value=0.0)
    change = change[change.abs() > SMALL_MUSD].sort_values(ascending=False)
    return change.rename_axis("account").reset_index(name="musd")


def stops_table(base: Plan, after: Plan | None, hit: pd.DataFrame, cut: Cut, first: int) -> pd.DataFrame:
    """Offers the cut names: what stands at the date and until when it runs, and what the plan wanted later."""
    hak = ["h", "a", "k"]
    calendar, fleet = base.case.calendar, base.tables["fleet"]
    stands = fleet[fleet["t"] == first].groupby(hak)["accelerators"].sum()
    orders, rents = base.tables["orders"], base.tables["rents"]
    day = pd.Timestamp(calendar.date_of(first))
    later = pd.concat(
        [
            orders.loc[pd.to_datetime(orders["order_date"]) >= day, [*hak, "accelerators"]],
            rents.loc[pd.to_datetime(rents["start_date"]) >= day, [*hak, "accelerators"]],
        ]
    )
    wanted = later.groupby(hak)["accelerators"].sum()
    frame = hit[hak].reset_index(drop=True)
    index = pd.MultiIndex.from_frame(frame)
    service = cut.what == "service"
    left = pd.Series(dtype=float) if after is None or service else _last_periods(after)

    def until(offer: tuple[str, str, str]) -> str:
        if service or offer not in left.index:
            return calendar.label(first)
        end = int(left[offer]) + 1
        return calendar.label(end) if end < calendar.n else "beyond the horizon"

    frame = frame.assign(
        accelerators=stands.reindex(index).fillna(0.0).to_numpy(),
        planned_later=wanted.reindex(index).fillna(0.0).to_numpy(),
        what="service and supply stop" if service else "supply stops, what stands runs on",
        runs_until=[until(offer) for offer in index],
    )
    return frame[(frame["accelerators"] > 0) | (frame["planned_later"] > 0)].reset_index(drop=True)


def _last_periods(after: Plan) -> pd.Series:
    """(h, a, k) -> last period in which the answer still holds accelerators of the offer."""
    fleet = after.tables["fleet"]
    return fleet[fleet["accelerators"] > GONE].groupby(["h", "a", "k"])["t"].max()
