"""What shows the stages, compared with what a tracker has: labels of repositories, statuses of projects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from integration.live.findings import Findings, near, some
from integration.stages.file.named import Name, Signs

Present = Mapping[str, frozenset[str]]
"""Of each place the names and ids that are there, in small letters."""


def compare(found: Findings, signs: Signs, present: Present, shown: Sequence[str], kind: str) -> None:
    """Each name of a source with the places that it covers; `shown` are the names as people write them."""
    if not present:
        return
    for names in signs.values():
        for name in names:
            lacking = [place for place, there in present.items() if name.text.casefold() not in there]
            if len(lacking) == len(present):
                cause = f'{_nowhere(present, kind)} "{name}", so that nothing shows this stage by it'
                found.fault(name, cause, near(name.text, shown, f"make the {kind}, or write one that is there"))
            elif lacking:
                cause = f'the {kind} "{name}" is missing in {some(lacking)}: no move to its stage can be made there'
                made = "`release-stages labels sync` makes it there" if kind == "label" else "make the status there"
                found.warning(name, cause, f"{made}, unless the stage is never used there")


def _nowhere(present: Present, kind: str) -> str:
    only = next(iter(present)) if len(present) == 1 else ""
    return (
        f"{only} has no {kind}" if only else f"none of the {len(present)} places that this source covers has a {kind}"
    )


def looked_at(found: Findings, names: Iterable[Name], present: Present, shown: Sequence[str]) -> None:
    """Labels that rules look at: one that is nowhere is never on any issue."""
    there = frozenset(one for found_there in present.values() for one in found_there)
    for name in names:
        if present and name.text.casefold() not in there:
            cause = f'a rule looks at the label "{name}", which no repository has: it is never on an issue'
            found.warning(name, cause, near(name.text, shown, "make it there, or take it out of the rule"))
