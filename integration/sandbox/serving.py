"""Serving the sandbox: from a thread for tests, or as the process that `make run` starts beside the service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from werkzeug.serving import BaseWSGIServer

from integration import loopback
from integration.sandbox.app import create_app
from integration.sandbox.demo import play, seed
from integration.sandbox.people import GITHUB_SECRET, JIRA_SECRET, ORG, SERVICE_EMAIL, SERVICE_TOKEN
from integration.sandbox.world import World


@dataclass(frozen=True)
class Served:
    """A sandbox that is being served; `url` is its root."""

    world: World
    url: str
    server: BaseWSGIServer

    @property
    def github_url(self) -> str:
        """What `GITHUB_API_URL` is set to."""
        return f"{self.url}/api/v3"

    @property
    def jira_url(self) -> str:
        """What `JIRA_URL` is set to."""
        return f"{self.url}/jira"


@contextmanager
def running(world: World | None = None, port: int = 0) -> Iterator[Served]:
    """Serve a world from a thread for the length of the block; port 0 takes a free one."""
    world = world or World()
    server = _server(world, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="sandbox-http", daemon=True)
    thread.start()
    try:
        yield Served(world, world.url, server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
        world.close()


def serve(
    port: int,
    hook_url: str = "",
    github_secret: str = GITHUB_SECRET,
    jira_secret: str = JIRA_SECRET,
    demo: bool = True,
    scene: bool = True,
) -> None:
    """Serve a world until the process ends. `hook_url` is the service's root; its two receivers get the webhooks.

    With `demo` the world is seeded, and (with `scene`, too) a short scene is played and told on stdout.
    """
    world = World()
    server = _server(world, port)
    if demo and not scene:
        seed(world)  # before there are webhooks: all of it is long past
    if hook_url:
        root = hook_url.rstrip("/")
        world.hooks.register(f"{root}/webhooks/github", github_secret, "github", place=ORG)
        world.hooks.register(f"{root}/webhooks/jira", jira_secret, "jira")
    if demo and scene:
        play(world, hook_url)
    server.serve_forever()


def environment(url: str) -> dict[str, str]:
    """The environment with which the service finds a sandbox that is served at `url`."""
    return {
        "GITHUB_API_URL": f"{url}/api/v3",
        "GITHUB_TOKEN": SERVICE_TOKEN,
        "GITHUB_WEBHOOK_SECRETS": GITHUB_SECRET,
        "JIRA_URL": f"{url}/jira",
        "JIRA_EMAIL": SERVICE_EMAIL,
        "JIRA_API_TOKEN": SERVICE_TOKEN,
        "JIRA_WEBHOOK_SECRETS": JIRA_SECRET,
    }


def _server(world: World, port: int) -> BaseWSGIServer:
    server = loopback.server(create_app(world), port)
    world.url = f"http://{loopback.HOST}:{server.server_port}"
    return server
