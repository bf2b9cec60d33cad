"""What the pages work with: settings, the store of jobs and drafts, the runs on disk, who asks."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from weakref import WeakValueDictionary

import flask

from planner import __version__
from planner.app.access import Grants, Role, Watched, read_grants, role_in
from planner.facts.errors import PlannerError
from planner.jobs import access_log
from planner.jobs.askers import asked_by
from planner.jobs.store import Job, QueueFull, Store, input_hash
from planner.runs.disk import folder_of

if TYPE_CHECKING:
    from planner.facts.catalog import Catalog

COMMAND_LINE = "command-line"
"""Folder of the runs that the command line wrote; without a grant for it, everyone who is signed in may look."""
LOGS = ".jobs"
"""Folder below that of the runs with what the server writes for its keeper."""
ROTATE_S = 3600.0
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
Auth = Literal["none", "local", "proxy"]


class Refused(PlannerError):
    """The request is understood and not allowed; the message says why and is shown to the user."""


class NotFound(PlannerError):
    """There is no such run or scenario; the message names it."""


class Owned(Protocol):
    """A scenario or a run: whose it is, in which folder it lies, whether everyone may look at it."""

    @property
    def owner(self) -> str: ...

    @property
    def folder(self) -> str | None: ...

    @property
    def shared(self) -> bool: ...


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
    queue_limit: int = 20
    """Runs a signed-in user may have waiting or running."""
    forwarded: bool = False
    """Whether a listed peer says in X-Forwarded-For from where a request came."""
    folders_file: Path | None = None  # default: .folders in runs_root
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
        self.runs_root.mkdir(0o700, parents=True, exist_ok=True)
        self._saving: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        # a broken file is found at the start
        self._grants = Watched(self.settings.folders_file or self.runs_root / ".folders", read_grants)
        self._rotated = time.monotonic()
        access_log.rotate(self.store, self.runs_root / LOGS)

    @cached_property
    def catalog(self) -> Catalog:
        """The facts of this application; raises ``CatalogError`` where those of the settings are at fault."""
        from planner.facts.catalog import load_catalog

        return load_catalog(self.settings.catalog)

    def one_at_a_time(self, draft: str) -> threading.Lock:
        """Held while a change of a scenario is worked out, so that a later change cannot overtake it."""
        return self._saving.setdefault(draft, threading.Lock())

    # -- who ---------------------------------------------------------------------------------------------------

    def user(self) -> User | None:
        """Who asks in this request; without authentication everyone is the one local planner."""
        if self.settings.auth == "none":
            return User("local", "planner")
        return flask.g.get("user") if flask.has_request_context() else None

    def require_planner(self) -> User:
        """The user if they may make scenarios and runs of their own; raises ``Refused`` (and records it) otherwise."""
        user = self.user()
        if user is None or not user.may_plan:
            self.log_access("refused", "needs the role planner", user=user)
            raise Refused("You have the role viewer: ask a planner to change scenarios or start runs.")
        return user

    @property
    def open(self) -> bool:
        """Whether nobody signs in: everything is everyone's."""
        return self.settings.auth == "none"

    def grants(self) -> Grants:
        """Folder -> user -> role, as the file says now."""
        return self._grants()

    def folders(self, role: Role = "viewer") -> list[str]:
        """Folders in which the user has a role, or more than that."""
        user = self.user()
        found = {} if user is None else {f: role_in(self.grants(), f, user.name) for f in self.grants()}
        return [f for f, has in found.items() if has is not None and role in (has, "viewer")]

    def role_on(self, item: Owned | None) -> Role | None:
        """What the user may do with a scenario or run: nothing, look, or change it; ``None`` is a run without a job.

        The owner has their own role, a member of the folder the folder's, everyone may look at what is shared.
        """
        user = self.user()
        if self.open or user is None:
            return "planner" if self.open else None
        if item is None:
            granted = COMMAND_LINE in self.grants()
            return role_in(self.grants(), COMMAND_LINE, user.name) if granted else "viewer"
        roles = [
            user.role if item.owner == user.name else None,
            role_in(self.grants(), item.folder, user.name),
        ]
        if "planner" in roles:
            return "planner"
        return "viewer" if "viewer" in roles or item.shared else None

    def require_change(self, item: Owned, what: str, refusal: str) -> User:
        """The user if they may change a scenario or run; raises ``Refused`` with a text (and records it) otherwise."""
        user = self.user()
        if user is None or self.role_on(item) != "planner":
            self.log_access("refused", f"change of {what}", user=user)
            if user is not None and item.owner == user.name:
                return self.require_planner()
            raise Refused(refusal)
        return user

    def address(self) -> str | None:
        """From where the request comes; what a listed peer forwards is from where that says."""
        if not flask.has_request_context():
            return None
        peer = flask.request.remote_addr
        if self.settings.forwarded and peer in self.settings.proxy_peers:
            return flask.request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()[:60] or peer
        return peer

    def log_access(
        self, action: str, what: str = "", user: User | None = None, name: str | None = None
    ) -> None:
        """One row of the access log: time, user (or the ``name`` that was claimed), address, action, object."""
        asker = user or self.user()
        named = name or (asker.name if asker else None)
        access_log.record(self.store, action, what, user=named, address=self.address())
        if time.monotonic() - self._rotated > ROTATE_S:
            self._rotated = time.monotonic()
            access_log.rotate(self.store, self.runs_root / LOGS)

    def submit(
        self,
        name: str,
        text: str,
        options: dict[str, Any],
        *,
        title: str | None,
        draft: str | None,
        folder: str | None,
    ) -> tuple[Job, bool]:
        """Puts a scenario in the queue for the user who asks; the job, and whether it was there before.

        The run lies in ``folder`` where the user is a planner there, else it is the user's own. Raises ``Refused``
        where the user may run nothing or has too much in the queue already.
        """
        user = self.user()
        if folder not in self.folders("planner") and not self.open:
            folder, user = None, self.require_planner()
        if user is None:
            user = self.require_planner()
        try:
            job, reused = self.store.submit(
                name,
                text,
                owner=user.name,
                runs_root=self.runs_root,
                hash=self.hash_of(text, options),
                title=title,
                draft=draft,
                options=options,
                most=None if self.open else self.settings.queue_limit,
                folder=folder,
            )
        except QueueFull as error:
            self.log_access("refused", f"more than {self.settings.queue_limit} runs in the queue")
            raise Refused(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        self.log_access("run", f"{job.id}{' (reused)' if reused else ''}")
        return job, reused

    def hash_of(self, text: str, options: dict[str, Any]) -> str:
        """The hash under which the queue knows a scenario with its options."""
        asked = {name: value for name, value in options.items() if name != "resume"}  # how, not what
        return input_hash(text, asked, self.catalog.hash, __version__)

    # -- runs --------------------------------------------------------------------------------------------------

    def check_run(self, run_id: str) -> str:
        """The id if it is well formed and the user may see the run; raises ``NotFound`` or ``Refused``."""
        if not RUN_ID.fullmatch(run_id or "") or ".." in run_id:
            self.log_access("refused", f"malformed run id {run_id[:80]!r}")
            raise NotFound("This is not the id of a run.")
        job, folder = self.store.job(run_id), folder_of(self.runs_root / run_id)
        if job is None and not folder.is_dir():
            raise NotFound(f"There is no run {run_id}.")
        item = job or asked_by(folder)
        if self.role_on(item) is None:
            owner = item.owner if item is not None else COMMAND_LINE
            self.log_access("refused", f"run {run_id} of {owner}")
            raise Refused(f"The run {run_id} belongs to {owner}, who has not shared it.")
        return run_id

    def sees_directory(self, path: Path) -> bool:
        """Whether the user may look at a run directory that is no job of the store."""
        return self.role_on(asked_by(path)) is not None

    def run(self, run_id: str) -> Any:
        """The ``planner.runs.run.Run`` of an id the user may see."""
        from planner.runs.run import Run

        path = self.run_path(run_id)
        if not path.is_dir():
            raise NotFound(f"The run {run_id} has no result yet.")
        return Run(path)

    def run_or_left(self, run_id: str) -> Any:
        """The same, or what a process of the command line that is at work or ended too early has written of it."""
        from planner.runs.run import Run

        folder = folder_of(self.runs_root / self.check_run(run_id))
        return Run(folder) if self.store.job(run_id) is None else self.run(run_id)

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
