"""Key figures of a plan, each computed once from its tables; the definitions are those of docs/kpis.md.

Money is real MUSD of the price year. ``low`` and ``high`` are the published range where there is one;
``inside`` says whether the value lies in it, and ``note`` why not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from planner.case import control
from planner.case.case import Case
from planner.case.draws import GRANT_DRAWN
from planner.case.levels import scored
from planner.case.measures import MEASURES, unit_weights
from planner.case.periods import Calendar
from planner.case.registry import FINANCE, NO_OUTLAY
from planner.plans import levels
from planner.plans.content import LICENSOR, shares
from planner.plans.ranges import with_ranges
from planner.plans.residual import residuals_under
from planner.plans.unit_costs import PARTNER, UnitFigure, unit_figures

FIRST_SERVICE, FULL_SERVICE = 0.05, 0.005
"""Share of all demand whose service is the first one of a country, and share that full service may leave out."""
NEED = ("capex", "grant")
"""What has to be funded at any time; other payments are met as they fall once there is service to pay for."""
NOISE_SHARE = 1e-6
"""A share served may be this far below a level and counts as reaching it."""
HALF, NEARLY_ALL = 0.50, 0.95
SERVICE = ("first_service_months", "half_service_months", "full_service_months")
COLUMNS = ["kpi", "value", "unit", "low", "high", "inside", "note"]

Tables = dict[str, pd.DataFrame]

WHAK = ["w", "h", "a", "k"]
AVERAGED = {
    "work": "weighted by work (reference accelerators x months)",
    "priority": "weighted by priority and months",
}


def kpi_table(case: Case, tables: Tables) -> pd.DataFrame:
    """One row a KPI; dates are months from the horizon's start with the date in ``note``."""
    figures = unit_figures(case, tables)
    rows = [*_money(case, tables), *_time(case, tables), *_control(case, tables), *_size(case, tables),
            *_flows(case, tables), *_unit_costs(case, tables, figures)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["kpi", "value", "unit", "note"])
    return with_ranges(case, tables, frame, figures)[COLUMNS]


# ---- cost, time, control


def _money(case: Case, tables: Tables) -> list[tuple[Any, ...]]:
    ledger = tables["ledger"]
    own = ledger[ledger["payer"] == PARTNER]
    chosen = (own["kind"] == FINANCE) | (own["account"] == GRANT_DRAWN)
    left, settled = (own["kind"] == "residual") & (own["t"] == case.calendar.n), own["kind"].isin(NO_OUTLAY)
    capex = ledger[ledger["kind"] == "capex"].groupby("payer")["musd"].sum()
    outlay = own[~settled & (own["kind"] != "physical")]
    by_period = outlay.groupby("t")["musd"].sum().reindex(range(case.calendar.n), fill_value=0.0)
    by_year = outlay.groupby("year")["musd"].sum()
    building = outlay["kind"].isin(NEED) | (outlay["t"] < _first_service(tables, case.calendar.n))
    need = outlay[building].groupby("t")["musd"].sum().reindex(range(case.calendar.n), fill_value=0.0)
    return [
        ("cost_npv_musd", own["musd_discounted"].sum(), "MUSD", "discounted, residual values deducted"),
        ("cost_without_residual_musd", own.loc[~left, "musd_discounted"].sum(), "MUSD",
         "discounted; what is sold before the horizon's end is deducted"),
        ("residual_musd", -own.loc[left, "musd_discounted"].sum(), "MUSD",
         f"discounted, at the horizon's end; rule: {case.scenario.finance.residual}"),
        *(
            (f"cost_residual_{rule.replace('-', '_')}_musd", own.loc[~left, "musd_discounted"].sum() - worth, "MUSD",
             f"the same plan where what is left is valued: {rule}")
            for rule, worth in residuals_under(case, tables).items()
        ),
        ("resource_cost_musd", own.loc[~chosen, "musd_discounted"].sum(), "MUSD",
         "discounted; cost before the optional sources that the plan draws"),
        ("finance_effect_musd", own.loc[chosen, "musd_discounted"].sum(), "MUSD",
         "discounted; what optional sources cost less what is drawn of them: below 0 where they are worth drawing"),
        ("commitment_cost_musd", own.loc[own["kind"] == "commitment", "musd_discounted"].sum(), "MUSD",
         "discounted; contracts past the horizon's end less what letting on would fetch"),
        ("commitments_signed_musd", tables["commitments"]["signed_musd"].sum(), "MUSD", "undiscounted, whole terms"),
        ("commitments_due_after_musd", tables["commitments"]["due_after_musd"].sum(), "MUSD",
         "undiscounted, owed after the horizon's end"),
        ("capex_musd", capex.sum(), "MUSD", "all payers, undiscounted, refresh included, before residual"),
        ("capex_partner_musd", capex.get(PARTNER, 0.0), "MUSD", "undiscounted"),
        ("capex_us_content_share", shares(tables["content"], "content_iso3", LICENSOR), "share",
         "of all capital, by where its value is made"),
        ("capex_us_seat_share", shares(tables["content"], "origin_iso3", LICENSOR), "share",
         "of all capital, by the vendor's seat"),
        ("capex_home_content_share", shares(tables["content"], "content_iso3", case.scenario.country), "share",
         "of all capital, by where its value is made"),
        ("capex_others_musd", capex.drop(PARTNER, errors="ignore").sum(), "MUSD", "hosts' own capital, undiscounted"),
        ("total_outlay_musd", by_period.sum(), "MUSD", "all payments of the horizon net of grants, undiscounted"),
        ("peak_funding_musd", max(0.0, need.cumsum().max()), "MUSD",
         "largest cumulative net need: capital net of grants, and all payments before the first service (5 % of demand)"),
        ("peak_year_outlay_musd", by_year.max() if len(by_year) else 0.0, "MUSD",
         f"in {by_year.idxmax()}" if len(by_year) else ""),
    ]  # fmt: skip


def _time(case: Case, tables: Tables) -> list[tuple[Any, ...]]:
    demand = tables["demand"]
    weight = demand["w"].map(case.workloads["priority"]).astype(float) * demand["months"]
    dates = service_periods(served_share(demand))
    unavoidable = tables["service"].set_index("w")["unavoidable_months"]
    priority = case.workloads["priority"].reindex(unavoidable.index).astype(float)
    return [
        ("delay_months", float((weight * demand["unserved_share"]).sum()), "months", "priority-weighted wait"),
        ("unavoidable_delay_months", float((unavoidable * priority).sum()), "months",
         "at least: permit, adoption and delivery alone, halls and power not counted"),
        _date_row(case, "first_service_months", dates["first"], "first period with 5 % of demand for service served"),
        _date_row(case, "full_service_months", dates["full"], "from here on at most 0.5 % of demand for service is short"),
        ("served_share", float((weight * (1 - demand["unserved_share"])).sum() / weight.sum()), "share",
         "weighted by priority and months"),
    ]  # fmt: skip


def service_periods(share: pd.Series) -> dict[str, int | None]:
    """From the share of all demand that is served in each period (t): the periods of the first service, which is that of
    ``FIRST_SERVICE``, and from which on half, nearly all and all of it stay served. ``None`` where that is never."""
    return {
        "first": _first(share), "half": _settled(share, HALF), "most": _settled(share, NEARLY_ALL),
        "full": _settled(share, 1 - FULL_SERVICE),
    }  # fmt: skip


def service_months(share: pd.Series, calendar: Calendar) -> dict[str, float]:
    """The same in months from the start of the horizon, by the names of ``SERVICE``; NaN where that is never."""
    months = {
        f"{name}_service_months": np.nan if t is None else float(calendar.step_of(t) * calendar.step_months)
        for name, t in service_periods(share).items()
    }
    return {name: months[name] for name in SERVICE}


def served_share(demand: pd.DataFrame) -> pd.Series:
    """t -> share of all demand for service that is served, from the table ``demand`` of a plan."""
    total = for_service(demand).groupby("t")[["demand_kref", "served_kref"]].sum()
    return total["served_kref"] / total["demand_kref"]


def for_service(demand: pd.DataFrame) -> pd.DataFrame:
    """Rows of demand that is served when it is asked for; where all of it is training, which has deadlines, all rows."""
    if "by_deadline" not in demand:  # a run from before training could be done in any period
        return demand
    rows = demand[~demand["by_deadline"].astype(bool)]
    return rows if len(rows) else demand


def _first_service(tables: Tables, never: int) -> int:
    first = _first(served_share(tables["demand"]))
    return never if first is None else first


def _control(case: Case, tables: Tables) -> list[tuple[Any, ...]]:
    headline, weighting = case.scenario.limits.min_control_by, case.scenario.control.weighting
    known = _scored(case, tables)
    by = {measure: _weighted(case, known, measure) for measure in MEASURES}
    serving = by[headline]
    score, national = _scores(serving)
    rows: list[tuple[Any, ...]] = [
        ("control_score", score, "points", f"of what is served, by {headline}; {weighting}"),
        ("national_control", national, "points", f"control of what is served x share served, by {headline}"),
    ]
    for measure, weighted in by.items():
        own, of_all = _scores(weighted)
        rows.append((f"control_by_{measure}", own, "points", f"of what is served; {AVERAGED[measure]}"))
        rows.append(
            (f"national_control_by_{measure}", of_all, "points", f"of all demand; {AVERAGED[measure]}")
        )
    rows.append(("served_work_share", by["work"]["weight"].sum(), "share", AVERAGED["work"]))
    rows.append(("control_max", case.control_max, "points", "best score any offer could reach"))
    for name, column in (("v121", "sigma_v121"), ("equal", "sigma_equal")):
        rows.append((f"control_score_{name}", _scores(serving, column)[0], "points", "other weighting"))
    served = serving["weight"].sum()
    for level in range(5):
        share = serving.loc[serving["seal"] == level, "weight"].sum() / served if served else 0.0
        rows.append((f"seal_{level}_share", share, "share", "of what is served; exclusions as declared"))
    return rows


def _scores(serving: pd.DataFrame, column: str = "sigma") -> tuple[float, float]:
    """Control of what is served, and of all demand: points."""
    served, national = serving["weight"].sum(), 100 * (serving["weight"] * serving[column]).sum()
    return (national / served if served else 0.0), national


def _scored(case: Case, tables: Tables) -> pd.DataFrame:
    """Serving rows with the scores of their offers under the other weightings."""
    facts = levels.scores(case, tables)[[*WHAK, "sigma_v121", "sigma_equal"]]
    return tables["serving"].merge(facts, on=WHAK, how="left", validate="many_to_one")


def _weighted(case: Case, serving: pd.DataFrame, by: str) -> pd.DataFrame:
    """Serving rows with their weight in what is served of all demand, by work or by priority."""
    of_one = unit_weights(case, by).reindex(pd.MultiIndex.from_frame(serving[["w", "t"]])).to_numpy(float)
    return serving.assign(weight=of_one * serving["served_kref"])


def control_by_decision(case: Case, tables: Tables) -> pd.DataFrame:
    """criterion, objective, decision, points: contributions to control of what is served."""
    serving = _weighted(case, tables["serving"], case.scenario.limits.min_control_by)
    criteria = control.prepare_criteria(case.catalog)
    served = serving["weight"].sum()
    by_offer = serving.groupby(WHAK)["weight"].sum() / served if served > 0 else pd.Series(dtype=float)
    return pd.DataFrame(
        {
            "criterion": criteria["criterion_id"].to_list(),
            "objective": criteria["objective"].to_list(),
            "objective_name": criteria["objective_name"].to_list(),
            "factor": criteria["factor"].to_list(),
            "decision": criteria["decision"].to_list(),
            "points": points_by_criterion(case, by_offer, criteria, levels.kept(tables["levels"])),
        }
    )


def points_by_criterion(
    case: Case, by_offer: pd.Series, criteria: pd.DataFrame, held: Collection[tuple[str, str]] = ()
) -> np.ndarray:
    """Points of every criterion, in their order, where each offer (w, h, a, k) does a share of what is served.

    ``held`` are the levels (h, l) that hosts are held to.
    """
    points, weighting = np.zeros(len(criteria)), case.scenario.control.weighting
    better = scored(case, held)["answers"] if held else {}
    for offer, share in by_offer[by_offer > 0].items():
        text = better[offer] if offer in better else case.scores.loc[offer, "answers"]
        answers = control.parse_answers(str(text))
        points += share * control.contributions(answers, weighting, criteria).to_numpy()
    return points


def service_dates(case: Case, tables: Tables) -> pd.DataFrame:
    """Per workload: delay, the least of it that nobody could avoid, dates after which 50 % and 95 % stay served, and the
    least share served.

    Nobody could avoid what permit, adoption and delivery take, whatever halls, cooling and power take on top.
    Of training, whose work may be done at any time up to a deadline, no date is before that work begins.
    """
    rows, runs = [], tables["training"]
    first = case.serve.groupby("w")["t"].min()
    until = case.demand["until_t"]
    for w, part in tables["demand"].groupby("w", sort=False):
        last = until.reindex(pd.MultiIndex.from_arrays([part["w"], part["t"]])).to_numpy()
        early = last < first.get(w, case.calendar.n)
        share = 1 - part.set_index("t")["unserved_share"]
        half, most = _settled(share, HALF), _settled(share, NEARLY_ALL)
        rows.append(
            (
                w,
                float((part["months"] * part["unserved_share"]).sum()),
                float(part.loc[early, "months"].sum()),
                _begun(_date(case, half), runs[runs["w"] == w]),
                _begun(_date(case, most), runs[runs["w"] == w]),
                float(share.min()),
            )
        )
    columns = ["w", "delay_months", "unavoidable_months", "date_50", "date_95", "least_share"]
    return pd.DataFrame(rows, columns=columns)


# ---- size and flows


def _size(case: Case, tables: Tables) -> list[tuple[Any, ...]]:
    last = case.calendar.n - 1
    fleet, power = tables["fleet"], tables["power"]
    units = (
        fleet.groupby("t")[["accelerators", "owned", "rented", "existing"]]
        .sum()
        .reindex(range(last + 1), fill_value=0.0)
    )
    own = fleet[fleet["mode"] != "cloud"].groupby("t")["it_mw"].sum().reindex(range(last + 1), fill_value=0.0)
    cloud = (
        fleet[fleet["mode"] == "cloud"].groupby("t")["it_mw"].sum().reindex(range(last + 1), fill_value=0.0)
    )
    facility = power.groupby("t")["facility_peak_mw"].sum().reindex(range(last + 1), fill_value=0.0)
    return [
        ("accelerators", units.loc[last, "accelerators"], "accelerators", "live at the horizon's end"),
        ("accelerators_max", units["accelerators"].max(), "accelerators", "largest number live"),
        ("accelerators_owned", units.loc[last, "owned"], "accelerators", "bought in this plan, at the end"),
        ("accelerators_rented", units.loc[last, "rented"], "accelerators", "rented in this plan, at the end"),
        ("accelerators_existing", units.loc[last, "existing"], "accelerators", "there before, at the end"),
        ("it_mw", own.loc[last], "MW", "peak of owned and leased places, at the end"),
        ("it_mw_max", own.max(), "MW", "largest peak of owned and leased places"),
        ("it_mw_rented", cloud.loc[last], "MW", "peak of rented accelerators, at the end"),
        ("facility_mw", facility.loc[last], "MW", "design hour, cooling included, at the end"),
        ("facility_mw_max", facility.max(), "MW", "largest"),
    ]


def _flows(case: Case, tables: Tables) -> list[tuple[Any, ...]]:
    first = case.calendar.period_of(case.calendar.n_steps - 12 // case.calendar.step_months)
    last = tables["power"][tables["power"]["t"] >= first]
    note = "last full year; cloud at the catalog's intensity (assumed)"
    return [
        ("energy_gwh_per_year", last["energy_mwh"].sum() / 1000.0, "GWh", note),
        ("water_m3_per_year", last["water_m3"].sum(), "m3", "last full year; own places"),
        ("emissions_kt_per_year", last["emissions_t"].sum() / 1000.0, "kt CO2", note),
    ]


def _unit_costs(case: Case, tables: Tables, figures: Mapping[str, UnitFigure]) -> list[tuple[Any, ...]]:
    ledger, demand = tables["ledger"], tables["demand"]
    cost = ledger.loc[ledger["payer"] == PARTNER, "musd_discounted"].sum()
    factor = case.periods["discount"].astype(float) * case.periods["hours"].astype(float)
    weighted = demand["served_kref"] * demand["t"].map(factor)
    tokens_per_s = demand["tokens_per_s"] * (1 - demand["unserved_share"])
    tokens = (tokens_per_s * demand["mean_load"] * demand["t"].map(factor) * 3600).sum()
    serving = weighted[demand["tokens_per_s"].notna()].sum() / weighted.sum() if weighted.sum() else 0.0
    return [
        *((f.kpi, f.value, f.unit, f.note) for f in figures.values()),
        ("levelised_cost_usd_per_million_tokens", cost * 1e12 * serving / tokens if tokens else np.nan,
         "USD/Mtoken", "share of the cost that serves tokens, by reference-accelerator equivalents"),
    ]  # fmt: skip


def mean_load(case: Case) -> pd.Series:
    """w -> mean load over the day as a share of the peak; preemptible demand is a mean already."""
    slices = case.slices[~case.slices["design"]].reset_index(drop=True)
    hours = slices[slices["t"] == slices["t"].min()].set_index("s")["hours"]
    profile = case.profile.reset_index(drop=True)
    profile = profile[profile["s"].isin(hours.index)]
    weight = profile["s"].map(hours).astype(float)
    mean = (profile["value"] * weight).groupby(profile["w"]).sum() / hours.sum()
    return mean.where(~case.workloads["preemptible"].reindex(mean.index).astype(bool), 1.0)


# ---- dates


# plain arrays: every point of a sweep asks
def _first(share: pd.Series) -> int | None:
    begun = np.flatnonzero(share.to_numpy(float) >= FIRST_SERVICE)
    return int(share.index[begun[0]]) if len(begun) else None


def _settled(share: pd.Series, least: float) -> int | None:
    """First period with demand from which on the share served never falls below a level; pauses do not count."""
    below = np.flatnonzero(share.to_numpy(float) < least - NOISE_SHARE)
    after = below[-1] + 1 if len(below) else 0
    return int(share.index[after]) if after < len(share) else None


def _date(case: Case, t: int | None) -> pd.Timestamp:
    return pd.NaT if t is None else pd.Timestamp(case.calendar.date_of(t))


def _begun(day: pd.Timestamp, runs: pd.DataFrame) -> pd.Timestamp:
    """A day, or that on which the work of the training runs that are due after it begins, where that is later."""
    begins = runs.loc[runs["deadline_date"] > day, "begins_date"].min()
    return day if pd.isna(begins) else max(day, begins)


def _date_row(case: Case, name: str, t: int | None, note: str) -> tuple[Any, ...]:
    months = np.nan if t is None else float(case.calendar.step_of(t) * case.calendar.step_months)
    when = "not within the horizon" if t is None else f"{_date(case, t):%Y-%m-%d}"
    return name, months, "months", f"{when}; {note}"
