"""`release-stages`: the one command. Everything is imported where it is used, so that `--help` answers at once."""

from __future__ import annotations

import click

from integration.cli import first_day, issues, keeping, processes, rules, seed, setup, whatif

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="release-stages", prog_name="release-stages")
def main() -> None:
    """Judge every move of a feature through its release stages, and say so on the issue.

    Everything is set in the environment, or in a file `.env` here; `.env.example` documents each variable.
    """


for room in (setup, processes, rules, first_day, whatif, issues, keeping, seed):
    for command in room.COMMANDS:
        main.add_command(command)
