"""Commands about mappings.yaml, so that an admin is sure of what it says and does before it is in force."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from integration.cli.asking import environment, for_people, hush, settings_from, wait_for

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


COMMANDS = (check,)
