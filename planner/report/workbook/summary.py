"""Summary and Check: every figure of the plan as a formula over the workbook's sheets, beside the planner's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from planner.case.draws import GRANT_DRAWN
from planner.case.registry import FINANCE
from planner.plans.unit_costs import BUILT, CLASSES, MODES
from planner.report.kpis import kpi_cards
from planner.report.terms import kpi_label
from planner.report.workbook.book import TOP, Book, Row
from planner.report.workbook.flows import PARTNER, Timing
from planner.report.workbook.inputs import LEFT_RULES, NONE, Facts

TOLERANCE = 1e-6
SUMMARY = ["words", "value", "unit", "low", "high", "inside", "note", "kpi"]
PLANNER = "From the planner"
SEALS = range(5)


def formulas(
    book: Book, facts: Facts, timing: Timing, flows: dict[str, Row], capacity: dict[str, Row]
) -> dict[str, str]:
    """kpi -> formula, without its equals sign; figures that rest on the planner's own work are not among them."""
    costs = _money(book, facts, flows) | _left(book, timing) | _unit_costs(book, capacity)
    return (
        costs
        | _time(book, timing)
        | _control(book, facts.run.scenario.limits.min_control_by)
        | _sizes(book, timing, capacity)
    )


def _money(book: Book, facts: Facts, flows: dict[str, Row]) -> dict[str, str]:
    led, deals, made = (book.spans[name] for name in ("Ledger", "Contracts", "Content by country"))
    own = f'{led["payer"]},"{PARTNER}"'

    def pv(criteria: str = "") -> str:
        return f"SUMIFS({led['musd_discounted']},{own}{criteria})"

    def kind(text: str) -> str:
        return f',{led["kind"]},"{text}"'

    left = pv(_at_end(led))
    granted = f',{led["account"]},"{GRANT_DRAWN}"'
    chosen = f"({pv(kind(FINANCE))}+{pv(granted)})"
    capex, home = f'SUMIFS({led["musd"]},{led["kind"]},"capex"', facts.run.scenario.country

    def share(column: str, iso3: str) -> str:
        whole = f"SUM({made['musd']})"
        return f'IF({whole}=0,"",SUMIFS({made["musd"]},{made[column]},"{iso3}")/{whole})'

    return {
        "cost_npv_musd": flows["worth"].total,
        "cost_without_residual_musd": f"{pv()}-{left}",
        "residual_musd": f"-{left}",
        "resource_cost_musd": f"{flows['worth'].total}-{chosen}",
        "finance_effect_musd": chosen,
        "commitment_cost_musd": pv(kind("commitment")),
        "commitments_signed_musd": f"SUM({deals['booked_musd']})+SUM({deals['due_after_musd']})",
        "commitments_due_after_musd": f"SUM({deals['due_after_musd']})",
        "capex_musd": capex + ")",
        "capex_partner_musd": f"{capex},{own})",
        "capex_others_musd": f'{capex},{led["payer"]},"<>{PARTNER}")',
        "capex_us_content_share": share("content_iso3", "USA"),
        "capex_us_seat_share": share("origin_iso3", "USA"),
        "capex_home_content_share": share("content_iso3", home),
        "total_outlay_musd": flows["outlay"].total,
        "peak_funding_musd": f"MAX(0,MAX({flows['funded'].span}))",
        "peak_year_outlay_musd": f"MAX({flows['years'].span})",
    }


def _time(book: Book, timing: Timing) -> dict[str, str]:
    work, need = book.spans["Service"], book.spans["Demand"]
    weight = f"{need['priority']},{need['months']}"

    def since(flag: Row) -> str:
        begins = f"INDEX({timing.before.span},MATCH(1,{flag.span},0))*step_months"
        return f'IF(SUM({flag.span})=0,"",{begins})'

    return {
        "delay_months": f"SUMPRODUCT({weight},{need['unserved_share']})",
        "unavoidable_delay_months": f"SUMPRODUCT({work['unavoidable_months']},{work['priority']})",
        "served_share": f"1-SUMPRODUCT({weight},{need['unserved_share']})/SUMPRODUCT({weight})",
        "first_service_months": since(timing.service),
        "full_service_months": since(timing.settled),
    }


def _control(book: Book, headline: str) -> dict[str, str]:
    """Of what is served, by work and by priority; ``share`` of a row is of the demand of its period."""
    need, work = book.spans["Demand"], book.spans["Serving"]
    weights = {
        "work": (
            f"{work['served_kref']},{work['months']}",
            f"SUMPRODUCT({need['demand_kref']},{need['months']})",
        ),
        "priority": (
            f"{work['priority']},{work['share']},{work['months']}",
            f"SUMPRODUCT({need['priority']},{need['months']})",
        ),
    }
    out = {"control_score": f"SUM({book.spans['Control']['points']})"}
    for measure, (weight, asked) in weights.items():
        served, points = f"SUMPRODUCT({weight})", f"full_points*SUMPRODUCT({weight},{work['sigma']})"
        out[f"control_by_{measure}"] = f"IF({served}=0,0,{points}/{served})"
        out[f"national_control_by_{measure}"] = f"{points}/({asked})"
    weight, asked = weights["work"]
    out["served_work_share"] = f"SUMPRODUCT({weight})/{asked}"
    out["national_control"] = out[f"national_control_by_{headline}"]
    weight, _ = weights[headline]
    for level in SEALS:
        part = f'SUMPRODUCT(({work["seal"]}&""="{level}")*{weight.replace(",", "*")})'
        out[f"seal_{level}_share"] = f"IF(SUMPRODUCT({weight})=0,0,{part}/SUMPRODUCT({weight}))"
    return out


def _left(book: Book, timing: Timing) -> dict[str, str]:
    """Cost of the plan under other rules for what is left: that is an input, discounted here."""
    led, out = book.spans["Ledger"], {}
    whole = f'SUMIFS({led["musd_discounted"]},{led["payer"]},"{PARTNER}"'
    before = f"{whole})-{whole}{_at_end(led)})"
    for rule in LEFT_RULES:
        out[f"cost_residual_{rule}_musd"] = f"{before}-left_{rule}*INDEX({timing.factor.span},periods+1)"
    return out


def _at_end(led: Mapping[str, str]) -> str:
    """Of lines of the ledger: what is left at the horizon's end; what is sold before is cash like any other."""
    return f',{led["kind"]},"residual",{led["t"]},periods'


def _sizes(book: Book, timing: Timing, capacity: dict[str, Row]) -> dict[str, str]:
    fleet, power = book.spans["Fleet"], book.spans["Power"]

    def at_end(column: str) -> str:
        return f"SUMIFS({fleet[column]},{fleet['t']},periods-1)"

    first = f'(COUNTIF({timing.before.span},"<="&(MAX({timing.before.span})-steps_per_year))-1)'

    def last_year(column: str) -> str:
        return f'SUMIFS({power[column]},{power["t"]},">="&{first})'

    most = {f"{name}_max": f"MAX({capacity[name].span})" for name in ("accelerators", "it_mw", "facility_mw")}
    last = {
        name: f"INDEX({capacity[name].span},periods)" for name in ("it_mw", "it_mw_rented", "facility_mw")
    }
    return (
        most
        | last
        | {
            "accelerators": at_end("accelerators"),
            "accelerators_owned": at_end("owned"),
            "accelerators_rented": at_end("rented"),
            "accelerators_existing": at_end("existing"),
            "energy_gwh_per_year": f"{last_year('energy_mwh')}/1000",
            "water_m3_per_year": last_year("water_m3"),
            "emissions_kt_per_year": f"{last_year('emissions_t')}/1000",
        }
    )


def _unit_costs(book: Book, capacity: dict[str, Row]) -> dict[str, str]:
    led, orders = book.spans["Ledger"], book.spans["Orders"]
    own, hours = f'{led["payer"]},"{PARTNER}"', capacity["hours"].total

    def worth(mode: str = "") -> str:
        return f"SUMIFS({led['musd_discounted']},{own}" + (f',{led["mode"]},"{mode}")' if mode else ")")

    out = {"levelised_cost_usd_per_accelerator_hour": _ratio(worth(), hours)}
    for mode, words in MODES.items():
        held = capacity[f"hours_{mode}"].total
        each = f"{worth(mode)}/{held}+{worth(NONE)}/{hours}"
        out[f"levelised_{words}_usd_per_accelerator_hour"] = f'IF({held}=0,"",{each})'
    bought = f'SUMIFS({orders["accelerators"]},{orders["mode"]},"{BUILT}")'
    each_class = [
        f'{led["mode"]},"{BUILT}",{led["kind"]},"capex",{led["asset_class"]},"{c}"' for c in CLASSES
    ]
    spent = "+".join(f"SUMIFS({led['musd']},{own},{criteria})" for criteria in each_class)
    out["usd_per_accelerator_all_in"] = _ratio(f"({spent})*1000000", bought)
    built = f'({orders["mode"]}="{BUILT}")'
    kw = f"SUMPRODUCT({built}*{orders['accelerators']}*{orders['kw_per_accelerator']})"
    out["musd_per_mw_it"] = _ratio(f"({spent})*1000", kw)
    most, standing = f"MAX({capacity['own'].span})", capacity["own"].span
    load = f"INDEX({capacity['facility_mw'].span},MATCH({most},{standing},0))"
    out["kw_per_accelerator"] = _ratio(f"{load}*1000", most)
    tokens, spoken = capacity["served_tokens"].total, capacity["served_serving"].total
    share = f"{spoken}/{capacity['served_all'].total}"
    out["levelised_cost_usd_per_million_tokens"] = _ratio(f"{worth()}*1000000*{share}", tokens)
    return out


def _ratio(top: str, bottom: str) -> str:
    return f'IF({bottom}=0,"",{top}/({bottom}))'


def write_planner(book: Book, facts: Facts, known: dict[str, str]) -> dict[str, str]:
    """Figures that only the planner works out, as inputs; kpi -> the cell that holds it."""
    note = "Not money: scores that rest on the answers to every criterion, as the planner works them out"
    sheet, rows = book.sheet(PLANNER, PLANNER, note), [k for k in facts.kpis if k not in known]
    table = pd.DataFrame(
        {"words": [kpi_label(k) for k in rows], "value": [facts.kpis[k] for k in rows], "kpi": rows}
    )
    book.table(sheet, table)
    cells = {}
    for i, name in enumerate(rows, start=TOP + 1):
        if facts.kpis[name] == facts.kpis[name]:
            sheet.write_number(i, 1, facts.kpis[name], book.input)
        cells[name] = f"IF('{PLANNER}'!$B${i + 1}=\"\",\"\",'{PLANNER}'!$B${i + 1})"
    sheet.set_column(0, 0, 46)
    return cells


def write_summary(book: Book, sheet: Any, facts: Facts, known: dict[str, str], cells: dict[str, str]) -> None:
    rows = kpi_cards(facts.run.kpis, names=None)[SUMMARY]
    rows = rows.assign(inside=["" if v is None or v != v else "yes" if v else "no" for v in rows["inside"]])
    book.table(sheet, rows)
    for i, row in enumerate(rows.itertuples(index=False), start=TOP + 1):
        formula = known.get(row.kpi) or cells[row.kpi]
        book.formula(sheet, i, 1, f"={formula}", row.value, book.number)
        if row.inside:
            inside = f'=IF(AND(B{i + 1}>=D{i + 1},B{i + 1}<=E{i + 1}),"yes","no")'
            sheet.write_formula(i, 5, inside, None, row.inside)
        if row.kpi in known and row.value == row.value:
            book.check(str(row.words), f"=Summary!B{i + 1}", float(row.value), str(row.unit))
    sheet.set_column(6, 6, 70)


def write_checks(book: Book) -> None:
    """Formula, the planner's value, the difference, and whether they agree to a millionth."""
    note = "Worked out from this workbook's own sheets, beside the planner's values; they agree until an input is changed"
    sheet = book.sheet("Check", "Check", note)
    for j, text in enumerate(
        ("What", "From this workbook", "From the planner", "Difference", "Unit", "Agrees")
    ):
        sheet.write_string(TOP, j, text, book.head)
    sheet.write_string(1, 7, "Tolerance", book.head)
    sheet.write_number(1, 8, TOLERANCE, book.input)
    book.name("tolerance", sheet, 1, 8)
    for i, line in enumerate(book.checks):
        row = TOP + 1 + i
        sheet.write_string(row, 0, line.what)
        book.formula(sheet, row, 1, line.formula, line.value, book.exact)
        sheet.write_number(row, 2, line.value, book.exact)
        book.formula(sheet, row, 3, f'=IFERROR(B{row + 1}-C{row + 1},"")', 0.0, book.exact)
        sheet.write_string(row, 4, line.unit)
        test = f'=IFERROR(IF(ABS(D{row + 1})<=tolerance*MAX(1,ABS(C{row + 1})),"yes","NO"),"NO")'
        book.formula(sheet, row, 5, test, "yes", book.good)
    sheet.set_column(0, 0, 52)
    sheet.set_column(1, 3, 20)
    sheet.freeze_panes(TOP + 1, 0)
