"""Commands about mappings.yaml, so that an admin is sure of what it says and does before it is in force."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from integration.cli.asking import environment, settings_from


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--repository-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Check a repository's .github/release-stages.yaml against FILE, as it would be taken there.",
)
def check(file: Path | None, repository_file: Path | None) -> None:
    """Check FILE (default: the one that MAPPINGS names) and print every fault with its line and its mending.

    Exit code 0: it is sound. 1: it has faults, which are printed.
    """
    from integration import check as checking

    environ = environment()
    path = file or settings_from(environ).mappings
    if repository_file:
        lines, sound = checking.check_additions(repository_file, path)
    else:
        lines, found = checking.check(path, environ)
        sound = found is not None
    for line in lines:
        click.echo(line)
    sys.exit(0 if sound else 1)


COMMANDS = (check,)
