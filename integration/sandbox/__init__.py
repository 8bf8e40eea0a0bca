"""A small GitHub and a small Jira over real HTTP, to try everything without an account, and to test with faults."""

from __future__ import annotations

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from integration.sandbox.serving import Served, environment, running, serve
from integration.sandbox.world import World

__all__ = ["Served", "World", "create_app", "environment", "running", "serve"]


class _AsWritten(DefaultJSONProvider):
    """Keeps the order of the keys, as the trackers do."""

    sort_keys = False


def create_app(world: World) -> Flask:
    """The whole sandbox as one Flask application."""
    # Here, because all of them import this package's world.
    from integration.sandbox import github_pages, panel
    from integration.sandbox.github_api import GitHubApi
    from integration.sandbox.jira import blueprint as jira

    app = Flask(__name__)
    app.json = _AsWritten(app)
    app.register_blueprint(GitHubApi(world).blueprint, url_prefix="/api/v3")
    app.register_blueprint(github_pages.blueprint(world), url_prefix="/github")
    app.register_blueprint(panel.blueprint(world))
    app.register_blueprint(jira(world), url_prefix="/jira")
    return app
