"""The answer of a plan in a few sentences and two small tables: what is built and rented, where, by when, at what
cost, with how much control, what limits it, and what one step more would cost. Every figure is read from the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planner.case.context import Context
from planner.case.licensing import parents
from planner.case.periods import Calendar
from planner.case.places import place_of
from planner.facts.numbers import number, percent
from planner.plans.kpis import served_share, service_periods
from planner.report import views
from planner.report.built import NAMED, built, doubtful_dates, few, month, paid, with_openings
from planner.report.names import in_words, spoken, spoken_texts
from planner.report.strings import t
from planner.scenario.schema import Scenario

if TYPE_CHECKING:
    from planner.runs.run import Run

FIGURES = ("cost_npv_musd", "delay_months", "control_score", "served_share")
"""The four figures that stand above all others: money, time, control, and how much of the demand is met."""
TABLES = ("fleet", "demand", "prices", "halls", "openings", "ledger")
"""Tables of a plan that its answer is read from."""
SAID = {"first": "in", "half": "from", "most": "from"}
"""Dates of service that are told, and whether they are a month or from a month on."""
HELD = 0.5
"""Accelerators below which a host holds nothing."""
FELL = 0.01
"""Share of the work once done whose loss counts as a fall: less is rounding to whole units."""
TOP, MUSD_TOLD = 0.05, 1e-6
"""Points of control within which a plan has the most that any offer reaches."""
CAP = "apacity cap "
"""Name of a limit before the id that a scenario gives it, with or without its capital."""
DELAY_RULES = ("max_delay_by_workload", "max_delay")


@dataclass(frozen=True)
class Answer:
    """Sentences in reading order. ``dated`` says whether the dates that the scenario asks for are kept, ``asked`` how the
    plan stands to its other limits, ``falls`` names workloads whose share served falls back; each may be empty."""

    dated: str
    built: str
    when: str
    cost: str
    paid: str
    asked: str
    limits: str
    step: str
    falls: str

    @property
    def lead(self) -> str:
        """The first sentences: whether the dates are kept, what is built and rented."""
        return " ".join(filter(None, (self.dated, self.built)))

    @property
    def rest(self) -> str:
        """All that follows it but the falls, which stand apart."""
        return " ".join(s for s in self.sentences if s not in (self.dated, self.built, self.falls))

    @property
    def sentences(self) -> list[str]:
        told = (
            self.dated,
            self.built,
            self.when,
            self.cost,
            self.paid,
            self.asked,
            self.limits,
            self.step,
            self.falls,
        )
        return [s for s in told if s]


def answer(tables: Mapping[str, pd.DataFrame], kpis: pd.DataFrame, scenario: Scenario) -> Answer:
    """The answer of a plan from its tables (``TABLES``) and KPIs."""
    values = dict(zip(kpis["kpi"], kpis["value"], strict=True))
    shares = service_over_time(tables["demand"], scenario)
    held = with_openings(places(tables["fleet"], scenario), tables["halls"], tables["openings"])
    return Answer(
        dated=_dated(shares, scenario),
        built=built(held, tables["fleet"]),
        when=" ".join(filter(None, (_when(tables["demand"], scenario), doubtful_dates(held)))),
        cost=_cost(values, scenario),
        paid=paid(tables["ledger"]),
        asked=_asked(scenario, values, held),
        limits=_limits(tables["prices"], scenario),
        step=_step(tables["prices"], values, scenario),
        falls=_falls(shares, spoken(scenario, "w")),
    )  # fmt: skip


def answer_of(run: Run) -> Answer:
    """The answer of the plan of a run."""
    return answer({name: run.table(name) for name in TABLES}, run.kpis, run.scenario)


def _cost(values: Mapping[str, float], scenario: Scenario) -> str:
    return t(
        "answer.earns" if values["cost_npv_musd"] < 0 else "answer.cost",
        musd=number(abs(values["cost_npv_musd"])), year=scenario.money.price_year,
        control=number(values["control_score"]), national=number(values["national_control"]),
    )  # fmt: skip


def places(fleet: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """A row a host that holds anything: h, p, place, iso3, mode, operator, from, accelerators and it_mw at their most."""
    columns = ["h", "p", "place", "iso3", "mode", "operator", "from", "accelerators", "it_mw"]
    hosts = {host.id: host for host in scenario.hosts}
    lies = {site.id: place_of(scenario.catalog, site) for site in scenario.sites}
    rows = []
    for h, part in fleet.groupby("h", sort=False):
        by_period = part.groupby(["t", "label"], as_index=False)[["accelerators", "it_mw"]].sum()
        held = by_period[by_period["accelerators"] > HELD]
        if len(held):
            host = hosts[str(h)]
            most = held[["accelerators", "it_mw"]].max()
            at = lies[host.site]
            rows.append(
                (h, host.site, at.name, at.iso3, host.mode, host.operator, held["label"].iloc[0], *most)
            )
    return pd.DataFrame(rows, columns=columns).sort_values(["mode", "accelerators"], ascending=[True, False])


def service_over_time(demand: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """w, t, label, start_date, end_date, served_share (0 to 1), fell (less work is done than once was, and is still asked).

    Only periods in which the workload asks for something. A share that shrinks as demand grows is no fall.
    """
    table = demand[demand["demand_kref"] > 0].sort_values(["w", "t"])
    day = Calendar.of(scenario.horizon, scenario.existing).date_of
    table = table.assign(
        start_date=[pd.Timestamp(day(i)) for i in table["t"]],
        end_date=[pd.Timestamp(day(i + 1)) for i in table["t"]],
        served_share=1.0 - table["unserved_share"],
    )  # fmt: skip
    kept = table.groupby("w")["served_kref"].cummax().clip(upper=table["demand_kref"])
    runs = table["by_deadline"].astype(bool) if "by_deadline" in table else False
    table["fell"] = (table["served_kref"] < (1.0 - FELL) * kept) & ~np.asarray(runs)
    return table[["w", "t", "label", "start_date", "end_date", "served_share", "fell"]].reset_index(drop=True)


def capacity_by_place(fleet: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """year, p, place, accelerators, it_mw: what stands or is rented at the end of each calendar year."""
    columns = ["year", "p", "place", "accelerators", "it_mw"]
    if not len(fleet):
        return pd.DataFrame(columns=columns)
    names = {site.id: place_of(scenario.catalog, site).name for site in scenario.sites}
    rows = fleet.assign(year=fleet["label"].str[:4].astype(int))
    rows = rows[rows["t"] == rows.groupby("year")["t"].transform("max")]
    table = rows.groupby(["year", "p"], as_index=False)[["accelerators", "it_mw"]].sum()
    return table.assign(place=table["p"].map(names))[columns]


def _when(demand: pd.DataFrame, scenario: Scenario) -> str:
    """The first service of the country, and from when on half and nearly all of the whole demand stay served."""
    share = served_share(demand[demand["demand_kref"] > 0])
    if not (share > 0).any():
        return t("answer.no-service")
    day = Calendar.of(scenario.horizon, scenario.existing).date_of
    words = []
    for name, at in service_periods(share).items():
        if name in SAID:
            when = t("answer.never") if at is None else t(f"answer.{SAID[name]}", date=month(day(at)))
            words.append(t(f"answer.{name}", when=when))
    return ", ".join(words) + "."


def _asked(scenario: Scenario, values: Mapping[str, float], held: pd.DataFrame) -> str:
    """The budget and the floor that were asked for beside what the plan makes of them; where all stands, under whose law."""
    told: list[str] = []
    limits, cost, control = scenario.limits, values["cost_npv_musd"], values["control_score"]
    if limits.max_cost_musd is not None:
        told.append(t("answer.asked-cost", most=number(limits.max_cost_musd), musd=number(cost)))
    if limits.min_control is not None:
        told.append(t("answer.asked-control", least=number(limits.min_control), control=number(control)))
    if len(held):
        told += [_where(scenario, held), _law(scenario, held)]
    return " ".join(told)


def _where(scenario: Scenario, held: pd.DataFrame) -> str:
    abroad = held[held["iso3"] != scenario.country]
    return t("answer.abroad", places=few(abroad["place"])) if len(abroad) else t("answer.home")


def _law(scenario: Scenario, held: pd.DataFrame) -> str:
    """Countries whose law reaches owner or operator of a host by their parents, or a place where one stands."""
    context = Context.of(scenario, scenario.catalog)
    used = [host for host in scenario.hosts if host.id in set(held["h"])]
    reach = [*(code for host in used for code in parents(context, host)), *held["iso3"]]
    names = scenario.catalog.table("countries")["name"]
    foreign = [str(names.get(code, code)) for code in dict.fromkeys(reach) if code != scenario.country]
    law = scenario.catalog.table("owner_classes")["law"]
    if not foreign and any(law[host.owner_class] != "domestic" for host in used):
        foreign = [t("answer.partner-law")]
    return t("answer.foreign-law", countries=few(foreign)) if foreign else t("answer.own-law")


def _dated(shares: pd.DataFrame, scenario: Scenario) -> str:
    """Whether every workload with a date is served in full from then on, by the plan's table of demand."""
    due = {w.id: w.must_serve_by for w in scenario.demand if w.must_serve_by is not None}
    if not due:
        return ""
    after = shares[shares["start_date"] >= shares["w"].map(due).astype("datetime64[ns]")]
    late = after.loc[after["served_share"] < 1.0 - FELL, "w"].unique()
    date_ = month(max(due.values()))
    if not len(late):
        return t("answer.dates-kept", n=len(due), of=len(scenario.demand), date=date_)
    name_of = spoken(scenario, "w")
    missed = few(name_of.get(w, w) for w in late)
    return t("answer.dates-missed", n=len(late), of=len(due), date=date_, names=missed)


def limit_name(name: str, scenario: Scenario) -> str:
    """Name of a limit with names in place of ids, and the id of a cap in words."""
    return limit_names([name], scenario)[0]


def limit_names(names: Iterable[str], scenario: Scenario) -> list[str]:
    """Names of limits, each like that of ``limit_name``."""
    caps = [name.partition(CAP) for name in names]
    told = spoken_texts(["".join(parts) for parts in caps], scenario)
    return [
        f"{kind}{cap}{in_words(id)}" if cap else text
        for (kind, cap, id), text in zip(caps, told, strict=True)
    ]


def _limits(prices: pd.DataFrame, scenario: Scenario) -> str:
    """The limit whose loosening saves most, with its worth."""
    rows = views.binding(prices, top=1)
    rows = rows[rows["worth_musd"] > 0]
    if not len(rows):
        return t("answer.free")
    row = rows.iloc[0]
    name, unit, worth = str(row["name"]), str(row["unit"]), float(row["worth_musd"])
    name = limit_name(name, scenario)
    return t("answer.limit", name=name[:1].lower() + name[1:], unit=unit, musd=number(worth, 2))


def _step(prices: pd.DataFrame, values: Mapping[str, float], scenario: Scenario) -> str:
    """What a month less of waiting and a point more of control would cost with hosts and halls held: at least the dual,
    as cost rises ever faster. The whole step, all free to follow, is the price of the trade-off.
    """
    rate = {
        "delay": -prices.loc[prices["rule"].isin(DELAY_RULES), "dual"].sum(),
        "control": abs(prices.loc[prices["rule"] == "control_floor", "dual"].sum()),
    }
    limits = scenario.limits
    asked = {
        "delay": limits.max_delay_months is not None,
        "control": limits.min_control is not None or bool(limits.control_floors),
    }
    told = {
        what: t(f"answer.{what}-step", musd=number(musd, 2))
        if musd > MUSD_TOLD
        else t(f"answer.{what}-{'kept' if asked[what] else 'free'}")
        for what, musd in rate.items()
    }
    most = values.get("control_max")
    if most is not None and values["control_score"] >= most - TOP:
        told["control"] = t("answer.control-most", most=number(most))
    return " ".join(told.values())


def _falls(shares: pd.DataFrame, name_of: Mapping[str, str]) -> str:
    fell = shares[shares["fell"]].replace({"w": dict(name_of)})
    names = list(dict.fromkeys(fell["w"]))
    if not names:
        return ""
    worst = fell.loc[fell["served_share"].idxmin()]
    shown = ", ".join(names[:NAMED]) + (f" (+{len(names) - NAMED})" if len(names) > NAMED else "")
    return t(
        "answer.falls", names=shown, w=worst["w"], share=percent(worst["served_share"]), label=worst["label"]
    )
