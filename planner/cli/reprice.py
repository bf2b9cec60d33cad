"""A run's plan priced again on finer steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from planner.cli.options import RUNS, CatalogFolder, Json, Runs
from planner.cli.output import UNSOUND, console, print_json, records, tell_audit, tell_catalog
from planner.facts.numbers import fixed

if TYPE_CHECKING:
    from planner.plans.plan import Plan
    from planner.scenario.horizon import StepName

SHOWN = 10


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Plans")(reprice)


def reprice(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run: its folder, its name, or `latest`.")],
    step: Annotated[
        Literal["month", "quarter", "half-year"] | None,
        typer.Option(
            help="Length of the periods it is priced on: the quarter, or the month of a plan with months."
        ),
    ] = None,
    catalog: CatalogFolder = None,
    as_json: Json = False,
    root: Runs = RUNS,
) -> None:
    """What a plan on coarse periods costs on finer ones, with what it holds and serves kept.

    The step must divide the plan's own. What is ordered anew may be in parts of servers and racks. Of a frontier,
    name one of its plans: `runs/front/points/point-0`. Exits with 3 where the audit finds rules broken: by the
    run's plan, or by the plan on finer steps (`rules_broken` of `--json`).

    Systems and rents that end within a period are replaced at its start, as planned; what the plan costs if each is
    replaced when it ends is told beside it (`waiting_musd`; null where it cannot be kept so). A place whose permit
    halls, lines or plant wait for may open sooner than planned, which is told (`opened_sooner`).

    Examples:

      planner reprice latest

      planner reprice runs/korea --step month --json
    """
    from planner.audit import audit
    from planner.facts.catalog import load_catalog
    from planner.runs.run import find_run
    from planner.studies.repriced import COST, GONE, cost_by_account, opened_sooner, reprice, usual_step

    found = find_run(run, root)
    found.needs_plan("reprice")
    tell_catalog(found, load_catalog(catalog))
    plan = found.plan()
    asked: StepName = step or usual_step(plan.case.calendar)
    again = reprice(plan, asked)
    table, sooner = cost_by_account(plan, again), opened_sooner(plan, again)
    ends_within = GONE["item"] in set(again.case.assumptions["item"])
    waiting, in_the_way = _waiting(plan, asked) if ends_within else (None, "")
    costs = {"plan_musd": plan.kpi(COST), "repriced_musd": again.kpi(COST)}
    broken = len(audit(again))
    if as_json:
        told = {"waiting_musd": waiting, "rules_broken": broken, "opened_sooner": records(sooner)}
        print_json({"step": asked, **costs, **told, "accounts": records(table)})
    else:
        _show(table, asked, **costs, waiting_musd=waiting)
        for h, planned, day in sooner.itertuples(index=False):
            console().print(
                f"{h} opens on {day:%Y-%m-%d}, in the plan on {planned:%Y-%m-%d}: halls, lines or plant wait for its "
                "permit; what stands there comes as planned, and its team is paid from that day."
            )
        if in_the_way:
            console().print(in_the_way[0].upper() + in_the_way[1:])
    if broken:
        rules = f"{broken} rule{'s' * (broken != 1)}"
        console(stderr=True).print(
            f"in periods of a {asked} the audit finds {rules} broken: do not use this cost"
        )
    if code := tell_audit(found) or (UNSOUND if broken else 0):
        raise typer.Exit(code)


def _waiting(plan: Plan, step: StepName) -> tuple[float | None, str]:
    """Cost with what ends within a period replaced when it ends; None where that cannot be kept, and why."""
    from planner.facts.errors import NoPlan
    from planner.studies.repriced import COST, reprice

    try:
        return reprice(plan, step, wait=True).kpi(COST), ""
    except NoPlan as error:
        return None, str(error)


def _show(table: Any, step: str, plan_musd: float, repriced_musd: float, waiting_musd: float | None) -> None:
    from rich.table import Table

    def figure(musd: float) -> str:
        return fixed(musd) + (f": {100 * (musd - plan_musd) / abs(plan_musd):+.2f} %" if plan_musd else "")

    out = Table(
        title=f"Cost {fixed(plan_musd)}, in periods of a {step} {figure(repriced_musd)}",
        caption=f"MUSD, present value; the {SHOWN} largest differences by account",
    )
    for name in ("account", "kind", "plan", f"by {step}", "more"):
        out.add_column(name, justify="left" if name in ("account", "kind") else "right")
    for row in table.head(SHOWN).to_dict("records"):
        figures = (row[name] for name in ("plan_musd", "repriced_musd", "more_musd"))
        out.add_row(row["account"], row["kind"], *(fixed(x) for x in figures))
    console().print(out)
    if waiting_musd is not None:
        console().print(
            f"With each system and rent replaced when it ends, and not at the start of that period: {figure(waiting_musd)}"
        )
