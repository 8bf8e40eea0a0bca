"""Requirements of your own: the entry points that are installed beside the service, found and loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

import structlog

from integration.stages import mappings as m
from integration.stages.case import Custom

GROUP = "release_stages.requirements"

log = structlog.get_logger(__name__)


@cache
def installed() -> Mapping[str, Custom]:
    """Every requirement that can be imported, by its name; one that cannot is logged, and is as good as missing."""
    found: dict[str, Custom] = {}
    for point in entry_points(group=GROUP):
        try:
            check = point.load()
        except Exception as wrong:  # whatever somebody else's module does when it is imported
            log.error("a requirement cannot be imported", name=point.name, at=point.value, wrong=type(wrong).__name__)
            continue
        if not callable(check):
            log.error("a requirement is no function", name=point.name, at=point.value)
        elif point.name in found:
            log.error("two packages have a requirement of this name; the first counts", name=point.name, at=point.value)
        else:
            found[point.name] = check
    return MappingProxyType(found)


def missing(mappings: m.Mappings) -> list[str]:
    """The names that the file asks for and that are not installed here, each once."""
    asked = dict.fromkeys(one.name for one in mappings.asked() if isinstance(one, m.Custom))
    return [name for name in asked if name not in installed()] if asked else []
