"""What protects the house: floors import only floors above them, no circles, few rooms at the top of `planner/`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FLOORS = (
    "facts", "scenario", "case", "intake", "curation", "sizing", "starter", "models", "solver", "plans", "planning",
    "audit", "explain", "finance", "studies", "runs", "jobs", "report", "app", "cli",
)  # fmt: skip
"""From the ground up; `models` and `app` stand beside `planner/` in a checkout. The command line serves the app."""
MOST_ROOMS = 20


def sources(root: Path) -> dict[str, ast.Module]:
    """Dotted module name -> its syntax tree, for everything that is part of the package."""
    found = {}
    for folder in ("planner", "models", "app"):
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts if folder == "planner" else ("planner", *parts)).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imports(tree: ast.AST, modules: set[str], typing_too: bool = True) -> Iterator[tuple[int, str]]:
    """Line and module of ours that is imported, wherever in the file; imports for types only where asked for."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not typing_too:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if a.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            inner = [f"{node.module}.{a.name}" for a in node.names]
            named = [name for name in inner if name in modules]
            if node.module in modules and len(named) < len(inner):
                named.append(node.module)
            yield from ((node.lineno, name) for name in named)
        else:
            yield from imports(node, modules, typing_too)


def floor(module: str) -> int | None:
    """Number of a module's floor; None for the package itself and its `__main__`."""
    room = (*module.split("."), "")[1]
    return FLOORS.index(room) if room in FLOORS else None


def steps_back(trees: dict[str, ast.Module]) -> list[str]:
    wrong = []
    for module, tree in trees.items():
        own = floor(module)
        for line, other in imports(tree, set(trees)):
            target = floor(other)
            if own is not None and target is not None and target > own:
                wrong.append(f"{module}:{line} imports {other}, a floor further down the list")
    return wrong


def circles(trees: dict[str, ast.Module]) -> list[str]:
    """Modules that import one another, one line a circle."""
    modules = set(trees)
    edges = {
        m: {o for _, o in imports(t, modules, typing_too=False) if o != m and not m.startswith(f"{o}.")}
        for m, t in trees.items()
    }
    state: dict[str, int] = {}
    path: list[str] = []
    found: list[str] = []

    def visit(module: str) -> None:
        state[module] = 1
        path.append(module)
        for other in sorted(edges[module]):
            if state.get(other) == 1:
                found.append(" -> ".join([*path[path.index(other) :], other]))
            elif other not in state:
                visit(other)
        path.pop()
        state[module] = 2

    for module in trees:
        if module not in state:
            visit(module)
    return found


@pytest.fixture(scope="module")
def trees(root: Path) -> dict[str, ast.Module]:
    return sources(root)


def test_every_floor_imports_only_floors_above_it(trees: dict[str, ast.Module]) -> None:
    assert not steps_back(trees), "\n".join(steps_back(trees))


def test_no_two_modules_import_one_another(trees: dict[str, ast.Module]) -> None:
    assert not circles(trees), "\n".join(circles(trees))


def test_the_top_of_planner_holds_rooms_and_no_loose_modules(root: Path) -> None:
    rooms = {p.name for p in (root / "planner").iterdir() if p.is_dir() and not p.name.startswith("__")}
    loose = {p.name for p in (root / "planner").glob("*.py")} - {"__init__.py", "__main__.py"}
    assert not loose and len(rooms) <= MOST_ROOMS
    assert rooms <= set(FLOORS), "every room has its floor in FLOORS"
    empty = [r for r in rooms if not list((root / "planner" / r).glob("[!_]*.py"))]
    assert not empty, empty


def test_the_import_test_sees_a_step_back_and_a_circle(trees: dict[str, ast.Module]) -> None:
    wrong = {
        **trees,
        "planner.facts.catalog": ast.parse("def f():\n    from planner.case.build import build_case"),
        "planner.plans.kpis": ast.parse("from planner.plans import plan"),
    }
    assert any("planner.case.build" in text for text in steps_back(wrong))
    assert any("planner.plans.kpis" in text for text in circles(wrong))


# ---- facts travel with the case


def functions(trees: dict[str, ast.Module]) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Module and definition of every function."""
    for module, tree in trees.items():
        yield from ((module, node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def calls(module: str, tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Calls of functions of ours, whatever they are called here: dotted name of the function, and the call."""
    ours: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            ours |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.FunctionDef):
            ours.setdefault(node.name, f"{module}.{node.name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            yield f"{ours.get(first, first)}{dot}{rest}", node


def doors(trees: dict[str, ast.Module]) -> dict[str, int | None]:
    """Functions that may be given no catalog -> its place among their arguments (None: by name only)."""
    found: dict[str, int | None] = {}
    for module, node in functions(trees):
        names = [a.arg for a in node.args.args]
        for a in [*node.args.args, *node.args.kwonlyargs]:
            if (
                a.arg == "catalog"
                and a.annotation is not None
                and ast.unparse(a.annotation) == "Catalog | None"
            ):
                found[f"{module}.{node.name}"] = names.index("catalog") if "catalog" in names else None
    return found


def left_behind(trees: dict[str, ast.Module]) -> list[str]:
    """Calls of a door from inside the house that do not pass a catalog on."""
    known = doors(trees)
    wrong = []
    for module, tree in trees.items():
        for name, call in calls(module, tree):
            if name not in known or any(k.arg in ("catalog", None) for k in call.keywords):
                continue
            place = known[name]
            if place is None or len(call.args) <= place:
                wrong.append(f"{module}:{call.lineno} calls {name} without a catalog")
    return wrong


def test_inside_the_house_every_call_passes_the_catalog_on(trees: dict[str, ast.Module]) -> None:
    names = {door.rpartition(".")[2] for door in doors(trees)}
    assert {"build_case", "load_scenario", "estimate", "size", "frontier", "batch"} <= names
    assert left_behind(trees) == []


def test_a_call_without_a_catalog_is_found() -> None:
    source = """
def build_case(scenario, catalog: Catalog | None = None): return catalog or load_catalog()
def inner(case): return build_case(case.scenario)
def fine(case): return build_case(case.scenario, case.catalog)
"""
    found = left_behind({"planner.case.x": ast.parse(source)})
    assert found == ["planner.case.x:3 calls planner.case.x.build_case without a catalog"]


def test_the_packaged_catalog_is_read_at_the_doors_only(trees: dict[str, ast.Module]) -> None:
    """Whoever else asks for a catalog says which; a scenario made in code rests on the packaged facts."""
    known = {*doors(trees), "planner.scenario.schema.catalog"}
    bare = [
        f"{module}:{node.name}"
        for module, node in functions(trees)
        if f"{module}.{node.name}" not in known and "load_catalog()" in ast.unparse(node)
    ]
    assert bare == []
