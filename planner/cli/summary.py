"""The answer of a run on one screen, for a decision maker: read from its tables and KPIs only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from planner.case.conventions import RATE
from planner.case.limits import PARTNER
from planner.facts.numbers import MISSING, fixed, number, percent
from planner.finance.tables import CAUTIONS, FAULTS
from planner.planning.solve_run import BELOW_ZERO
from planner.report.built import dearer_than, sooner_than
from planner.report.views import binding
from planner.runs.run import Run

SHORT = 1e-3
# Two columns of figures: KPI, words, decimals. A date in the KPI's note is shown instead of months.
MONEY_AND_TIME = (
    ("cost_npv_musd", "cost, present value", 0),
    ("capex_musd", "capital cost, all payers", 0),
    ("total_outlay_musd", "total outlay of the country", 0),
    ("peak_funding_musd", "peak funding of the country", 0),
    ("delay_months", "weighted wait", 1),
    ("first_service_months", "first service (5 %)", "date"),
    ("full_service_months", "full service (99.5 %)", "date"),
)
CONTROL_AND_SIZE = (
    ("control_by_work", "control of what is served, by work", 1),
    ("control_by_priority", "the same by priority", 1),
    ("national_control", "control x share served", 1),
    ("control_max", "best any offer could reach", 1),
    ("served_share", "demand served", "percent"),
    ("energy_gwh_per_year", "energy, last full year", 0),
    ("emissions_kt_per_year", "emissions, last full year", 0),
)
CHECKED = (
    ("usd_per_accelerator_all_in", "all-in price of an accelerator", 0),
    ("musd_per_mw_it", "capital per MW of IT", 1),
    ("kw_per_accelerator", "power of an accelerator", 2),
    ("levelised_built_usd_per_accelerator_hour", "cost of an hour, built", 2),
    ("levelised_leased_usd_per_accelerator_hour", "cost of an hour, leased", 2),
    ("levelised_rented_usd_per_accelerator_hour", "cost of an hour, rented", 2),
)
MOST_REMARK = 70
MOST_ACCOUNTS = 9
MOST_LIMITS = 6
STATUS = {
    "optimal": "within the asked gap",
    "feasible": "best plan found so far",
    "infeasible": "no plan exists under these limits",
    "unbounded": "the cost falls without limit: something earns more than it costs",
    "no-solution": "no plan was found in the time given",
}


def print_summary(run: Run, out: Console) -> None:
    """Headline, what is built, cost, first service, what limits the plan, where the files are."""
    out.print(_headline(run))
    if not run.has_plan:
        out.print(_reasons(run))
    else:
        for part in _plan_parts(run):
            out.print(Padding(part, (1, 0, 0, 0)))
    out.print(Padding(_files(run), (1, 0, 0, 0)))


def _plan_parts(run: Run) -> Iterable[RenderableType]:
    yield from _kpis(run)
    yield _fleet(run)
    yield _beside(_costs(run), _service(run))
    yield _limits(run)
    yield from not_financed(run)


def not_financed(run: Run) -> list[Text]:
    """A line where the money that the scenario asks for cannot be had, or one for each thing to be wary of in it."""
    asked = run.scenario.finance.sources or run.scenario.finance.revenue or run.scenario.finance.grants
    if asked and CAUTIONS in run.tables:
        wary = run.table(CAUTIONS).itertuples()
        return [Text(f"warning: {row.path}: {row.message}", style="yellow") for row in wary]
    if not asked or FAULTS not in run.tables:
        return []
    first, count = run.table(FAULTS).iloc[0], len(run.table(FAULTS))
    more = f", and {count - 1} more" if count > 1 else ""
    text = f"this plan cannot be financed as asked: {first.path}: {first.message}{more}; planner finance {run.path}"
    return [Text(text, style="bold red")]


def _headline(run: Run) -> RenderableType:
    scenario, outcome = run.scenario, run.outcome
    title = Text(scenario.title or scenario.name, style="bold")
    status = str(outcome.get("status"))
    parts = [
        STATUS.get(status, status),
        f"objective {outcome.get('objective')}",
        f"quality {outcome.get('quality')}",
    ]
    if outcome.get("gap") is not None:
        parts.append(f"gap {percent(outcome['gap'], 2)} (cost at least {fixed(outcome['bound'])} MUSD)")
        if within := dearer_than(outcome):
            parts.append(within)
    if outcome.get("stopped"):
        parts.append("stopped early")
    seconds = (outcome.get("seconds") or {}).get("total")
    if seconds is not None:
        parts.append(f"{seconds:.0f} s")
    if run.audit:
        parts.append("audit clean" if not run.audit_fault else f"AUDIT: {run.audit_fault}")
    lines = [Text(" · ".join(parts), style="dim"), *_rate(run)]
    notes = (str(note) for note in outcome.get("notes") or [])
    told = [*(note for note in notes if note.startswith(BELOW_ZERO)), sooner_than(outcome)]
    lines += [Text(f"warning: {line}", style="bold red") for line in told if line]
    return Group(title, *lines)


def _rate(run: Run) -> list[Text]:
    """The discount rate and where it is from."""
    if "assumptions" not in run.tables:
        return []
    table = run.table("assumptions")
    rows = table[table["item"] == RATE].itertuples()
    return [Text(f"{RATE} {percent(float(r.value), 1)}: {r.why}", style="dim") for r in rows]


def _table(title: str, columns: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    out = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for column in columns:
        out.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in numbers)
    return out


def _kpis(run: Run) -> Iterable[RenderableType]:
    facts = {str(name): fact for name, fact in run.kpis.set_index("kpi").to_dict("index").items()}
    yield _beside(_figures(facts, MONEY_AND_TIME), _figures(facts, CONTROL_AND_SIZE))
    table = _table("against published figures", ["", "value", "unit", "published", "remark"], ["value"])
    table.show_header = False
    for name, words, form in CHECKED:
        fact = facts.get(name)
        if fact is None:
            continue
        where, remark = _range(fact)
        style = "bold red" if where.startswith("OUTSIDE") else ""
        table.add_row(words, *_value(fact, form), Text(where, style=style), Text(remark, style="dim"))
    yield table


def _figures(
    facts: Mapping[str, dict[str, Any]], wanted: Sequence[tuple[str, str, int | str]]
) -> RenderableType:
    table = _table("", ["", "value", "unit"], ["value"])
    table.title, table.show_header, table.box = None, False, None
    for name, words, form in wanted:
        if name in facts:
            table.add_row(words, *_value(facts[name], form))
    return table


def _value(fact: Mapping[str, Any], form: int | str) -> tuple[Text, Text]:
    """A figure and its unit; where ``form`` is date, the date at the head of the note."""
    if form == "date":
        return Text(str(fact.get("note") or "").split(";")[0], style="bold"), Text("")
    if _missing(fact["value"]):
        return Text(MISSING), Text("")
    if isinstance(form, str):
        return Text(percent(fact["value"], 1), style="bold"), Text("")
    return Text(fixed(fact["value"], form), style="bold"), Text(str(fact["unit"] or ""))


def _range(fact: Mapping[str, Any]) -> tuple[str, str]:
    """Published range with in or out; and the remark: the reason where it is out, or where there is no value."""
    note = "" if _missing(fact.get("note")) else str(fact["note"])
    low, high = fact.get("low"), fact.get("high")
    if _missing(fact["value"]) or (_missing(low) and _missing(high)):
        return "", note if _missing(fact["value"]) else ""
    ends = " to ".join(number(end) for end in (low, high) if end is not None and not _missing(end))
    inside = _truth(fact.get("inside"))
    return f"{'inside' if inside else 'OUTSIDE'} {ends}", "" if inside else shorten(
        note.rpartition("published range: ")[2], MOST_REMARK, placeholder=" ..."
    )


def _fleet(run: Run) -> RenderableType:
    """One line a host: what it holds at the end of the horizon, and since when it serves."""
    fleet = run.table("fleet")
    hosts = {host.id: host for host in run.scenario.hosts}
    table = _table(
        "what is built and rented, by whom (accelerators and MW of IT at the horizon's end)",
        ["host", "site", "how", "operator", "stack and systems", "from", "owned", "rented", "MW"],
        ["owned", "rented", "MW"],
    )
    for column in table.columns[:4]:
        column.no_wrap = True
    last = fleet["t"].max() if len(fleet) else 0
    totals = {"owned": 0.0, "rented": 0.0, "it_mw": 0.0}
    for h, part in fleet.groupby("h", sort=False):
        end = part[part["t"] == last]
        held = {"owned": float((end["owned"] + end["existing"]).sum()), "rented": float(end["rented"].sum())}
        held["it_mw"] = float(end["it_mw"].sum())
        if part["accelerators"].max() < SHORT:
            continue
        host = hosts.get(str(h))
        systems = end.groupby("k")["accelerators"].sum().sort_values(ascending=False)
        table.add_row(
            str(h),
            host.site if host else "",
            host.mode if host else "",
            host.operator if host else "",
            f"{', '.join(dict.fromkeys(part['a']))}: {_few(list(systems[systems > SHORT].index))}",
            str(part["label"].iloc[part["t"].argmin()]),
            *(_count(held[name]) for name in ("owned", "rented", "it_mw")),
        )
        for name in totals:
            totals[name] += held[name]
    table.add_section()
    table.add_row(
        "all", *[""] * 5, *(Text(_count(totals[n]), style="bold") for n in ("owned", "rented", "it_mw"))
    )
    return table


def _costs(run: Run) -> RenderableType:
    ledger = run.table("ledger")
    own = ledger[(ledger["payer"] == PARTNER) & (ledger["kind"] != "physical")]
    # residual values are shown apart: they are no account of their own but what is left of all
    account = own["account"].where(own["kind"] != "residual", "residual values")
    account = account.where(own["kind"] != "commitment", "contracts past the end")
    sums = own.groupby(account)["musd_discounted"].sum().sort_values(ascending=False)
    table = _table("cost by account, present value", ["account", "MUSD", "share"], ["MUSD", "share"])
    total = float(sums.sum())
    shown = sums[sums.abs() >= sums.abs().nlargest(MOST_ACCOUNTS).min()] if len(sums) else sums
    for name, value in shown.items():
        table.add_row(
            str(name).replace("_", " ").replace("-", " "),
            fixed(value),
            percent(value / total) if total else "",
        )
    rest = float(sums.drop(shown.index).sum())
    if len(shown) < len(sums):
        table.add_row(f"{len(sums) - len(shown)} smaller accounts", fixed(rest), percent(rest / total))
    table.add_section()
    table.add_row("all", Text(fixed(total), style="bold"), "")
    return table


def _service(run: Run) -> RenderableType:
    service = run.table("service")
    table = _table(
        "service by workload", ["workload", "half from", "95 % from", "wait, months"], ["wait, months"]
    )
    for row in service.itertuples():
        table.add_row(str(row.w), _day(row.date_50), _day(row.date_95), fixed(row.delay_months, 1))
    return table


def _limits(run: Run) -> RenderableType:
    """The dearest limits, each by its place: what a step more, in every period in which it binds, would save."""
    dearest = binding(run.table("prices"), top=MOST_LIMITS)
    dearest = dearest[dearest["worth_musd"] > 0]
    if not len(dearest):
        return Text("nothing but demand limits this plan", style="dim")
    saves = "a step more saves, MUSD"
    table = _table("what limits it most", ["limit", saves, "step", "binds"], [saves])
    for name, first, last, unit, worth in dearest[["name", "from", "to", "unit", "worth_musd"]].itertuples(
        index=False
    ):
        when = first if first == last else f"{first} to {last}"
        table.add_row(Text(f"{name[:1].lower()}{name[1:]}"), number(worth), Text(unit), Text(when))
    return table


def _reasons(run: Run) -> RenderableType:
    """Why there is no plan: each finding, what would cure it, and how to try that."""
    lines: list[RenderableType] = []
    for trouble in run.outcome.get("troubles") or []:
        lines.append(Padding(Text(str(trouble.get("message", ""))), (1, 0, 0, 2)))
        if trouble.get("cure"):
            lines.append(Padding(Text(f"cure: {trouble['cure']}"), (0, 0, 0, 4)))
        for path, value in (trouble.get("change") or {}).items():
            lines.append(Padding(Text(f"try:  --set '{path}={json.dumps(value)}'"), (0, 0, 0, 4)))
    lines += [Padding(Text(str(note), style="dim"), (1, 0, 0, 2)) for note in run.outcome.get("notes") or []]
    troubles = run.outcome.get("troubles") or []
    if not any(str(trouble.get("cure", "")).startswith("least change") for trouble in troubles):
        text = "more may be in the way; for the least change of all ask" if troubles else "ask why"
        lines.append(Padding(Text(f"{text}: planner explain {run.path}"), (1, 0, 0, 2)))
    return Group(*lines)


def _files(run: Run) -> RenderableType:
    return Text(f"files: {run.path}{'/tables/*.parquet' if run.tables else ''}", style="dim")


def _beside(left: RenderableType, right: RenderableType) -> RenderableType:
    grid = Table.grid(padding=(0, 4))
    grid.add_row(left, right)
    return grid


def _missing(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and bool(pd.isna(value)))


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "yes", "inside", "1", "1.0")


def _count(value: float) -> str:
    return "" if abs(value) < SHORT else fixed(value, 0 if value >= 10 else 1)


def _few(names: list[str], most: int = 2) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" +{rest}" if rest > 0 else "")


def _day(value: Any) -> str:
    return "not yet" if pd.isna(value) else f"{pd.Timestamp(value):%Y-%m}"
