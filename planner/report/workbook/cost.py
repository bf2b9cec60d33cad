"""What the cost is made of, step by step, and what moves it."""

from __future__ import annotations

from planner.report import capital
from planner.report.terms import term
from planner.report.workbook.book import TOP, Book, Row
from planner.report.workbook.flows import PARTNER, Timing
from planner.report.workbook.inputs import Facts


def write_cost(book: Book, facts: Facts) -> dict[str, str]:
    """A waterfall from nothing to the cost: present value of every kind of payment; kind -> its cell."""
    table = capital.cost_composition(facts.tables["ledger"])
    by = table.groupby("kind")["musd_discounted"].sum().sort_values(ascending=False)
    note = f"The country's own payments; MUSD, real {facts.run.scenario.money.price_year} USD; residual values are negative"
    sheet, led = book.sheet("Cost", "What the cost is made of", note), book.spans["Ledger"]
    for j, text in enumerate(("Kind", "Key", "From", "Present value", "To")):
        sheet.write_string(TOP, j, text, book.head)
    running, cells = 0.0, {}
    for i, (kind, musd) in enumerate(by.items(), start=TOP + 1):
        line = i + 1
        sheet.write_string(i, 0, term("kind", str(kind)))
        sheet.write_string(i, 1, str(kind))
        book.formula(sheet, i, 2, f"=N(E{line - 1})", running)
        worth = f'=SUMIFS({led["musd_discounted"]},{led["payer"]},"{PARTNER}",{led["kind"]},B{line})'
        book.formula(sheet, i, 3, worth, float(musd))
        running += float(musd)
        book.formula(sheet, i, 4, f"=C{line}+D{line}", running)
        cells[str(kind)] = f"Cost!$D${line}"
    end = TOP + 1 + len(by)
    sheet.write_string(end, 0, "Cost, present value", book.bold)
    book.formula(sheet, end, 3, f"=SUM(D{TOP + 2}:D{max(end, TOP + 2)})", running, book.total)
    book.check("Cost by kind of payment", f"=Cost!D{end + 1}", facts.kpis["cost_npv_musd"], "MUSD")
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 4, 16)
    return cells | {"": f"Cost!$D${end + 1}"}


def write_sensitivities(book: Book, facts: Facts, timing: Timing, net: Row, cells: dict[str, str]) -> None:
    """Cost with each kind of payment, and the discount rate, lower and higher than it is."""
    sheet = book.sheet(
        "Sensitivities", "What moves the cost", "Present value in MUSD; the plan stays as it is"
    )
    for j, text in enumerate(("What changes", "Lower", "Cost", "Higher", "Spread")):
        sheet.write_string(TOP, j, text, book.head)
    from planner.report.workbook.inputs import SENSITIVITY_RATE, SENSITIVITY_SHARE

    cost = facts.kpis["cost_npv_musd"]
    ledger = facts.tables["ledger"]
    own = ledger[ledger["payer"] == PARTNER].groupby("kind")["musd_discounted"].sum()
    rows = []
    for kind, cell in cells.items():
        if kind:
            step = SENSITIVITY_SHARE * float(own[kind])
            low, high = (f"={cells['']}{sign}sensitivity_share*{cell}" for sign in "-+")
            rows.append((term("kind", kind), low, cost - step, high, cost + step))
    values = {}
    for sign, name in ((-1, "low"), (1, "high")):
        values[name] = float(
            (net.values * facts.spread * (1 + facts.rate + sign * SENSITIVITY_RATE) ** -facts.years_to).sum()
        )
    low, high = (
        f"=SUMPRODUCT({net.span},{timing.spread.span},(1+discount_rate{s}sensitivity_rate)^(-{timing.years.span}))"
        for s in "-+"
    )
    rows.append(("Discount rate", low, values["low"], high, values["high"]))
    for i, (what, low, low_value, high, high_value) in enumerate(rows, start=TOP + 1):
        sheet.write_string(i, 0, what)
        book.formula(sheet, i, 1, low, low_value)
        book.formula(sheet, i, 2, f"={cells['']}", cost)
        book.formula(sheet, i, 3, high, high_value)
        book.formula(sheet, i, 4, f"=ABS(D{i + 1}-B{i + 1})", abs(high_value - low_value))
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 4, 16)
