"""The web application: a client of planner. ``create_app(settings)`` makes it, ``serve`` runs it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any


def create_app(settings: Any = None, store: Any = None) -> Any:
    """The Dash application with every page registered; ``app.server`` is the Flask application (WSGI).

    ``settings`` is a ``planner.app.services.Settings``; ``store`` a ``planner.jobs.store.Store`` to share, by default
    the one the settings name. Several applications may live in one process.
    """
    import dash

    from planner.app import server, shell
    from planner.app.components import figure
    from planner.app.pages import add_missing_page
    from planner.app.services import Services, Settings
    from planner.app.state import url
    from planner.jobs.store import Store, default_url
    from planner.report.strings import t

    settings = settings or Settings()
    store = store or Store(settings.store_url or default_url(Path(settings.runs_root)))
    services = Services(settings, store)
    figure.register_templates()
    dash.page_registry.clear()
    app = server.PlannerDash(
        "planner.app",
        use_pages=True,
        include_pages_meta=False,
        # the library of charts is loaded by pages that have some, the scheme of colours by the page's head
        assets_ignore=f"{figure.LIBRARY.rpartition('/')[2]}|scheme.js|away.js",
        pages_folder="",
        title=t("app.name"),
        update_title="",
        suppress_callback_exceptions=True,  # pages are built per visit: not every id stands in the first layout
        url_base_pathname=settings.prefix,
        add_log_handler=False,
        enable_mcp=False,
        on_error=server.report_error,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    server.protect(app, services)
    app.layout = lambda: shell.layout(services)
    shell.register(app)
    for page in url.PAGES:
        import_module(f"planner.app.pages.{page.module}").register(app, services)
    add_missing_page()
    server.finish(app)
    return app


def serve(
    runs_root: Path | str = "runs",
    host: str = "127.0.0.1",
    port: int = 8050,
    open_path: str | None = None,
    **settings: Any,
) -> None:
    """Serves the application with waitress until interrupted, and runs the queue of jobs beside it.

    ``open_path`` (such as ``/plan/korea``) is opened in the browser once the server answers. ``settings`` are
    further fields of ``planner.app.services.Settings``. Raises ``OSError`` when the port is taken.
    """
    from planner.app.server import run_server

    run_server(Path(runs_root), host, port, open_path, settings)
