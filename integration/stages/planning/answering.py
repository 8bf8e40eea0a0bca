"""What people's comments call for: an answer to a command, and the proof of a notice that they gave.

`hearing.py` says what was written; here is what follows for the issue.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from integration.stages.model import NEVER, Comment, Person
from integration.stages.moves import rank
from integration.stages.planning.actions import Prove, React, is_beside, why
from integration.stages.planning.living import life
from integration.stages.planning.scene import Scene
from integration.stages.remembered import Intent, Step
from integration.stages.rules.gate import Ask
from integration.stages.texts import words
from integration.stages.texts.markup import Text

_DAY = timedelta(days=1)
NOT_TAKEN = (
    "mistake",
    "anew",
    "which-party",
    "no-later",
    "not-ahead",
    "no-routes",
    "not-of",
    "too-late",
    "not-held",
    "nothing-to-",
)
"""How the answers begin that say why a command was not followed."""


class Answering:
    """Proofs of notice, replies and signs."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def answer(self) -> None:
        """Prove, answer, and give a sign."""
        self._prove()
        self._answer()

    def _prove(self) -> None:
        """Notices whose proof is not written down yet: our own, and those that people gave by a mention."""
        shown = {comment.id: comment for comment in self.scene.issue.comments}
        for intent in self.scene.past.intents.values():
            if intent.step is Step.DONE and intent.intended and intent.comment in shown:
                self._prove_own(intent, shown[intent.comment])
        for comment in self.scene.issue.comments:
            if comment.author.id != self.scene.issue.me.id or self._is_restored(comment):
                self._prove_theirs(comment)

    def _is_restored(self, comment: Comment) -> bool:
        """A notice of our own for the open attempt, of which the ledger has lost whom it told."""
        key = f"block:{self.scene.attempt.id}" if self.scene.attempt else ""
        return (
            key in self.scene.own and self.scene.own[key] is comment and self.scene.past.intents[key].intended is None
        )

    def _prove_own(self, intent: Intent, comment: Comment) -> None:
        assert_of = intent.intended
        if assert_of is None:
            return
        fallback = is_beside(intent.key)
        for number, party in enumerate(assert_of.tells):
            if (comment.id, party) not in self.scene.past.proved:
                named = assert_of.handles[number : number + 1]
                handles = named[0] if named else self.scene.handles(party)
                self.scene.actions.append(
                    Prove(comment, party, handles, assert_of.stage, comment.author, fallback, why(intent.key))
                )

    def _prove_theirs(self, comment: Comment) -> None:
        stage = self.scene.stage_in_play(comment.at)
        if comment.at <= self.scene.since().get(stage, NEVER):
            return
        for party in self.scene.mappings.parties:
            handles = tuple(one for one in self.scene.names(party, comment.at) if one.casefold() in comment.mentions)
            if handles and (comment.id, party) not in self.scene.past.proved:
                self.scene.actions.append(Prove(comment, party, handles, stage, comment.author))

    def _answer(self) -> None:
        for heard in self.scene.past.heard.values():
            if self.scene.now - heard.at > _DAY:
                continue
            if heard.reply:
                self._reply(heard.comment, heard.by, heard.reply.split("\n"))
            sign = f"sign:{heard.comment}"
            if heard.command and sign not in self.scene.past.intents:
                taken = heard.allowed and not heard.reply.startswith(NOT_TAKEN)
                self.scene.actions.append(React(sign, heard.comment, "+1" if taken else "confused"))

    def _reply(self, comment: str, by: Person, replies: Sequence[str]) -> None:
        self.scene.say(f"reply:{comment}", lambda: self._answer_to(by, replies))

    def _answer_to(self, by: Person, replies: Sequence[str]) -> Text:
        voice = self.scene.voice(askers=self.scene.attempt.askers if self.scene.attempt else frozenset())
        shown: dict[str, Text] = {}
        for reply in replies:
            if reply == "status":
                shown[reply] = words.status(voice, life(self.scene))
            elif reply.startswith("check:"):
                shown[reply] = self._check(voice, reply.partition(":")[2], by)
        return words.answer(voice, by.handle, replies, shown)

    def _check(self, voice: words.Voice, stage: str, by: Person) -> Text:
        here = self.scene.track.stage if self.scene.track else None
        verdict = self.scene.judge(Ask(here, stage, self.scene.now), frozenset({by.id}))
        return words.checked(voice, stage, verdict, rank(stage, self.scene.stages) > rank(here, self.scene.stages))
