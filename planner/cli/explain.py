"""``planner explain``: why there is no plan, what binds in one, why not another choice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.options import CatalogFolder, Json, Settings
from planner.cli.output import (
    Progress,
    changed,
    console,
    parsed_changes,
    print_json,
    records,
    scenario_of,
    tell_audit,
    tell_catalog,
)

if TYPE_CHECKING:
    from planner.case.case import Case
    from planner.facts.catalog import Catalog
    from planner.scenario.schema import Scenario


def register(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command(rich_help_panel="Plans")(explain)


def explain(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE", help="Folder of a run, a scenario file, or the name of an example."
        ),
    ],
    workload: Annotated[str | None, typer.Option(help="Why not for this workload?")] = None,
    host: Annotated[str | None, typer.Option(help="Why not at this host?")] = None,
    stack: Annotated[str | None, typer.Option(help="Why not this stack?")] = None,
    system: Annotated[str | None, typer.Option(help="Why not this system?")] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Of a run: control by decision, and the cheapest next point.")
    ] = False,
    settings: Settings = None,
    catalog: CatalogFolder = None,
    expert: Annotated[
        bool, typer.Option("--iis", help="Where there is no plan: rows that contradict one another, too.")
    ] = False,
    time_limit: Annotated[
        float,
        typer.Option(
            min=1,
            help="Seconds by the clock after which the search of the least change ends, if its effort has not ended it.",
        ),
    ] = 600.0,
    as_json: Json = False,
) -> None:
    """Says why: no plan and what would cure it, what binds in one, why not X.

    Of a scenario: why it has no plan, and the least change as lines for --set.

    Of a run: the limits that bind, what one unit more is worth, what each place waits for before it opens, and the way
    from what is asked for to its chips.

    With --control, of a run: control by decision, and what the cheapest next point costs and moves.

    With --workload, --host, --stack or --system: why not that choice.

    Exit codes: 0 answered, 1 the case has no plan, 2 bad input.

    Examples:

      planner explain korea --set 'limits.money=[{what: outlay, musd: 500}]'

      planner explain runs/korea-2027

      planner explain runs/korea-2027 --control

      planner explain runs/korea-2027 --host champion-busan --system rebel-quad-8
    """
    from planner.facts.catalog import load_catalog
    from planner.runs.run import Run

    path, facts = Path(source), load_catalog(catalog)
    question: dict[str, Any] = {"workload": workload, "host": host, "stack": stack, "system": system}
    run = Run(path) if path.is_dir() else None
    if run is not None:
        tell_catalog(run, facts)
        facts = run.catalog
    if run is not None and run.has_plan:
        run.needs_plan("explain")
        told = _of_control(run) if control else _of_plan(run, question)
        answer = {"audit": run.audit, **told}
        tell_audit(run)
    else:
        if run is None:
            scenario = scenario_of(source, facts, settings)
        else:
            scenario = changed(run.scenario, parsed_changes(settings or []), facts)
        with Progress(quiet=as_json) as progress:
            answer = _of_case(scenario, facts, question, expert, time_limit, progress)
    if as_json:
        print_json(answer)
    else:
        console().print(answer["text"], markup=False)
    if answer.get("infeasible"):
        raise typer.Exit(1)


def _of_plan(run: Any, question: dict[str, Any]) -> dict[str, Any]:
    from planner.case.build import build_case
    from planner.explain import binding_of, why_not
    from planner.explain.waits import TABLES, waits

    if any(question.values()):
        names = ("opens", "stacks", "halls", "fleet", "serving")
        found = why_not(build_case(run.resolved, run.catalog), {n: run.table(n) for n in names}, **question)
        return {"text": found.text, "cheaper": found.cheaper, "reasons": records(found.excluded)}
    table = binding_of(run.table("prices"))
    lines = (
        [f"What binds in {run.name}, and what one unit more is worth:"] if len(table) else ["No limit binds."]
    )
    lines += [f"  - {text}" for text in table["text"].head(20)]
    case = build_case(run.resolved, run.catalog)
    places = waits(case, {name: run.table(name) for name in TABLES if name in run.tables})
    lines += ["What each place waits for before it opens:", *(f"  - {text}" for text in places)]
    told, beside = _from_people_to_chips(run, case)
    return {
        "text": "\n".join([*lines, *told]), "binding": records(table), "waits": places, "against": records(beside),
    }  # fmt: skip


def _of_control(run: Any) -> dict[str, Any]:
    from planner.case.build import build_case
    from planner.explain import next_point

    names = ("opens", "stacks", "halls", "control")
    found = next_point(
        build_case(run.resolved, run.catalog), {n: run.table(n) for n in names}, run.kpi("control_score")
    )
    figures = {"control_score": found.score, "most": found.most, "musd": found.musd}
    return {
        "text": found.text,
        **figures,
        "decisions": records(found.decisions),
        "moves": records(found.moves),
    }


def _from_people_to_chips(run: Any, case: Case) -> tuple[list[str], Any]:
    """The chain of every workload, and what lies between the rough figure and the plan's accelerators."""
    from planner.facts.numbers import fixed
    from planner.sizing.against import TABLES, against
    from planner.sizing.size import Rough, chains_of
    from planner.sizing.words import sentences

    beside = against(case, {name: run.table(name) for name in TABLES})
    lines = ["From what is asked for to chips, before optimisation:"]
    lines += [f"  - {text}" for text in sentences(chains_of(Rough.of(case.scenario, case.catalog)))]
    terms = beside.accelerators[beside.accelerators["value"].abs() >= 0.5]
    words = "; ".join(f"{row.term} {fixed(row.value)}" for row in terms.itertuples())
    return [
        *lines,
        f"From there to the plan in {beside.label}, in accelerators: {words}.",
    ], beside.accelerators


def _of_case(
    scenario: Scenario,
    catalog: Catalog,
    question: dict[str, Any],
    expert: bool,
    seconds: float,
    progress: Progress,
) -> dict[str, Any]:
    from planner.case.build import build_case
    from planner.case.prechecks import precheck
    from planner.explain import explain_infeasible, iis, why_not

    case = build_case(scenario, catalog)
    if any(question.values()):
        found = why_not(case, **question)
        return {"text": found.text, "reasons": records(found.excluded)}
    answer = explain_infeasible(case, time_limit_s=seconds, on_event=progress)
    troubles = precheck(case)
    text = answer.text
    if troubles and not answer.causes:  # no value cures it, but it is known what stands in the way
        text = "\n".join(["No plan is possible:", *(f"  - {t.message}; {t.cure}" for t in troubles)])
    conflict = iis(case) if expert and answer.causes else None
    if conflict is not None:
        text = f"{text}\n{conflict}"
    return {
        "text": text,
        "infeasible": bool(answer.causes) or not answer.proven,
        "proven": answer.proven,
        "least": answer.least,
        "causes": [
            {
                "kind": c.kind,
                "path": c.path,
                "value": c.value,
                "new": c.new,
                "unit": c.unit,
                "share": c.share,
                "text": c.text,
                "besides": c.besides or None,
            }
            for c in answer.causes
        ],
        "cure": answer.cure,
        "buys": answer.buys or None,
        "alternatives": {c.path: c.new for c in answer.alternatives},
        "prechecks": [t.message for t in troubles],
        "conflict": conflict.rows if conflict is not None else None,
        "seconds": answer.seconds,
    }
