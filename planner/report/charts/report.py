"""The charts of the report page, in reading order: what a financier asks first comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go

from planner.report import capital, finance, views
from planner.report.answer import limit_names
from planner.report.charts import finance as finance_charts
from planner.report.charts import gantt, plan, sankey
from planner.report.names import catalogued, names_of, spoken_ids, titled
from planner.report.page import Chart
from planner.report.strings import t

if TYPE_CHECKING:
    from planner.runs.run import Run


def charts_of(run: Run) -> list[Chart]:
    """Charts with heading, caption and table; the map is left out, as it needs files beside the page."""
    year = run.scenario.money.price_year

    def table(name: str) -> pd.DataFrame:
        return run.table(name) if name in run.tables else pd.DataFrame()

    ledger = table("ledger")
    funding, peak = capital.funding(ledger, capital.served_from(run.kpis, ledger))
    needs = capital.needs(ledger)
    origin = capital.needs(ledger, "origin_iso3")
    flows = capital.flows(ledger)
    countries = names_of(run.catalog, "origin_iso3")
    demand = titled(views.demand_against_capacity(table("demand")), run.scenario)
    power = titled(views.power_by_site(table("power")), run.scenario)
    control = views.control_by(table("control"))
    binding = views.binding(table("prices"))
    binding = binding.assign(name=limit_names(binding["name"], run.scenario))
    milestones = catalogued(titled(table("milestones"), run.scenario), run.catalog)
    what = {"what": t("capital.kinds.capital"), "payer": t("capital.everyone"), "year": year}
    made: list[tuple[str, Callable[[], go.Figure], str, pd.DataFrame]] = [
        ("capital.needs", lambda: plan.ledger_bars(needs, "account"), t("capital.needs-note", **what),
         capital.calendar_told(ledger, "account")),
        ("capital.origin", lambda: plan.ledger_bars(origin, "origin_iso3", called=countries),
         t("capital.needs-note", **what),
         capital.calendar_told(ledger, "origin_iso3", names=countries)),
        ("capital.funding", lambda: plan.cumulative_funding(funding, peak.label, peak.musd),
         t("capital.funding-note", year=year), funding),
        ("capital.flows", lambda: sankey.sources_and_uses(flows, countries), t("capital.flows-note", year=year),
         sankey.told(flows, countries)),
        ("plan.capacity", lambda: plan.capacity_against_demand(demand), t("plan.capacity-note"), demand),
        ("plan.gantt", lambda: gantt.gantt(milestones), t("plan.gantt-note"),
         gantt.told(milestones) if len(milestones) else milestones),
        ("plan.power", lambda: plan.power(power), t("plan.power-note"), power),
        ("plan.waterfall", lambda: plan.control_waterfall(control), t("plan.waterfall-note"), control),
        ("plan.binding", lambda: plan.what_binds(binding), t("plan.binding-note", year=year),
         binding.drop(columns=["rule", "index"])),
    ]  # fmt: skip
    if finance.asked(run.scenario) and len(table("finance_cover")):
        money, cover = (
            finance.funding({"finance_statements": table("finance_statements")}, "nominal"),
            table("finance_cover"),
        )
        cover = finance.cover({"finance_cover": cover})
        unit = t("capital.unit.nominal", currency="USD")
        made += [
            ("capital.funding-sources", lambda: finance_charts.sources_and_uses(money, unit.partition(",")[0]),
             t("capital.funding-sources-note", unit=unit), money),
            ("capital.cover", lambda: finance_charts.cover_strip(cover), t("capital.cover-note"), cover),
        ]  # fmt: skip
    return [
        Chart(t(f"{key}-title"), t(f"{key}-alt"), draw(), note, spoken_ids(rows, run.scenario))
        for key, draw, note, rows in made
    ]
