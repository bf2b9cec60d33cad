"""The finance of a plan: sources and uses, statements, cover, what was filled in; or of a project without a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.finance_shown import show_beside, show_downsides, show_finance, show_proforma
from planner.cli.options import RUNS, CatalogFolder, Json, Runs
from planner.cli.output import (
    Progress,
    print_json,
    records,
    scenario_path,
    tell_audit,
    tell_catalog,
    telling_what_would_give,
)

if TYPE_CHECKING:
    import pandas as pd

    from planner.facts.catalog import Catalog
    from planner.finance.faults import FinanceError
    from planner.finance.side_by_side import Side
    from planner.plans.plan import Plan
    from planner.runs.run import Run
    from planner.scenario.problems import ScenarioError
    from planner.scenario.schema import Scenario


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command(rich_help_panel="Results")(finance)


def finance(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE",
            help="A run (folder, name, `latest`), a scenario (solved first, quickly), or inputs of a yearly pro-forma.",
        ),
    ],
    case: Annotated[
        str | None,
        typer.Option(
            "--case",
            metavar="NAME",
            help="One downside case of the plan, or one pro-forma of a collection.",
        ),
    ] = None,
    downsides: Annotated[
        bool, typer.Option("--downsides", help="Also every downside case, the tornado, and what may be lost.")
    ] = False,
    re_solve: Annotated[
        bool,
        typer.Option(
            "--re-solve", help="With --downsides: also plan again under each event, first year held."
        ),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="RUN|FILE",
            help="Another plan beside it, with the reason of each difference.",
        ),
    ] = None,
    terms: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="FILE",
            help="Read the section finance of this scenario on the plan as it stands; nothing is planned anew.",
        ),
    ] = None,
    as_json: Json = False,
    catalog: CatalogFolder = None,
    root: Runs = RUNS,
) -> None:
    """Who pays for a plan, from which sources, and whether its cash flow carries the debt.

    Sources and uses, statements by year (nominal and real), cover ratios, what the state would owe under its
    guarantees, and every default that was filled in. Debt keeps its terms in a downside case; owners pay the rest.

    Exit codes: 0 shown, 1 a scenario without a plan (reasons are printed), 2 bad input or a plan that cannot be financed,
    3 shown, but the audit of a run's plan fails or finds rules broken.

    Examples:

      planner finance latest

      planner finance kenya --downsides --re-solve

      planner finance latest --case capex

      planner finance runs/built --against runs/rented

      planner finance latest --scenario with-tariff.yaml

      planner finance project.yaml --json
    """
    from planner.facts.catalog import load_catalog
    from planner.facts.errors import BadValue
    from planner.finance.annual_files import inputs_of, is_proforma
    from planner.finance.side_by_side import side_by_side
    from planner.finance.tables import FAULTS, finance_tables
    from planner.finance.views import break_evens, downside_tables

    facts = load_catalog(catalog)
    path = scenario_path(what)
    if against is not None and case is not None:
        raise BadValue("--case shows one plan and --against two: ask for one of them")
    if path.is_file() and is_proforma(plain := _content(path)):
        if against is not None or downsides or re_solve or terms is not None:
            raise BadValue(
                "a pro-forma has no plan: --against, --downsides, --re-solve and --scenario are for plans"
            )
        show_proforma(inputs_of(plain, case), as_json)
        return
    base = _plan(path, what, root, facts, as_json)
    if terms is not None:
        base = _with_terms(base, scenario_path(terms), facts)
    scenario, plan = base.scenario, base.tables
    if against is not None:
        other = _plan(scenario_path(against), against, root, facts, as_json)
        beside = side_by_side(_side(base), _side(other))
        if as_json:
            audits = {what: base.audit, against: other.audit}
            print_json({"audit": audits, "finance_side_by_side": records(beside)})
        else:
            show_beside(beside, what, against)
        _end(base, other)
        return
    tables = finance_tables(scenario, plan) if case is None else _under(scenario, plan, case)
    if downsides and FAULTS not in tables:
        tables |= downside_tables(scenario, plan)
        tables["finance_break_evens"] = break_evens(scenario, plan)
        if re_solve:
            tables |= _re_solved(scenario, plan, base.whole(), as_json)
    if as_json:
        shown = {name: records(table) for name, table in tables.items()}
        if FAULTS in tables:
            shown[FAULTS] = _placed(base.file, tables[FAULTS])
        print_json({"audit": base.audit, **shown})
    else:
        show_finance(tables, base.file)
        if "finance_downsides" in tables:
            show_downsides(tables)
    if FAULTS in tables:
        raise typer.Exit(2)
    _end(base)


def _placed(file: Path, faults: pd.DataFrame) -> list[dict[str, Any]]:
    """Faults with the place of each in the file it came from: file, line, col, path, message."""
    from planner.intake.scenario_file import placed

    return [asdict(problem) for problem in placed(file, faults.itertuples(index=False, name=None))]


@dataclass(frozen=True)
class _Source:
    """What is financed: file of the inputs, scenario, tables, the whole plan as asked, and the run it is of if any."""

    file: Path
    scenario: Scenario
    tables: Mapping[str, pd.DataFrame]
    whole: Callable[[], Plan]
    run: Run | None = None

    @property
    def audit(self) -> str | None:
        """State of the run's audit; nothing for a scenario that was solved for this alone."""
        return None if self.run is None else self.run.audit


def _end(*sources: _Source) -> None:
    """Ends with the exit code of the runs' audits where one is not clean."""
    if code := tell_audit(*(source.run for source in sources if source.run is not None)):
        raise typer.Exit(code)


def _content(path: Path) -> Any:
    """A file's content as plain values."""
    from planner.scenario.reading import parse_yaml, read_text

    return parse_yaml(read_text(path), str(path))[0].plain()


def _plan(path: Path, what: str, root: Path, facts: Catalog, quiet: bool) -> _Source:
    """The plan of a run, or of a scenario solved at quick quality."""
    from planner.runs.finance import plan_tables
    from planner.runs.run import find_run

    if path.is_file():
        solved = _solved(path, facts, quiet)
        return _Source(path, solved.case.scenario, solved.tables, lambda: solved)
    run = find_run(what, root)
    tell_catalog(run, facts)
    return _Source(run.path / "scenario.yaml", run.scenario, plan_tables(run), run.plan, run)


def _with_terms(base: _Source, file: Path, facts: Catalog) -> _Source:
    """The same plan with the section ``finance`` of another scenario."""
    from planner.finance.faults import FinanceError
    from planner.intake.scenario_file import load_scenario
    from planner.runs.finance import with_terms

    try:
        scenario = with_terms(base.scenario, load_scenario(file, facts).finance)
    except FinanceError as error:
        raise _with_places(file, error) from error
    return replace(base, file=file, scenario=scenario)


def _under(scenario: Scenario, plan: Mapping[str, pd.DataFrame], case: str) -> dict[str, pd.DataFrame]:
    """Tables under a downside case, or its faults."""
    from planner.finance.faults import FinanceError
    from planner.finance.tables import fault_table
    from planner.finance.views import tables_under

    try:
        return tables_under(scenario, plan, case)
    except FinanceError as error:
        return fault_table(error)


def _side(one: _Source) -> Side:
    """One of two plans; ScenarioError with the places in its file where it cannot be financed."""
    from planner.finance.faults import FinanceError
    from planner.finance.side_by_side import Side

    try:
        return Side.of(one.scenario, one.tables)
    except FinanceError as error:
        raise _with_places(one.file, error) from error


def _with_places(file: Path, error: FinanceError) -> ScenarioError:
    """What cannot be financed, each with its place in the file it came from."""
    from planner.intake.scenario_file import placed
    from planner.scenario.problems import ScenarioError

    return ScenarioError(placed(file, [(fault.path, fault.message) for fault in error.faults]))


def _re_solved(
    scenario: Scenario, tables: Mapping[str, pd.DataFrame], plan: Plan, quiet: bool
) -> dict[str, pd.DataFrame]:
    """The plan made again under each event that changes plans."""
    from planner.case.finance import downsides
    from planner.finance.from_plan import finance_of
    from planner.studies.downsides import replanned

    with Progress(quiet=quiet) as progress:
        events = downsides(scenario.finance, scenario.catalog)
        return {"finance_replanned": replanned(plan, finance_of(scenario, tables), events, on_event=progress)}


def _solved(path: Path, facts: Catalog, quiet: bool) -> Plan:
    from planner.case.build import build_case
    from planner.facts.errors import NoPlan
    from planner.intake.scenario_file import load_scenario
    from planner.planning.pipeline import solve
    from planner.planning.solve_run import no_plan

    scenario = load_scenario(path, facts)
    with Progress(quiet=quiet) as progress:
        outcome = solve(build_case(scenario, facts), quality="quick", on_event=progress)
    if outcome.plan is None:
        with telling_what_would_give(path, None):
            raise NoPlan(no_plan("nothing to finance: the scenario has", outcome))
    return outcome.plan
