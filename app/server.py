"""How the application is served: who may ask, what a browser may load, what is refused; waitress and warm-up.

Every refusal carries a clear message and, where a person or a program tried something, a row of the access log.
"""

from __future__ import annotations

import contextlib
import html
import logging
import os
import re
import secrets
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Any

import dash
import flask
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from planner.app import auth
from planner.app.components import figure, notify
from planner.app.services import NotFound, Refused, Services, Settings
from planner.app.state import scheme, url
from planner.report.strings import LANGUAGE, t
from planner.runs.disk import write_bytes

log = logging.getLogger("planner.app")
CSRF_COOKIE = "_csrf_token"  # the name from which Dash copies the token into X-CSRFToken
GRID_SCRIPT = re.compile(r'<script src="([^"]*/dash_ag_grid/[^"]*)"></script>\s*')
INDEX = """<!DOCTYPE html>
<html lang="{lang}" data-prefix="{prefix}" data-plotly="{plotly}" data-grid="{grid}" data-mantine-color-scheme="{scheme}"
  data-ag-theme-mode="{scheme}">
<head>
<script src="{colours}"></script>
<script src="{watch}"></script>
{metas}
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="{icon}">
{css}
{charts}
</head>
<body>
<noscript>{noscript}</noscript>
<div id="away" class="away" role="alert" hidden>{away}</div>
{app_entry}
<footer>
{config}
{scripts}
{renderer}
</footer>
</body>
</html>"""


class PlannerDash(dash.Dash):
    """Dash with a page that names its language and wears the reader's colours before any script runs.

    A page with charts names the chart library in its head, so that the browser reads it while the server still
    makes the page; other pages fetch it when they have come to rest (functions.js). The library of grids, which Dash
    would run on every page, comes with the first grid (grid.js).
    """

    def interpolate_index(self, *_places: Any, **parts: Any) -> str:
        plotly = self.get_asset_url(figure.LIBRARY)
        early = url.draws_charts(self.strip_relative_path(flask.request.path) or "")
        grid = GRID_SCRIPT.search(parts["scripts"])
        return INDEX.format(
            plotly=plotly,
            grid=grid[1] if grid else "",
            charts=f'<script defer src="{plotly}"></script>' if early else "",
            lang=LANGUAGE,
            scheme=scheme.current(),
            colours=self.get_asset_url("scheme.js"),
            watch=self.get_asset_url("away.js"),
            away=_away(),
            prefix=self.config.requests_pathname_prefix,
            title=parts["title"],
            icon=self.get_asset_url("favicon.svg"),
            noscript=t("app.noscript"),
            metas=parts["metas"],
            css=parts["css"],
            app_entry=parts["app_entry"],
            config=parts["config"],
            scripts=GRID_SCRIPT.sub("", parts["scripts"]),
            renderer=parts["renderer"],
        )


def _away() -> str:
    """What assets/away.js shows while the server does not answer. Not of Dash, whose own scripts may be what is missing."""
    said = [
        f'<span class="is-{state}">{html.escape(t(f"app.away.{state}"))}</span>'
        for state in ("away", "unsaved", "back", "part")
    ]
    again = html.escape(t("app.away.reload"))
    return "".join([*said, f'<button type="button" class="plain-button is-back is-part">{again}</button>'])


def protect(app: dash.Dash, services: Services) -> None:
    """Puts the guards in front of the application; call it before pages are registered."""
    settings = services.settings
    server = app.server
    server.config.update(
        SECRET_KEY=settings.secret_key or _secret(services.runs_root),
        MAX_CONTENT_LENGTH=settings.max_upload_bytes,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_NAME="planner_session",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )

    @server.before_request
    def known_host() -> Any:
        # A page of another site must not reach a local server through a name that resolves to 127.0.0.1.
        # The header is parsed here and not by Werkzeug, which refuses nothing.
        host = flask.request.headers.get("Host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if name.lower() not in settings.hosts and not flask.g.get("warm_up"):
            services.log_access("refused", f"host {host[:100]!r}")
            return flask.Response(
                f"Unknown host {name!r}: start the server with --allow-host to serve it.\n", 400
            )
        return None

    auth.install(app, services)
    CSRFProtect(server)

    @server.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Any:
        services.log_access("refused", f"no valid token for {flask.request.path[:100]}: {error.description}")
        return flask.Response(f"{error.description} Reload the page and try again.\n", 400)

    @server.errorhandler(413)
    def too_large(_error: HTTPException) -> Any:
        services.log_access("refused", f"request of {flask.request.content_length} bytes")
        limit = settings.max_upload_bytes / 1e6
        return flask.Response(f"Too large: at most {limit:g} MB are accepted.\n", 413)

    @server.errorhandler(Refused)
    def refused(error: Refused) -> Any:
        return flask.Response(f"{error}\n", 403)

    @server.errorhandler(NotFound)
    def not_found(error: NotFound) -> Any:
        return flask.Response(f"{error}\n", 404)

    @server.get(settings.prefix + "health")
    def health() -> Any:
        waiting = services.store.jobs(states=["queued", "running"])
        states = [job.state for job in waiting]
        return {"status": "ok", "queued": states.count("queued"), "running": states.count("running")}


def finish(app: dash.Dash) -> None:
    """The headers, and one request before the first visitor; call it when every page is registered.

    Dash makes its routes, bundles and inline scripts on the first request, and not thread-safely; only then are
    the hashes of the scripts that the policy must allow complete.
    """
    fixed = [
        "default-src 'none'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
    policy = ""

    @app.server.after_request
    def headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if response.mimetype == "text/html":
            response.headers["Cache-Control"] = "no-store"
            secure = bool(app.server.config["SESSION_COOKIE_SECURE"])
            path = app.config.requests_pathname_prefix
            response.set_cookie(CSRF_COOKIE, generate_csrf(), samesite="Lax", secure=secure, path=path)
        return response

    with app.server.test_request_context(app.config.requests_pathname_prefix):
        flask.g.warm_up = True
        app.server.full_dispatch_request()
    policy = "; ".join([*fixed, "script-src 'self' " + " ".join(app.csp_hashes())])


def report_error(error: Exception) -> None:
    """What a failed callback shows: a message for what the user can understand, a log entry for the rest."""
    if not isinstance(error, Refused | NotFound):
        log.exception("callback failed", exc_info=error)
    text = (
        str(error) if isinstance(error, Refused | NotFound) else t("app.error.text", error=str(error)[:300])
    )
    notify.show(text, t("app.error.title"), "error")


def listener_of(wsgi: Any, host: str, port: int) -> Any:
    """Waitress on a port. It hands on what a proxy says: whom to believe is for the application to decide by peer."""
    import waitress

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of each request that waits
    return waitress.create_server(
        wsgi, host=host, port=port, threads=8, ident=None, clear_untrusted_proxy_headers=False
    )


def run_server(runs_root: Path, host: str, port: int, open_path: str | None, more: dict[str, Any]) -> None:
    """Makes the application and serves it with its queue; see ``planner.app.serve``."""
    from planner.app import create_app
    from planner.jobs.supervisor import Supervisor

    names = (
        {host, *Settings.hosts} if host not in ("0.0.0.0", "::") else {*Settings.hosts, socket.gethostname()}
    )
    more = {**more, "hosts": tuple(sorted(names | set(more.get("hosts", ()))))}
    settings = Settings(runs_root=runs_root, **more)
    app = create_app(settings)
    wsgi: Any = app.server
    if settings.auth == "proxy":
        # scheme and host as the browser saw them; who may send the headers is checked in auth
        wsgi = ProxyFix(app.server, x_for=0, x_proto=1, x_host=0)
    listener = listener_of(wsgi, host, port)
    services: Services = app.server.extensions["planner"]
    if settings.catalog is not None:
        services.catalog  # noqa: B018  what is wrong with it is said before anything is served
    supervisor = Supervisor(services.store, settings.running_limit, settings.catalog)
    supervisor.start()
    shown = f"http://{host if host not in ('0.0.0.0', '::') else '127.0.0.1'}:{listener.effective_port}"
    print(
        f"The planner is at {shown}{settings.prefix}   (runs in {services.runs_root}; stop with Ctrl-C)",
        flush=True,
    )
    if open_path is not None:
        threading.Timer(0.3, _open, [shown + open_path]).start()
    try:
        listener.run()
    except KeyboardInterrupt:
        pass
    finally:
        supervisor.close()
        listener.close()


def _open(address: str) -> None:
    with contextlib.suppress(Exception):  # no browser on this machine: the address was printed
        webbrowser.open(address)


def _secret(runs_root: Path) -> str:
    """The key that signs sessions: from PLANNER_SECRET_KEY, else kept beside the runs, readable by its owner only."""
    if key := os.environ.get("PLANNER_SECRET_KEY"):
        return key
    path = runs_root / ".secret-key"
    if not path.exists():
        beside = path.with_name(f".secret-key.{os.getpid()}")
        write_bytes(beside, secrets.token_hex(32).encode())
        with contextlib.suppress(FileExistsError):  # whole or not there at all, and the first process wins
            os.link(beside, path)
        beside.unlink()
    key = path.read_text("utf-8").strip()
    if not key:
        raise auth.UsersFileError(
            f"{path} is empty: remove it, and a new key is made; who is signed in signs in again"
        )
    return key
