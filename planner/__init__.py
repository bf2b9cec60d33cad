"""Planner for sovereign AI compute: demand in, a costed and checked infrastructure plan out."""

from pathlib import Path as _Path

# In a checkout models/, data/ and app/ sit beside planner/; in a wheel they sit inside it.
_here = _Path(__file__).resolve().parent
if not (_here / "models").is_dir() and (_here.parent / "models" / "__init__.py").is_file():
    __path__.append(str(_here.parent))

__version__ = "0.1.0"
