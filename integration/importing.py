"""The ledger made, or made again, from the trackers: every issue that shows a stage is looked at and written down.

As the laws say it: what stood before the ledger was born is adopted, a request that a living comment hands down is
taken up, and mentions that still count are proved. It says and does nothing at a tracker. Where a look plans to, the
issue is left to the workers, as hints of cause `import`, which the breaker holds after twenty acts.

It may run beside workers, as the ledger's fence lets only one of two write. A second run goes on where the first one
was stopped: whatever was looked at since that began is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar, cast

from integration.look import Desk, Look, noticed
from integration.memory.away import Away
from integration.memory.inbox import Inbox
from integration.memory.ledger import Overtaken
from integration.picture import Picture, Portrait, portrait
from integration.places import carriers, patterns
from integration.stages.entries import AttemptOpened
from integration.stages.file.mappings import at
from integration.stages.model import Carrier, Ref
from integration.stages.planning.actions import Prove, Say, Shift, Tidy
from integration.trackers import Gone, Refused, TrackerError, Unavailable
from integration.trackers.changes import Listed, Swept

CAUSE = "import"
_LOOKS = 4
_AT_ONCE = 200  # refs in one question to the ledger
_MOST_IN_A_ROW = 3  # issues that cannot be read one after the other: then the tracker is away
Answer = TypeVar("Answer")
Wait = Callable[[datetime | None], bool]
"""Waits until a tracker may be asked again; False where nobody waits so long."""


class Stopped(Exception):
    """It cannot go on now; what was written stays, and the next run goes on from there."""


@dataclass(slots=True)
class Tally:
    """What has become of the issues."""

    written: int = 0  # looked at, and in the ledger as they are
    taken_up: int = 0  # of those: requests that their living comments have handed down
    left: int = 0  # to the workers, as something is to be said or done
    known: int = 0  # looked at since this import began, by it or by a worker
    unread: Counter[str] = field(default_factory=Counter)  # why, and how many

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.written} in the ledger" + (f", {self.taken_up} with an open request" if self.taken_up else "")
        if self.known:
            yield f"{self.known} had been looked at since this import began"
        if self.left:
            yield f"{self.left} left to the workers, as something is to be said or done there (after 20 acts they ask)"
        for why, count in self.unread.most_common():
            yield f"{count} could not be read: {why}"


class Import:
    """One import. `listed` first; then `one` for each, and once more for those that are `aside`."""

    def __init__(self, desk: Desk, inbox: Inbox | None, wait: Wait) -> None:
        self.desk, self.inbox, self.wait = desk, inbox, wait
        self.mappings = desk.mappings.current
        self.tally = Tally()
        self.aside: list[Ref] = []
        self.seen: dict[Ref, Portrait | None] = {}
        self._deaf: dict[tuple[str, tuple[str, ...]], Mapping[str, str]] = {}
        self._handles: dict[tuple[str, str, str], tuple[str, ...]] = {}
        self._failed_in_a_row = 0

    # --- what there is ------------------------------------------------------------------------------------------

    @property
    def _rounds(self) -> list[tuple[Ref, str]]:
        """A place of each tracker of the file, and the round that keeps when the import of it began."""
        found = []
        for tracker, site in self.desk.trackers:
            if patterns(self.mappings, tracker, site):
                found.append((Ref(tracker, site, "", 0), f"{CAUSE}:{tracker}" + (f"/{site}" if site else "")))
        return found

    def listed(self) -> list[Ref]:
        """The issues that are still to be looked at, the oldest of each place first. Raises `Stopped`."""
        found: list[Ref] = []
        for tracker, name in self._rounds:
            self.desk.ledger.rounds.begin(name, [], _now())
            begun = self.desk.ledger.rounds.of(name).begun_at or _now()
            refs = list(dict.fromkeys(self._carrying(tracker)))
            left = list(self._not_done(refs, begun))
            self.tally.known += len(refs) - len(left)
            found += left
        return found

    def _not_done(self, refs: list[Ref], begun: datetime) -> Iterator[Ref]:
        for start in range(0, len(refs), _AT_ONCE):
            some = refs[start : start + _AT_ONCE]
            known = self.desk.ledger.rounds.known(some)
            yield from (ref for ref in some if ref not in known or known[ref].checked_at < begun)

    def _carrying(self, tracker: Ref) -> Iterator[Ref]:
        """All issues that show a stage there, list by list; a place that we may not list is counted as unread."""
        swept = cast(Swept, self.desk.tracker(tracker))
        wanted = patterns(self.mappings, tracker.tracker, tracker.site)
        for place in (replace(tracker, place=one) for one in self._patiently(partial(swept.places, wanted))):
            for carrier, names in carriers(self.mappings, place):
                try:
                    yield from self._list(swept, place, carrier, names)
                except (Refused, Gone) as no:
                    self.tally.unread[str(no)] += 1
                    break

    def _list(self, swept: Swept, place: Ref, carrier: Carrier, names: tuple[str, ...]) -> Iterator[Ref]:
        onward = ""
        while True:
            page = self._patiently(partial(swept.carrying, place.place, carrier, names, onward))
            yield from (one.ref for one in page.found if self._counts(one))
            if not (onward := page.onward):
                return

    def _counts(self, one: Listed) -> bool:
        return bool(at(self.mappings, one.ref, one.is_pull_request))

    # --- one issue ----------------------------------------------------------------------------------------------

    def one(self, ref: Ref) -> None:
        """Look at it and write that down. Raises `Stopped` when the tracker is away."""
        try:
            self._patiently(partial(self._looked_at, ref))
        except Stopped:
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= _MOST_IN_A_ROW:
                raise
            self.aside.append(ref)
            return
        except (Refused, Gone) as no:
            self.tally.unread[str(no)] += 1
        self._failed_in_a_row = 0

    def _looked_at(self, ref: Ref) -> None:
        look = self.desk.look(ref, _now())
        for _ in range(_LOOKS):
            if any(isinstance(one, Say | Shift | Tidy) for one in look.plan.actions):
                self._leave(ref)
                break
            try:
                proofs = self._write(ref, look)
            except Overtaken:  # a worker has just looked at it, and sees to it
                break
            if not proofs:
                break
            look = self.desk.look(ref, _now(), look.issue)
        self.desk.leave()
        self.seen[ref] = portrait(look, self._groups(ref))

    def _write(self, ref: Ref, look: Look) -> int:
        """Write down what the look decided, and prove what is to be proved; how many proofs there were."""
        seq, proofs = self.desk.write(ref, look, _now()), [one for one in look.plan.actions if isinstance(one, Prove)]
        for one in proofs:
            seq = self.desk.ledger.append(ref, [noticed(one, self._unreached(ref, one))], seq, _now())
        if not proofs:
            self.tally.written += 1
        self.tally.taken_up += any(isinstance(one, AttemptOpened) for one in look.plan.entries)
        return len(proofs)

    def _unreached(self, ref: Ref, proved: Prove) -> Mapping[str, str]:
        """Whom the mention cannot have reached; on GitHub that is the same for a whole place, and asked once."""
        if ref.tracker != "github":
            return self.desk.tracker(ref).unreached(ref, proved.comment, proved.handles)
        key = (ref.place, proved.handles)
        if key not in self._deaf:
            self._deaf[key] = self.desk.tracker(ref).unreached(ref, proved.comment, proved.handles)
        return self._deaf[key]

    def _leave(self, ref: Ref) -> None:
        """Without Redis the sweep finds it: the ledger does not know it, or not as it is."""
        self.tally.left += 1
        if self.inbox:
            self.inbox.hint(ref, cause=CAUSE)

    def _groups(self, ref: Ref) -> dict[str, tuple[str, ...]]:
        """The people of each party that is a group; asked once for each site."""
        found: dict[str, tuple[str, ...]] = {}
        for party, one in self.mappings.parties.items():
            if ref.tracker == "jira" and one.jira and one.jira.group and not one.jira.users:
                key = (ref.site, ref.place, one.jira.group)
                if key not in self._handles:
                    self._handles[key] = self._members(ref, one.jira.group)
                found[party] = self._handles[key]
        return found

    def _members(self, ref: Ref, group: str) -> tuple[str, ...]:
        try:
            return self.desk.tracker(ref).members(ref, group)
        except TrackerError:
            return ()

    def _patiently(self, question: Callable[[], Answer]) -> Answer:
        """The answer, however often we are asked to wait. Raises `Stopped`."""
        while True:
            try:
                return question()
            except Unavailable as away:
                if not self.wait(away.retry_at):
                    raise Stopped(str(away)) from None

    # --- the end ------------------------------------------------------------------------------------------------

    def once_more(self) -> list[Ref]:
        """Those that could not be read the first time."""
        aside, self.aside, self._failed_in_a_row = self.aside, [], 0
        return aside

    def finish(self) -> None:
        """All of it was looked at; what is still aside was not to be had."""
        if self.aside:
            self.tally.unread["the tracker did not answer"] += len(self.aside)
        rounds = self.desk.ledger.rounds
        for tracker, name in self._rounds:
            looked = sum((ref.tracker, ref.site) == (tracker.tracker, tracker.site) for ref in self.seen)
            rounds.reached(name, "", None, None, looked, self.tally.left)
            if self.tally.unread:
                rounds.hinder(name, f"{self.tally.unread.total()} issues or places could not be read")
            rounds.finish(name, _now())

    def unseen(self) -> list[Ref]:
        """The features of the ledger that stand in a stage, and that this run has not looked at."""
        return [one.ref for one in self.desk.ledger.agenda.standing() if one.ref not in self.seen]

    def glance(self, ref: Ref) -> None:
        """Look at one of those, for the picture alone."""
        try:
            look = self._patiently(partial(self.desk.look, ref, _now()))
        except (Refused, Gone):
            return
        self.seen[ref] = portrait(look, self._groups(ref))

    def picture(self) -> Picture:
        """What was seen, together."""
        return Picture.of(filter(None, self.seen.values()), self.mappings)


def open_inbox(url: str) -> Inbox | None:
    """The inbox; None where Redis does not answer, as before the first start."""
    inbox = Inbox.connect(url)
    try:
        inbox.depth()
    except Away:
        return None
    return inbox


def _now() -> datetime:
    return datetime.now(UTC)
