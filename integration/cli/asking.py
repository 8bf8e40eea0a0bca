"""What every command needs: the environment, the settings, and errors that are said to people."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from integration.settings import Settings

Answer = TypeVar("Answer")


def environment() -> dict[str, str]:
    """The environment; what it does not say, the file `.env` here may."""
    kept = Path(".env")
    if not kept.is_file():
        return dict(os.environ)
    from honcho.environ import parse

    return {**parse(kept.read_text()), **os.environ}


def settings_from(environ: Mapping[str, str]) -> Settings:
    """The settings that this environment makes; where it makes none, what is wrong with it, and exit code 2."""
    from integration.settings import Settings

    return for_people(lambda: Settings.read(environ))


def for_people(ask: Callable[[], Answer]) -> Answer:
    """Ask; an error that is meant for people becomes its message and exit code 2, without a trace."""
    from integration.settings import Misconfigured

    try:
        return ask()
    except Misconfigured as fault:
        fail(fault)
    except Exception as error:
        if isinstance(error, _errors_for_people()):
            fail(error)
        raise


def _errors_for_people() -> tuple[type[Exception], ...]:
    """Looked up only when something went wrong: these modules take their time to import."""
    from integration.failed import Unknown
    from integration.memory.away import Away
    from integration.memory.ledger import LedgerAway, Unreadable
    from integration.running import CannotStart
    from integration.setup.registering import SetupFailed
    from integration.stages.file.mappings import Faulty
    from integration.stages.model import Unnamed
    from integration.trackers import TrackerError
    from integration.upgrades import NoWayBack

    ours = (Away, CannotStart, Faulty, LedgerAway, NoWayBack, SetupFailed, TrackerError, Unknown, Unnamed, Unreadable)
    return (*ours, OSError)


def fail(error: Exception) -> NoReturn:
    """Say it, and end with exit code 2."""
    click.echo(f"release-stages: {error}", err=True)
    sys.exit(2)
