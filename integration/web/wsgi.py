"""What the web server loads: `granian --interface wsgi integration.web.wsgi:app`. Builds all from the environment.

A Redis or a ledger that is away does not keep it from starting: /readyz says so, and webhooks get a 503.
"""

from __future__ import annotations

import os

from flask import Flask

from integration import logs
from integration.memory.inbox import Inbox
from integration.settings import Settings
from integration.web.app import create_app
from integration.web.readiness import Readiness


def build() -> Flask:
    """The application that the environment describes. Raises `Misconfigured`."""
    settings = Settings.read(os.environ)
    logs.set_up(settings)
    return create_app(settings, Inbox.connect(settings.redis_url), Readiness(settings))


app = build()
