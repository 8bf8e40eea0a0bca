"""`release-stages`: the one command. Everything is imported where it is used, so that `--help` answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from integration import failed as failing
    from integration.settings import Settings

Answer = TypeVar("Answer")

# How granian serves the web: no more than one process, whose event loop receives; no head of a request that is larger
# than 64 KiB or takes longer than 10 s; and what is under way at a stop has 20 of the 30 s that platforms give.
SERVED = (
    "--interface rsgi --http 1 --no-ws --workers 1 --runtime-mode st "
    "--http1-header-read-timeout 10000 --http1-buffer-size 65536 --workers-kill-timeout 20"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="release-stages", prog_name="release-stages")
def main() -> None:
    """Judge every move of a feature through its release stages, and say so on the issue.

    Everything is set in the environment, or in a file `.env` here; `.env.example` documents each variable.
    """


@main.command()
def run() -> None:
    """Start all of it on this machine: web, workers, clock, and a Redis where none is given.

    Where no tracker is configured, also a small GitHub and a small Jira, to try everything without an account.
    Ctrl-C stops all of it.
    """
    environ = _environ()
    settings = _settings(environ)
    from integration import running

    sys.exit(_for_people(lambda: running.run(settings, environ)))


@main.command()
def web() -> None:
    """Start the web process: it receives webhooks and shows the pages. Listens on HOST and PORT."""
    environ = _environ()
    settings = _settings(environ)
    options = f"{SERVED} --host {settings.host} --port {settings.port} --respawn-failed-workers --log-level error"
    _become(["-m", "granian", *options.split(), "integration.web.server:app"], environ)


@main.command()
def worker() -> None:
    """Start the workers: they read issues, judge moves and answer. WORKERS says how many."""
    environ = _environ()
    _settings(environ)
    _become(["-m", "workers", "worker"], environ)


@main.command()
def clock() -> None:
    """Start the clock: it wakes what time has made due. One is enough; several do no harm."""
    environ = _environ()
    _settings(environ)
    _become(["-m", "workers", "clock"], environ)


@main.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def check(file: Path | None) -> None:
    """Check FILE (default: the one that MAPPINGS names) and print every fault with its line and its mending.

    Exit code 0: it is sound. 1: it has faults, which are printed.
    """
    from integration.check import check as check_file

    environ = _environ()
    lines, sound = check_file(file or _settings(environ).mappings, environ)
    for line in lines:
        click.echo(line)
    sys.exit(0 if sound else 1)


@main.command()
@click.argument("ref")
def explain(ref: str) -> None:
    """Tell why the issue REF stands where it stands, and what would happen next.

    REF is acme/app#12 on GitHub; APP-7, or SITE/APP-7, on Jira.
    """
    settings = _settings(_environ())
    from integration.explain import explain as explain_issue

    click.echo(_for_people(lambda: explain_issue(ref, settings)))


@main.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The same for machines.")
@click.pass_context
def failed(context: click.Context, as_json: bool) -> None:
    """List what could not be done, why, when it is tried again, and the one next step.

    Also what the breaker holds, and jobs in our queue that are none of ours. Exit code 0: nothing is open. 1: something
    is.
    """
    if context.invoked_subcommand:
        return
    from integration import failed as listing

    found = _for_people(lambda: _failures().found())
    for line in [listing.as_json(found)] if as_json else listing.lines(found):
        click.echo(line)
    sys.exit(0 if found.is_well else 1)


@failed.command()
@click.argument("ref")
def retry(ref: str) -> None:
    """Try REF again at once, or `all` that is open.

    REF is acme/app#12 on GitHub; APP-7, or SITE/APP-7, on Jira. Exit code 2: nothing is known to have failed for it.
    """
    from datetime import UTC, datetime

    found = _for_people(lambda: _failures().retry(ref, datetime.now(UTC)))
    click.echo(f"{len(found)} to be tried again: {', '.join(map(str, found))}" if found else "Nothing is open.")


@failed.command()
@click.argument("ref")
@click.option("--because", "why", required=True, metavar="WHY", help="Why; it is kept, with your name.")
def drop(ref: str, why: str) -> None:
    """Do not try REF again, before something new happens to it. REF may also be the id of a job that is none of ours.

    It stays on the list, with who dropped it, and why. Exit code 2: nothing is known to have failed for it.
    """
    _for_people(lambda: _failures().drop(ref, why))
    click.echo(f"{ref} is dropped.")


@failed.command()
@click.argument("cause")
def release(cause: str) -> None:
    """Let go on what the breaker holds for CAUSE: sweep, reload, labels, import.

    It may act as often again before it is held anew. Exit code 2: nothing is held for it.
    """
    found = _for_people(lambda: _failures().release(cause))
    click.echo(f"'{cause}' goes on" + (f", with {len(found)} that waited for it." if found else "."))


def _failures() -> failing.Record:
    settings = _settings(_environ())
    from integration import failed as listing

    return listing.Record.open(settings)


@main.group(invoke_without_command=True)
@click.pass_context
def tables(context: click.Context) -> None:
    """Tell in which version the ledger's tables are, and which releases may work on them. Changes nothing.

    Forward they go by themselves, when a process of a later release starts.
    """
    if context.invoked_subcommand:
        return
    settings = _settings(_environ())
    from integration import upgrades

    for line in _for_people(lambda: list(upgrades.lines(settings))):
        click.echo(line)


@tables.command()
@click.argument("version")
def back(version: str) -> None:
    """Take the ledger's tables back to VERSION, so that an older release can be started again.

    First stop all processes of this release. No decision is lost; lists that the older one does not know are. Exit
    code 2: it cannot be done so, and nothing was changed.
    """
    settings = _settings(_environ())
    from integration import upgrades

    click.echo(_for_people(lambda: upgrades.back(settings, version)))


def _environ() -> dict[str, str]:
    """The environment; what it does not say, the file `.env` here may."""
    kept = Path(".env")
    if not kept.is_file():
        return dict(os.environ)
    from honcho.environ import parse

    return {**parse(kept.read_text()), **os.environ}


def _settings(environ: Mapping[str, str]) -> Settings:
    from integration.settings import Settings

    return _for_people(lambda: Settings.read(environ))


def _for_people(ask: Callable[[], Answer]) -> Answer:
    """Ask; an error that is meant for people becomes its message and exit code 2, without a trace."""
    from integration.settings import Misconfigured

    try:
        return ask()
    except Misconfigured as fault:
        _fail(fault)
    except Exception as error:
        if isinstance(error, _errors_for_people()):
            _fail(error)
        raise


def _errors_for_people() -> tuple[type[Exception], ...]:
    """Looked up only when something went wrong: these modules take their time to import."""
    from integration.failed import Unknown
    from integration.memory.away import Away
    from integration.memory.ledger import LedgerAway, Unreadable
    from integration.running import CannotStart
    from integration.stages.file.mappings import Faulty
    from integration.stages.model import Unnamed
    from integration.trackers import TrackerError
    from integration.upgrades import NoWayBack

    return (Away, CannotStart, Faulty, LedgerAway, NoWayBack, TrackerError, Unknown, Unnamed, Unreadable, OSError)


def _fail(error: Exception) -> NoReturn:
    click.echo(f"release-stages: {error}", err=True)
    sys.exit(2)


def _become(arguments: list[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process: signals then reach the one that works, and `integration` need not import `workers`."""
    os.execve(sys.executable, [sys.executable, *arguments], environ)  # noqa: S606 - no shell is what we want


if __name__ == "__main__":
    main()
