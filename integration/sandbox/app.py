"""The whole sandbox as one Flask application: both trackers' interfaces, their pages, and the panel that they share."""

from __future__ import annotations

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from integration.sandbox import github_pages, panel
from integration.sandbox.github_api import GitHubApi
from integration.sandbox.github_manifest import manifest_pages
from integration.sandbox.jira import blueprint as jira
from integration.sandbox.world import World


class _AsWritten(DefaultJSONProvider):
    """Keeps the order of the keys, as the trackers do."""

    sort_keys = False


def create_app(world: World) -> Flask:
    """One world, ready to be served."""
    app = Flask(__name__)
    app.json = _AsWritten(app)
    app.register_blueprint(GitHubApi(world).blueprint, url_prefix="/api/v3")
    app.register_blueprint(manifest_pages(world))
    app.register_blueprint(github_pages.blueprint(world), url_prefix="/github")
    app.register_blueprint(panel.blueprint(world))
    app.register_blueprint(jira(world), url_prefix="/jira")
    return app
