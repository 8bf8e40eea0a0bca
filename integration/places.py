"""Where the file says that stages are shown at a tracker, as the lists that sweeps and imports ask for."""

from __future__ import annotations

from collections.abc import Iterator

from integration.stages.file.mappings import Mappings, at
from integration.stages.model import Carrier, Ref


def patterns(mappings: Mappings, tracker: str, site: str = "") -> list[str]:
    """The patterns of repositories or projects that the file's sources name there, each once."""
    found: list[str] = []
    for source in mappings.sources:
        if tracker == "github" and source.github:
            found += source.github.repositories
        elif tracker == "jira" and source.jira and source.jira.site.casefold() == site.casefold():
            found += source.jira.projects
    return list(dict.fromkeys(found))


def carriers(mappings: Mappings, place: Ref) -> Iterator[tuple[Carrier, tuple[str, ...]]]:
    """What shows a stage at a place, list by list: each label by itself, all statuses together."""
    for shown in at(mappings, place, pull_request=False):
        names = [name for each in shown.names.values() for name in each]
        if shown.carrier is Carrier.STATUS:
            yield shown.carrier, tuple(names)
        else:
            yield from ((shown.carrier, (name,)) for name in names)
