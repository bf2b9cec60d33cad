"""The web application: a client of planner."""
