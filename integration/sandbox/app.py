"""The whole sandbox as one Flask application: both trackers' interfaces, their pages, and the panel that they share."""

from __future__ import annotations

import threading

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.routing import Map, Rule, RuleFactory

from integration.sandbox import github_pages, panel
from integration.sandbox.github_api import GitHubApi
from integration.sandbox.github_manifest import manifest_pages
from integration.sandbox.github_oauth import oauth_pages
from integration.sandbox.jira import blueprint as jira
from integration.sandbox.openid import openid_pages
from integration.sandbox.world import World


class _AsWritten(DefaultJSONProvider):
    """Keeps the order of the keys, as the trackers do."""

    sort_keys = False


class _Streets(Map):
    """The addresses of every world, drawn once in a process: that takes longer than all the rest of a sandbox."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn: set[tuple[str, object, frozenset[str]]] = set()
        self._drawing = threading.Lock()

    def add(self, rulefactory: RuleFactory) -> None:
        """Add what is not there yet; which view answers, each application knows by itself."""
        with self._drawing:
            for rule in rulefactory.get_rules(self):
                if (street := _name(rule)) not in self._drawn:
                    super().add(rule)
                    self._drawn.add(street)


def _name(rule: Rule) -> tuple[str, object, frozenset[str]]:
    return rule.rule, rule.endpoint, frozenset(rule.methods or ())


_STREETS = _Streets()


def create_app(world: World) -> Flask:
    """One world, ready to be served."""
    app = Flask(__name__, static_folder=None)
    app.url_map = _STREETS
    app.static_folder = "static"
    app.add_url_rule("/static/<path:filename>", "static", app.send_static_file)
    app.json = _AsWritten(app)
    app.register_blueprint(GitHubApi(world).blueprint, url_prefix="/api/v3")
    app.register_blueprint(manifest_pages(world))
    app.register_blueprint(oauth_pages(world))
    app.register_blueprint(openid_pages(world), url_prefix="/openid")
    app.register_blueprint(github_pages.blueprint(world), url_prefix="/github")
    app.register_blueprint(panel.blueprint(world))
    app.register_blueprint(jira(world), url_prefix="/jira")
    return app
