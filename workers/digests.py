"""Digests are sent from here: as a comment on the issue that the party names, and to its Apprise addresses. Each once.

A digest is named by its party and by when it was due. The ledger's agenda keeps how far it has come on each channel. A
comment whose answer was lost is looked for by its marker before it is posted again. An Apprise address cannot be asked
what it got: what was tried there is not tried again.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import ModuleType
from typing import Any

import structlog

from integration.look import Desk
from integration.memory.agenda import Agenda, Listed, Sending, State
from integration.memory.ledger import Ledger, Unreadable
from integration.settings import digest_variable
from integration.stages.entries import Entry
from integration.stages.file.mappings import Mappings
from integration.stages.model import Comment, Ref, Unnamed
from integration.stages.moves import rank
from integration.stages.planning.scene import UNKNOWN_FOR
from integration.stages.remembered import remember
from integration.stages.texts import digests, markers
from integration.stages.texts.digests import Coming, Entered, Feature, Waiting, plain
from integration.stages.texts.markdown import markdown
from integration.stages.texts.markup import Text
from integration.trackers import Gone, Refused, Unavailable

log = structlog.get_logger(__name__)

COMMENT, NOWHERE = "comment", "nowhere"
"""Channels. An Apprise address, which is a secret, is called by its fingerprint: `apprise:3f2a…`."""
NOT_INSTALLED = "Apprise is not installed; install it with `pip install 'apprise>=2.2'`"
UNKNOWN = "it was tried, and whether it arrived is not known; it is not sent twice"
NOT_TAKEN = "the service did not take it; try the address with the command `apprise -vv -b hello ADDRESS`"


def send(desk: Desk, party: str, now: datetime) -> datetime | None:
    """Say what is due for the party, once; answers with when to try again, where a tracker could not take it."""
    mappings = desk.mappings.current
    due_at = awaited(desk.ledger, mappings, party, now)
    return _Sender(desk, mappings, party, due_at, now).send() if due_at else None


def awaited(ledger: Ledger, mappings: Mappings, party: str, now: datetime) -> datetime | None:
    """When the digest was due that is still to be sent, or to be brought to its end; None where there is none.

    What was due before the file ordered it so counts as nothing, and so does a second one of the same day.
    """
    agenda, due_at = ledger.agenda, digests.due(mappings, party, ledger.born, now)
    if due_at is None or agenda.is_over(party, due_at):
        return None
    if agenda.sendings(party, due_at):
        return due_at
    terms, since = agenda.ordered(party) or ("", ledger.born)
    if due_at < since or (terms and terms != digests.orders(mappings)[party]):
        return None
    return None if agenda.went_out(party, digests.day_begins(mappings, party, due_at), due_at) else due_at


def fingerprint(address: str, key: bytes) -> str:
    """What the ledger calls an Apprise address; tells nothing of it."""
    return f"apprise:{hmac.new(key, address.encode(), hashlib.sha256).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class _Sender:
    """One party's digest of one time, on its way."""

    desk: Desk
    mappings: Mappings
    party: str
    due_at: datetime
    now: datetime
    read: dict[Ref, tuple[Entry, ...] | None] = field(default_factory=dict)

    @property
    def agenda(self) -> Agenda:
        return self.desk.ledger.agenda

    @property
    def issue(self) -> str:
        digest = self.mappings.parties[self.party].digest
        return (digest.issue if digest else None) or ""

    def send(self) -> datetime | None:
        """Every channel that is still open; one that fails keeps no other from its own."""
        addresses = self._addresses()
        wanted = [COMMENT] * bool(self.issue) + list(addresses)
        again = None
        waiting: list[tuple[Sending, Text | None]] = []
        for one in self.agenda.plan(self.party, self.due_at, wanted or [NOWHERE], self.now):
            text = self._text(one.channel) if one.is_open else None
            if one.state is State.PLANNED and text is None:
                self.agenda.step(one, State.NOTHING, self.now)
            elif one.channel == COMMENT and self.issue and one.is_open:
                again = self._comment(one, text)
            elif one.channel in addresses and one.is_open:
                waiting.append((one, text))
            elif one.is_open:
                self._left_out(one)
        if waiting:
            self._apprise(waiting, addresses)
        return again

    def _addresses(self) -> dict[str, str]:
        key = self.desk.settings.marker_key
        return {fingerprint(one, key): one for one in self.desk.settings.digest_addresses(self.party)}

    def _left_out(self, one: Sending) -> None:
        """The channel is not named any more, or none ever was."""
        self.agenda.step(one, State.FAILED, self.now, UNKNOWN if one.state is State.TRIED else "it is not named")
        if one.channel == NOWHERE:
            fix = f"name an `issue` under its digest in mappings.yaml, or set {digest_variable(self.party)}"
            log.warning("a party's digest goes nowhere", party=self.party, fix=fix)

    # --- what is in it --------------------------------------------------------------------------------------------

    def _text(self, channel: str) -> Text | None:
        """What is to be told there: of what moved, that which has not arrived there yet."""
        stages = digests.concerns(self.mappings, self.party, self.now)
        coming, waiting = self._open(stages)
        reader = digests.Reader(self.mappings, self.party, self.now)
        return digests.make(reader, self._entered(stages, channel), coming, waiting)

    def _open(self, stages: frozenset[str]) -> tuple[list[Coming], list[Waiting]]:
        coming: list[Coming] = []
        waiting: list[Waiting] = []
        for one in self.agenda.open_for(self.party, stages):
            if (entries := self._entries(one.ref)) is None:
                continue
            past, feature = remember(entries), _feature(one)
            if self.party in one.owing:
                waiting += digests.as_owing(self.party, feature, past)
            if one.is_closed:
                continue
            if self.party in one.awaited:
                waiting.append(digests.as_waiting(self.mappings, self.party, feature, one.wanted, past))
            elif one.wanted in stages and one.wanted is not None:
                coming.append(digests.as_coming(feature, one.wanted, one.awaited, past.attempt))
        return coming, waiting

    def _entered(self, stages: frozenset[str], channel: str) -> list[Entered]:
        born, order = self.desk.ledger.born, list(self.mappings.stages)
        between = digests.window(self.due_at, self.agenda.covered(self.party, channel, self.due_at), born)
        found: list[Entered] = []
        for one in self.agenda.judged(stages, *between):
            below = {stage for stage in order if rank(one.stage, order) < rank(stage, order)}
            if entries := self._entries(one.ref):
                found += digests.as_entered(_feature(one), entries, stages, between, below)
        return found

    def _entries(self, ref: Ref) -> tuple[Entry, ...] | None:
        """What is known of a feature, read once; None where this release cannot read it: the others are told of."""
        if ref not in self.read:
            try:
                self.read[ref] = self.desk.ledger.entries(ref)
            except Unreadable as error:
                self.read[ref] = None
                log.error("a feature is left out of a digest", party=self.party, feature=str(ref), reason=str(error))
        return self.read[ref]

    # --- as a comment ---------------------------------------------------------------------------------------------

    def _comment(self, one: Sending, text: Text | None) -> datetime | None:
        """Post it, once: what was tried without an answer is looked for first, and not before a minute has passed."""
        unknown_until = one.at + UNKNOWN_FOR if one.state is State.TRIED else self.now
        if self.now < (earliest := max(unknown_until, one.again_at or self.now)):
            return earliest
        try:
            comment = self._posted() if one.state is State.TRIED else None
            if comment is None and text is not None:
                before, one = one, replace(one, state=State.TRIED, at=self.now)
                if not self.agenda.step(before, State.TRIED, self.now):
                    return None  # another worker is at it
                ref = Ref.parse(self.issue)
                comment = self.desk.tracker(ref).say(ref, text, self._token())
        except Unavailable as error:
            again = max(error.retry_at or self.now, self.now + UNKNOWN_FOR)
            self.agenda.put_off(one, again)
            log.warning("a digest waits for its tracker", party=self.party, reason=str(error), at=again.isoformat())
            return again
        except (Refused, Gone, Unnamed) as error:
            self.agenda.step(one, State.FAILED, self.now, str(error))
            log.error("a digest could not be posted", party=self.party, issue=self.issue, reason=str(error))
            return None
        self.agenda.step(one, State.SENT if comment else State.NOTHING, self.now, comment.url if comment else "")
        if comment:
            log.info("digest posted", party=self.party, comment=comment.url)
        return None

    @property
    def _key(self) -> str:
        return f"digest:{self.due_at:%Y-%m-%dT%H:%M}"

    def _token(self) -> str:
        """Signed for the party: should the issue be judged, too, this comment is nothing that a plan has said."""
        return markers.write(markers.Marker(self._key), Ref.of_party(self.party), self.desk.settings.marker_key)

    def _posted(self) -> Comment | None:
        """The comment, if it is there after all."""
        ref = Ref.parse(self.issue)
        issue = self.desk.tracker(ref).fetch(ref)
        for comment in issue.comments:
            ours = comment.author.id == issue.me.id and bool(comment.token)
            if ours and self._is_this(comment.token):
                return comment
        return None

    def _is_this(self, token: str) -> bool:
        marker = markers.read(token, (str(Ref.of_party(self.party)),), self.desk.settings.marker_key)
        return marker is not None and marker.key == self._key

    # --- through Apprise ------------------------------------------------------------------------------------------

    def _apprise(self, waiting: Sequence[tuple[Sending, Text | None]], addresses: Mapping[str, str]) -> None:
        """To each address, once. What was tried before and not known to have arrived stays as it is."""
        apprise = _apprise_if_installed()
        if apprise is None:
            log.error("a digest could not be sent", party=self.party, reason=NOT_INSTALLED)
        title = digests.title(digests.Reader(self.mappings, self.party, self.now))
        for one, text in waiting:
            if one.state is State.TRIED or text is None:
                self._failed(one, addresses[one.channel], UNKNOWN)
            elif apprise is None:
                self.agenda.step(one, State.FAILED, self.now, NOT_INSTALLED)
            elif self.agenda.step(one, State.TRIED, self.now):
                tried = replace(one, state=State.TRIED, at=self.now)
                if _delivered(apprise, addresses[one.channel], title, text):
                    self.agenda.step(tried, State.SENT, self.now)
                    log.info("digest sent", party=self.party, through=_kind(addresses[one.channel]))
                else:
                    self._failed(tried, addresses[one.channel], NOT_TAKEN)

    def _failed(self, one: Sending, address: str, reason: str) -> None:
        self.agenda.step(one, State.FAILED, self.now, reason)
        log.error("a digest could not be sent", party=self.party, through=_kind(address), reason=reason)


def _feature(one: Listed) -> Feature:
    return Feature(one.ref.key, one.title, one.url)


def _apprise_if_installed() -> ModuleType | None:
    try:
        import apprise
    except ImportError:
        return None
    return apprise


def _kind(address: str) -> str:
    """All of an address that may be shown: `slack`, `mailtos`."""
    return address.partition("://")[0]


def _delivered(apprise: ModuleType, address: str, title: str, text: Text) -> bool:
    """Whether the service took it. Why not is not told: Apprise's own words may hold the address.

    Apprise runs in a thread of its own, as it swallows whatever is raised in it. RQ ends a job that takes too long by
    raising in ours: that goes on to RQ, and what became of the message is not known.
    """
    ended: list[bool] = []
    broke: list[str] = []

    def deliver() -> None:
        try:
            ended.append(_notified(apprise, address, title, text))
        except Exception as error:
            broke.append(type(error).__name__)

    with _silence():
        thread = threading.Thread(target=deliver, name="apprise", daemon=True)
        thread.start()
        thread.join()
    if broke:
        log.error("a service of Apprise broke down", through=_kind(address), error=broke[0])
    return True in ended


def _notified(apprise: ModuleType, address: str, title: str, text: Text) -> bool:
    asset = apprise.AppriseAsset(app_id="Release Stages", app_desc="Release Stages", async_mode=False)
    service = apprise.Apprise.instantiate(address, asset=asset)
    if service is None:
        return False
    marked = _takes_markup(apprise, service.notify_format)
    body = markdown(text) if marked else plain(text)
    form = apprise.NotifyFormat.MARKDOWN if marked else apprise.NotifyFormat.TEXT
    return bool(apprise.Apprise(service, asset=asset).notify(body, title, body_format=form))


def _takes_markup(apprise: ModuleType, known: Any) -> bool:
    """Whether a service shows Markdown, or the HTML that Apprise makes of it; of bare letters it makes nothing.

    `known` is the one format of a service, or several of which the first is used where ours is not among them.
    """
    several = known if isinstance(known, tuple) else (known,)
    return apprise.NotifyFormat.MARKDOWN in several or several[0] == apprise.NotifyFormat.HTML


@contextmanager
def _silence() -> Iterator[None]:
    """Nobody logs meanwhile: Apprise and the libraries under it name addresses, and with them the keys in them."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
