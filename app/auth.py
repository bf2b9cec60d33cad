"""Who is asking: nobody in particular (``none``), a user of a file (``local``), or whom a proxy names (``proxy``).

The users file holds one line a user, ``name:role:argon2-hash``; ``planner app --add-user`` writes it. With
``proxy`` the name and role are read from two headers, and only when the connection comes from a listed peer.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import argon2
import dash
import flask
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from planner.app.access import Role, Watched
from planner.app.services import Services, User
from planner.app.state import scheme
from planner.facts.errors import PlannerError
from planner.jobs import sign_ins
from planner.report.strings import LANGUAGE, t

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,60}")
OPEN_PATHS = ("health", "login", "assets/app.css", "assets/favicon.svg")
MIN_PASSWORD, MAX_PASSWORD = 10, 256
DEVICE_COOKIE, DEVICE_S = "planner_device", 365 * 86400
NEXT = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
"""A path of this server: no other host, no line break, nothing that a browser reads as either."""


class UsersFileError(PlannerError):
    """The users file cannot be used; the message says where and why."""


@dataclass(frozen=True)
class Entry:
    """One line of the users file."""

    name: str
    role: Role
    hash: str


class Session(UserMixin):
    """Flask-Login's view of a signed-in entry.

    The id carries the role and the hash's end, so that another role or password ends old sessions, and the key of
    the session in the store, so that a copied cookie is dead after log-out.
    """

    def __init__(self, entry: Entry, key: str):
        self.entry, self.key = entry, key
        self.id = f"{entry.name}:{entry.role}:{entry.hash[-16:]}:{key}"


def read_users(path: Path) -> dict[str, Entry]:
    """Every user of a file; raises ``UsersFileError``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsersFileError(
            f"{path}: {error.strerror}; make it with: planner app --add-user NAME"
        ) from error
    except UnicodeDecodeError as error:
        raise UsersFileError(f"{path}: is not UTF-8 text") from error
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(":", 2)
        if len(parts) != 3 or parts[1] not in get_args(Role) or not NAME.fullmatch(parts[0]):
            raise UsersFileError(
                f"{path}:{number}: not name:role:hash with role {' or '.join(get_args(Role))}"
            )
        role: Role = "planner" if parts[1] == "planner" else "viewer"
        entries[parts[0]] = Entry(parts[0], role, parts[2])
    return entries


def add_user(path: Path, name: str, role: Role, password: str) -> None:
    """Adds a user or replaces their password and role; raises ``UsersFileError`` for a bad name or password."""
    if not NAME.fullmatch(name):
        raise UsersFileError(f"{name!r} is no user name: letters, digits and . _ @ - are allowed")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise UsersFileError(
            f"the password needs at least {MIN_PASSWORD} characters and may have {MAX_PASSWORD}"
        )
    entries = read_users(path) if path.exists() else {}
    entries[name] = Entry(name, role, argon2.PasswordHasher().hash(password))
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.writelines(f"{e.name}:{e.role}:{e.hash}\n" for e in entries.values())
    beside.replace(path)


def install(app: dash.Dash, services: Services) -> None:
    """Guards every request but the sign-in page and the health check."""
    app.server.extensions["planner"] = services
    settings = services.settings
    if settings.auth == "local":
        if settings.users_file is None:
            raise UsersFileError("local sign-in needs a users file")
        _local(app.server, services, settings.users_file)
    elif settings.auth == "proxy":

        @app.server.before_request
        def named_by_proxy() -> Any:
            if _path(settings.prefix) == "health" or flask.g.get("warm_up"):
                return None
            if flask.request.remote_addr not in settings.proxy_peers:
                services.log_access("refused", "not through the proxy")
                return flask.Response("Only the sign-in proxy may connect.\n", 403)
            name = flask.request.headers.get(settings.proxy_header, "")
            if not NAME.fullmatch(name):
                services.log_access("refused", f"the proxy named no user ({name[:40]!r})")
                return flask.Response("The sign-in proxy named no user.\n", 401)
            role: Role = (
                "planner" if flask.request.headers.get(settings.proxy_role_header) == "planner" else "viewer"
            )
            flask.g.user = User(name, role)
            return None


def _path(prefix: str) -> str:
    return flask.request.path.removeprefix(prefix)


def _local(server: flask.Flask, services: Services, users_file: Path) -> None:
    prefix, store = services.settings.prefix, services.store
    manager = LoginManager(server)
    hasher = argon2.PasswordHasher()
    decoy = hasher.hash(os.urandom(16).hex())  # so that an unknown name takes as long as a wrong password
    users = Watched(users_file, read_users)  # a broken file is found at the start
    secret = str(server.config["SECRET_KEY"])

    @manager.user_loader
    def load(id_: str) -> Session | None:
        name, _, rest = id_.partition(":")
        entry, key = users().get(name), rest.rpartition(":")[2]
        if entry is None or Session(entry, key).id != id_:
            return None
        return Session(entry, key) if sign_ins.is_open(store, key, name) else None

    @server.before_request
    def signed_in() -> Any:
        if _path(prefix) in OPEN_PATHS or flask.g.get("warm_up"):
            return None
        if current_user.is_authenticated:
            flask.g.user = User(current_user.entry.name, current_user.entry.role)
            return None
        if flask.request.method == "GET" and flask.request.accept_mimetypes.accept_html:
            asked = quote(flask.request.full_path.rstrip("?"), safe="/?=,:~")
            return flask.redirect(f"{prefix}login?next={asked}")
        return flask.Response("Sign in first.\n", 401)

    @server.get(prefix + "login")
    def ask() -> str:
        return _page(prefix, None)

    @server.post(prefix + "login")
    def enter() -> Any:
        name, password = flask.request.form.get("name", ""), flask.request.form.get("password", "")
        if not NAME.fullmatch(name) or len(password) > MAX_PASSWORD:
            services.log_access("refused", "sign-in with a malformed name or password")
            return flask.Response(_page(prefix, t("login.wrong")), 401)
        address, device = services.address() or "", _device(secret, name)
        if not sign_ins.take_try(store, name, address, device):
            services.log_access("refused", "too many sign-ins", name=name)
            return flask.Response(_page(prefix, t("login.pause")), 429)
        entry = users().get(name)
        with contextlib.suppress(argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            hasher.verify(entry.hash if entry else decoy, password)
            if entry is not None:
                sign_ins.succeeded(store, name, address, device)
                login_user(Session(entry, sign_ins.open_session(store, name)))
                services.log_access("login", "", user=User(entry.name, entry.role))
                answer = flask.redirect(_safe_next(flask.request.args.get("next"), prefix))
                _mark_device(answer, secret, name, device, services)
                return answer
        services.log_access("refused", "sign-in with a wrong password", name=name)
        return flask.Response(_page(prefix, t("login.wrong")), 401)

    @server.get(prefix + "logout")
    def leave() -> Any:
        if current_user.is_authenticated:
            sign_ins.close_session(store, current_user.key)
        logout_user()
        return flask.redirect(prefix + "login")


def _device(secret: str, name: str) -> str | None:
    """The mark of this browser if somebody has signed in with it under this name."""
    mark, _, seal = flask.request.cookies.get(DEVICE_COOKIE, "").partition(".")
    return mark if hmac.compare_digest(seal.encode(), _seal(secret, name, mark).encode()) else None


def _seal(secret: str, name: str, mark: str) -> str:
    return hmac.new(secret.encode(), f"device {name} {mark}".encode(), hashlib.sha256).hexdigest()


def _mark_device(answer: Any, secret: str, name: str, mark: str | None, services: Services) -> None:
    """Marks the browser as one this name has signed in with; worth nothing without the password."""
    mark = mark or secrets.token_hex(8)
    answer.set_cookie(
        DEVICE_COOKIE, f"{mark}.{_seal(secret, name, mark)}", max_age=DEVICE_S, httponly=True, samesite="Lax",
        secure=services.settings.secure_cookies, path=f"{services.settings.prefix}login",
    )  # fmt: skip


def _safe_next(target: str | None, prefix: str) -> str:
    """Where to go after sign-in: a path of this server, never another site."""
    return target if target and NEXT.fullmatch(target) else prefix


def _page(prefix: str, problem: str | None) -> str:
    return flask.render_template_string(
        LOGIN,
        lang=LANGUAGE,
        scheme=scheme.chosen(),
        prefix=prefix,
        problem=problem,
        name=t("app.name"),
        title=t("login.title"),
        user=t("login.name"),
        password=t("login.password"),
        enter=t("login.enter"),
    )


LOGIN = """<!DOCTYPE html>
<html lang="{{ lang }}"{% if scheme %} data-mantine-color-scheme="{{ scheme }}"{% endif %}>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} · {{ name }}</title><link rel="icon" href="{{ prefix }}assets/favicon.svg">
<link rel="stylesheet" href="{{ prefix }}assets/app.css"></head>
<body class="login"><main><form method="post">
<img src="{{ prefix }}assets/favicon.svg" alt="" width="40" height="40"><h1>{{ name }}</h1>
{% if problem %}<p role="alert" class="login-problem">{{ problem }}</p>{% endif %}
<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<label>{{ user }}<input name="name" maxlength="61" autocomplete="username" required autofocus></label>
<label>{{ password }}<input name="password" type="password" maxlength="256" autocomplete="current-password" required></label>
<button>{{ enter }}</button></form></main></body></html>"""
