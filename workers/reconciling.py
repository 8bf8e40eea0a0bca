"""One run for one issue: look, write down what follows, say it, do it; and again, until a look plans nothing more.

Before each act it appends to the ledger at the head that it has read; when another worker has been there meanwhile,
the append fails and the run stops (`Overtaken`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from integration.look import Desk, Look, notice, proofs
from integration.memory.failures import Hopeless
from integration.memory.inbox import Inbox, Run
from integration.memory.ledger import Overtaken
from integration.stages.entries import Done, Entry, Failed, Frozen, LabelVanished, Tried
from integration.stages.model import Issue, Ref
from integration.stages.planning.actions import (
    Action,
    Edit,
    Fill,
    Pin,
    Prove,
    React,
    Remove,
    Say,
    Shift,
    Tidy,
)
from integration.trackers import Gone, Locked, Refused, Tracker

log = structlog.get_logger(__name__)

PASSES = 12
CATCH_UP = timedelta(seconds=60)
"""So long we wait for a tracker to show what a webhook has already told us."""
AGAIN = timedelta(seconds=5)
TROUBLED = timedelta(seconds=60)
RELOAD = "reload"  # what has made a run where nobody did anything but change the rules


class HeldBack(Exception):
    """The breaker holds what this run's cause would do; it stays to be done."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class Reconciling:
    """One run for one issue: pass after pass, until a look plans nothing more."""

    def __init__(self, desk: Desk, inbox: Inbox, run: Run) -> None:
        self.desk, self.inbox, self.run, self.ref, self.seq = desk, inbox, run, run.ref, 0
        self.issue: Issue | None = None  # the snapshot, with what we have said since; None: it is to be fetched anew
        self.fresh = False  # nothing was said since the snapshot was read
        self.cause = run.cause

    @property
    def tracker(self) -> Tracker:
        """The tracker that has the issue."""
        return self.desk.tracker(self.ref)

    def work(self) -> datetime | None:
        """Look and act until nothing is left; when to come back, if the inbox has to see to it."""
        for _ in range(PASSES):
            self.fresh = self.fresh or self.issue is None
            try:
                look = self.desk.look(self.ref, _now(), self.issue)
            except Gone as gone:
                self._gone(gone)
                return None
            if again := self._not_caught_up(look):
                return again
            if self.issue is None and self.cause == "time" and look.looked_under not in ("", look.given.mappings.hash):
                self.cause = RELOAD  # nobody did anything but change the file
            self.issue = look.issue
            self._write(look)
            self._see_to_unfit(look)
            if not self._apply(look):
                self._done_under(look)
                return None
        log.error("no end in sight after so many passes; tried again later", passes=PASSES)
        return _now() + TROUBLED

    def _done_under(self, look: Look) -> None:
        """Until all is done that a change of the rules has caused, another try is known to be caused by it, too."""
        if self.cause == RELOAD:
            self.desk.ledger.looked_under(self.ref, look.given.mappings.hash)

    def _see_to_unfit(self, look: Look) -> None:
        """What is wrong with the repository's own rules is the admin's to know, and is looked at again by itself."""
        rules = Ref.of_additions(self.ref.place)
        if look.given.unfit and self.desk.ledger.failures.of(rules) is None:
            self.inbox.hint(rules, cause="time")

    def _not_caught_up(self, look: Look) -> datetime | None:
        """The tracker does not show yet what the webhook has told: wait, but not for ever."""
        wanted, now = self.run.watermark, _now()
        unknown = look.seq == 0 and self.ref.tracker == "github" and now - look.issue.created > CATCH_UP
        if unknown and now - self.run.since < AGAIN:
            return now + AGAIN  # it may have come from elsewhere: what was recorded there is carried here first
        if wanted is None or look.issue.watermark >= wanted or now - self.run.since >= CATCH_UP:
            return None
        return now + AGAIN

    def _gone(self, gone: Gone) -> None:
        """Moved: all that was recorded goes with it. Deleted: frozen."""
        recalled = self.desk.ledger.read(self.ref)
        if gone.now is not None and gone.now != self.ref:
            self.desk.ledger.carry(self.ref, gone.now, _now())
            self.inbox.hint(gone.now, cause=self.cause)
            log.info("the issue lives elsewhere now", now=str(gone.now))
        elif recalled.seq:
            self.desk.ledger.spoken.refuse(self.ref, "the issue is gone", _now())
            if not isinstance(recalled.entries[-1], Frozen):
                self.desk.ledger.append(self.ref, [Frozen(_now(), str(gone))], recalled.seq, _now())
                log.info("the issue is gone", reason=str(gone))
            raise Hopeless(f"the issue is gone: {gone}")

    # --- writing down ---

    def _write(self, look: Look) -> None:
        """The decision goes to the ledger before anything is said or done."""
        if self.cause == RELOAD:  # it stays to be judged anew until all that follows is done
            look = replace(look, anew=True)
        self.seq, made = self.desk.write(self.ref, look, _now()), look.plan
        for entry in made.entries:
            if isinstance(entry, LabelVanished):
                log.warning("a stage's label was deleted from the place", label=entry.label, stage=entry.stage)
            log.info("recorded", kind=entry.kind, **_said_of(entry))

    def _record(self, *entries: Entry) -> None:
        self.seq = self.desk.ledger.append(self.ref, entries, self.seq, _now())

    # --- saying and doing ---

    def _let(self, writes: int, comments: int = 0) -> None:
        """Is there room for it, at the tracker and for what is behind it? Asked before anything is marked as tried."""
        self.tracker.room(self.ref, comments=comments, writes=writes)
        if self.cause not in ("", "time") and not self.inbox.breaker.let(self.cause, _now()):
            raise HeldBack(
                f"{self.ref}: what '{self.cause}' would do is held until the admin lets it go on", self.cause
            )

    def _apply(self, look: Look) -> bool:
        """Act in order; True when it takes another look. The stage is changed only as long as nothing else changed."""
        said = False
        for action in look.plan.actions:
            if isinstance(action, Shift | Tidy) and (said or not self._still_so()):
                return True
            if not self.inbox.holds(self.run):
                raise Overtaken(f"{self.ref}: another run has the issue by now, and goes on")
            said = self._act(action) or said
        return said

    def _still_so(self) -> bool:
        """Is the issue as the snapshot shows it, but for what we have said since? Otherwise it is looked at anew."""
        if self.fresh or self.issue is None:
            return self.fresh
        known, self.issue = self.issue, self.tracker.recheck(self.ref, self.issue)
        self.fresh = True
        return _seen(known) == _seen(self.issue)

    def _act(self, action: Action) -> bool:
        match action:
            case Say():
                self._say(action)
            case Edit():
                return self._edit(action)
            case React() | Pin():
                self._mark(action)
                return False
            case Shift():
                self._shift(action)
            case Tidy():
                return self._tidy(action)
            case Fill():
                return self._fill(action)
            case Remove():
                self._remove(action)
                return False
            case Prove():
                self._noticed(action)
        return True

    def _say(self, say: Say) -> None:
        self._let(comments=1, writes=1)
        self._record(Tried(_now(), say.key))
        try:
            comment = self.tracker.say(self.ref, say.text, say.token)
        except Locked:
            raise  # it is still to be said, when people let us
        except Refused as error:
            self._record(Failed(_now(), say.key, str(error)))
            log.error("a comment was refused", key=say.key, reason=str(error))
            return
        self._record(Done(_now(), say.key, comment.id, say.digest))
        log.info("said", key=say.key, comment=comment.url)
        posted = replace(comment, at=max(comment.at, _now()))  # a tracker's stamp may be cut to the second
        if self.issue:
            self.issue, self.fresh = replace(self.issue, comments=(*self.issue.comments, comment)), False
        for proved in proofs(say, posted):
            self._noticed(proved)

    def _noticed(self, proved: Prove) -> None:
        """Proof of notice: a party is told when at least one of its mentions can have reached somebody."""
        noticed = notice(self.tracker, self.ref, proved)
        self._record(noticed)
        if failed := noticed.unreached:
            log.warning(
                "a notice has not reached its party", party=proved.party, comment=proved.comment.url, reason=failed
            )

    def _edit(self, edit: Edit) -> bool:
        try:
            self.tracker.edit(self.ref, edit.comment, edit.text, edit.token)
        except Gone:
            self._record(Done(_now(), edit.key))  # somebody deleted it; the next look writes it anew
            self.issue, self.fresh = None, False
            return True
        except Locked as error:  # the next look tries again: nothing hangs on it
            log.info("the living comment cannot be brought up to date", reason=str(error))
            return False
        except Refused as error:
            log.error("the living comment could not be brought up to date", reason=str(error))
        self._record(Done(_now(), edit.key, edit.comment, edit.digest))
        return False

    def _tidy(self, tidy: Tidy) -> bool:
        self._let(writes=len(tidy.take))
        self.issue, self.fresh = None, False
        try:
            for label in tidy.take:
                self.tracker.take_label(self.ref, label)
        except Refused as error:
            log.error("a superseded label could not be taken off", reason=str(error))
            return False
        return True

    def _fill(self, fill: Fill) -> bool:
        """Twice is once, so nothing is noted before; what was written, and when, is on record all the same."""
        self._let(writes=1)
        try:
            self.tracker.fill(self.ref, fill.field, fill.text)
        except Refused as error:
            log.error("a field that the workflow asks for could not be written", field=fill.field, reason=str(error))
            return False
        self._record(Done(_now(), fill.key, digest=fill.text))
        self.issue, self.fresh = None, False
        log.info("done", key=fill.key, field=fill.field, text=fill.text)
        return True

    def _remove(self, remove: Remove) -> None:
        try:
            self.tracker.remove(self.ref, remove.comment)
        except Locked as error:
            log.info("a comment that stands there twice cannot be removed now", reason=str(error))
            return
        except Refused as error:
            self._record(Failed(_now(), remove.key, str(error)))
            log.error("a comment that stands there twice could not be removed", reason=str(error))
            return
        self._record(Done(_now(), remove.key, remove.comment))
        log.warning("a comment stood there twice; the second was removed", key=remove.key)

    def _mark(self, mark: React | Pin) -> None:
        """A sign, or a pin: pleasant where the tracker knows it, and nothing depends on it."""
        try:
            if isinstance(mark, Pin):
                self.tracker.pin(self.ref, mark.comment)
            else:
                self.tracker.react(self.ref, mark.comment, mark.sign)
        except (Refused, Gone) as error:
            log.info("a comment could not be marked", key=mark.key, reason=str(error))
        self._record(Done(_now(), mark.key, mark.comment))

    def _shift(self, shift: Shift) -> None:
        """Put the right label on before the other is taken off: the issue is never without a stage."""
        self._let(writes=len(shift.put) + len(shift.take) or 1)
        self._record(Tried(_now(), shift.key))
        self.issue, self.fresh = None, False
        try:
            for label in shift.put:
                self.tracker.put_label(self.ref, label)
            for label in shift.take:
                self.tracker.take_label(self.ref, label)
            if shift.statuses:
                self.tracker.transition(self.ref, shift.statuses)
        except Locked:
            raise
        except Refused as error:
            self._record(Failed(_now(), shift.key, str(error)))
            log.warning("the tracker refused to change the stage", key=shift.key, reason=str(error))
            return
        self._record(Done(_now(), shift.key))
        log.info("done", key=shift.key, was=shift.intended.was, to=shift.intended.to)


def _seen(issue: Issue) -> tuple[Issue, list[str]]:
    """All of a snapshot that a decision may hang on; of comments, which there are: each counts as it was first seen."""
    return replace(issue, comments=(), watermark=issue.created), [one.id for one in issue.comments]


def _said_of(entry: Entry) -> dict[str, str]:
    """What the one log line tells of an entry."""
    wanted = ("key", "party", "stage", "how", "outcome", "reason", "unreached")
    told = {name: str(value) for name in wanted if (value := getattr(entry, name, None))}
    move = getattr(entry, "move", None)
    if move is not None and not isinstance(move, str):
        told |= {"move": move.id, "was": str(move.was), "to": str(move.to), "actor": move.actor.handle}
    if gates := getattr(entry, "gates", None):
        told["shut"] = ", ".join(gate.rule for gate in gates if gate.ok is not True and not gate.waived)
    return told


def _now() -> datetime:
    return datetime.now(UTC)
