"""Commands about mappings.yaml, so that an admin is sure of what it says and does before it is in force."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from integration.cli.asking import environment, settings_from


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def check(file: Path | None) -> None:
    """Check FILE (default: the one that MAPPINGS names) and print every fault with its line and its mending.

    Exit code 0: it is sound. 1: it has faults, which are printed.
    """
    from integration.check import check as check_file

    environ = environment()
    lines, sound = check_file(file or settings_from(environ).mappings, environ)
    for line in lines:
        click.echo(line)
    sys.exit(0 if sound else 1)


COMMANDS = (check,)
