"""``planner app``: the web application, and the users who may sign in to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from planner.cli.options import RUNS, CatalogFolder, Runs


def register(app: typer.Typer) -> None:
    """Adds the command ``app``."""

    @app.command("app", rich_help_panel="Results")
    def serve_app(
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 8050,
        runs: Runs = RUNS,
        catalog: CatalogFolder = None,
        open_page: Annotated[bool, typer.Option("--open", help="Open a browser on the start page.")] = False,
        auth: Annotated[
            str, typer.Option(help="none, local (a users file) or proxy (a trusted header).")
        ] = "none",
        users: Annotated[
            Path | None,
            typer.Option(help="Users file of --auth local. Default: .users in the folder of runs."),
        ] = None,
        add_user: Annotated[
            str | None, typer.Option(metavar="NAME", help="Add a user (or set a new password) and exit.")
        ] = None,
        grant: Annotated[
            str | None,
            typer.Option(
                metavar="FOLDER:USER:ROLE",
                help="Let a user (* is everyone) look at (viewer) or change (planner) what lies in a folder, and exit.",
            ),
        ] = None,
        role: Annotated[str, typer.Option(help="Role of --add-user: viewer or planner.")] = "planner",
        proxy_peer: Annotated[
            list[str] | None, typer.Option(help="Address the sign-in proxy connects from; may be repeated.")
        ] = None,
        proxy_header: Annotated[str, typer.Option(help="Header with the user's name.")] = "X-Remote-User",
        proxy_role_header: Annotated[
            str, typer.Option(help="Header with the role; anything but planner is a viewer.")
        ] = "X-Remote-Role",
        allow_host: Annotated[
            list[str] | None, typer.Option(help="Further Host name to answer to; may be repeated.")
        ] = None,
        prefix: Annotated[str, typer.Option(help="Path the application is served under.")] = "/",
        jobs: Annotated[int, typer.Option(min=1, help="Runs worked on at once.")] = 1,
        queue_limit: Annotated[
            int, typer.Option(min=1, help="Runs a signed-in user may have waiting or running.")
        ] = 20,
        forwarded: Annotated[
            bool, typer.Option(help="Read the browser's address from X-Forwarded-For of a --proxy-peer.")
        ] = False,
        store: Annotated[
            str | None, typer.Option(help="SQLAlchemy URL of the job store. Default: SQLite beside the runs.")
        ] = None,
        secure_cookies: Annotated[
            bool, typer.Option(help="Cookies over HTTPS only; set it behind TLS.")
        ] = False,
    ) -> None:
        """Serve the web application on this machine (stop with Ctrl-C)."""
        users_file = users or runs / ".users"
        if add_user is not None:
            raise typer.Exit(_add_user(users_file, add_user, role))
        if grant is not None:
            raise typer.Exit(_add_grant(runs / ".folders", grant))
        if auth not in ("none", "local", "proxy"):
            _refuse(f"--auth {auth!r} is not one of 'none', 'local', 'proxy'")
        if auth == "none" and host not in ("127.0.0.1", "localhost", "::1"):
            _refuse(
                f"--host {host} would let the network in without sign-in: add --auth local or --auth proxy"
            )
        from planner.app import serve

        settings: dict[str, Any] = {
            "auth": auth,
            "users_file": users_file,
            "catalog": catalog,
            "prefix": "/" + prefix.strip("/") + "/" if prefix.strip("/") else "/",
            "running_limit": jobs,
            "queue_limit": queue_limit,
            "forwarded": forwarded,
            "store_url": store,
            "secure_cookies": secure_cookies,
            "proxy_header": proxy_header,
            "proxy_role_header": proxy_role_header,
            "hosts": tuple(allow_host or ()),
        }
        if proxy_peer:
            settings["proxy_peers"] = tuple(proxy_peer)
        try:
            serve(runs, host, port, open_path="/" if open_page else None, **settings)
        except OSError as error:
            _refuse(f"cannot listen on {host}:{port}: {error.strerror or error}; try --port 0")


def _add_user(path: Path, name: str, role: str) -> int:
    from planner.app.auth import add_user

    if role not in ("viewer", "planner"):
        _refuse(f"--role {role!r} is not one of 'viewer', 'planner'")
    password = os.environ.get("PLANNER_PASSWORD") or _ask(name)
    add_user(path, name, "planner" if role == "planner" else "viewer", password)
    print(f"{name} may sign in as {role} ({path})")
    return 0


def _add_grant(path: Path, grant: str) -> int:
    from planner.app.access import add_grant

    add_grant(path, grant)
    print(f"{grant} ({path})")
    return 0


def _ask(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True))


def _refuse(message: str) -> None:
    print(message, file=sys.stderr)
    raise typer.Exit(2)
