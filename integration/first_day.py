"""The first day: what the trackers have, and the first mappings.yaml that is made of it. Reads, and writes one file."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from integration.live.findings import near
from integration.stages.file.mappings import Mappings, read
from integration.stages.file.matching import by_stage, parties_of
from integration.stages.file.proposed import Basis, OnJira, proposed
from integration.trackers import Refused
from integration.trackers.world import World

_MOST_READ = 50  # repositories whose labels are read: in an organisation they are much alike


class NotThere(Exception):
    """What was named is not at the tracker; the message says what is."""


class InTheWay(Exception):
    """There is a file already, and nobody has said that it may be overwritten."""


@dataclass(slots=True)
class FirstDay:
    """What is asked of the trackers; `jira` by site."""

    github: World | None
    jira: Mapping[str, World] = field(default_factory=dict)
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def repositories(self) -> tuple[str, ...]:
        """Those that our account sees, and in which something can be done."""
        return self._seen("", self.github) if self.github else ()

    def projects(self, site: str) -> tuple[str, ...]:
        """Those of a site that our account may browse. Raises `NotThere` where no such site is configured."""
        if site not in self.jira:
            there = near(site, self.jira, "set JIRA_URL")
            raise NotThere(f'no Jira site "{site}" is configured in the environment; {there}')
        return self._seen(site, self.jira[site])

    def _seen(self, at: str, world: World) -> tuple[str, ...]:
        if at not in self.seen:
            self.seen[at] = tuple(one.name for one in world.places() if not one.asleep)
        return self.seen[at]

    def usual(self) -> tuple[str, ...]:
        """All repositories, as few patterns: one for each owner."""
        return tuple(dict.fromkeys(f"{one.partition('/')[0]}/*" for one in self.repositories()))

    # --- what there is in them ------------------------------------------------------------------------------------

    def basis(self, repositories: Sequence[str], projects: Mapping[str, Sequence[str]], today: date) -> Basis:
        """What the file can be made of. Raises `NotThere` for a name that is at no tracker."""
        made = Basis(today)
        if repositories:
            made = self._of_github(made, repositories)
        for site, keys in projects.items():
            made = self._of_jira(made, site, keys)
        return made

    def _of_github(self, basis: Basis, repositories: Sequence[str]) -> Basis:
        places = [one for pattern in repositories for one in self._fitting(pattern, self.repositories(), "repository")]
        labels: dict[str, None] = {}
        for place in list(dict.fromkeys(places))[:_MOST_READ]:
            labels |= dict.fromkeys(one.name for one in self.github.signs(place)) if self.github else {}
        owners = {place.partition("/")[0]: place for place in reversed(places)}
        teams = [team for place in owners.values() for team in self._teams(self.github, place)]
        return replace(basis, repositories=tuple(repositories), labels=by_stage(labels), teams=parties_of(teams))

    def _of_jira(self, basis: Basis, site: str, keys: Sequence[str]) -> Basis:
        projects = [one for pattern in keys for one in self._fitting(pattern, self.projects(site), "project")]
        statuses: dict[str, None] = {}
        for place in dict.fromkeys(projects):
            statuses |= dict.fromkeys(one.name for one in self.jira[site].signs(place))
        staged = by_stage(statuses)
        taken = {name for names in staged.values() for name in names}
        found = OnJira(site, tuple(keys), staged, tuple(one for one in statuses if one not in taken))
        groups = parties_of(self._teams(self.jira[site], projects[0])) | dict(basis.groups)
        return replace(basis, jira=(*basis.jira, found), groups=groups)

    @staticmethod
    def _fitting(pattern: str, names: Sequence[str], kind: str) -> Iterable[str]:
        fit = [one for one in names if fnmatchcase(one.casefold(), pattern.casefold())]
        if not fit:
            there = near(pattern, names, "give our account access")
            raise NotThere(f'our account sees no {kind} "{pattern}"; {there}')
        return fit

    @staticmethod
    def _teams(world: World | None, place: str) -> tuple[str, ...]:
        """Teams or groups; none where we may not know: then nobody is guessed."""
        try:
            return world.teams(place) if world else ()
        except Refused:
            return ()


def write(basis: Basis, path: Path, overwrite: bool = False) -> Mappings:
    """Write the file, once it reads as the service will have it. Raises `InTheWay`, and `Faulty`."""
    text = proposed(basis)
    mappings = read(text, path.name)
    if overwrite:
        _replace(path.resolve(), text)
        return mappings
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InTheWay(f"{path} is there by now; --overwrite replaces it, --output names another") from None
    return mappings


def _replace(path: Path, text: str) -> None:
    """The old file stays until the new one is whole: somebody judges by it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
