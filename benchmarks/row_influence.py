"""How much one measured serving rate decides a plan: python benchmarks/row_influence.py [--example korea] [--rows 10]

Every measurement is left out in turn, in closed form and with the step kept; the rows that move a rate the example
asks for most are then left out of the whole fit (step, residual and noise anew), and the example is solved without
each. Printed: the largest move of a rate, of cost and of peak facility power against the plan from all rows. Plans
are solved at ``quick`` quality, whose gap of 2 % is part of what differs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from planner.case.build import build_case
from planner.case.conditions import Question, ask, read_conditions
from planner.case.requests import Conditions
from planner.case.serving_order import at, book
from planner.case.throughput import Rate, Throughput
from planner.case.throughput_fit import covariance
from planner.cli.output import scenario_path
from planner.data.serving_fit import Data, fitted, read
from planner.facts.catalog import Catalog, load_catalog
from planner.intake.scenario_file import load_scenario
from planner.planning.pipeline import solve

Asked = tuple[str, str, str, Conditions]


@contextmanager
def recorded() -> Iterator[set[Asked]]:
    """Collects the rates that are asked for inside."""
    found: set[Asked] = set()
    plain = Throughput._estimate

    def noted(self: Throughput, model: str, label: str, chip: str, conditions: Conditions) -> Rate:
        found.add((model, label, chip, conditions))
        return plain(self, model, label, chip, conditions)

    with patch.object(Throughput, "_estimate", noted):
        yield found


def moves(catalog: Catalog, questions: list[Question]) -> np.ndarray:
    """(questions, rows) change of log rate where a row is left out of the residual, before rules of order."""
    fit = book(catalog).fit
    precision = fit.inverse()
    shift = precision * (fit.weights / np.diag(precision))
    near = [
        covariance(at(catalog, q.service, q.chip, q.input_tokens, q.speed), fit.rows)[0] for q in questions
    ]
    return -np.array(near) @ shift


def without(catalog: Catalog, data: Data, row: int) -> Catalog:
    """The catalog of a world in which a row was never measured, everything fitted anew."""
    gone = data.rows["row_id"][row]
    rest = data.part(np.arange(len(data)) != row)
    found = fitted(rest)
    tables = {name: catalog.table(name) for name in catalog.tables}
    for name in ("throughput", "serving_points", "serving_weights"):
        tables[name] = tables[name].drop(index=gone, errors="ignore")
    weights = tables["serving_weights"].loc[rest.rows["row_id"]]
    own = {"log_rate": rest.log_rate, "noise": found.fit.noise, "steepness": found.fit.rows.steepness}
    tables["serving_weights"] = weights.assign(**own, weight=found.fit.weights)
    stored = tables["serving_parameters"]
    values = {key: found.parameters.values.get(key, np.nan) for key in stored.index}
    tables["serving_parameters"] = stored.assign(value=list(values.values())).dropna(subset=["value"])
    return Catalog(tables, catalog._resources)


def figures(example: str, catalog: Catalog) -> tuple[dict[str, float], dict[Asked, float]]:
    """Cost and peak power of a plan, and the rates it was asked with."""
    scenario = load_scenario(scenario_path(example))
    with recorded() as asked:
        outcome = solve(build_case(scenario, catalog), quality="quick")
    if outcome.plan is None:
        raise SystemExit(f"no plan for {example}: {outcome.status}")
    plan, throughput = outcome.plan, Throughput.of(scenario, catalog)
    rates = {key: throughput._estimate(*key).tokens_per_s for key in asked}
    return {name: plan.kpi(name) for name in ("cost_npv_musd", "facility_mw_max")}, rates


def main() -> None:
    parser = argparse.ArgumentParser(description="How much one measured serving rate decides a plan")
    parser.add_argument("--example", default="korea")
    parser.add_argument("--rows", type=int, default=10)
    options = parser.parse_args()
    catalog = load_catalog()
    data = read(catalog)
    base, rates = figures(options.example, catalog)
    print(f"all rows: {base}", flush=True)
    questions = [ask(catalog, m, c, label, read_conditions(dict(own))) for m, label, c, own in rates]
    most = np.abs(moves(catalog, questions)).max(axis=0)
    for row in np.argsort(-most)[: options.rows]:
        found, moved = figures(options.example, without(catalog, data, int(row)))
        shares: dict[str, Any] = {name: f"{found[name] / value - 1.0:+.1%}" for name, value in base.items()}
        rate = max((moved[key] / value - 1.0 for key, value in rates.items() if key in moved), key=abs)
        print(f"{data.rows['row_id'][row]:60} largest move of a rate {rate:+.1%}, {shares}", flush=True)


if __name__ == "__main__":
    main()
