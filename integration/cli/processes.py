"""Commands that start processes: all of them, or one."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from integration.cli.asking import environment, for_people, settings_from

# How granian serves the web: no more than one process, whose event loop receives; no head of a request that is larger
# than 64 KiB or takes longer than 10 s; and what is under way at a stop has 20 of the 30 s that platforms give.
SERVED = (
    "--interface rsgi --http 1 --no-ws --workers 1 --runtime-mode st "
    "--http1-header-read-timeout 10000 --http1-buffer-size 65536 --workers-kill-timeout 20"
)


@click.command()
def run() -> None:
    """Start all of it on this machine: web, workers, clock, and a Redis where none is given.

    Where no tracker is configured, also a small GitHub and a small Jira, to try everything without an account.
    Ctrl-C stops all of it.
    """
    environ = environment()
    settings = settings_from(environ)
    from integration import running

    sys.exit(for_people(lambda: running.run(settings, environ)))


@click.command()
def web() -> None:
    """Start the web process: it receives webhooks and shows the pages. Listens on HOST and PORT."""
    environ = environment()
    settings = settings_from(environ)
    options = f"{SERVED} --host {settings.host} --port {settings.port} --respawn-failed-workers --log-level error"
    _become(["-m", "granian", *options.split(), "integration.web.server:app"], environ)


@click.command()
def worker() -> None:
    """Start the workers: they read issues, judge moves and answer. WORKERS says how many."""
    environ = environment()
    settings_from(environ)
    _become(["-m", "workers", "worker"], environ)


@click.command()
def clock() -> None:
    """Start the clock: it wakes what time has made due. One is enough; several do no harm."""
    environ = environment()
    settings_from(environ)
    _become(["-m", "workers", "clock"], environ)


def _become(arguments: list[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process: signals then reach the one that works, and `integration` need not import `workers`."""
    os.execve(sys.executable, [sys.executable, *arguments], environ)  # noqa: S606 - no shell is what we want


COMMANDS = (run, web, worker, clock)
