"""Sheets by period: timing, flows of the partner, funding, capital by what it is for; and the ledger they read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from xlsxwriter.utility import xl_col_to_name

from planner.case.registry import FINANCE
from planner.plans.kpis import FIRST_SERVICE, FULL_SERVICE, NOISE_SHARE
from planner.report import capital
from planner.report.terms import term
from planner.report.workbook.book import TOP, Book, Row, Timeline
from planner.report.workbook.inputs import NONE, TARIFF, Facts

CALENDARS = {"account": "by account", "origin_iso3": "by seat", "payer": "by payer", "h": "by host"}
LEDGER = [
    "t", "label", "year", "kind", "account", "asset_class", "p", "h", "at", "mode", "a", "k", "supplier", "payer",
    "origin_iso3", "w", "unit", "quantity", "tariff_profile", "finance_line", "finance_asset", "musd", "musd_discounted",
]  # fmt: skip
PARTNER = capital.PARTNER
DAY_ZERO = pd.Timestamp("1899-12-30")
"""What workbooks count days from."""


@dataclass(frozen=True)
class Timing:
    """Rows of the sheet Timing."""

    index: Row
    year: Row
    inside: Row
    steps: Row
    before: Row
    years: Row
    spread: Row
    factor: Row
    service: Row
    settled: Row


def write_timing(book: Book, facts: Facts) -> Timing:
    """Dates, discount factors and flags of every period; the last column is the horizon's end."""
    n, calendar, demand = facts.n, facts.context.calendar, facts.tables["demand"]
    note = "One column a period; the last is the horizon's end"
    line = Timeline(book, "Timing", "Timing and flags", note, facts.labels, totals=False)
    whole, days = (
        book.whole,
        [pd.Timestamp(calendar.date_of(t)) for t in range(n + 1)],
    )
    steps = line.inputs("Length", "steps", np.append(calendar.steps, 1))
    before = line.add(
        "Steps before it", "steps", f"=~{line.row + 1}+~{steps.line}", calendar.edges, form=whole
    )
    index = line.add("Period", "", f"=~{line.row + 1}+1", range(n + 1), form=whole)
    line.sheet.write_number(index.line - 1, Timeline.BEFORE, -1, whole)  # the period before the first
    line.sheet.write_datetime(index.line, Timeline.BEFORE, days[0].to_pydatetime(), book.day)
    first = f"${xl_col_to_name(Timeline.BEFORE)}${index.line + 1}"
    serial = [(day - DAY_ZERO).days for day in days]
    begins = line.add("Starts", "date", f"=EDATE({first},{before.here}*step_months)", serial, form=book.day)
    year = line.add("Calendar year", "", f"=YEAR({begins.here})", [day.year for day in days], form=whole)
    inside = line.add(
        "Within the horizon", "flag", f"=IF({index.here}<periods,1,0)", [1] * n + [0], form=whole
    )
    middle = f"({before.here}+AVERAGE(0,{steps.here}-1)+payment_timing*{inside.here})"
    when = f"={middle}*step_years"
    years = line.add("Years to the middle of payments", "years", when, facts.years_to, form=book.exact)
    spread = line.add(
        "Payments spread over its steps", "x", f"={_spread(steps)}", facts.spread, form=book.exact
    )
    formula = f"={spread.here}/(1+discount_rate)^{years.here}"
    factor = line.add("Discount factor", "", formula, facts.factors, form=book.exact)
    columns = book.spans["Demand"]
    wanted, served = (
        line.add(words, "thousand reference accelerators", f"=SUMIFS({columns[name]},{columns['t']},{index.here})",
                 facts.by_period(demand, name))
        for words, name in (("Demand", "demand_kref"), ("Served", "served_kref"))
    )  # fmt: skip
    enough = (wanted.values > 0) & (served.values >= FIRST_SERVICE * wanted.values)
    test = f"=IF({wanted.here}>0,IF({served.here}>=first_service_share*{wanted.here},1,0),0)"
    reached = line.add("Enough is served", "flag", test, enough, form=whole)
    begun = np.minimum(np.cumsum(reached.values), 1.0)
    service = line.add(
        "Service has begun", "flag", f"=MAX(~{line.row + 1},{reached.here})", begun, form=whole
    )
    return Timing(
        index,
        year,
        inside,
        steps,
        before,
        years,
        spread,
        factor,
        service,
        _settled(line, book, index, wanted, served),
    )


def _spread(steps: Row) -> str:
    """Mean of the discount factors of the steps of a period, over that of its middle: 1 where it is one step."""
    one, n = "(1+discount_rate)^step_years", steps.here
    many = f"({one})^AVERAGE(0,{n}-1)*(1-({one})^-{n})/({n}*(1-1/({one})))"
    return f"IF(OR({n}=1,discount_rate=0),1,{many})"


def _settled(line: Timeline, book: Book, index: Row, wanted: Row, served: Row) -> Row:
    """Periods with demand from which on the share served never falls below that of full service."""
    level, whole = 1.0 - FULL_SERVICE - NOISE_SHARE, book.whole
    below = (wanted.values > 0) & (served.values < level * wanted.values)
    test = f"=IF({served.here}<(1-full_service_short-noise_share)*{wanted.here},1,0)"
    short = line.add("Short of full service", "flag", test, below, form=whole)
    so_far = line.corkscrew("Periods short of full service", "periods", [(short, 1)])
    asked = (wanted.values > 0) & (so_far.values == below.sum()) & ~below
    test = f"=IF(AND({wanted.here}>0,{short.here}=0,{so_far.here}=SUM({short.span})),1,0)"
    return line.add("In full service from here on", "flag", test, asked, form=whole)


def write_ledger(book: Book, facts: Facts, timing: Timing) -> None:
    """A row a booking: money as booked, electricity as quantity times tariff; its present value."""
    year = facts.run.scenario.money.price_year
    note = f"One row a booking; MUSD real {year} USD; what is settled at the horizon's end is dated there"
    sheet, ledger = book.sheet("Ledger", "Ledger", note), facts.ledger[LEDGER]
    book.table(sheet, ledger)
    at = {name: j for j, name in enumerate(LEDGER)}
    letter = {name: xl_col_to_name(j) for name, j in at.items()}
    inputs = book.spans["Inputs"]
    for i, row in enumerate(ledger.itertuples(index=False), start=TOP + 1):
        line = i + 1
        if row.account == TARIFF:
            tariff = f"INDEX({inputs['tariff']},MATCH({letter['h']}{line},{inputs['host']},0))"
            formula = f"={letter['quantity']}{line}*{tariff}*{letter['tariff_profile']}{line}/1000000"
            book.formula(sheet, i, at["musd"], formula, float(row.musd), book.exact)
            sheet.write_number(i, at["tariff_profile"], float(row.tariff_profile), book.exact)
        else:
            sheet.write_number(i, at["musd"], float(row.musd), book.exact)
        worth = f"={letter['musd']}{line}*INDEX({timing.factor.span},{letter['t']}{line}+1)"
        book.formula(sheet, i, at["musd_discounted"], worth, float(row.musd_discounted), book.exact)


def write_flows(book: Book, facts: Facts, timing: Timing) -> dict[str, Row]:
    """Payments of the partner by account; outlay, capital, need and what is settled at the end; their corkscrews."""
    note = f"MUSD, real {facts.run.scenario.money.price_year} USD; the last column is settled at the end"
    line, columns = (
        Timeline(book, "Flows", "Payments of the country", note, facts.labels),
        book.spans["Ledger"],
    )
    own = facts.ledger[(facts.ledger["payer"] == PARTNER) & (facts.ledger["kind"] != "physical")]
    own = own[own["musd"] != 0]

    def lookup(criteria: str = "") -> str:
        return f'SUMIFS({columns["musd"]},{columns["t"]},{timing.index.here},{columns["payer"]},"{PARTNER}"{criteria})'

    def kind(name: str) -> str:
        return lookup(f',{columns["kind"]},"{name}"')

    line.heading("By account")
    for account in sorted(own["account"].unique()):
        same = f",{columns['account']},$B{line.row + 1}"
        formula, rows = f"={lookup(same)}", own[own["account"] == account]
        line.add(term("account", str(account)), "MUSD", formula, facts.by_period(rows), key=str(account))
    line.heading("In total")
    net = line.add("All payments and what is settled", "MUSD", f"={lookup()}", facts.by_period(own))
    lent = line.add(
        term("kind", FINANCE), "MUSD", f"={kind(FINANCE)}", facts.by_period(own[own["kind"] == FINANCE])
    )
    left = facts.by_period(own[own["kind"] == "residual"])  # what is sold again comes in within the horizon
    paid = (net.values - lent.values - left) * timing.inside.values
    formula = f"=({net.here}-{lent.here}-{kind('residual')})*{timing.inside.here}"
    outlay = line.add("Outlay net of grants", "MUSD", formula, paid)
    capex = facts.by_period(own[own["kind"].isin(capital.CAPITAL_KINDS)])
    needed = line.add("Capital net of grants", "MUSD", f"={kind('capex')}+{kind('grant')}", capex)
    need = line.add(
        "To be funded: capital, and all payments before service", "MUSD",
        f"=IF({timing.service.here}=1,{needed.here},{outlay.here})",
        np.where(timing.service.values == 1, capex, paid),
    )  # fmt: skip
    worth = line.add("Present value", "MUSD", f"={net.here}*{timing.factor.here}", net.values * facts.factors)
    line.heading("Running totals")
    total = line.corkscrew("Outlay", "MUSD", [(outlay, 1)])
    funded = line.corkscrew("To be funded", "MUSD", [(need, 1)])
    line.heading("By calendar year")
    by = pd.Series(paid).groupby(timing.year.values).transform("sum")
    formula = f"=SUMIFS({outlay.span},{timing.year.span},{timing.year.here})"
    years = line.add("Outlay of the year the period lies in", "MUSD", formula, by, total=False)
    return {
        "net": net,
        "outlay": outlay,
        "worth": worth,
        "outlay_total": total,
        "funded": funded,
        "years": years,
    }


def write_capital(book: Book, facts: Facts, timing: Timing) -> None:
    """Capital of all payers less grants, a sheet a split, a row a part; every sheet has the same total."""
    columns, at = book.spans["Ledger"], timing.index.here
    paid = facts.ledger[facts.ledger["kind"].isin(capital.CAPITAL_KINDS)]
    note = f"Capital less grants, all payers, before residual values; MUSD, real {facts.run.scenario.money.price_year} USD"
    for by, words in CALENDARS.items():
        line = Timeline(book, f"Capital {words}", f"Capital needs {words}", note, facts.labels)
        first, sums = line.row + 1, paid.groupby(by)["musd"].sum().sort_values(ascending=False)
        for part in list(sums.index) or [NONE]:
            one = f"SUMIFS({columns['musd']},{columns[by]},$B{line.row + 1},{columns['t']},{at},{columns['kind']},"
            formula, rows = f'={one}"capex")+{one}"grant")', paid[paid[by] == part]
            line.add(term(by, str(part)), "MUSD", formula, facts.by_period(rows), key=str(part))
        whole = line.add(
            "Total", "MUSD", f"=SUM(@{first}:@{line.row})", facts.by_period(paid), form=book.total
        )
        book.check(
            f"Capital less grants, all payers, {words}", f"={whole.total}", float(paid["musd"].sum()), "MUSD"
        )
