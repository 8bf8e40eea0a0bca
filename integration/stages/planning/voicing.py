"""Words that people gave on the pages: said on the issue in their names, and recorded as theirs.

A word is posted like all that we say, once, under a marker; and the marker keeps who said what for whom. So it is the
comment that counts, as it does when people write one themselves: it is recorded when it is found, be the ledger old
or new. That somebody may speak for the party, the door has asked of the tracker when they signed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

from integration.stages.entries import Acknowledged, Approved, AttemptJoined, AttemptOpened, Entry, NeedsWork
from integration.stages.file import mappings as asks
from integration.stages.model import Comment, Person
from integration.stages.planning.hearing import void_it
from integration.stages.planning.scene import Scene
from integration.stages.remembered import Step
from integration.stages.rules.facts import facts_of
from integration.stages.spoken import Became, Settled, Spoken, Word
from integration.stages.texts import given

_KEY = "word:"


class Voicing:
    """Says what was given on the pages, and records what was said."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    # --- what stands on the issue ---

    def record(self) -> None:
        """The words of our own comments that are not in the ledger yet."""
        recorded = {one.comment for one in self.scene.past.evidence if hasattr(one, "comment")}
        for key, comment in self.scene.own.items():
            if key.startswith(_KEY) and comment.id not in recorded:
                one = _read(key, self.scene.kept(comment))
                if one is not None and not self._is_of_another_time(one.at):
                    self.scene.note(self._entry(one, comment))

    def _is_of_another_time(self, at: datetime) -> bool:
        """As with all that was written before the ledger was born: it counts for a request that was handed down."""
        attempt = self.scene.attempt
        return at < self.scene.given.born and (attempt is None or at < attempt.asked_at)

    def _entry(self, one: Spoken, comment: Comment) -> Entry:
        match one.word:
            case "ack":
                return Acknowledged(one.at, one.party, one.stage, one.by, comment.id, comment.url)
            case "needs-work":
                return NeedsWork(one.at, one.party, one.stage, one.by, one.note, comment.id, comment.url)
            case "approve":
                scene = self.scene
                facts = facts_of(scene.issue, void_it(one.party, scene.mappings), scene.mappings)
                if one.at < scene.given.born:  # what the text said then, the lost ledger knew
                    facts = tuple((name, "lost") for name, _ in facts)
                return Approved(one.at, one.party, one.stage, one.by, comment.id, comment.url, facts)

    # --- what is still to be said ---

    def say(self) -> tuple[Settled, ...]:
        """Say what can be said; of the others, what became of them."""
        return tuple(settled for one in self.scene.given.spoken for settled in self._say(one))

    def _say(self, one: Spoken) -> Iterator[Settled]:
        key = f"{_KEY}{one.id}"
        intent = self.scene.past.intents.get(key)
        if intent and intent.step is Step.DONE:
            said = self.scene.own.get(key)
            yield Settled(one.id, Became.RECORDED, url=said.url if said else "")
        elif intent and intent.step is Step.FAILED:
            yield Settled(one.id, Became.REFUSED, f"the tracker did not take the comment: {intent.reason}")
        elif not (intent and intent.step is Step.TRIED) and (why := self._why_not(one)):
            yield Settled(one.id, Became.REFUSED, why)
        else:
            voice = self.scene.voice()
            self.scene.say(key, lambda: given.given(voice, one), one.stage, keeps=_kept(one))

    def _why_not(self, one: Spoken) -> str:
        """Why it cannot count any more; empty where it can."""
        scene = self.scene
        if one.party not in scene.mappings.parties:
            return "the party is not in mappings.yaml any more"
        if self._owes(one):
            return ""
        attempt = scene.attempt
        if attempt is None or attempt.to != one.stage or one.at < attempt.asked_at:
            return "nobody asks for that stage any more"
        if self._asked_for_it(one.by):
            return f"{one.by} asked for it, and nobody answers for what they have asked for themselves"
        if one.word == "approve" and self._is_author(one):
            return f"{one.by} has opened the issue, and a rule asks for somebody else's approval"
        return ""

    def _is_author(self, one: Spoken) -> bool:
        """Has whoever approves opened the issue, where a rule of the party does not let its author approve?"""
        asked = (each for each in self.scene.mappings.asked() if isinstance(each, asks.Approved))
        minds = any(each.party == one.party and each.not_author for each in asked)
        return minds and _alike(one.by, self.scene.issue.author)

    def _owes(self, one: Spoken) -> bool:
        return any(
            (debt.party, debt.stage) == (one.party, one.stage) and one.by.id not in debt.askers
            for debt in self.scene.past.debts
        )

    def _asked_for_it(self, by: Person) -> bool:
        """By id where the tracker's is known, else by handle or name: rather one refusal too many."""
        attempt = self.scene.attempt
        if attempt is None:
            return False
        asking = [entry.by for entry in self.scene.history if isinstance(entry, AttemptOpened | AttemptJoined)
                  and entry.attempt == attempt.id]  # fmt: skip
        return by.id in attempt.askers or any(_alike(by, one) for one in asking)


def _alike(one: Person, other: Person) -> bool:
    """The same id, handle or name: who signs in elsewhere may be known there by another id."""
    first, second = ({name.casefold() for name in (each.handle, each.name) if name} for each in (one, other))
    return one.id == other.id or bool(first & second)


# --- in a marker ------------------------------------------------------------------------------------------------------


def _kept(one: Spoken) -> dict[str, str]:
    return {
        "party": one.party, "stage": one.stage, "word": one.word, "by": one.by.id, "handle": one.by.handle,
        "name": one.by.name, "at": one.at.isoformat(), **({"note": one.note} if one.word == "needs-work" else {}),
    }  # fmt: skip


def _read(key: str, kept: Mapping[str, str]) -> Spoken | None:
    """The word as its marker tells it; None where it tells none."""
    if kept.get("word") not in ("ack", "approve", "needs-work"):
        return None
    by = Person(kept["by"], kept["handle"], kept["name"])
    at, word = datetime.fromisoformat(kept["at"]), cast("Word", kept["word"])
    return Spoken(key.removeprefix(_KEY), kept["party"], kept["stage"], word, by, at, kept.get("note", ""))
