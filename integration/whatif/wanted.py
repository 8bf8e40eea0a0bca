"""What a what-if is asked for: two files, a time, and which places. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from integration.stages.file.mappings import Mappings, Source, at
from integration.stages.model import Ref
from integration.stages.replay.comparing import Span

Where = tuple[str, str]
"""A tracker and its site."""


class NothingToDo(Exception):
    """The question has no answer; the message says why, and what to ask instead."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files are compared, and over what; `old` None: with no rules at all.

    `repositories` and `projects` are names or patterns. Where only one kind is given, the other tracker is left out.
    """

    new: Mappings
    old: Mappings | None
    span: Span
    repositories: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Mappings, ...]:
        """The new one, and the old one where there is one."""
        return (self.new, self.old) if self.old else (self.new,)

    def covers(self, ref: Ref, is_pull_request: bool = False) -> bool:
        """Is the issue one that either file has to do with, in a place that is asked for?"""
        return self._is_asked_for(ref) and any(at(one, ref, is_pull_request) for one in self.files)

    def _is_asked_for(self, ref: Ref) -> bool:
        if not self.repositories and not self.projects:
            return True
        if ref.tracker == "github":
            return any(_fits(ref.place, one) for one in self.repositories)
        return any(_fits(f"{ref.site}/{ref.place}" if "/" in one else ref.place, one) for one in self.projects)

    def sources(self, *files: Mappings) -> Iterator[tuple[Where, Source]]:
        """The sources of these files, or of both, on the trackers that are asked for."""
        every = not self.repositories and not self.projects
        for source in (one for file in files or self.files for one in file.sources):
            if every or (self.repositories if source.github else self.projects):
                yield (("github", "") if source.jira is None else ("jira", source.jira.site.casefold())), source

    def trackers(self, there: Iterable[Where]) -> list[Where]:
        """Those of the trackers that are configured here that this is about."""
        named = {where for where, _ in self.sources()}
        return [one for one in there if (one[0], one[1].casefold()) in named]

    def unread(self, there: Iterable[Where]) -> list[str]:
        """The trackers that this is about and that are not configured here, in words."""
        known = {(tracker, site.casefold()) for tracker, site in there}
        missing = dict.fromkeys(where for where, _ in self.sources() if where not in known)
        return [f"Jira ({site})" if site else "GitHub" for _, site in missing]

    def patterns(self, where: Where) -> tuple[str, ...]:
        """The places to look for there: those of the files; those that are asked for, where they are plain names."""
        named = [source for here, source in self.sources() if here == (where[0], where[1].casefold())]
        known = list(dict.fromkeys(place for one in named for place in _places(one)))
        asked = self.repositories if where[0] == "github" else [one.rpartition("/")[2] for one in self.projects]
        if not asked or any(set(one) & set("*?[") for one in asked):
            return tuple(known)
        return tuple(one for one in dict.fromkeys(asked) if any(_fits(one, place) for place in known))


def _places(source: Source) -> tuple[str, ...]:
    if source.github:
        return source.github.repositories
    return source.jira.projects if source.jira else ()


def _fits(place: str, pattern: str) -> bool:
    return fnmatchcase(place.casefold(), pattern.casefold())


def place_name(tracker: str, site: str, place: str) -> str:
    """A place as the store and people call it: `github:acme/app`, `jira:main/APP`."""
    return f"{tracker}:{site}/{place}" if site else f"{tracker}:{place}"


def fits_place(place: tuple[str, str, str], where: Where, patterns: Iterable[str]) -> bool:
    """Is it one of the places that a source on that tracker names?"""
    tracker, site, name = place
    return (tracker, site.casefold()) == where and any(_fits(name, one) for one in patterns)
