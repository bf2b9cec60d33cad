"""Shared fixtures: the checkout, runs made once, a tiny scenario, a catalog of round numbers, a bare optimiser."""

from __future__ import annotations

import fcntl
import gc
import importlib.util
import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.audit import TOPICS
from planner.audit.findings import Findings
from planner.audit.view import View
from planner.case.build import build_case
from planner.case.case import Case
from planner.facts.catalog import Catalog, load_catalog
from planner.intake.scenario_file import example_path, load_scenario
from planner.models.build import build_model
from planner.plans.plan import Plan
from planner.runs.solve import NEW_OBJECTS, run_solve
from planner.scenario.schema import Scenario
from planner.solver.arrays import Arrays
from planner.solver.compile import compile_model
from planner.solver.highs import LiveHighs
from planner.solver.solution import Status


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-math", action="store_true", help="write the texts of tests/models/math anew")


@pytest.fixture(scope="session")
def benchmark(root: Path) -> Callable[[str], ModuleType]:
    """Loads a script of ``benchmarks/`` by its name, a new module each time."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, root / "benchmarks" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


def pytest_collection_finish() -> None:
    """What is imported stays, and nearly all that a case or a model is made of goes without the collector of cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


TRACED_CASES = 1
"""Cases of a parametrised test that coverage follows, by argument: others run the same lines on other data."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Coverage more than doubles the time of a test, so it follows what can add to it."""
    call = getattr(item, "callspec", None)
    repeats = call is not None and any(index >= TRACED_CASES for index in call.indices.values())
    with _untraced() if repeats or item.get_closest_marker("untraced") else nullcontext():
        return (yield)


@contextmanager
def _untraced() -> Generator[None]:
    """No tracing here, in threads and in processes that begin meanwhile."""
    trace, of_threads = sys.gettrace(), threading.gettrace()
    of_processes = os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(of_threads)
        sys.settrace(trace)
        if of_processes is not None:
            os.environ["COVERAGE_PROCESS_CONFIG"] = of_processes


@pytest.fixture(scope="session")
def untraced() -> Callable[[], AbstractContextManager[None]]:
    """``with untraced():`` around what a fixture makes by lines that tests of their own run too."""
    return _untraced


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, untraced: Callable[[], AbstractContextManager[None]]
) -> Callable[[str, Callable[[Path], object]], Path]:
    """made_once(name, make) -> the folder that ``make`` has filled, by this worker or another; copy, do not change."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made-once"
    shared.mkdir(exist_ok=True)

    def made(name: str, make: Callable[[Path], object]) -> Path:
        done = shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                with untraced():
                    make(shared / name)
                done.touch()
        return shared / name

    return made


@pytest.fixture(scope="session")
def small_run(made_once: Callable[..., Path]) -> Path:
    """A plan of the small example."""
    scenario = load_scenario(example_path("two-hosts"))
    return made_once("small", lambda path: run_solve(scenario, {"quality": "quick"}, path))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the checkout."""
    return Path(__file__).resolve().parent.parent


TINY: dict[str, Any] = {
    "finance": {"residual": "straight-line"},  # by hand
    "solve": {"open_every_periods": 1},
    "planner": 1,
    "name": "tiny",
    "country": "KOR",
    "horizon": {"start": "2027-01-01", "years": 3},
    "money": {"discount_rate_real": 0.08},
    "demand": [
        {
            "id": "work", "kind": "inference", "sector": "research", "data_class": "public",
            "latency_class": "batch", "model_class": "large", "preemptible": False,
            "locality": {"where": "in-country"}, "must_serve_by": "2028-01-01",
            "size": {"by": "accelerators", "points": [{"at": "2027-01-01", "value": 800}]},
        }
    ],
    "sites": [
        {
            "id": "south", "metro": "KR-HNM", "grid_mw": [{"from": "2027-01-01", "mw": 40}],
            "grid_lead_months": 12, "elec_price_usd_per_mwh": 100, "construction_musd_per_mw_it": 8,
        }
    ],
    "hosts": [
        {
            "id": "champion", "site": "south", "mode": "build", "owner_class": "national-champion",
            "operator": "champion", "stacks": ["champion-us-chips"], "hall_types": ["modular"],
            "cooling": ["air-chilled-water"], "open_lead_months": 0, "open_cost_musd": 10,
            "team_musd_per_year": 4, "hardware_price_factor": 1, "effectiveness": 1,
            "operator_fee_share_per_year": 0,
        }
    ],
    "stacks": [
        {
            "id": "champion-us-chips", "adoption_musd": 12, "platform_musd_per_year": 8,
            "licence_usd_per_accelerator_year": 1000, "lead_months": 6,
        }
    ],
    "systems": [{"id": "hgx-b300", "price_usd": 400000, "delivery_months": 6, "available_from": "2026-01-01"}],
    "supply": {"owner_allocations": False, "licence": {"mode": "not-required"}},
    "control": {"floors": {"public": 0, "official": 0, "sensitive": 0, "secret": 0}},
}  # fmt: skip

PLAIN: dict[tuple[str, Any, str], float] = {
    **{
        ("parameters", name, "value_mid"): value
        for name, value in {
            "network_cost_share": 0, "storage_cost_share": 0, "spares_cost_share": 0, "installation_cost_share": 0,
            "network_power_share": 0, "hardware_opex_share_per_year": 0.04, "staff_usd_per_accelerator_year": 1500,
            "availability": 1, "hardware_price_change_per_year": 0, "rent_change_per_year": 0, "cooling_margin": 0,
            "construction_escalation_per_year_real": 0, "backup_critical_share": 1, "home_rent_factor": 1,
            "abroad_rent_factor": 1, "land_musd_per_mw_it": 0, "colocation_pue": 1.5, "colocation_usd_per_kw_month": 200,
        }.items()
    },
    ("systems", "hgx-b300", "peak_kw"): 16, ("systems", "hgx-b300", "typical_kw"): 12,
    ("systems", "hgx-b300", "idle_kw"): 4, ("systems", "hgx-b300", "economic_life_years"): 5,
    ("systems", "hgx-b300", "rent_usd_per_accelerator_hour"): 3,
    ("cooling", "air-chilled-water", "pue_a"): 1.2, ("cooling", "air-chilled-water", "pue_b_per_k"): 0,
    ("cooling", "air-chilled-water", "wue_l_per_kwh"): 0.2,
    ("halls", "modular", "cost_factor_mid"): 1.25, ("halls", "modular", "lead_months_mid"): 9,
    ("halls", "modular", "backup_deduction_musd_per_mw"): 0, ("halls", "modular", "it_mw"): 2.5,
    ("halls", "modular", "opex_share_per_year"): 0.025, ("halls", "modular", "life_years"): 20,
    ("connections", "grid-firm", "capex_musd_per_mw_mid"): 0.5, ("connections", "grid-firm", "life_years"): 40,
    ("power_options", "battery-4h-2026", "fade_pct_per_year"): 0,
    ("power_options", "battery-4h-2026", "fade_pct_per_cycle"): 0,
    ("power_options", "battery-4h-2026", "cycles_per_year"): 3650,
    ("backup", "diesel", "capex_musd_per_mw_mid"): 0.6, ("backup", "diesel", "lead_months_mid"): 9,
    ("backup", "diesel", "om_share_per_year"): 0.02, ("backup", "diesel", "life_years"): 25,
    ("facility_costs", "owner-cost", "value_mid"): 0,
    ("software_gain", "*", "gain_low"): 1, ("software_gain", "*", "gain_mid"): 1, ("software_gain", "*", "gain_high"): 1,
    ("profiles", "*", "value"): 1,
    ("rent_terms", "on-demand", "price_factor"): 2,
}  # fmt: skip


def merged(base: Any, changes: Mapping[str, Any]) -> Any:
    """A copy of nested mappings with changes put in; lists and values are replaced whole."""
    out = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = merged(out[key], value) if both else value
    return out


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Scenario]:
    """tiny(demand=[...], hosts=[...], solve={...}) -> one build host at one site, with top-level overrides.

    ``demand``, ``sites``, ``hosts``, ``stacks`` and ``systems`` may be a mapping: then it changes the one record.
    """

    def make(**changes: Any) -> Scenario:
        for name, value in changes.items():
            if isinstance(value, Mapping) and isinstance(TINY.get(name), list):
                changes[name] = [merged(TINY[name][0], value)]
        return Scenario.model_validate(merged(TINY, changes))

    return make


@pytest.fixture(scope="session")
def plain_catalog() -> Callable[..., Catalog]:
    """plain_catalog({(table, key, column): value}) -> the packaged catalog with round numbers, for hand arithmetic."""

    made: dict[Any, Catalog] = {}  # what is worked out once from a catalog is kept with it

    def make(changes: Mapping[tuple[str, Any, str], Any] | None = None) -> Catalog:
        wanted = tuple((changes or {}).items())
        if wanted not in made:
            packaged = load_catalog()
            frames = {name: packaged.table(name).copy() for name in packaged.tables}
            for (table, key, column), value in {**PLAIN, **dict(wanted)}.items():
                frame = frames[table]
                if column not in frame or (key != "*" and key not in frame.index):
                    raise KeyError((table, key, column))
                frame.loc[slice(None) if key == "*" else [key], column] = value
            made[wanted] = Catalog(frames, packaged._resources)
        return made[wanted]

    return make


@pytest.fixture(scope="session")
def finds() -> Callable[[str, Plan], bool]:
    """finds(rule, plan) -> whether the audit finds the rule broken; topics that do not name it are not asked."""
    texts = {topic: Path(topic.__file__).read_text(encoding="utf-8") for topic in TOPICS}

    def found(rule: str, plan: Plan) -> bool:
        view, findings = View(plan), Findings()
        for topic in [topic for topic, text in texts.items() if f'"{rule}"' in text] or TOPICS:
            topic.check(view, findings)
        return rule in set(findings.table()["rule"])

    return found


@pytest.fixture
def own_facts(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """own_facts({"parameters.csv": text}) -> a folder with these files, to be laid over the packaged catalog."""
    made = itertools.count()

    def make(files: Mapping[str, str]) -> Path:
        folder = tmp_path / f"facts-{next(made)}"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    return make


@dataclass
class Optimum:
    """One solved model: objective and the values of every variable."""

    case: Case
    arrays: Arrays
    entries: pd.DataFrame
    status: Status
    objective: float
    x: np.ndarray | None

    def values(self, name: str) -> pd.Series:
        """Values of a variable by its index; none for a variable without members."""
        return self.arrays.series(name, self.x)

    def used(self, name: str) -> dict[Any, float]:
        """The entries of a variable that are not zero."""
        values = self.values(name)
        return {i: float(v) for i, v in values.items() if abs(v) > 1e-9}


@pytest.fixture(scope="session")
def optimise() -> Callable[..., Optimum]:
    """optimise(scenario or case, catalog=None, objective="cost", integer=("open", "use", "halls"), bounds={}).

    ``bounds`` maps a variable or (variable, index) to (lower, upper). Straight through the compiler and HiGHS.
    """
    kept: deque[tuple[Any, Any, Case, Arrays, pd.DataFrame]] = deque(maxlen=8)

    def compiled(what: Scenario | Case, catalog: Catalog | None) -> tuple[Case, Arrays, pd.DataFrame]:
        """What is asked for again, with other bounds or integers, is built once."""
        for known, facts, *found in kept:
            alike = known is what or (
                isinstance(what, Scenario) and isinstance(known, Scenario) and known == what
            )
            if alike and facts is catalog:
                return found[0], found[1], found[2]
        case = build_case(what, catalog) if isinstance(what, Scenario) else what
        model, entries = build_model(case)
        kept.append((what, catalog, case, compile_model(model), entries))
        return kept[-1][2:]

    def run(
        what: Scenario | Case,
        catalog: Catalog | None = None,
        objective: str = "cost",
        integer: tuple[str, ...] = ("open", "use", "halls"),
        bounds: Mapping[Any, tuple[float, float]] | None = None,
        maximise: bool = False,
    ) -> Optimum:
        case, arrays, entries = compiled(what, catalog)
        live = LiveHighs(arrays)
        live.relax()
        for name in integer:
            live.set_integrality(name, True)
        for where, (lower, upper) in (bounds or {}).items():
            live.set_col_bounds(where, lower, upper)
        sign = -1.0 if maximise else 1.0
        live.set_objective({objective: sign})
        solution = live.solve(gap=0.0)
        found = np.nan if solution.objective is None else sign * solution.objective
        return Optimum(case, arrays, entries, solution.status, found, solution.x)

    return run
