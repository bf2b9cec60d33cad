"""Every key figure from its definition: cost, time, control, size, flows, unit costs; and the service dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.audit.book import Book
from planner.audit.commitments import signed
from planner.audit.findings import Findings
from planner.audit.firm import facility_peak
from planner.audit.levels import scores as level_scores
from planner.audit.policy import delays, discount, priorities, weights
from planner.audit.service import mean_load, training_workloads
from planner.audit.view import PARTNER, View, labelled, lookup, once, over, total
from planner.case.levels import most_gained, rescored

OWNED = (("orders", ["h", "a", "k", "t"], "servers"), ("halls", ["h", "b", "t"], "halls"),
         ("cooling", ["h", "c", "t"], "cooling"), ("refits", ["h", "c", "t"], "cooling"),
         ("connections", ["h", "n", "t"], "grid"),
         ("backups", ["h", "g", "t"], "backup"), ("plants", ["h", "g", "t"], "plant"))  # fmt: skip
"""What is bought and kept: its table, its index, its asset class."""
PLACES = ("halls", "cooling", "grid", "backup", "site")

COVERS = {
    "served_sum": "kpi",
    "control_sum": "kpi",
    "delay_sum": "kpi",
    "delay_by_workload": "service-table",
    "cost_sum": "kpi",
}
"""Rules of the model that are recomputed here, and the rule of the audit that does."""


def check(view: View, found: Findings) -> None:
    """All KPIs of the plan, their published ranges, and the tables of service and control."""
    table = view.plan.kpis
    want = {
        **_cost(view),
        **_time(view),
        **_control(view),
        **_size(view),
        **_flows(view),
        **_unit_costs(view),
    }
    index = pd.Index(table["kpi"])
    for name in index.difference(list(want)):
        found.add("kpi-unknown", name, np.nan, np.nan, "no definition of this KPI is known to the audit")
    for name in pd.Index(list(want)).difference(index):
        found.add("kpi-missing", name, np.nan, want[name], "the plan does not state it")
    known = table[index.isin(list(want))]
    got = pd.Series(known["value"].to_numpy(float), index=known["kpi"].to_numpy())
    due = pd.Series({name: float(want[name]) for name in got.index}, dtype=float)
    found.equal("kpi", got, due, "not what its definition gives")
    ranged = table[table["low"].notna() & table["high"].notna()]
    inside = ((ranged["value"] >= ranged["low"]) & (ranged["value"] <= ranged["high"])).astype(bool)
    stated = ranged["inside"].astype(bool)
    found.same("kpi-range", ranged[["kpi"]], stated, inside, "inside the published range")
    _tables(view, found, want)


@once
def _cost(view: View) -> dict[str, float]:
    ledger = view.table("ledger")
    own = ledger[ledger["payer"] == PARTNER]
    worth = own["musd"] * lookup(own["t"], discount(view)).astype(float)
    settled, late = own["kind"] == "residual", own["kind"] == "commitment"
    left = settled & (own["t"] == view.n)
    capex = ledger[ledger["kind"] == "capex"]
    finance = own["kind"] == "finance"
    lent = finance | (own["account"] == "grant-drawn")
    paid = own[~settled & ~late & ~finance]
    needed = paid[paid["kind"].isin(["capex", "grant"]) | (paid["t"] < _served_from(view))]
    months = over(pd.RangeIndex(view.n), total(needed, ["t"], needed["musd"]))
    years = total(paid.assign(y=view.dates(paid["t"]).dt.year.to_numpy(int)), ["y"], paid["musd"])
    mine = capex.loc[capex["payer"] == PARTNER, "musd"].sum()
    contracts, values, content = signed(view), _residuals(view), view.table("content")
    made, sold = (content.groupby(c)["musd"].sum() for c in ("content_iso3", "origin_iso3"))
    return {
        "cost_npv_musd": worth.sum(),
        "cost_without_residual_musd": worth[~left].sum(),
        "residual_musd": -worth[left].sum(),
        "cost_residual_market_musd": worth[~left].sum() - values["market"],
        "cost_residual_straight_line_musd": worth[~left].sum() - values["straight-line"],
        "commitment_cost_musd": worth[late].sum(),
        "resource_cost_musd": worth[~lent].sum(),
        "finance_effect_musd": worth[lent].sum(),
        "commitments_signed_musd": contracts["signed_musd"].sum(),
        "commitments_due_after_musd": contracts["due_after_musd"].sum(),
        "capex_musd": capex["musd"].sum(),
        "capex_partner_musd": mine,
        "capex_us_content_share": _ratio(made.get("USA", 0.0), content["musd"].sum()),
        "capex_us_seat_share": _ratio(sold.get("USA", 0.0), content["musd"].sum()),
        "capex_home_content_share": _ratio(made.get(view.scenario.country, 0.0), content["musd"].sum()),
        "capex_others_musd": capex["musd"].sum() - mine,
        "total_outlay_musd": paid["musd"].sum(),
        "peak_funding_musd": max(0.0, months.cumsum().max()),
        "peak_year_outlay_musd": years.max() if len(years) else 0.0,
    }


def _for_service(view: View) -> pd.DataFrame:
    """Demand but for training, which is done by a deadline; all of it where there is nothing else."""
    demand = view.table("demand")
    rows = demand[~demand["w"].isin(training_workloads(view))]
    return rows if len(rows) else demand


def _served_from(view: View) -> int:
    """First period in which a twentieth of all demand is served; the horizon's end where none is."""
    demand = _for_service(view)
    wanted = total(demand, ["t"], demand["demand_kref"])
    served = total(demand, ["t"], demand["demand_kref"] * (1 - demand["unserved_share"]))
    hits = [int(t) for t in wanted.index if served[t] >= 0.05 * wanted[t]]
    return min(hits, default=view.n)


def _residuals(view: View) -> dict[str, float]:
    """Rule -> MUSD discounted that purchases are worth at the end: the same book under each rule."""
    book, end = Book(view), float(discount(view).iloc[-1])
    out = {"market": 0.0, "straight-line": 0.0}
    for name, keys, account in OWNED:
        columns = [
            c
            for c in ("life", "goods_share", "resale_share", "fade_per_year")
            if c in getattr(view.case, name)
        ]
        rows = view.facts(view.table(name), getattr(view.case, name), keys, columns)
        live, life = rows["t"].to_numpy(int), rows["case_life"].to_numpy(int)
        for rule in out:
            out[rule] += float((rows["musd"] * book.left(rows, account, live, life, rule) * end).sum())
    return out


def _time(view: View) -> dict[str, float]:
    demand = view.table("demand")
    begun_months = 12.0 * view.step_years * view.edges
    early = unavoidable(view)
    pi, serving = priorities(view), _for_service(view)
    wanted = over(pd.RangeIndex(view.n), total(serving, ["t"], serving["demand_kref"]))
    done = serving["demand_kref"] * (1 - serving["unserved_share"])
    served = over(pd.RangeIndex(view.n), total(serving, ["t"], done))
    share = (served / wanted.where(wanted > 0)).to_numpy()
    weight = demand["w"].map(pi).astype(float) * view.steps(demand["t"])
    begun = np.flatnonzero(share >= 0.05)
    settled = _from_here_on(pd.Series(share).dropna(), 1 - 0.005)
    waits = delays(view)
    return {
        "delay_months": float((waits * pi.reindex(waits.index)).sum()),
        "unavoidable_delay_months": float((early * pi.reindex(early.index)).sum()),
        "first_service_months": begun_months[begun[0]] if len(begun) else np.nan,
        "full_service_months": np.nan if settled is None else begun_months[settled],
        "served_share": float((weight * (1 - demand["unserved_share"])).sum() / weight.sum()),
    }


def _from_here_on(share: pd.Series, least: float) -> int | None:
    """The first period with demand from which on no share is below ``least``."""
    below = share.index[share < least - 1e-6]
    after = share.index if not len(below) else share.index[share.index > below[-1]]
    return int(after[0]) if len(after) else None


@once
def unavoidable(view: View) -> pd.Series:
    """w -> months with demand that is gone, or past its deadline, before anything could serve it."""
    demand, serve = view.case.demand.reset_index(drop=True), view.case.serve.reset_index(drop=True)
    first = serve.groupby("w")["t"].min()
    early = demand["until_t"] < demand["w"].map(first).astype(float).fillna(view.n)
    return total(demand, ["w"], early.astype(float) * 12.0 * view.years(demand["t"]))


def _control(view: View) -> dict[str, float]:
    rows = weights(view)
    whak = ["w", "h", "a", "k"]
    offer, scores = labelled(rows, whak), view.case.scores
    rows = rows.assign(**{c: lookup(offer, scores[c]).astype(float) for c in ("sigma_v121", "sigma_equal")})
    rows = rescored(rows, level_scores(view))
    served = rows["weight"].sum()
    best = view.case.serve["sigma"] + most_gained(view.case.serve, view.case.level_gains)

    def mean(score: str, weight: str) -> tuple[float, float]:
        of_all = 100.0 * (rows[weight] * rows[score]).sum()
        return _ratio(of_all, rows[weight].sum()) if rows[weight].sum() else 0.0, of_all

    out = {
        "control_max": 100.0 * best.max() if len(best) else 0.0,
        "control_score_v121": mean("sigma_v121", "weight")[0],
        "control_score_equal": mean("sigma_equal", "weight")[0],
        "served_work_share": rows["by_work"].sum(),
    }
    out["control_score"], out["national_control"] = mean("case_sigma", "weight")
    for measure in ("work", "priority"):
        own, of_all = mean("case_sigma", f"by_{measure}")
        out |= {f"control_by_{measure}": own, f"national_control_by_{measure}": of_all}
    for level in range(5):
        part = rows.loc[rows["case_seal"] == level, "weight"].sum()
        out[f"seal_{level}_share"] = part / served if served else 0.0
    return {name: float(value) for name, value in out.items()}


def _size(view: View) -> dict[str, float]:
    fleet, last = view.table("fleet"), view.n - 1
    periods = pd.RangeIndex(view.n)
    count = {
        c: over(periods, total(fleet, ["t"], fleet[c]))
        for c in ("accelerators", "owned", "rented", "existing")
    }
    peak = fleet["accelerators"] / 1000.0 * view.system(fleet, "peak_mw_per_k").astype(float)
    mine = fleet["h"].isin(view.own)
    own, cloud = (over(periods, total(fleet[m], ["t"], peak[m])) for m in (mine, ~mine))
    load = (
        facility_peak(view).rename("mw").rename_axis(["h", "t"]).reset_index() if len(fleet[mine]) else None
    )
    facility = (
        over(periods, total(load, ["t"], load["mw"])) if load is not None else pd.Series(0.0, index=periods)
    )
    return {
        "accelerators": count["accelerators"][last],
        "accelerators_max": count["accelerators"].max(),
        "accelerators_owned": count["owned"][last],
        "accelerators_rented": count["rented"][last],
        "accelerators_existing": count["existing"][last],
        "it_mw": own[last],
        "it_mw_max": own.max(),
        "it_mw_rented": cloud[last],
        "facility_mw": facility[last],
        "facility_mw_max": facility.max(),
    }


def _flows(view: View) -> dict[str, float]:
    """Sums over the last twelve months, from the ledger's quantities."""
    ledger = view.table("ledger")
    year = ledger[
        (ledger["t"] < view.n) & (ledger["t"] >= view.holds(view.n_steps - round(1.0 / view.step_years)))
    ]
    by = year.groupby("account")["quantity"].sum()
    return {
        "energy_gwh_per_year": sum(by.get(a, 0.0) for a in ("electricity", "cloud-energy", "generation"))
        / 1000.0,
        "water_m3_per_year": by.get("water", 0.0),
        "emissions_kt_per_year": sum(
            by.get(a, 0.0) for a in ("emissions", "cloud-emissions", "plant-emissions")
        )
        / 1000.0,
    }


def _unit_costs(view: View) -> dict[str, float]:
    cost = _cost(view)["cost_npv_musd"] * 1e6
    worth = discount(view)
    fleet, demand, ledger, orders = (view.table(x) for x in ("fleet", "demand", "ledger", "orders"))
    held = fleet["accelerators"] * lookup(fleet["t"], worth).astype(float) * view.hours(fleet["t"])
    hours = view.case.physics["availability"] * held.sum()
    present = lookup(demand["t"], worth).astype(float) * view.hours(demand["t"])
    done = demand["demand_kref"] * (1 - demand["unserved_share"]) * present
    per_ref = lookup(demand["w"], view.case.workloads["tokens_per_s_per_ref"]).astype(float)
    tokens = np.nansum(done * 1000.0 * per_ref * 3600.0 * lookup(demand["w"], mean_load(view)).astype(float))
    serving = done[~np.isnan(per_ref)].sum() / done.sum() if done.sum() else 0.0
    own = ledger[(ledger["kind"] == "capex") & (ledger["payer"] == PARTNER)]
    built = [h for h, mode in view.mode.items() if mode == "build"]
    own, orders = own[own["h"].isin(built)], orders[orders["h"].isin(built)]
    spent = own.loc[own["asset_class"].isin([*PLACES, "servers"]), "musd"].sum() * 1e6
    bought = orders["accelerators"].sum()
    mw = (orders["accelerators"] / 1000.0 * view.system(orders, "peak_mw_per_k").astype(float)).sum()
    mine = fleet[fleet["h"].isin(view.own)]
    standing = total(mine, ["t"], mine["accelerators"])
    t = standing.round(6).idxmax() if len(standing) else None  # the first of equal ones
    load = facility_peak(view)
    kw = load[load.index.get_level_values(1) == t].sum() * 1000.0 if t is not None else np.nan
    return {
        "levelised_cost_usd_per_accelerator_hour": _ratio(cost, hours),
        **_by_mode(view, held * view.case.physics["availability"]),
        "levelised_cost_usd_per_million_tokens": _ratio(cost * serving, tokens / 1e6),
        "usd_per_accelerator_all_in": _ratio(spent, bought),
        "musd_per_mw_it": _ratio(spent / 1e6, mw),
        "kw_per_accelerator": _ratio(kw, standing.max() if len(standing) else 0.0),
    }


def _by_mode(view: View, hours: pd.Series) -> dict[str, float]:
    """Cost of an hour by how its place is had, with an even part of what has no place."""
    ledger, fleet = view.table("ledger"), view.table("fleet")
    own = ledger[ledger["payer"] == PARTNER]
    usd = own["musd"] * lookup(own["t"], discount(view)).astype(float) * 1e6
    placed, stands = own["h"].map(view.mode), fleet["h"].map(view.mode)
    even = _ratio(usd[placed.isna()].sum(), hours.sum())
    modes = (("build", "built"), ("colocation", "leased"), ("cloud", "rented"))
    return {
        f"levelised_{words}_usd_per_accelerator_hour": _ratio(
            usd[placed == mode].sum(), hours[stands == mode].sum()
        )
        + even
        for mode, words in modes
    }


def _ratio(top: Any, bottom: Any) -> float:
    return float(top / bottom) if bottom else float("nan")


def _work_begins(view: View, w: str, day: pd.Timestamp) -> pd.Timestamp:
    """Of training no day of service is before its work: that of the first run still due then."""
    runs = view.table("training")
    begun = runs[(runs["w"] == w) & (runs["deadline_date"] > day)]["begins_date"].dropna()
    return max([day, *begun.sort_values().head(1)])


def _tables(view: View, found: Findings, want: dict[str, float]) -> None:
    """Service dates and delays by workload; contributions to control; what is unmet."""
    demand, service = view.table("demand"), view.table("service")
    found.equal("service-table", service.set_index("w")["delay_months"].astype(float), delays(view), "delay")
    found.equal(
        "service-table",
        service.set_index("w")["unavoidable_months"].astype(float),
        unavoidable(view),
        "unavoidable delay",
    )
    for name, least in (("date_50", 0.5), ("date_95", 0.95)):
        by = demand.sort_values("t").groupby("w")
        met = {w: _from_here_on(1 - part.set_index("t")["unserved_share"], least) for w, part in by}
        when = [
            _work_begins(view, w, view.date(t)) if (t := met.get(w)) is not None else pd.NaT
            for w in service["w"]
        ]
        got = pd.to_datetime(service[name])
        found.same("service-table", service[["w"]], got, pd.Series(when, dtype="datetime64[ns]"), name)
    points = pd.Series([float(view.table("control")["points"].sum())], index=["sum"])
    score = pd.Series([want["control_score"]], index=["sum"])
    found.equal("control-table", points, score, "contributions do not add up to the score", 100.0)
    keys = ["w", "t"]
    unmet, short = view.table("unmet"), demand[demand["unserved_share"] > 1e-6]
    found.equal(
        "unmet-table",
        total(unmet, keys, unmet["unserved_share"]),
        total(short, keys, short["unserved_share"]),
        "unmet demand",
    )
