"""Briefings: what each party needs to know of a feature, from the issue's own headings and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from integration.stages.file.mappings import BriefingItem, Mappings
from integration.stages.model import Issue
from integration.stages.rules.sections import cut, field_of, is_filled, section
from integration.stages.texts.markup import Block, Bold, Item, Items, Paragraph, Quoted

USUAL = ("What changes", "Who is affected", "Known limits", "Help page", "How to undo")
"""What a party without a briefing of its own is told, as far as it is there."""

LONGEST = 280


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a briefing. `text` is empty where nobody has filled it in."""

    title: str
    text: str


def items(party: str, issue: Issue, mappings: Mappings, asker: str) -> tuple[Line, ...]:
    """Every line of the party's briefing, what is missing as well."""
    asked = _own(party, mappings) or tuple(BriefingItem(title=title) for title in USUAL)
    return tuple(Line(one.title, _brief(_text(one, issue, asker))) for one in asked)


def briefing(
    readers: Sequence[str], issue: Issue, mappings: Mappings, asker: str, name_of: Callable[[str], str]
) -> tuple[Block, ...]:
    """The briefing of all readers in one: what is for all of them first, then for each what only they need.

    A reader with a briefing of its own sees what is missing, too.
    """
    if not readers:
        return ()
    lines = {reader: _shown(reader, issue, mappings, asker) for reader in readers}
    for_all = [line for line in next(iter(lines.values())) if all(line in theirs for theirs in lines.values())]
    feature = Item((Bold("Feature:"), " ", Quoted(issue.title)))
    blocks: list[Block] = [Items((feature, *_items(for_all)))]
    told = set(for_all)
    for reader, theirs in lines.items():
        if new := [line for line in theirs if line not in told]:
            blocks += [Paragraph((Bold(f"For {name_of(reader)}"),)), Items(tuple(_items(new)))]
            told.update(new)
    return tuple(blocks)


def _own(party: str, mappings: Mappings) -> tuple[BriefingItem, ...]:
    known = mappings.parties.get(party)
    return known.briefing if known else ()


def _shown(party: str, issue: Issue, mappings: Mappings, asker: str) -> list[Line]:
    found = dict.fromkeys(items(party, issue, mappings, asker))
    return [line for line in found if line.text or _own(party, mappings)]


def _items(lines: Iterable[Line]) -> Iterable[Item]:
    for line in lines:
        if line.text:
            yield Item((Bold(f"{line.title}:"), " ", Quoted(line.text)))
        else:
            yield Item((Bold(f"{line.title}:"), " not filled in yet"))


def _text(asked: BriefingItem, issue: Issue, asker: str) -> str:
    """A field, else a heading, else whoever asked; what says no more than TBD is as good as nothing."""
    places = (field_of(issue, asked.field or ""), field_of(issue, asked.title), section(issue.body, asked.heading))
    found = next((text for text in places if text and is_filled(text)), "")
    return found or (asker if asked.otherwise == "asker" else "")


def _brief(text: str) -> str:
    return cut(" ".join(text.split()), LONGEST)
