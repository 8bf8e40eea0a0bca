"""Who may speak for a party: what mappings.yaml says by itself, and what only the tracker knows."""

from __future__ import annotations

from integration.stages.file.mappings import Mappings
from integration.stages.model import Ref
from integration.stages.planning.hearing import TRIAGE, Doubt
from integration.trackers import Question


def settle(mappings: Mappings, ref: Ref, doubt: Doubt) -> bool | Question:
    """Is this person in that party? Named people need no question to the tracker, and no team is no."""
    if doubt.party == TRIAGE:
        return Question(doubt.person, triage=True)
    party = mappings.parties.get(doubt.party)
    people = party.on(ref.tracker) if party else None
    if people is None:
        return False
    turns = people.rota.people if people.rota else ()
    # lower(), as trackers do: casefold() would take the look-alike ſ for an s
    named = {one.lower() for one in (*people.users, *people.fallback, *turns)}
    if {doubt.person.handle.lower(), doubt.person.id.lower()} & named:
        return True
    question = Question(doubt.person, getattr(people, "team", None) or "", getattr(people, "group", None) or "")
    return question if question.team or question.group else False
