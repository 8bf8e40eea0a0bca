"""An invented organisation's last months in an empty ledger, to look at pages with."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from integration.cli.asking import environment, for_people, settings_from


class Moment(click.ParamType[datetime]):
    """A moment as ISO 8601 writes it; without a zone it is UTC."""

    name = "iso"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> datetime:
        """As a time."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write it as 2026-11-30T15:00", param, context)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


@click.command()
@click.option("--features", type=click.IntRange(1, 100_000), default=120, show_default=True, help="So many.")
@click.option("--months", type=click.IntRange(4, 24), default=6, show_default=True, help="So far back.")
@click.option("--seed", "dice", type=int, default=1, show_default=True, help="Another number, another world.")
@click.option("--now", type=Moment(), default=None, metavar="ISO", help="The moment up to which it goes; default: now.")
@click.option("--into", metavar="URL", help="The ledger; default: the one that DATABASE_URL names.")
@click.option("--rules", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the rules of that world there too, to start the service with.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="All that is known of it, for machines.")
def seed(
    features: int, months: int, dice: int, now: datetime | None, into: str | None, rules: Path | None, as_json: bool
) -> None:
    """Fill an EMPTY ledger with an invented organisation's last months, to try pages and reports on.

    What people did is made up; what the service said, decided and did about it is decided by its own rooms. Prints how
    many features stand where, what has escaped, and how quickly parties answered: as the script knows it. Asks no
    tracker, and refuses a ledger that has features.
    """
    from integration.seed.seeding import fill
    from integration.seed.telling import World

    world = World(features, months, dice, now or datetime.now(UTC).replace(microsecond=0))
    url = into or settings_from(environment()).database_url
    watched = sys.stderr.isatty()
    with click.progressbar(length=features, label="Stories told", file=sys.stderr, hidden=not watched) as bar:
        truth = for_people(lambda: fill(url, world, bar.update))
    if rules:
        for_people(lambda: rules.write_text(world.eras.texts[-1], "utf-8"))
    if as_json:
        click.echo(json.dumps(truth.as_values(), indent=2))
        return
    click.echo(f"{features} features, from {months} months up to {world.now:%Y-%m-%d %H:%M} UTC:")
    for line in truth.lines(world.eras.files[-1].stages.items()):
        click.echo(line)


COMMANDS = (seed,)
