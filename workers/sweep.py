"""The sweep compares what trackers have with the ledger, and hints at what differs: what no delivery told is found.

A light sweep goes over what has changed since the last one; once a day a full one goes over all that shows a stage,
whenever it changed. Both go page by page, note after each how far they have come, and stop where they would flood us:
after a slice the next waits until workers have caught up, and not at all while the breaker holds what sweeps do.

What the ledger knows in a stage, and a full sweep meets nowhere, may be deleted, or live elsewhere by now: once it is
over it hints at that, too.

Not found: what people write on an issue that shows no stage and is no feature, where its delivery never arrives.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog

from integration.additions import is_old
from integration.look import Desk
from integration.memory.inbox import Inbox
from integration.memory.rounds import START, Stretch
from integration.places import carriers, patterns
from integration.stages.file.mappings import Mappings, at, may_add
from integration.stages.model import Carrier, Hint, Ref
from integration.trackers import Gone, Refused, Unavailable
from integration.trackers.changes import Listed, Page, Swept

CAUSE = "sweep"
LIGHT, FULL = "sweep", "full-sweep"
EVERY = {LIGHT: timedelta(minutes=5), FULL: timedelta(days=1)}
FOR_EACH = timedelta(seconds=5)  # a light sweep of more places than 60 comes seldomer: each costs a request
OVERLAP = timedelta(minutes=5)  # a tracker's index may be late, and several changes fall into one second
SLICE = 200  # hints; then the next slice
MOST_WAITING = 500  # issues that wait already: a sweep adds nothing to them
SLICE_SECONDS = 40.0
PAUSE = timedelta(seconds=10)
NAMES = "names"  # a stretch: what a repository's labels are called
AGAIN = timedelta(minutes=5)

REFUSED = "our account is refused; renew its token, or the App's key and permissions: the log has the answer"
UNSEEN = {
    "github": "a repository cannot be listed: our account or App needs the permission issues: read there, or it is not "
    "there; the log says which",
    "jira": "a project cannot be searched: our account needs the permission Browse projects there, or it is not there; "
    "the log says which",
}

log = structlog.get_logger(__name__)


def sweep(desk: Desk, inbox: Inbox, ref: Ref, now: datetime) -> datetime | None:
    """Begin the round, or go on with it; when to come back soon, if it is not over. A longer wait the clock ends."""
    again = _Sweep(desk, inbox, ref, now).go_on()
    return again if again and again - now < AGAIN else None


@dataclass(slots=True)
class _Sweep:
    """One slice of a sweep over one tracker."""

    desk: Desk
    inbox: Inbox
    ref: Ref
    now: datetime
    hinted: int = 0
    ends: float = 0.0

    @property
    def name(self) -> str:
        return str(self.ref)

    @property
    def mappings(self) -> Mappings:
        return self.desk.mappings.current

    @property
    def tracker(self) -> Swept:
        return cast(Swept, self.desk.tracker(self.at("")))

    def at(self, place: str) -> Ref:
        """A place of the tracker that is swept."""
        tracker, _, site = self.ref.place.partition("/")
        return Ref(tracker, site, place, 0)

    def go_on(self) -> datetime | None:
        rounds = self.desk.ledger.rounds
        standing = rounds.of(self.name)
        if not standing.is_due(EVERY[self.ref.tracker], self.now):
            return None  # another hint was quicker, or it is to wait
        self.ends = time.monotonic() + SLICE_SECONDS
        try:
            if not standing.under_way:
                rounds.begin(self.name, self._stretches(), self.now, anew=self.ref.tracker == FULL)
            return self._walk()
        except (Refused, Gone) as no:  # our account as a whole: else each stretch has said so for itself
            self._hindered(REFUSED, no, self.now + AGAIN)
            return self.now + AGAIN
        except Unavailable as away:
            if away.unsent:  # nothing is wrong: all of us together have asked as much as we may for now
                return max(away.retry_at or self.now, self.now + PAUSE)
            again = max(away.retry_at or self.now + AGAIN, self.now + PAUSE)
            self._hindered(f"{self.ref.place} does not answer, or asks us to wait; it goes on by itself", away, again)
            return again

    def _walk(self) -> datetime | None:
        rounds = self.desk.ledger.rounds
        left = rounds.left(self.name)
        for stretch in left:
            if again := self._over(stretch):
                return again
        if self.ref.tracker == FULL and (again := self._over_unmet()):
            return again
        places = len(rounds.stretches(self.name)) if self.ref.tracker == LIGHT else 0
        begun = rounds.of(self.name).begun_at or self.now
        rounds.finish(self.name, _now(), begun + max(EVERY[LIGHT], places * FOR_EACH) if places else None)
        log.info("swept", round=self.name, looked=rounds.of(self.name).looked, found=rounds.of(self.name).found)
        return None

    def _over(self, stretch: Stretch) -> datetime | None:
        """Walk over one stretch, page by page; when to come back, if there is reason to stop."""
        if stretch.name.split(" ")[1:] == [NAMES]:
            self._names(stretch)
            return None
        cursor = stretch.cursor or START
        anew = cursor == START
        while True:
            if again := self._enough():
                return again
            try:
                page, since = self._page(stretch, cursor)
            except (Refused, Gone) as no:
                if not anew:  # perhaps it is only the place in the walk that is no longer known
                    cursor, anew = START, True
                    continue
                self._hindered(UNSEEN[self.at("").tracker], no)
                self.desk.ledger.rounds.reached(self.name, stretch.name, None, None)
                return None
            cursor = f"{since} {page.onward}" if page.onward else START
            self._compare(stretch, page, cursor or None)
            if not page.onward:
                return None

    def _enough(self) -> datetime | None:
        if self.inbox.breaker.tripped(CAUSE):
            held = "what sweeps do is held: look at what they did, then: release-stages failed release sweep"
            self._hindered(held, held, self.now + AGAIN)
            return self.now + AGAIN
        if self.hinted >= SLICE or time.monotonic() >= self.ends or self.inbox.ready(_now()) >= MOST_WAITING:
            return _now() + PAUSE
        return None

    def _hindered(self, words: str, why: object, again: datetime | None = None) -> None:
        """Pages, which are open to all, show the words, which name no place; the log has the reason, once."""
        if self.desk.ledger.rounds.hinder(self.name, words, again):
            log.warning("a sweep is hindered", round=self.name, reason=str(why))

    # --- what there is ------------------------------------------------------------------------------------------

    def _stretches(self) -> list[str]:
        """A light sweep goes over places; a full one over each way in which a place shows stages."""
        tracker, _, site = self.ref.place.partition("/")
        places = self.tracker.places(patterns(self.mappings, tracker, site))
        if tracker == "github":
            self._hint_at_own_rules(places)
        if self.ref.tracker == LIGHT:
            return list(places)
        return [one for place in places for one in self._shown(place)]

    def _hint_at_own_rules(self, places: Sequence[str]) -> None:
        """Where nobody has read a repository's own rules for long: of all of them, or of those that had some."""
        mappings, known = self.mappings, self.desk.ledger.versions.owns()
        may = [place for place in places if may_add(mappings, self.at(place))]
        for place in known.keys() - {each.casefold() for each in may}:
            self.desk.ledger.versions.forget_own(place, self.now)
        for place in may:
            own = known.get(place.casefold())
            had = own is not None and bool(own.digest or own.faulty)
            if is_old(own, self.now) and (had or self.ref.tracker == FULL):
                self.inbox.hint(Ref.of_additions(place), cause=CAUSE)

    def _shown(self, place: str) -> Iterable[str]:
        if self.at(place).tracker == "github":
            yield f"{place} {NAMES}"
        for carrier, names in carriers(self.mappings, self.at(place)):
            yield f"{place} {carrier}" if carrier is Carrier.STATUS else f"{place} {carrier} {names[0]}"

    def _page(self, stretch: Stretch, cursor: str) -> tuple[Page, str]:
        """The next page, and since when the walk goes back."""
        began, _, onward = cursor.partition(" ")
        if self.ref.tracker == LIGHT:
            since = datetime.fromisoformat(began) if began else self._since(stretch)
            return self.tracker.changed(stretch.name, since, onward), since.isoformat()
        place, carrier, *name = stretch.name.split(" ", 2)
        return self.tracker.carrying(place, Carrier(carrier), name or self._statuses(place), onward), "-"

    def _since(self, stretch: Stretch) -> datetime:
        """From where the last sweep came to; the first one begins where the ledger does."""
        return (stretch.reached_at or self.desk.ledger.born) - OVERLAP

    def _statuses(self, place: str) -> Sequence[str]:
        shown = carriers(self.mappings, self.at(place))
        return [name for carrier, names in shown if carrier is Carrier.STATUS for name in names]

    def _names(self, stretch: Stretch) -> None:
        """Was a label of the place renamed, and nobody has told us? Then the place itself is looked at."""
        place = self.at(stretch.name.split(" ")[0])
        known = {id: names[-1] for id, names in self.desk.ledger.known_names(place.place).items()}
        try:
            labels = self.desk.tracker(place).label_names(place)
        except Refused as no:
            labels = ()
            self._hindered(UNSEEN["github"], no)
        renamed = [one for one in labels if one.name != known.get(one.id, one.name)]
        if renamed:
            self.inbox.hint(place, cause=CAUSE)
        self.desk.ledger.rounds.reached(self.name, stretch.name, None, None, 0, len(renamed))

    # --- what differs -------------------------------------------------------------------------------------------

    def _compare(self, stretch: Stretch, page: Page, cursor: str | None) -> None:
        """Hint at what differs, then note how far we are: a crash in between only hints again."""
        rounds, updated = self.desk.ledger.rounds, {one.ref: one.updated for one in page.found}
        known = rounds.known(list(updated))
        wanted: list[Hint] = []
        for one in page.found:
            shown = self._stages(one)
            if (seen := known.get(one.ref)) is None:
                differs = bool(shown)
            else:
                strays = self.ref.tracker == FULL and bool(shown) and (seen.stage not in shown or seen.frozen)
                differs = strays or seen.is_older_than(one.updated)
            if differs:
                wanted.append(Hint(one.ref, one.updated, CAUSE))
        hinted = {one.ref for one in wanted}
        wanted += [Hint(ref, None, CAUSE) for ref in rounds.waiting(updated) if ref not in hinted]
        self.inbox.accept("", wanted)
        self.hinted += len(wanted)
        if self.ref.tracker == FULL:
            rounds.meet(list(known), _now())
            latest = self.now if cursor is None else None  # all of it was met
        else:
            latest = max(updated.values(), default=None)
        rounds.reached(self.name, stretch.name, cursor, latest, len(page.found), len(wanted))

    # --- what was not met ---------------------------------------------------------------------------------------

    def _over_unmet(self) -> datetime | None:
        """Hint at what a full sweep should have met and did not; when to come back, if there is reason to stop.

        Not where a place could not be listed to its end, nor where nothing was: that says nothing of its issues.
        """
        rounds = self.desk.ledger.rounds
        lists = [one for one in rounds.stretches(self.name) if one.name.split(" ")[1:] != [NAMES]]
        unsure = {one.name.split(" ")[0] for one in lists if one.reached_at is None}
        begun, after = rounds.of(self.name).begun_at or self.now, 0
        while lists and (unmet := rounds.unmet(self.at(""), begun, after, SLICE)):
            if again := self._enough():
                return again
            after = unmet[-1][0]
            sure = [ref for _, ref in unmet if ref.place not in unsure and at(self.mappings, ref)]
            self.inbox.accept("", [Hint(ref, None, CAUSE) for ref in sure])
            rounds.miss(sure, _now())
            rounds.count(self.name, 0, len(sure))
            self.hinted += len(sure)
        return None

    def _stages(self, one: Listed) -> set[str]:
        """The stages that it shows in the list."""
        found: set[str | None] = set()
        for shown in at(self.mappings, one.ref, one.is_pull_request):
            if shown.carrier is Carrier.LABEL:
                found |= {shown.stage_of(label) for label in one.labels}
            elif one.status:
                found.add(shown.stage_of(one.status.name, one.status.id))
        return {stage for stage in found if stage}


def _now() -> datetime:
    return datetime.now(UTC)
