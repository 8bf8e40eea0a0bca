"""What every command needs: the environment, the settings, and errors that are said to people."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from integration.settings import Settings
    from integration.setup.steps import Told

Answer = TypeVar("Answer")
_UNITS = {"d": timedelta(days=1), "w": timedelta(weeks=1), "m": timedelta(days=30), "y": timedelta(days=365)}
LONGEST_WAIT = 3700.0  # seconds: an hour's requests are counted anew within that time


def environment() -> dict[str, str]:
    """The environment; what it does not say, the file `.env` here may."""
    kept = Path(".env")
    if not kept.is_file():
        return dict(os.environ)
    from integration.setup import dotenv

    return {**for_people(lambda: dotenv.variables(kept)), **os.environ}


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
    from integration.first_day import InTheWay, NotThere
    from integration.health.command import NoSuchRule
    from integration.importing import Stopped
    from integration.memory.away import Away
    from integration.memory.ledger import LedgerAway, Unreadable
    from integration.running import CannotStart
    from integration.seed.seeding import NotEmpty
    from integration.setup.dotenv import Unclear
    from integration.setup.registering import SetupFailed
    from integration.stages.file.mappings import Faulty
    from integration.stages.model import Unnamed
    from integration.trackers import TrackerError
    from integration.upgrades import NoWayBack
    from integration.whatif.wanted import NothingToDo

    nothing = (
        InTheWay, NoSuchRule, NothingToDo, NotEmpty, NotThere, NoWayBack, SetupFailed, Stopped, Unclear, Unknown
    )  # fmt: skip
    return (*nothing, Away, CannotStart, Faulty, LedgerAway, TrackerError, Unnamed, Unreadable, OSError)


def hush() -> None:
    """Let what we say to people stand alone: of the log only errors are shown, beside it."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def wait_for(again: datetime | None) -> bool:
    """Wait until a tracker may be asked again, and say so; False where it did not say when, or in no near future."""
    seconds = (again - datetime.now(UTC)).total_seconds() if again else LONGEST_WAIT + 1
    if seconds > LONGEST_WAIT:
        return False
    if seconds > 5:
        click.echo(f"The tracker asks us to wait; going on at {again:%H:%M:%S} UTC.", err=True)
    time.sleep(max(seconds, 0.0))
    return True


def keep(values: Mapping[str, str]) -> None:
    """Into `.env`, for this account alone."""
    from integration.setup import dotenv

    if values:
        for_people(lambda: dotenv.keep(dotenv.HERE, values))
        click.echo(f"  kept    {', '.join(values)} in .env (mode 600)")


def show(told: Iterable[Told]) -> bool:
    """Say each line as it comes; whether something failed."""
    failed = False
    for one in told:
        click.echo(one.line)
        failed = failed or one.failed
    return failed


def fail(error: Exception) -> NoReturn:
    """Say it, and end with exit code 2."""
    click.echo(f"release-stages: {error}", err=True)
    sys.exit(2)


class Since(click.ParamType[datetime]):
    """So long ago (`180d`, `26w`, `6m`, `1y`), or a date."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> datetime:
        """As a time."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip().lower()
        try:
            if text[-1:] in _UNITS and text[:-1].isdecimal():
                since = datetime.now(UTC) - int(text[:-1]) * _UNITS[text[-1]]
            else:
                since = datetime.combine(datetime.fromisoformat(text).date(), datetime.min.time(), UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write 180d, 26w, 6m, 1y, or a date such as 2026-06-01", param, context)
        if since > datetime.now(UTC):
            self.fail(f"{value!r} is still to come; name a day that is over", param, context)
        return since
