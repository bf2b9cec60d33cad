"""Planner for sovereign AI compute: demand in, a costed and checked infrastructure plan out.

from planner import load_scenario, build_case, solve
outcome = solve(build_case(load_scenario("korea.yaml")))
outcome.plan.kpi("cost_npv_musd")
"""

from importlib import import_module as _import
from pathlib import Path as _Path
from typing import Any as _Any

# In a checkout models/, data/ and app/ sit beside planner/; in a wheel they sit inside it.
_here = _Path(__file__).resolve().parent
if not (_here / "models").is_dir() and (_here.parent / "models" / "__init__.py").is_file():
    __path__.append(str(_here.parent))

__version__ = "0.1.0"

_EXPORTS = {
    "load_scenario": "planner.scenario_file",
    "build_case": "planner.case.build",
    "solve": "planner.solver.ladder",
    "frontier": "planner.tradeoff",
    "batch": "planner.batches",
}


def __getattr__(name: str) -> _Any:
    """Exports are loaded when first asked for: ``import planner`` stays quick."""
    if name in _EXPORTS:
        return getattr(_import(_EXPORTS[name]), name)
    raise AttributeError(f"module 'planner' has no attribute {name!r}")
