"""What the web server loads: `granian --interface rsgi integration.web.server:app`. Builds all from the environment.

A Redis or a ledger that is away does not keep it from starting: /readyz says so, and webhooks get a 503. What only
/readyz needs (the ledger's library, the reader of mappings.yaml) is imported when it is first asked, as it takes longer
than all the rest.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from flask import Blueprint

from integration import logs
from integration.memory.inbox import Inbox
from integration.settings import Settings
from integration.web.app import create_app
from integration.web.entrance.parties import AskedLater, Parties
from integration.web.front import Front
from integration.web.receiving import Receiving
from integration.web.standing import Ready
from integration.web.together import Together


def create_front(
    settings: Settings,
    inbox: Inbox,
    ready: Ready,
    tell: Callable[..., None] | None = None,
    set_up: Blueprint | None = None,
    parties: Parties | None = None,
) -> Front:
    """All of the web. `ready` says of the ledger and the mappings "ok" or what is wrong."""
    return Front(Receiving(settings, Together(inbox).keep, tell), create_app(settings, inbox, ready, set_up, parties))


def build() -> Front:
    """The application that the environment describes. Raises `Misconfigured`."""
    settings = Settings.read(os.environ)
    logs.set_up(settings)

    @cache
    def readiness() -> Ready:
        from integration.web.readiness import Readiness

        return Readiness(settings)

    @cache
    def parties() -> Parties:
        from integration.web.entrance.of_file import InForce, PartiesOfFile

        return PartiesOfFile(InForce(settings))

    told = logs.brief(settings, "integration.web.receiving")
    set_up = set_up_pages(settings, os.environ, Path.cwd())
    inbox = Inbox.connect(settings.redis_url)
    front = create_front(settings, inbox, lambda: readiness()(), told, set_up, AskedLater(parties))
    gc.freeze()  # what is here by now stays: nobody need look through it for what can go
    return front


def set_up_pages(settings: Settings, environ: Mapping[str, str], home: Path) -> Blueprint | None:
    """The pages that set GitHub up; None once an App is configured. `home` has the file `.env`."""
    if settings.github and settings.github.app_id:
        return None
    from integration.web.setup import Wanted, setup

    # Not the settings' own, which are the sandbox's during a trial.
    api_url = (environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
    return setup(Wanted(home, settings.marker_key, api_url, environ.get("PUBLIC_URL", "").rstrip("/")))


def __getattr__(name: str) -> Front:
    """`app`, built when the server asks for it, so that others may import `create_front`."""
    if name != "app":
        raise AttributeError(name)
    return build()
