"""What would be otherwise: a what-if over real histories before a file is in force."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from integration.cli.asking import Since, environment, for_people, hush, settings_from

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from integration.settings import Settings


class Bars:
    """Progress bars on stderr, where that is a terminal; else nothing."""

    def __init__(self) -> None:
        self._bar: ProgressBar[int] | None = None
        self._shown = sys.stderr.isatty()

    def of(self, what: str, how_many: int) -> None:
        """So many are to come."""
        self.close()
        if self._shown and how_many:
            self._bar = click.progressbar(length=how_many, label=f"{what:<32}", file=sys.stderr, show_pos=True)
            self._bar.__enter__()

    def step(self) -> None:
        """One is done."""
        if self._bar:
            self._bar.update(1)

    def close(self) -> None:
        """The last one is over."""
        if self._bar:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def waits(self, seconds: float, why: str) -> None:
        """A tracker is away, or wants us to wait: say so, and wait."""
        import time

        if seconds >= 2:
            click.echo(f"release-stages: {why}; going on in {round(seconds)} s (Ctrl-C: later, from here)", err=True)
        time.sleep(seconds)


@click.command()
@click.option("--mappings", "new", type=click.Path(path_type=Path, dir_okay=False), metavar="NEW",
              help="The file to try; default: the one that MAPPINGS names.")  # fmt: skip
@click.option("--against", default="", metavar="OLD",
              help="The file to compare it with, or none; default: the one in force, if there is one.")  # fmt: skip
@click.option("--since", type=Since(), default="180d", show_default=True, metavar="TIME",
              help="Report moves since then: 180d, 26w, 6m, 1y, or a date.")  # fmt: skip
@click.option(
    "--repo", "repositories", multiple=True, metavar="R", help="Only this repository, or pattern; again and again."
)
@click.option("--project", "projects", multiple=True, metavar="P",
              help="Only this Jira project (KEY or SITE/KEY); may be repeated.")  # fmt: skip
@click.option("--offline", is_flag=True, help="Ask no tracker; go by what was read before.")
@click.option("--all", "every", is_flag=True, help="Show every move, and not just the newest of each kind.")
@click.option("--json", "form", flag_value="json", help="All of it, for machines.")
@click.option("--markdown", "form", flag_value="markdown", help="A short report for a pull request.")
@click.option("--forget", is_flag=True, help="Throw away the histories that were read; does nothing else.")
def simulate(
    new: Path | None, against: str, since: datetime, repositories: tuple[str, ...], projects: tuple[str, ...],
    offline: bool, every: bool, form: str | None, forget: bool,
) -> None:  # fmt: skip
    """What if the file NEW had been in force? Tells which moves of the last half year would have fared otherwise.

    Reads the histories of issues from the trackers, keeps them, and judges them under both files, as the service would
    have. Writes to no tracker. A second run reads only what has changed; one that is interrupted goes on where it was.
    docs/what-if.md says how to read the report.
    """
    settings = settings_from(environment())
    if forget:
        click.echo(f"{for_people(lambda: _forget(settings))} histories are forgotten.")
        return
    from integration.whatif import writing
    from integration.whatif.simulate import Asked, Simulating

    hush()  # what is written to stdout is the report, and nothing else; what could not be read stands in it
    if not offline:
        _note_without_redis(settings)
    bars = Bars()
    asked = Asked(new or settings.mappings, since, against, repositories, projects, offline)
    try:
        report = for_people(lambda: Simulating.open(settings, offline, bars, bars.waits).run(asked))
    except KeyboardInterrupt:
        bars.close()
        click.echo("release-stages: interrupted; the next run goes on where this one was", err=True)
        sys.exit(130)
    finally:
        bars.close()
    if form == "json":
        click.echo(writing.as_json(report))
    elif form == "markdown":
        click.echo(writing.markdown(report), nl=False)
    else:
        for line in writing.lines(report, every):
            click.echo(line)


def _note_without_redis(settings: Settings) -> None:
    from integration.importing import open_inbox

    if open_inbox(settings.redis_url) is None:
        click.echo("release-stages: Redis does not answer, so nobody counts what the service asks meanwhile", err=True)


def _forget(settings: Settings) -> int:
    from integration.memory.ledger import Ledger

    return Ledger.open(settings.database_url).histories.forget()


COMMANDS = (simulate,)
