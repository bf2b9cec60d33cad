"""Planner for sovereign AI compute: demand in, a costed and checked infrastructure plan out.

from planner import load_scenario, build_case, solve
outcome = solve(build_case(load_scenario("korea.yaml")))
outcome.plan.kpi("cost_npv_musd")
"""

from importlib import import_module as _import
from pathlib import Path as _Path
from typing import TYPE_CHECKING as _TYPE_CHECKING

# In a checkout models/, data/ and app/ sit beside planner/; in a wheel they sit inside it.
_here = _Path(__file__).resolve().parent
if not (_here / "models").is_dir() and (_here.parent / "models" / "__init__.py").is_file():
    __path__.append(str(_here.parent))

__version__ = "0.1.0"
__all__ = ["batch", "build_case", "frontier", "load_scenario", "solve"]

if _TYPE_CHECKING:
    from planner.case.build import build_case
    from planner.intake.scenario_file import load_scenario
    from planner.planning.pipeline import solve
    from planner.runs.batch import batch
    from planner.studies.frontier import frontier

_EXPORTS = {
    "load_scenario": "planner.intake.scenario_file",
    "build_case": "planner.case.build",
    "solve": "planner.planning.pipeline",
    "frontier": "planner.studies.frontier",
    "batch": "planner.runs.batch",
}


def __getattr__(name: str) -> object:
    """Exports are loaded when first asked for: ``import planner`` stays quick."""
    if name in _EXPORTS:
        return getattr(_import(_EXPORTS[name]), name)
    raise AttributeError(f"module 'planner' has no attribute {name!r}")
