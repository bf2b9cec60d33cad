"""The frame every page sits in: header, navigation, colour scheme, place of messages."""

from __future__ import annotations

import secrets
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html

from planner.app import ids
from planner.app.components import figure
from planner.app.components.attrs import attrs
from planner.app.components.icon import icon
from planner.app.state import scheme, url
from planner.report.strings import t

THEME: dict[str, Any] = {
    "primaryColor": "petrol",
    "primaryShade": 7,  # with white text 6.6:1, in both schemes
    "colors": {
        # Mantine's greys with a little blue; text on the body 11:1, dimmed text 6:1
        "dark": [
            "#d5dae0", "#b8c0c8", "#a3acb5", "#7f8993", "#434b55",
            "#363d46", "#2a3038", "#20252b", "#191d22", "#14171b",
        ],
        "petrol": [
            "#e7f6f8", "#cfe9ed", "#9fd3db", "#6cbcc8", "#45a9b8",
            "#2c94a4", "#177d8d", "#0b6373", "#084f5d", "#053b46",
        ],
    },
    "fontFamily": "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif",
    "fontFamilyMonospace": "ui-monospace, 'DejaVu Sans Mono', Consolas, monospace",
    "headings": {
        "fontWeight": "650",
        "sizes": {"h1": {"fontSize": "1.6rem"}, "h2": {"fontSize": "1.12rem"}, "h3": {"fontSize": "1rem"}},
    },
    "defaultRadius": "md",
}  # fmt: skip


def layout(services: Any) -> dmc.MantineProvider:
    """The shell around ``dash.page_container``; built for each page load, in the reader's scheme."""
    return dmc.MantineProvider(
        [
            html.A(t("app.skip"), href="#content", className="skip-link"),
            dmc.NotificationContainer(id=ids.NOTIFICATIONS, position="top-right", transitionDuration=0),
            dcc.Store(id=ids.FIGURE_TEMPLATES, data=figure.templates()),
            dcc.Download(id=ids.DOWNLOAD),
            dcc.Store(id=ids.PAGE, data=secrets.token_hex(8)),
            dmc.AppShell(
                [
                    dmc.AppShellHeader(_header(services), className="app-header"),
                    dmc.AppShellNavbar(_navigation(), p="sm", className="app-nav"),
                    dmc.AppShellMain(html.Div(dash.page_container, id="content", tabIndex=-1)),
                ],
                id=ids.SHELL,
                header={"height": 56},
                navbar={"width": 216, "breakpoint": "md", "collapsed": {"mobile": True}},
                padding="lg",
            ),
        ],
        id=ids.PROVIDER,
        theme=THEME,
        forceColorScheme=scheme.current(),
    )


def _header(services: Any) -> html.Div:
    user = services.user()
    account: list[Any] = []
    if services.settings.auth != "none" and user is not None:
        account = [
            html.Span(t("app.user", user=user.name, role=user.role), className="account"),
            html.A(icon("logout"), href=dash.get_relative_path("/logout"), title=t("app.logout"), className="icon-button",
                   **attrs({"aria-label": t("app.logout")})),
        ]  # fmt: skip
    return html.Div(
        [
            html.Div(
                [
                    dmc.Burger(
                        id=ids.BURGER,
                        hiddenFrom="md",
                        size="sm",
                        opened=False,
                        **attrs({"aria-label": t("app.menu")}),
                    ),
                    dcc.Link(
                        [
                            html.Img(src=dash.get_asset_url("favicon.svg"), alt="", width=28, height=28),
                            html.Span(t("app.name"), className="brand-name"),
                        ],
                        href=url.href("home"),
                        className="brand",
                    ),
                ],
                className="header-left",
            ),
            html.Div(
                [
                    *account,
                    html.Button(
                        [icon("moon"), icon("sun")],
                        id=ids.SCHEME_TOGGLE,
                        type="button",
                        className="icon-button scheme-toggle",
                        title=t("app.scheme"),
                        **attrs({"aria-label": t("app.scheme")}),
                    ),
                ],
                className="header-right",
            ),
        ],
        className="header-row",
    )


def _navigation() -> html.Nav:
    groups: list[Any] = []
    shown = [page for page in url.PAGES if page.group]
    for group in dict.fromkeys(page.group for page in shown):
        groups.append(html.Div(t(f"app.nav.group-{group}"), className="nav-group"))
        groups += [
            dmc.NavLink(
                label=t(f"app.nav.{page.key}"),
                href=url.href(page.key),
                leftSection=icon(page.icon, 18),
                active="exact" if page.key == "home" else "partial",
                className="nav-link",
            )
            for page in shown
            if page.group == group
        ]
    return html.Nav(groups, id=ids.NAV, **attrs({"aria-label": t("app.menu")}))


def register(app: dash.Dash) -> None:
    """The shell's own callbacks; all of them run in the browser (assets/functions.js)."""
    app.clientside_callback(
        ClientsideFunction("planner", "toggleScheme"),
        Output(ids.PROVIDER, "forceColorScheme"),
        Input(ids.SCHEME_TOGGLE, "n_clicks"),
        State(ids.PROVIDER, "forceColorScheme"),
        State(ids.FIGURE_TEMPLATES, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("planner", "collapse"),
        Output(ids.SHELL, "navbar"),
        Output(ids.BURGER, "opened"),
        Input(ids.BURGER, "opened"),
        Input(ids.LOCATION, "pathname"),
        State(ids.SHELL, "navbar"),
        prevent_initial_call=True,
    )
