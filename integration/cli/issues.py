"""Commands about issues: why one stands where it stands, and what could not be done for some."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from integration.cli.asking import environment, for_people, settings_from

if TYPE_CHECKING:
    from integration import failed as failing


@click.command()
@click.argument("ref")
def explain(ref: str) -> None:
    """Tell why the issue REF stands where it stands, and what would happen next.

    REF is acme/app#12 on GitHub; APP-7, or SITE/APP-7, on Jira.
    """
    settings = settings_from(environment())
    from integration.explain import explain as explain_issue

    click.echo(for_people(lambda: explain_issue(ref, settings)))


@click.group(invoke_without_command=True)
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

    found = for_people(lambda: _failures().found())
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

    found = for_people(lambda: _failures().retry(ref, datetime.now(UTC)))
    click.echo(f"{len(found)} to be tried again: {', '.join(map(str, found))}" if found else "Nothing is open.")


@failed.command()
@click.argument("ref")
@click.option("--because", "why", required=True, metavar="WHY", help="Why; it is kept, with your name.")
def drop(ref: str, why: str) -> None:
    """Do not try REF again, before something new happens to it. REF may also be the id of a job that is none of ours.

    It stays on the list, with who dropped it, and why. Exit code 2: nothing is known to have failed for it.
    """
    for_people(lambda: _failures().drop(ref, why))
    click.echo(f"{ref} is dropped.")


@failed.command()
@click.argument("cause")
def release(cause: str) -> None:
    """Let go on what the breaker holds for CAUSE: sweep, reload, labels, import.

    It may act as often again before it is held anew. Exit code 2: nothing is held for it.
    """
    found = for_people(lambda: _failures().release(cause))
    click.echo(f"'{cause}' goes on" + (f", with {len(found)} that waited for it." if found else "."))


def _failures() -> failing.Record:
    settings = settings_from(environment())
    from integration import failed as listing

    return listing.Record.open(settings)


COMMANDS = (explain, failed)
