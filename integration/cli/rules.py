"""Commands about mappings.yaml, so that an admin is sure of what it says and does before it is in force."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from integration.cli.asking import Since, environment, for_people, hush, settings_from, wait_for

if TYPE_CHECKING:
    from integration.live.findings import Findings


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--repository-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Check a repository's .github/release-stages.yaml against FILE, as it would be taken there.",
)
@click.option("--live", is_flag=True, help="Compare it with the trackers, too; nothing is written there.")
@click.option("--json", "as_json", is_flag=True, help="The same for machines.")
def check(file: Path | None, repository_file: Path | None, live: bool, as_json: bool) -> None:
    """Check FILE (default: the one that MAPPINGS names) and print every fault with its line and its mending.

    With --live also whether the repositories, projects, labels, statuses, teams and people that it names are there,
    whether a mention reaches them, which permissions we were granted, whether a way leads back from each guarded
    status, and whether webhooks lead here and arrive.

    Exit code 0: it is sound; there may be warnings. 1: there are faults, which are printed. 2: the environment makes no
    sense, so that no tracker can be asked.
    """
    if live or as_json:
        found = _compared(file, live)
        for line in [found.as_json()] if as_json else found.lines():
            click.echo(line)
        sys.exit(0 if found.is_sound else 1)
    from integration import check as checking

    environ = environment()
    path = file or settings_from(environ).mappings
    if repository_file:
        lines, sound = checking.check_additions(repository_file, path)
    else:
        lines, mappings = checking.check(path, environ)
        sound = mappings is not None
    for line in lines:
        click.echo(line)
    sys.exit(0 if sound else 1)


def _compared(file: Path | None, live: bool) -> Findings:
    """The findings; without `live` those of the file alone."""
    environ = environment()
    from integration.live.checking import Check, of_file

    if not live:
        return of_file(file or settings_from(environ).mappings, environ)
    hush()
    settings = settings_from(environ)
    from integration.look import trackers_of
    from integration.memory.inbox import Away, Inbox

    try:
        arrived = Inbox.connect(settings.redis_url).last_deliveries()
    except Away:
        arrived = None
    trackers = for_people(lambda: trackers_of(settings))
    return Check(settings, trackers, environ, arrived, wait_for, file=file or settings.mappings).run()


@click.command()
@click.option("--since", type=Since(), metavar="TIME",
              help="Count from then on: 90d, 26w, 6m, a date; default: as long as the rule has stood so.")  # fmt: skip
@click.option("--rule", "name", default="", metavar="NAME", help="One rule, with the moves behind its figures.")
@click.option("--json", "as_json", is_flag=True, help="All of it, for machines.")
def rules(since: datetime | None, name: str, as_json: bool) -> None:
    """Tell how each rule fares: what it stopped or would have, and what became of that; and which may be raised.

    By what the ledger has of each verdict; no tracker is asked. A rule with `raise_after` that has observed or warned
    for so long is proposed to be raised, with the line of mappings.yaml to change, or it says what speaks against it.
    Nothing is changed. docs/rules.md (Raising a level) says what counts.
    """
    hush()
    settings = settings_from(environment())
    from integration.health import writing
    from integration.health.command import Asked

    asked = for_people(lambda: Asked.of(settings, since, name, datetime.now(UTC)))
    found, mappings, now = asked.found, asked.mappings, asked.now
    if as_json:
        click.echo(writing.as_json(found))
        return
    for line in writing.details(found[0], mappings, now) if name else writing.lines(found, now):
        click.echo(line)


COMMANDS = (check, rules)
