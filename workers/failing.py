"""What becomes of a run that failed: each error has one fate, and one law says when it is tried again, and who is told.

`fate` classifies, once. What only time can mend is tried again, ever more rarely; what only the admin can mend is
logged with its fix, tried a few times, and then kept as a dead letter (`release-stages failed`). RQ's own retries take
no part in it: for RQ such a job has ended well.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from redis.backoff import EqualJitterBackoff, FullJitterBackoff
from rq.timeouts import BaseTimeoutException

from integration.additions import told as told_of
from integration.look import Desk
from integration.memory.away import Away
from integration.memory.failures import Failure, Hopeless, Kind, State
from integration.memory.inbox import Inbox, Run
from integration.memory.ledger import LedgerAway, Overtaken, Unreadable
from integration.settings import Misconfigured
from integration.stages.entries import Done
from integration.stages.file.additions import Unfit
from integration.stages.file.mappings import Faulty
from integration.stages.model import ADDITIONS, Ref, Unnamed
from integration.stages.planning import living
from integration.stages.planning.scene import UNKNOWN_FOR
from integration.stages.remembered import Step, remember
from integration.stages.texts.words import Owner
from integration.trackers import Gone, Locked, Refused, Unavailable
from workers.reconciling import HeldBack

log = structlog.get_logger(__name__)

QUICK = timedelta(seconds=5)
"""So soon we look again where things have changed under our hands; three times, then as rarely as after any failure."""
BACKOFF = EqualJitterBackoff(cap=3600, base=15)  # seconds
TOLD_TO_WAIT = EqualJitterBackoff(cap=60, base=5)  # where a tracker says itself how long
SPREAD = FullJitterBackoff(cap=5, base=5)  # so that not all come back in the same moment
DEAD_AFTER, AND_AFTER = 8, timedelta(minutes=15)  # tries, and time: a storm of webhooks alone buries nothing
TELL_AFTER = 3
SELDOM = (timedelta(hours=1), timedelta(days=1))
"""The first wait, and each later one, for people who may take their time: whatever they do is a hint of its own."""
DEAD_LOOKED_AT = timedelta(days=1)
"""So often the clock looks at a feature that is dead: what time alone opens is not lost for ever."""
OURS = "a fault of ours: the log has its trace; report it, and when it is mended: release-stages failed retry REF"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an error. `step`: what the admin does. `quick`: look once more at once, it may be over.

    `seen`: the issue could be looked at all the same. `waits`: nothing is wrong, it is only not its turn. `held`: it is
    the breaker that holds it. `seldom`: nothing but people can mend it, and then we hear of it.
    """

    kind: Kind
    reason: str
    step: str = ""
    not_before: datetime | None = None
    quick: bool = False
    seen: bool = False
    waits: bool = False
    held: bool = False
    seldom: bool = False


def fate(error: Exception) -> Fate:
    """The one place where an error is classified. Of errors that are not ours, only class and place are told."""
    said = str(error)
    match error:
        case Unavailable():
            return Fate(Kind.LATER, said, not_before=error.retry_at, waits=error.unsent)
        case Gone():  # while we acted. A fresh look knows; where it sees the issue, we may look and not act
            later = error.now is not None
            return Fate(Kind.LATER if later else Kind.ADMIN, said, "" if later else _FIXES[Refused], quick=True)
        case Overtaken():
            return Fate(Kind.LATER, said, quick=True, seen=True)
        case LedgerAway() | Away():
            return Fate(Kind.LATER, said)
        case BaseTimeoutException():
            return Fate(Kind.LATER, "the run took longer than it may; the tracker is slow, or the issue is very long")
        case Locked():
            return Fate(Kind.PEOPLE, said, seldom=True)
        case Unnamed() | Hopeless():
            return Fate(Kind.DROP, said)
        case HeldBack():
            step = f"look at what it did; then: release-stages failed release {error.cause}"
            return Fate(Kind.ADMIN, said, step, seen=True, held=True)
        case Unfit():
            return Fate(Kind.PEOPLE, told_of(error))
        case Refused() | Unreadable() | Faulty() | Misconfigured():
            return Fate(Kind.ADMIN, said, _FIXES[_known(error)])
    return Fate(Kind.ADMIN, f"{type(error).__name__} {_place(error)}", OURS)


_FIXES: dict[type[Exception], str] = {
    Refused: "let our account do what the reason names; then: release-stages failed retry REF",
    Unreadable: "start the release that wrote it, or restore a good copy; then: release-stages failed retry REF",
    Faulty: "mend mappings.yaml; `release-stages check` names each line",
    Misconfigured: "mend the environment, and start the workers anew",
}


def _known(error: Exception) -> type[Exception]:
    return next(one for one in _FIXES if isinstance(error, one))


def _place(error: Exception) -> str:
    """Where in the house it happened; never a word of the error itself, which may quote anything."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(("integration.", "workers.")):
            return f"in {module}.{frame.f_code.co_name}, line {line}"
    return "outside of the house"


# --- when it is tried again -------------------------------------------------------------------------------------------


def again(told: Fate, tries: int, now: datetime) -> datetime:
    """When it is tried again after so many tries; never before the tracker said."""
    tries = min(tries, 20)
    if told.seldom:
        return now + SELDOM[min(tries, 2) - 1]
    if told.quick and tries <= TELL_AFTER:
        return now + QUICK
    if told.not_before:
        waits = now + timedelta(seconds=TOLD_TO_WAIT.compute(tries - 1))
        return max(waits, told.not_before + timedelta(seconds=SPREAD.compute(0)))
    return now + timedelta(seconds=BACKOFF.compute(tries - 1))


def follow(told: Fate, before: Failure | None, ref: Ref, now: datetime) -> Failure:
    """The failure as it stands with this try; `before` is what was known of it."""
    if before is None or before.state is State.DROPPED:
        before = Failure(ref, told.kind, State.RETRYING, told.reason, since=now, last_try=now, tries=0)
    tries = before.tries + 1
    strikes = before.strikes + 1 if told.kind is Kind.ADMIN and not told.seen else 0
    state = State.RETRYING
    if told.kind is Kind.DROP:
        state = State.DROPPED
    elif strikes >= DEAD_AFTER and now - before.since >= AND_AFTER:
        state = State.DEAD
    failure = replace(before, kind=told.kind, state=state, reason=told.reason, step=told.step, tries=tries)
    next_try = again(told, tries, now) if state is State.RETRYING else None
    because = told.reason if state is State.DROPPED else ""
    return replace(failure, strikes=strikes, last_try=now, next_try=next_try, because=because)


# --- what is done about it --------------------------------------------------------------------------------------------


def settle(desk: Desk, inbox: Inbox, run: Run, error: Exception, begun: datetime) -> None:
    """A run that began then has failed: write it down, tell whom it concerns, see to the hint. Raises `Away`."""
    told, now = fate(error), _now()
    if told.waits:
        _wait(desk, inbox, run, again(told, 1, now))
        return
    failure: Failure | None = None
    try:
        before = desk.ledger.failures.of(run.ref)
    except (LedgerAway, Unreadable) as away:
        _not_kept(away)
        failure = None
    else:
        if before is not None and before.state is State.DROPPED and not inbox.holds(run):
            log.info("dropped while it was tried", reason=told.reason)  # by the admin
            return
        failure = _kept(desk, run.ref, told, before, now)
    _log(told, failure, error)
    if failure is None:
        inbox.put_off(run, again(told, TELL_AFTER, now))
        return
    if not failure.told and _said_so(desk, inbox, run, told, failure, begun):
        desk.ledger.failures.keep(replace(failure, told=True))
    if failure.next_try:
        inbox.put_off(run, failure.next_try)
    else:
        inbox.finish(run)


def _wait(desk: Desk, inbox: Inbox, run: Run, at: datetime) -> None:
    """It is not its turn: nothing is wrong, and the clock is not to wake it before."""
    try:
        desk.ledger.put_off(run.ref, at)
    except LedgerAway as error:
        log.warning("the clock may wake it too early", reason=str(error))
    inbox.put_off(run, at)


def over(desk: Desk, inbox: Inbox, ref: Ref) -> None:
    """A run succeeded: what was open for this ref is over, unless it was an act that may still be tried again.

    Some are not, as nobody wants them any more by then: so it is looked at once more when that is known.
    """
    try:
        known = desk.ledger.failures.of(ref)
        if known is None:
            return
        intents, since = remember(desk.ledger.entries(ref)).intents.values(), _now() - UNKNOWN_FOR
        tried = [one.at for one in intents if one.step is Step.TRIED and one.at > since]
        if tried and known.state is State.RETRYING:
            then = max(tried) + UNKNOWN_FOR
            desk.ledger.failures.keep(replace(known, next_try=then, told=False))
            inbox.later(ref, then)
        elif desk.ledger.failures.clear(ref):
            log.info("what had failed works again")
    except (LedgerAway, Unreadable) as error:
        log.warning("a failure that is over could not be struck off the list", reason=str(error))


def not_begun(ref: str, error: Exception) -> None:
    """A job failed where it had no issue yet. Its hint waits in the inbox, and the clock wakes it again in a minute."""
    told = fate(error)
    trace = error if told.step == OURS else None
    log.error("a job could not begin; it is tried again", ref=ref, reason=told.reason, fix=told.step, exc_info=trace)


def _kept(desk: Desk, ref: Ref, told: Fate, before: Failure | None, now: datetime) -> Failure | None:
    """Write it down. None where even that fails: the ledger is what is away, most likely."""
    try:
        failure = follow(told, before, ref, now)
        desk.ledger.failures.keep(failure)
        rests = now + DEAD_LOOKED_AT if failure.state is State.DEAD else None
        desk.ledger.put_off(ref, failure.next_try or rests)
    except Exception as error:
        _not_kept(error)
        return None
    return failure


def _not_kept(error: Exception) -> None:
    reason = str(error) if isinstance(error, LedgerAway) else type(error).__name__
    log.warning("a failure could not be written down", reason=reason)


def _log(told: Fate, failure: Failure | None, error: Exception) -> None:
    said: dict[str, object] = {"reason": told.reason, "tries": failure.tries if failure else 1}
    if failure and failure.next_try:
        said["at"] = failure.next_try.isoformat()
    if failure and failure.state is State.DROPPED:
        log.warning("dropped: it is not tried again before something new comes for it", **said)
    elif told.held:
        log.warning("held by the breaker", **said, fix=told.step)
    elif told.seen or (told.quick and (failure is None or failure.tries <= TELL_AFTER)):
        log.info("things have changed meanwhile, looked at anew", **said)
    elif told.kind is Kind.ADMIN:
        dead = failure is not None and failure.state is State.DEAD
        event = "failed too often, and waits for the admin" if dead else "failed; the admin can mend it"
        trace = error if told.step == OURS else None
        fix = told.step.replace("REF", str(failure.ref) if failure else "REF")
        log.error(event, **said, fix=fix, see="release-stages failed, or the first page", exc_info=trace)
    elif told.kind is Kind.PEOPLE:
        rules = failure is not None and failure.ref.tracker == ADDITIONS
        shut = "the issue takes nothing from us; its people can mend that"
        log.warning("a repository's own rules cannot be taken; its people can mend that" if rules else shut, **said)
    else:
        log.warning("could not be looked at, tried again later", **said)


_OWNERS: dict[Kind, Owner] = {Kind.LATER: "nobody", Kind.PEOPLE: "people", Kind.ADMIN: "admin"}


def _said_so(desk: Desk, inbox: Inbox, run: Run, told: Fate, failure: Failure, begun: datetime) -> bool:
    """Let the living comment say that we could not look; True when nothing is left to be tried of that.

    What its next text is compared with is struck out first: whatever happens in between, a good look writes it anew.
    Where the tracker asks us to wait, it is not written to either.
    """
    owner = _OWNERS.get(told.kind)
    if failure.tries < TELL_AFTER or owner is None or told.seen or told.not_before or not inbox.holds(run):
        return False
    try:
        return _edited(desk, run.ref, owner, failure, begun)
    except (Refused, Gone) as error:
        log.info("the living comment cannot say so", reason=str(error))
        return True
    except (Unavailable, Overtaken, LedgerAway, Unreadable, Faulty) as error:
        log.info("the living comment cannot say so now", reason=str(error))
    except Exception as error:  # what broke the run may break this, too
        log.warning("the living comment cannot say so now", reason=fate(error).reason)
    return False


def _edited(desk: Desk, ref: Ref, owner: Owner, failure: Failure, begun: datetime) -> bool:
    look, now = desk.ledger.failures.last_look(ref), _now()
    if look is None or look[1] >= begun:  # it could be looked at: what failed is what we meant to say or do
        return False
    recalled = desk.ledger.read(ref)
    past = remember(recalled.entries)
    unseen = living.Unseen(
        ref, past, desk.mappings.current, *look, since=failure.since, now=now, owner=owner, reason=failure.reason
    )
    edit = living.unseen(unseen, desk.settings.marker_key)
    if edit is None:
        return False
    desk.ledger.append(ref, [Done(now, edit.key, edit.comment)], recalled.seq, now)
    desk.tracker(ref).edit(ref, edit.comment, edit.text, edit.token)
    log.info("the living comment says that we could not look", comment=edit.comment)
    return True


def _now() -> datetime:
    return datetime.now(UTC)
