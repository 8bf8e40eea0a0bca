"""Commands about what is kept: the ledger's tables, which a release brings up and can take back."""

from __future__ import annotations

import click

from integration.cli.asking import environment, for_people, settings_from


@click.group(invoke_without_command=True)
@click.pass_context
def tables(context: click.Context) -> None:
    """Tell in which version the ledger's tables are, and which releases may work on them. Changes nothing.

    Forward they go by themselves, when a process of a later release starts.
    """
    if context.invoked_subcommand:
        return
    settings = settings_from(environment())
    from integration import upgrades

    for line in for_people(lambda: list(upgrades.lines(settings))):
        click.echo(line)


@tables.command()
@click.argument("version")
def back(version: str) -> None:
    """Take the ledger's tables back to VERSION, so that an older release can be started again.

    First stop all processes of this release. No decision is lost; lists that the older one does not know are. Exit
    code 2: it cannot be done so, and nothing was changed.
    """
    settings = settings_from(environment())
    from integration import upgrades

    click.echo(for_people(lambda: upgrades.back(settings, version)))


COMMANDS = (tables,)
