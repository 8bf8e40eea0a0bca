"""Commands of the first day: a first mappings.yaml out of what the trackers have, and the ledger filled from them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from integration.cli.asking import environment, for_people, hush, settings_from, wait_for

if TYPE_CHECKING:
    from integration.first_day import FirstDay
    from integration.importing import Import
    from integration.settings import Settings
    from integration.stages.file.mappings import Mappings
    from integration.stages.file.proposed import Basis
    from integration.stages.model import Ref

_NONE = "-"


@click.command()
@click.option(
    "--github", "repositories", multiple=True, metavar="ORG/REPO", help="A repository, or a pattern: 'acme/*'."
)
@click.option("--jira", "projects", multiple=True, nargs=2, metavar="SITE PROJECT", help="A site (main) and a project.")
@click.option("--yes", is_flag=True, help="Ask nothing: take every proposal.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: the file that MAPPINGS names."
)
@click.option("--overwrite", is_flag=True, help="Replace the file where there is one.")
def init(
    repositories: tuple[str, ...],
    projects: tuple[tuple[str, str], ...],
    yes: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Propose a mappings.yaml out of what the trackers have, fill the ledger, and show today's picture.

    Asks which repositories and projects, which labels and statuses show which stage, and who Support, Growth and Docs
    are; flags answer before it asks. --github and --jira may be given several times; with one of them alone the other
    tracker is left out. Nothing is posted, neither now nor by the file: its rules observe.
    """
    hush()
    environ = environment()
    settings = settings_from(environ)
    target = output or (Path("mappings.yaml") if settings.sandbox and "MAPPINGS" not in environ else settings.mappings)
    overwrite = overwrite or for_people(lambda: _may_write(target, yes))
    day = for_people(lambda: _opened(settings))
    chosen, keys = for_people(lambda: _chosen(day, repositories, projects, yes))
    mappings = for_people(lambda: _written(_found(day, chosen, keys), target, overwrite, yes))
    click.echo(f"\nWrote {target}: {len(mappings.rules)} rules, all of them observe. Nothing is posted by it.")
    if target.resolve() != settings.mappings.resolve():
        click.echo(f"Next: set MAPPINGS={target}; then release-stages import, and release-stages check --live.")
        return
    imported = _imported(settings)
    click.echo("")
    for line in (*imported.tally.lines(), "", *imported.picture().lines()):
        click.echo(line)
    click.echo(
        "\nNext: release-stages check --live; then release-stages run. Raise a level when you like what you see."
    )


@click.command(name="import")
@click.option("--json", "as_json", is_flag=True, help="What was read, and the whole picture, for machines.")
def import_(as_json: bool) -> None:
    """Make the ledger anew from the trackers: every issue that shows a stage is looked at and written down.

    Says and does nothing on any issue. It may run beside the workers; where something is to be said or done, they are
    asked to, and ask you after 20 acts. Interrupted, it goes on where it was when it is run again.

    Exit code 0: all was read. 1: some could not be read. 2: it had to stop, and what was read is kept.
    """
    hush()
    imported = _imported(settings_from(environment()))
    picture, tally = imported.picture(), imported.tally
    if as_json:
        told = {"written": tally.written, "left": tally.left, "known": tally.known, "unread": dict(tally.unread)}
        click.echo(json.dumps(told | picture.as_values(), indent=2, ensure_ascii=False))
    else:
        for line in (*tally.lines(), "", *picture.lines()):
            click.echo(line)
    sys.exit(1 if tally.unread else 0)


def _imported(settings: Settings) -> Import:
    """The whole import, with a bar for whoever watches."""
    from integration.importing import Import, open_inbox
    from integration.look import Desk

    def run() -> Import:
        desk = Desk.open(settings, takes=False)
        imported = Import(desk, open_inbox(settings.redis_url), wait_for)
        _each("Reading issues", imported.listed(), imported.one)
        _each("Once more", imported.once_more(), imported.one)
        imported.finish()
        _each("Looking at the others", imported.unseen(), imported.glance)
        return imported

    try:
        return for_people(run)
    except KeyboardInterrupt:
        click.echo("release-stages: interrupted; what was read is kept, and `import` goes on from there", err=True)
        sys.exit(130)


def _each(label: str, refs: Sequence[Ref], work: Callable[[Ref], None]) -> None:
    """Do it for each; whoever looks at a terminal sees how far it is."""
    watched = bool(refs) and sys.stderr.isatty()
    with click.progressbar(refs, label=label, file=sys.stderr, hidden=not watched, show_pos=True) as bar:
        for ref in bar:
            work(ref)


def _may_write(target: Path, yes: bool) -> bool:
    """May a file that is there be replaced? Raises `InTheWay` before anything else is asked."""
    from integration.first_day import InTheWay

    if not os.access(target.parent, os.W_OK):
        raise InTheWay(f"nothing can be written in {target.parent}: make that folder, or name another with --output")
    if target.exists() and (yes or not click.confirm(f"{target} is there already. Replace it?")):
        raise InTheWay(f"{target} is there already; --overwrite replaces it, --output names another")
    return target.exists()


# --- asking -----------------------------------------------------------------------------------------------------------


def _opened(settings: Settings) -> FirstDay:
    from integration.first_day import FirstDay
    from integration.live.checking import world_of
    from integration.look import trackers_of

    worlds = {place: world_of(tracker) for place, tracker in trackers_of(settings).items()}
    jira = {site: world for (tracker, site), world in worlds.items() if tracker == "jira"}
    return FirstDay(worlds.get(("github", "")), jira)


def _chosen(
    day: FirstDay, repositories: Sequence[str], projects: Sequence[tuple[str, str]], yes: bool
) -> tuple[list[str], dict[str, list[str]]]:
    """The repositories and projects that were named, or are chosen now."""
    keys: dict[str, list[str]] = {}
    for site, key in projects:
        keys.setdefault(site, []).append(key)
    if repositories or projects:
        return list(repositories), keys
    chosen: list[str] = []
    if day.github:
        click.echo(f"GitHub: our account sees {_some(day.repositories(), 'repository', 'repositories')}.")
        chosen = _several("Repositories, or patterns", day.usual(), yes)
    for site in day.jira:
        click.echo(f"Jira ({site}): our account sees {_some(day.projects(site), 'project', 'projects')}.")
        if wanted := _several(f"Projects of {site}", day.projects(site), yes):
            keys[site] = wanted
    return chosen, keys


def _some(names: Sequence[str], one: str, many: str) -> str:
    from integration.live.findings import some

    return f"{len(names)} {one if len(names) == 1 else many}" + (f" ({some(names, 5)})" if names else "")


def _found(day: FirstDay, repositories: Sequence[str], keys: dict[str, list[str]]) -> Basis:
    from datetime import UTC, datetime

    from integration.first_day import NotThere

    if not repositories and not keys:
        raise NotThere("no repository and no project was chosen; there is nothing to make a file of")
    return day.basis(repositories, keys, datetime.now(UTC).date())


def _asked_about(basis: Basis, yes: bool) -> Basis:
    """The guesses as the admin wants them; they are shown, whether or not anything is asked."""
    from integration.stages.file.proposed import NAMES, STAGES

    def signs(guessed: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        asked = {stage: tuple(_several(f"  {name}", guessed.get(stage, ()), yes)) for stage, name in STAGES.items()}
        return {stage: names for stage, names in asked.items() if names}

    if basis.repositories:
        click.echo("Which labels show a stage?")
        basis = replace(basis, labels=signs(basis.labels))
    sites = []
    for one in basis.jira:
        click.echo(f"Which statuses of {', '.join(one.projects)} show a stage?")
        sites.append(replace(one, statuses=signs(one.statuses)))
    basis = replace(basis, jira=tuple(sites))

    def people(called: str, guessed: Mapping[str, str]) -> dict[str, str]:
        click.echo(f"Which {called} are they?")
        asked = {party: _one(f"  {NAMES[party]}", guessed.get(party, ""), yes) for party in NAMES}
        return {party: name for party, name in asked.items() if name}

    if basis.repositories:
        basis = replace(basis, teams=people("teams of GitHub", basis.teams))
    return replace(basis, groups=people("groups of Jira", basis.groups)) if basis.jira else basis


def _several(words: str, guessed: Iterable[str], yes: bool) -> list[str]:
    said = _one(words, ", ".join(guessed), yes)
    return [one.strip() for one in said.split(",") if one.strip()]


def _one(words: str, guessed: str, yes: bool) -> str:
    """What the admin says; Enter takes the guess, a dash nothing."""
    if yes:
        click.echo(f"{words}: {guessed or _NONE}")
        return guessed
    said = str(click.prompt(words, default=guessed or _NONE)).strip()
    return "" if said == _NONE else said


def _written(basis: Basis, target: Path, overwrite: bool, yes: bool) -> Mappings:
    """Ask about the guesses, and once more about answers of which no sound file can be made; then write it."""
    from integration.first_day import write
    from integration.stages.file.mappings import Faulty

    while True:
        basis = _asked_about(basis, yes)
        try:
            return write(basis, target, overwrite)
        except Faulty as wrong:
            if yes:
                raise
            click.echo("\nThat makes no sound file, and nothing was written:")
            for fault in wrong.faults:
                click.echo(f"  {fault.path}: {fault.message}")
            click.echo("Once more; Enter takes what you said before.\n")


COMMANDS = (init, import_)
