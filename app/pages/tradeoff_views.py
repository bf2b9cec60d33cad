"""What the trade-off page shows: sliders, live answer, charts, table of points, the picked plan."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import html

from planner.app.components import layout, result, table
from planner.app.components.chart import chart, downloads
from planner.app.components.toolbar import button
from planner.app.pages.tradeoff_around import ask_button
from planner.app.pages.tradeoff_make import make_button
from planner.app.state import url
from planner.app.state.result import Result
from planner.facts.numbers import MISSING, decimals_apart, fixed, number
from planner.report import front
from planner.report.charts import frontier as charts
from planner.report.kpis import kpi_cards
from planner.report.names import spoken
from planner.report.strings import t
from planner.report.terms import heading
from planner.runs.run import FRONTIER
from planner.studies.next_step import Price

PAGE = "tradeoff"
PRICES = {
    "speed": ("price_of_speed_musd_per_month", "delay_months"),
    "sovereignty": ("price_of_control_musd_per_point", "control_score"),
}
UNITS = {
    "cost_npv_musd": "MUSD", "delay_months": "months", "control_score": "points", "control_by_work": "points",
    "control_by_priority": "points", "national_control": "points",
    "capex_musd": "MUSD", "served_share": "share", "price_of_control_musd_per_point": "MUSD per point",
    "price_of_speed_musd_per_month": "MUSD per month",
}  # fmt: skip
"""KPIs of a point or a live answer, in the order of the cards, with their units."""
DIGITS = {
    "max_delay_months": 1, "min_control": 1, "cost_npv_musd": 0, "delay_months": 1, "control_score": 1,
    "control_by_work": 1, "control_by_priority": 1, "control_bound": 2,
    "national_control": 1, "capex_musd": 0, "served_share": 3, "price_of_control_musd_per_point": 1,
    "price_of_speed_musd_per_month": 1, "first_service_months": 0, "half_service_months": 0, "full_service_months": 0,
    "accelerators": 0, "it_mw": 1,
}  # fmt: skip


SAME_POINTS = 0.05
"""Control this close reads as one number."""
HEADER = {"wrapHeaderText": True, "autoHeaderHeight": True, "minWidth": 88}
"""Long headings with units wrap, so that all measures fit beside each other."""


def points_of(one: Result) -> pd.DataFrame:
    """The points of a frontier; of a single plan those of its screening, none until they are worked out. Hosts by name."""
    table, called = (
        front.points_of(one.run) if one.screened is None else one.screened,
        spoken(one.run.scenario, "h"),
    )
    return table.assign(hosts=[_by_name(hosts, called) for hosts in table["hosts"]])


def _by_name(hosts: object, called: Mapping[str, str]) -> str:
    """Hosts with commas between them, by their names; a dash where there are none."""
    return (
        ", ".join(called.get(h, h) for h in hosts.split(", "))
        if isinstance(hosts, str) and hosts
        else MISSING
    )


def _prices(name: str) -> Callable[[Result, Any], pd.DataFrame]:
    price, along = PRICES[name]
    return lambda one, _: front.price_rows(points_of(one), price, along)


TABLES: dict[str, Callable[[Result, Any], pd.DataFrame]] = {
    "scatter": lambda one, _: points_of(one),
    "parallel": lambda one, _: points_of(one),
    "points": lambda one, _: points_of(one),
    "speed": _prices("speed"),
    "sovereignty": _prices("sovereignty"),
}


def sliders(limits: front.Limits, delay: float, control: float, delay_id: str, control_id: str) -> html.Div:
    """The two limits, each a slider with its range written out."""
    return html.Div(
        [
            _slider(delay_id, t("tradeoff.delay"), t("tradeoff.delay-unit"), limits.delay_low, limits.delay_high,
                    delay),
            _slider(control_id, t("tradeoff.control"), t("tradeoff.control-unit"), limits.control_low,
                    limits.control_high, control),
        ],
        className="two-up",
    )  # fmt: skip


def _slider(id: str, label: str, unit: str, low: float, high: float, value: float) -> html.Div:
    middle = (low + high) / 2
    marks = [{"value": v, "label": f"{v:.3g}"} for v in (low, middle, high)]
    return html.Div(
        [
            html.Div(f"{label} ({unit})", className="control-label"),
            dmc.Slider(
                id=id, min=low, max=high, value=value, step=front.STOP, marks=marks, updatemode="mouseup",
                labelAlwaysOn=True, thumbLabel=f"{label} ({unit})", className="limit-slider",
            ),
        ]
    )  # fmt: skip


def answer_cards(
    answer: dict[str, Any], before: dict[str, Any] | None = None, min_width: int = 190
) -> html.Div:
    """The live answer, or a point, as cards with units."""
    names = [
        n for n in UNITS if answer.get(n) is not None and answer[n] == answer[n] and not _again(answer, n)
    ]

    def frame(source: dict[str, Any]) -> pd.DataFrame:
        return pd.DataFrame(
            {"kpi": names, "value": [source.get(n) for n in names], "unit": [UNITS[n] for n in names]}
        )

    cards = kpi_cards(frame(answer), None if before is None else frame(before), tuple(UNITS))
    return result.kpi_cards(cards, min_width)


def price_cards(prices: dict[str, Price], nearby: Mapping[str, str] | None = None) -> list[Any]:
    """Prices that are known as cards; of the others, between what they lie, and what is told of them ``nearby``; or that
    nothing reaches the next step.
    """
    ends = {name: (one.shown, one.least, one.most) for name, one in prices.items()}
    last = [html.P(t("tradeoff.price-none", what=heading(name)), className="muted")
            for name, one in prices.items() if math.isnan(one.musd)]  # fmt: skip
    return [answer_cards({name: one.shown for name, one in prices.items()}), *not_known(ends, nearby), *last]


def not_known(
    prices: Mapping[str, tuple[float, float, float]], nearby: Mapping[str, str] | None = None
) -> list[Any]:
    """Sentences on prices, each with its two ends, that are not known within the gap."""
    told = []
    for name, (shown, least, most) in prices.items():
        if shown != shown and most == most:
            what = heading(name)
            if math.isinf(most):  # a large case, of which nothing is proven at the looser limits
                proven = "least" if 0 < least < math.inf else "open"
                words = t(f"tradeoff.price-{proven}", what=what, least=number(least))
            else:
                words = t("tradeoff.price-unknown", what=what, least=number(least), most=number(most))
            told.append(html.P(f"{words} {(nearby or {}).get(name, '')}".rstrip(), className="muted"))
    return told


def _again(answer: dict[str, Any], name: str) -> bool:
    """Whether a figure repeats the control that stands beside it: one of its two averages is that."""
    own = answer.get("control_score")
    return name.startswith("control_by") and own is not None and abs(answer[name] - own) < SAME_POINTS


BRUSHED: dict[str, Any] = {"scrollZoom": False, "doubleClick": "reset"}


def _chosen(points: pd.DataFrame, view: dict[str, Any]) -> list[int] | None:
    """Row positions of the brushed points, None for all."""
    return [i for i, p in enumerate(points["point"]) if p in view["sel"]] if view["sel"] else None


def upper(one: Result, points: pd.DataFrame, view: dict[str, Any], holder: Any) -> list[Any]:
    """The scatter with the picked plan beside it: what is in sight when the page opens."""
    parts: list[Any] = [
        html.Div(
            [
                chart(
                    PAGE, "scatter", charts.frontier(points, selected=_chosen(points, view), none=_waiting(one)), points,
                    note=t("tradeoff.scatter-note", year=one.price_year),
                    below=html.Div([html.P(told) for told in front.in_words(points)], className="in-words"),
                    actions=[
                        button(f"{PAGE}-clear", t("tradeoff.clear"), "x", size="xs", variant="default"),
                        button(f"{PAGE}-set-base", t("tradeoff.set-baseline"), "star", size="xs", variant="default"),
                    ],
                    **BRUSHED,
                ),
                layout.section(t("tradeoff.picked-title"), holder),
            ],
            className="tradeoff-top",
        ),
    ]  # fmt: skip
    if one.run.kind != FRONTIER:
        told = t("tradeoff.no-points") if one.screened is None else _screened(one)
        parts.insert(0, layout.alert(t("tradeoff.one-plan"), [told], kind="info"))
    return parts


def _waiting(one: Result) -> str | None:
    """What stands where points will be, while those around a single plan are worked out."""
    return t("tradeoff.waiting") if one.run.kind != FRONTIER and one.screened is None else None


def _screened(one: Result) -> str:
    """What screening leaves out, by what it makes of the plan itself."""
    points = points_of(one)
    own = points.attrs.get("own_musd")
    cost = one.run.kpi("cost_npv_musd")
    return t("tradeoff.screened", own=number(own), plan=number(cost), name=front.OWN)


def lower(one: Result, points: pd.DataFrame, view: dict[str, Any]) -> list[Any]:
    """Parallel lines, the two prices, the table."""
    lines = charts.parallel(points, selected=_chosen(points, view), none=_waiting(one))
    parts: list[Any] = [
        chart(PAGE, "parallel", lines, points, note=t("tradeoff.parallel-note"), wide=True, **BRUSHED)
    ]
    if len(points):
        parts.append(html.Div([_price(name, points, one.price_year) for name in PRICES], className="two-up"))
    columns = [
        table.column("point", heading("point"), width=66, minWidth=66),
        table.column("quality", heading("quality"), width=96, minWidth=96),
        *(
            table.column(
                name, heading(name), digits=min(decimals_apart(points[name], places), places + 2), **HEADER
            )
            for name, places in DIGITS.items()
        ),
        *(
            [table.column("keeps_limits", heading("keeps_limits"), **HEADER)]
            if points["keeps_limits"].notna().any()
            else []
        ),
        table.column("hosts", heading("hosts"), **HEADER),
    ]
    shown = table.grid(
        f"{PAGE}-grid", result.records(points), columns, label=t("tradeoff.table-title"), height=380,
        getRowId="params.data.point",
        options={"rowSelection": {"mode": "singleRow", "checkboxes": False},
                 "localeText": {"noRowsToShow": _waiting(one) or t("app.no-rows")}},
        columnSize="responsiveSizeToFit",
    )  # fmt: skip
    parts.append(
        layout.section(
            t("tradeoff.table-title"),
            shown,
            lead=t("tradeoff.table-lead"),
            actions=[downloads(PAGE, "points", t("tradeoff.table-title"), picture=False)],
        )
    )
    return parts


def _price(name: str, points: pd.DataFrame, year: int) -> Any:
    price, along = PRICES[name]
    rows = front.price_rows(points, price, along)
    curve = charts.price_curve(points, price, along)
    return chart(PAGE, name, curve, rows, note=t(f"tradeoff.{name}-note", year=year))


def pages_of(one: Result, plans: dict[str, Any]) -> list[Any]:
    """Links to the pages of the picked plan; of the first where the pick has no plan of its own."""
    ref, base = plan_refs(one, plans)
    return result.links(one, PAGE, ref, base=base)


def plan_refs(one: Result, plans: dict[str, Any]) -> tuple[str | None, str | None]:
    """References of the plans made at the picked point and at the baseline, None where there is none."""
    points = points_of(one).set_index("point")["plan"]
    numbers = (int(points.get(plans.get(name), -1)) for name in ("pick", "base"))
    pick, base = (f"{one.run_id}~{number}" if number >= 0 else None for number in numbers)
    if plans.get("pick") == front.OWN:  # the plan that the screening surrounds
        return one.ref, None
    return pick, base if pick else None


def built(row: dict[str, Any], called: Mapping[str, str]) -> str:
    """What stands at a point and when it serves, as a sentence; ``called``: host -> its name."""
    dates = {name: row.get(f"{name}_service_months") for name in ("first", "half", "full")}
    told = [t(f"tradeoff.serves-{n}", months=number(m)) for n, m in dates.items() if m is not None and m == m]
    mw = row.get("it_mw")
    power = (
        t("tradeoff.built-power", mw=number(mw)) if mw != 0 else ""
    )  # all of it rented: the provider's, not of the plan
    what = t("tradeoff.built", hosts=_by_name(row.get("hosts"), called), chips=fixed(row.get("accelerators")),
             rented=fixed(row.get("accelerators_rented")), power=power)  # fmt: skip
    return f"{what} {t('tradeoff.serves', dates=', '.join(told))}" if told else what


def picked(one: Result, plans: dict[str, Any]) -> Any:
    """The picked point: its figures against the baseline, its prices, the way to its plan."""
    points = points_of(one).set_index("point")
    pick, base = plans.get("pick"), plans.get("base")
    if pick not in points.index:
        return html.P(t("tradeoff.picked-none"), className="muted")
    row = points.loc[pick].to_dict()
    before = points.loc[base].to_dict() if base in points.index else None
    ref, base_ref = plan_refs(one, plans)
    if ref is None:
        way, told = make_button("pick", variant="filled"), html.P(t("tradeoff.screening"), className="muted")
    else:
        address = url.href("plan", ref, base=base_ref)
        way, told = layout.link_button(t("tradeoff.open"), address, "calendar-stats"), None
    parts: list[Any] = [
        html.P(html.Strong(t("tradeoff.picked", point=pick))),
        html.Div(way),
        answer_cards(row, before, 128),
        *not_known(front.prices_of(row)),
        html.P(built(row, spoken(one.run.scenario, "h"))),
        told,
    ]
    parts.append(html.Div(ask_button("pick")))
    return html.Div(parts, className="picked")
