"""The living comment: the one that always tells how it stands, edited in place.

Its marker keeps the open attempt, so that an attempt outlives the loss of the ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from integration.stages.entries import (
    Agreed,
    AttemptJoined,
    AttemptOpened,
    Done,
    Ended,
    Entry,
    Held,
    Intended,
    Outcome,
    Owed,
    Proposed,
    Routed,
)
from integration.stages.file.mappings import Mappings
from integration.stages.file.mappings import at as tracked
from integration.stages.model import Person, Ref
from integration.stages.planning.actions import Edit, Pin, Say, Shift, Tidy
from integration.stages.planning.hearing import ASKED
from integration.stages.planning.scene import UNKNOWN_FOR, Scene
from integration.stages.remembered import Attempt, Remembered, Step
from integration.stages.rules.case import moment
from integration.stages.texts import markers, words
from integration.stages.texts.markup import Mention, Quoted, Text

_LIVING = "living"


class Living:
    """The living comment, written and read."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def restore(self) -> None:
        """An empty ledger over an issue that we know: the living comment tells the open attempt."""
        if self.scene.given.past or _LIVING not in self.scene.own:
            return
        refs = (str(self.scene.issue.ref), *self.scene.past.former)
        marker = markers.read(self.scene.own[_LIVING].token, refs, self.scene.given.marker_key)
        kept = marker.keeps if marker else {}
        if kept.get("held_at"):
            until = datetime.fromisoformat(kept["hold_until"]) if kept["hold_until"] else None
            by = Person(kept["hold_by"], kept["hold_handle"], kept["hold_handle"])
            at = datetime.fromisoformat(kept["held_at"])
            self.scene.note(Held(at, by, kept["hold_why"], kept["hold_comment"], until=until))
        self._restore_agreed(kept)
        if kept.get("attempt"):
            by = Person(kept["by"], kept["handle"], kept.get("name", ""))
            asked_at = datetime.fromisoformat(kept["asked_at"])
            self.scene.note(
                AttemptOpened(
                    self.scene.now, kept["attempt"], kept["source"], kept["was"] or None, kept["to"], by, asked_at
                )
            )
            asks = kept.get("asks", kept["attempt"]).split()
            for ask in asks[1:]:
                self.scene.note(AttemptJoined(self.scene.now, kept["attempt"], ask, kept["to"], by))
            for number, ask in enumerate(one for one in asks if not one.startswith(ASKED)):
                self._restore_put_back(ask, f"put-back:{kept['attempt']}:restored-{number + 1}")
            self.scene.fold()

    def _restore_agreed(self, kept: Mapping[str, str]) -> None:
        """What was settled between people: routes and debts, as the ledger had them."""
        entries: list[Entry] = []
        for at, named, stages, by, handle, origin, comment, url in json.loads(kept.get("routes", "[]")):
            person = Person(by, handle, handle)
            entries.append(
                Proposed(_time(at), named, tuple(stages), person, "text" if origin else "command", comment, url)
            )
        for at, named, party, by, comment in json.loads(kept.get("agreed", "[]")):
            entries.append(Agreed(_time(at), named, party, Person(by, by), comment))
        if kept.get("route"):
            entries.append(Routed(self.scene.now, kept["route_id"], tuple(kept["route"].split())))
        for at, party, stage, by, who, until, approve, comment, url, name, askers in json.loads(
            kept.get("debts", "[]")
        ):
            entries.append(
                Owed(_time(at), party, stage, Person(by, by), who, _time(until) if until else None,
                     "approve" if approve else "ack", comment, url, name, tuple(askers))
            )  # fmt: skip
        self.scene.note(*entries)

    def _restore_put_back(self, ask: str, key: str) -> None:
        """What we did then is ours, although the ledger has lost the intent."""
        if attempt := self.scene.attempt:
            done = Intended(attempt.asked_at, key, "shift", attempt.to, attempt.was, attempt.source, after=ask)
            self.scene.note(done, Done(attempt.asked_at, key))

    def recover(self) -> None:
        """What we find said or done counts so, whether or not we lived to write it down."""
        for key, comment in self.scene.own.items():
            known = self.scene.past.intents.get(key)
            if known is None or known.step in (Step.OPEN, Step.TRIED):
                self.scene.note(Done(self.scene.now, key, comment.id))
        for track in self.scene.tracks.values():
            for key in track.acts:
                if self.scene.past.intents[key].step is Step.TRIED:
                    self.scene.note(Done(self.scene.now, key))

    def keep(self) -> None:
        """Bring it up to date, once nothing is left to be done."""
        if self._another_pass_follows() or not self._has_spoken():
            return
        voice = self.scene.voice(askers=self.scene.attempt.askers if self.scene.attempt else frozenset())
        text = self.scene.fitted(words.living(voice, life(self.scene)))
        keeps = self._keeps()
        token = markers.write(markers.Marker(_LIVING, keeps), self.scene.issue.ref, self.scene.given.marker_key)
        digest = _digest(words.living(voice, replace(life(self.scene), checked="")), keeps)
        intent = self.scene.past.intents.get(_LIVING)
        shown = {comment.id for comment in self.scene.issue.comments}
        here = intent and intent.comment and (intent.comment in shown or self.scene.now - intent.at < UNKNOWN_FOR)
        if intent and intent.step is Step.DONE and here:
            if (pin := f"pin:{intent.comment}") not in self.scene.past.intents:
                self.scene.actions.append(Pin(pin, intent.comment))
            if intent.digest != digest:
                self.scene.actions.append(Edit(_LIVING, intent.comment, text, token, digest))
        elif (intent and intent.step is Step.DONE) or self.scene.may_try(_LIVING):
            self.scene.intend(Intended(self.scene.now, _LIVING, "say"))
            self.scene.actions.append(Say(_LIVING, text, token, digest=digest))

    def _another_pass_follows(self) -> bool:
        """What moves the issue, and what is said before that, comes first: then there is something new to tell."""
        return any(
            isinstance(one, Shift | Tidy) or (isinstance(one, Say) and one.key.startswith("block:"))
            for one in self.scene.actions
        )

    def _has_spoken(self) -> bool:
        """The living comment begins with the first thing that is said about a move."""
        kinds = ("block:", "warn:", "entered:", "standing:", "route:", _LIVING)
        return any(key.startswith(kinds) for key in self.scene.past.intents)

    def _keeps(self) -> dict[str, str]:
        """What must outlive the ledger: the open attempt, and what was settled around it."""
        return _kept(self.scene.past, self.scene.attempt, self.scene.hold, self.scene.text_routes)


@dataclass(frozen=True, slots=True)
class Unseen:
    """An issue that cannot be looked at, and what is known of it all the same."""

    ref: Ref
    past: Remembered
    mappings: Mappings
    stage: str | None  # in which it was seen last,
    checked: datetime  # and when that was
    since: datetime
    now: datetime
    owner: words.Owner
    reason: str = ""


def unseen(one: Unseen, key: bytes) -> Edit | None:
    """Say so in the living comment, where there is one. Without a digest: the next good look writes it anew."""
    intent = one.past.intents.get(_LIVING)
    if intent is None or intent.step is not Step.DONE or not intent.comment or not tracked(one.mappings, one.ref):
        return None
    zone, hold = one.mappings.time_zone, one.past.hold
    name = one.mappings.stages.get(one.stage, one.stage) if one.stage else "In no release stage"
    since, checked = (moment(each, one.now, zone) for each in (one.since, one.checked))
    text = words.unseen(name, since, checked, one.owner, one.reason)
    is_held = hold is not None and (hold.until is None or one.now < hold.until)
    keeps = _kept(one.past, one.past.attempt, hold if is_held else None)
    return Edit(_LIVING, intent.comment, text, markers.write(markers.Marker(_LIVING, keeps), one.ref, key), "")


def _kept(
    past: Remembered, attempt: Attempt | None, hold: Held | None, text_routes: Sequence[Proposed] = ()
) -> dict[str, str]:  # fmt: skip
    kept = _kept_agreed(past, text_routes)
    if hold:
        kept |= {
            "hold_by": hold.by.id,
            "hold_handle": hold.by.handle,
            "hold_why": hold.why,
            "hold_until": hold.until.isoformat() if hold.until else "",
            "held_at": hold.at.isoformat(),
            "hold_comment": hold.comment,
        }
    if attempt:
        kept |= {
            "attempt": attempt.id,
            "source": attempt.source,
            "was": attempt.was or "",
            "to": attempt.to,
            "by": attempt.by.id,
            "handle": attempt.by.handle,
            "name": attempt.by.name,
            "asked_at": attempt.asked_at.isoformat(),
            "asks": " ".join(attempt.asks),
        }
    return kept


def _kept_agreed(past: Remembered, text_routes: Sequence[Proposed]) -> dict[str, str]:
    """Routes and debts: without them a gate would be lost with the ledger, or opened by what it had forgotten."""
    kept = dict[str, str]()
    last = [*text_routes[-1:], *([past.proposed] if past.proposed else [])]
    if routes := sorted(dict.fromkeys(last), key=lambda one: one is past.proposed):
        kept["routes"] = json.dumps([
            [one.at.isoformat(), one.route, one.stages, one.by.id, one.by.handle, one.origin == "text", one.comment,
             one.url] for one in routes
        ])  # fmt: skip
    if past.agreements:
        kept["agreed"] = json.dumps(
            [[one.at.isoformat(), one.route, one.party, one.by.id, one.comment] for one in past.agreements]
        )
    if past.route:
        kept |= {"route": " ".join(past.route.stages), "route_id": past.route.route}
    if past.debts:
        kept["debts"] = json.dumps([
            [one.at.isoformat(), one.party, one.stage, one.by.id, one.who,
             one.until.isoformat() if one.until else "", one.asks == "approve", one.comment, one.url, one.name,
             one.askers] for one in past.debts
        ])  # fmt: skip
    return kept


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _digest(text: Text, keeps: Mapping[str, str]) -> str:
    return hashlib.sha256(repr((text, sorted(keeps.items()))).encode()).hexdigest()[:16]


def life(scene: Scene) -> words.Life:
    """What the living comment shows, and the answer to `/stage status`."""
    case, hold, attempt = scene.case(), scene.hold, scene.attempt
    until = f" until {case.when(hold.until)}" if hold and hold.until else ""
    wanted = f"put-back:{attempt.id}:" if attempt else "put-back:"
    puts_back = [one for one in scene.past.intents.values() if one.key.startswith(wanted)]
    return words.Life(
        attempt=attempt,
        verdict=scene.verdict if attempt else None,
        hold=("by ", Quoted(str(hold.by)), f"{until}: ", Quoted(hold.why)) if hold else (),
        news=_news(scene),
        puts_back=sum(one.step is Step.DONE for one in puts_back),
        checked=case.when(scene.now),
        stands=_stands_blocked(scene),
        debts=scene.past.debts,
        unknown_in_route=scene.unknown_in_route,
        unfit=scene.given.unfit,
    )


def _stands_blocked(scene: Scene) -> str:
    verdicts = scene.past.verdicts
    blocked = (one for one in scene.rungs if one.id in verdicts and verdicts[one.id].outcome is Outcome.BLOCKED)
    return next((scene.case().stage(one.to) for one in blocked), "")


def _news(scene: Scene) -> tuple[str | Quoted | Mention, ...]:
    """What came of the last attempt."""
    if scene.attempt or not scene.past.ended:
        return ()
    last = scene.past.ended[-1]
    name = scene.case().stage(last.stage)
    how = {
        Ended.ADMITTED: f"{name} was asked for, and its gates have opened.",
        Ended.CANCELLED: f"The request for {name} was withdrawn",
        Ended.MOVED: f"The request for {name} ended, as the feature was moved elsewhere",
        Ended.EXPIRED: f"The request for {name} ended: for 14 days it was not met.",
        Ended.NOT_PLANNED: f"The request for {name} ended, as the issue was closed as not planned.",
    }[last.how]
    by: tuple[str | Quoted | Mention, ...] = (" by ", Quoted(last.by), ".") if last.by else ()
    return (how, *by) if last.how in (Ended.CANCELLED, Ended.MOVED) else (how,)
