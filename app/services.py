"""What the pages work with: settings, the store of jobs and drafts, the runs on disk, who asks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import flask

from planner.facts.errors import PlannerError
from planner.jobs.store import Job, Store

if TYPE_CHECKING:
    from planner.facts.catalog import Catalog

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
Auth = Literal["none", "local", "proxy"]
Role = Literal["viewer", "planner"]


class Refused(PlannerError):
    """The request is understood and not allowed; the message says why and is shown to the user."""


class NotFound(PlannerError):
    """There is no such run or scenario; the message names it."""


@dataclass(frozen=True)
class User:
    """Who asks: viewers look, planners also change and run."""

    name: str
    role: Role

    @property
    def may_plan(self) -> bool:
        return self.role == "planner"


@dataclass(frozen=True)
class Settings:
    """How the application is served. Paths are made absolute; the folder of runs is made if it is missing."""

    runs_root: Path = Path("runs")
    store_url: str | None = None  # default: SQLite in runs_root
    prefix: str = "/"
    auth: Auth = "none"
    users_file: Path | None = None
    proxy_header: str = "X-Remote-User"
    proxy_role_header: str = "X-Remote-Role"
    proxy_peers: tuple[str, ...] = ("127.0.0.1", "::1")
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]", "::1")
    secure_cookies: bool = False
    secret_key: str | None = None
    running_limit: int = 1
    max_upload_bytes: int = 2_000_000
    catalog: Path | None = None  # folder of facts of one's own over the packaged ones


@dataclass
class Services:
    """One per application. Everything a page may do to the world goes through here."""

    settings: Settings
    store: Store
    runs_root: Path = field(init=False)

    def __post_init__(self) -> None:
        self.runs_root = Path(self.settings.runs_root).resolve()
        self.runs_root.mkdir(parents=True, exist_ok=True)

    @cached_property
    def catalog(self) -> Catalog:
        """The facts of this application; raises ``CatalogError`` where those of the settings are at fault."""
        from planner.facts.catalog import load_catalog

        return load_catalog(self.settings.catalog)

    # -- who ---------------------------------------------------------------------------------------------------

    def user(self) -> User | None:
        """Who asks in this request; without authentication everyone is the one local planner."""
        if self.settings.auth == "none":
            return User("local", "planner")
        return flask.g.get("user") if flask.has_request_context() else None

    def require_planner(self) -> User:
        """The user if they may change and run things; raises ``Refused`` (and records it) otherwise."""
        user = self.user()
        if user is None or not user.may_plan:
            self.log_access("refused", "needs the role planner", user=user)
            raise Refused("You have the role viewer: ask a planner to change scenarios or start runs.")
        return user

    def log_access(self, action: str, what: str = "", user: User | None = None) -> None:
        """One row of the access log: time, user, address, action, object."""
        asker = user or self.user()
        address = flask.request.remote_addr if flask.has_request_context() else None
        self.store.log_access(action, what, user=asker.name if asker else None, address=address)

    # -- runs --------------------------------------------------------------------------------------------------

    def check_run(self, run_id: str) -> str:
        """The id if it is well formed and the user may see the run; raises ``NotFound`` or ``Refused``."""
        if not RUN_ID.fullmatch(run_id or "") or ".." in run_id:
            self.log_access("refused", f"malformed run id {run_id[:80]!r}")
            raise NotFound("This is not the id of a run.")
        job = self.store.job(run_id)
        user = self.user()
        if self.settings.auth != "none" and job is not None:
            mine = user is not None and (job.owner == user.name or job.shared)
            if not mine:
                self.log_access("refused", f"run {run_id} of {job.owner}")
                raise Refused(f"The run {run_id} belongs to {job.owner}, who has not shared it.")
        if job is None and not (self.runs_root / run_id).is_dir():
            raise NotFound(f"There is no run {run_id}.")
        return run_id

    def run(self, run_id: str) -> Any:
        """The ``planner.runs.run.Run`` of an id the user may see."""
        from planner.runs.run import Run

        path = self.run_path(run_id)
        if not path.is_dir():
            raise NotFound(f"The run {run_id} has no result yet.")
        return Run(path)

    def run_path(self, run_id: str) -> Path:
        """The directory of a run the user may see, whether or not it exists yet."""
        self.check_run(run_id)
        job = self.store.job(run_id)
        return Path(job.directory) if job is not None else self.runs_root / run_id

    def runs(self, with_plan: bool = False) -> list[dict[str, Any]]:
        """Runs the user may see, newest first: id, name, title, state, created, seconds, gap, kpis, owner.

        Jobs of the store and run directories written by the command line are one list. ``with_plan`` keeps
        those whose plan can be opened.
        """
        from planner.app.state.runs import list_all

        return list_all(self, with_plan)

    def latest_plan(self) -> str | None:
        """The id of the newest run with a plan, for pages opened without one."""
        found = self.runs(with_plan=True)
        return str(found[0]["id"]) if found else None

    def job(self, run_id: str) -> Job | None:
        """The job of a run the user may see; ``None`` for a run of the command line."""
        return self.store.job(self.check_run(run_id))
