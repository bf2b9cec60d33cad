"""The ``planner`` command.

Exit codes: 0 done, 1 infeasible or a failed case, 2 bad input, 3 internal error (with a report file) or
a plan whose audit finds rules broken, 4 time limit without a plan, 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from datetime import datetime
from importlib import import_module
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import typer
from typer.core import TyperGroup

from planner import __version__
from planner.facts.errors import InternalError, NoPlan, PlannerError
from planner.solver.interrupt import on_interrupt

OK, FAILED, BAD_INPUT, INTERNAL, NO_PLAN, INTERRUPTED = 0, 1, 2, 3, 4, 130

# In the order of the help page. Every module has register(app) and imports what is heavy inside its commands.
MODULES = (
    "solving",
    "files",
    "batching",
    "tradeoff",
    "valuations",
    "reprice",
    "negotiation",
    "hub",
    "explain",
    "sovereignty",
    "facts",
    "sizing",
    "sheets",
    "report",
    "finance",
    "serve",
)


class Commands(TyperGroup):
    """Says what is wrong with the input or the case, and ends with its code; what is a fault of ours goes on."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InternalError:
            raise
        except PlannerError as error:
            _say(str(error))
            if len(problems := getattr(error, "problems", ())) > 1:
                _say(f"{len(problems)} problems")
            raise typer.Exit(FAILED if isinstance(error, NoPlan) else BAD_INPUT) from error


app = typer.Typer(
    name="planner",
    cls=Commands,
    help="Plans sovereign AI data-centre capacity: demand in, a costed and checked infrastructure plan out.",
    epilog="Start with: planner demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"planner {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


for _name in MODULES:
    import_module(f"planner.cli.{_name}").register(app)


def main() -> None:
    """Runs the command line and exits with its code; no traceback ever reaches a user."""
    signal.signal(signal.SIGINT, on_interrupt)
    try:
        app(prog_name="planner")
    except SystemExit as end:
        # the reader of a pipe, such as `head`, has gone: typer notes it so and calls it a failure
        reader_gone = type(sys.stdout).__name__ == "PacifyFlushWrapper"
        sys.exit(OK if end.code == FAILED and reader_gone else end.code)
    except KeyboardInterrupt:
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except Exception as error:
        _say(f"internal error: {type(error).__name__}: {error}")
        _say(f"this is a fault of the planner; {_report(error)}")
        sys.exit(INTERNAL)


def _report(error: Exception) -> str:
    """Writes what a developer needs to find the fault, here or in the temporary folder."""
    import platform

    text = "\n".join(
        [
            f"planner {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"command: {' '.join(sys.argv)}",
            "",
            "".join(traceback.format_exception(error)),
        ]
    )
    name = f"planner-error-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    for folder in (Path(), Path(gettempdir())):
        try:
            (folder / name).write_text(text, "utf-8")
        except OSError:
            continue
        return f"a report is in {folder / name}"
    return f"no report could be written:\n{text}"


def _say(message: str) -> None:
    typer.echo(message, err=True)
