"""Identifiers of components that more than one module speaks of; a page's own ids stand in its module."""

PROVIDER = "provider"
SCHEME_TOGGLE = "scheme-toggle"
SHELL = "shell"
BURGER = "burger"
NAV = "nav"
LOCATION = "_pages_location"  # Dash Pages' own dcc.Location: read it, and write ``search`` to keep view state
NOTIFICATIONS = "notifications"
FIGURE_TEMPLATES = "figure-templates"
DOWNLOAD = "download"
PAGE = "page-load"  # tells one loaded page of the browser from another
