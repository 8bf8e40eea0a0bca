"""The sandbox's small Jira: its REST interface, its pages, and the issues that a new site starts with."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint

from integration.sandbox.jira_pages import pages
from integration.sandbox.jira_rest import rest, webhooks
from integration.sandbox.jira_state import JiraSaysNo, JiraState
from integration.sandbox.jira_workflow import HELP_PAGE, NOTES, REASON
from integration.sandbox.people import now
from integration.sandbox.world import World

__all__ = ["HELP_PAGE", "NOTES", "REASON", "JiraSaysNo", "JiraState", "blueprint", "seed"]


def blueprint(world: World) -> Blueprint:
    """The whole site, to be mounted at /jira. Faults strike its REST interfaces, not its pages."""
    site = Blueprint("jira", __name__, template_folder="templates")
    site.register_blueprint(rest(world.jira))
    for routes in webhooks(world.jira):
        site.register_blueprint(routes)
    site.register_blueprint(pages(world.jira))
    return site


def seed(world: World) -> None:
    """A few features in various stages, with a believable past."""
    jira, today = world.jira, now()
    for summary, description, by, path in _FEATURES:
        age = 1.0 + 3 * len(path)
        key = jira.create_issue("APP", summary, by, description, at=today - timedelta(days=age))
        for status in path:
            age -= 3
            jira.transition(key, status, by, at=today - timedelta(days=age))
    jira.set_labels("APP-2", ["feature", "mobile"], "evan", at=today - timedelta(days=2))
    jira.comment("APP-2", "The beta group likes it. Help page is being written.", "dora", at=today - timedelta(days=1))
    jira.create_issue(
        "ONE", "Switch to the new sign-in page", "evan", _BRIEF, status="Beta", at=today - timedelta(days=9)
    )
    jira.create_issue(
        "GUARD", "Rename plans in the price list", "erin", _BRIEF, status="Beta", at=today - timedelta(days=5)
    )


_BRIEF = """h3. What changes
Customers see it the next time they sign in.

h3. Who is affected
Everybody on a paid plan.

h3. Known limits
* none that we know of

h3. How to undo
Turn the switch off; nothing is lost.
"""
_FEATURES = (
    ("Export invoices as CSV", _BRIEF, "erin", ("In Progress", "In Review", "Internal", "Beta")),
    ("Dark mode for the mobile app", _BRIEF, "evan", ("In Progress", "Internal", "Beta")),
    ("Search that forgives typos", _BRIEF, "erin", ("In Progress", "In Review")),
    ("Weekly summary by mail", "", "evan", ("In Progress", "Internal")),
    ("Share a dashboard by link", "", "erin", ()),
)
