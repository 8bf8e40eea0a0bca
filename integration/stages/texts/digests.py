"""A party's digest: when it is due, which features are in it, and its words. It mentions nobody, and is sent once.

What is told here happened, or is open, on other issues: each line leads to one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from integration.stages.calendars import Calendar
from integration.stages.entries import AttemptJoined, AttemptOpened, Entry, Judged, Outcome, Owed
from integration.stages.file.mappings import Approved, Digest, Level, Mappings
from integration.stages.remembered import Attempt, Remembered
from integration.stages.texts.markdown import JOINER, readable
from integration.stages.texts.markup import (
    Block,
    Bold,
    Code,
    Heading,
    Item,
    Items,
    Line,
    Link,
    Mention,
    Paragraph,
    Piece,
    Quoted,
    Small,
    Text,
)

LISTED = 20
FIRST = timedelta(days=7)
"""So far back looks the first digest of all."""
LONGEST = timedelta(days=31)
"""So far back looks one whose forerunners did not arrive."""
SETTLED = timedelta(minutes=5)
"""What is judged so shortly before a digest may not be written down yet: the next digest has it."""
_OPENS = time(9)  # of a party that has no calendar
_LONGEST_PAUSE = 60  # days without a digest, after which none is due
_TITLE = 100

Listed = TypeVar("Listed")


# --- when -------------------------------------------------------------------------------------------------------------


def slot(digest: Digest, calendar: Calendar | None, now: datetime, zone: str = "UTC") -> datetime | None:
    """The last moment at or before `now` at which the digest was due; None where there was none for two months.

    That is on its days, at its time or when the party's day opens, on the party's own clock (`zone` where it has no
    calendar). A day on which the party does not work has none.
    """
    local = ZoneInfo(calendar.time_zone if calendar else zone)
    today = now.astimezone(local).date()
    for day in (today - timedelta(days=back) for back in range(_LONGEST_PAUSE)):
        if day.weekday() in digest.days and (calendar is None or calendar.works(day)):
            opens = calendar.hours_of(day)[0] if calendar else _OPENS
            at = datetime.combine(day, digest.at if digest.at is not None else opens, local).astimezone(UTC)
            if at <= now:
                return at
    return None


def due(mappings: Mappings, party: str, born: datetime, now: datetime) -> datetime | None:
    """When the party's newest digest was due; None where it gets none, or where that was before the ledger was born."""
    known = mappings.parties.get(party)
    if known is None or known.digest is None:
        return None
    at = slot(known.digest, mappings.calendar_of(party), now, mappings.time_zone)
    return at if at is not None and at >= born else None


def orders(mappings: Mappings) -> dict[str, str]:
    """How the file orders each party's digest: days, time and issue in one line, the same as long as they are."""
    digests = ((name, party.digest) for name, party in mappings.parties.items())
    return {name: json.dumps([one.days, str(one.at or ""), one.issue or ""]) for name, one in digests if one}


def day_begins(mappings: Mappings, party: str, at: datetime) -> datetime:
    """The first moment of the day on which that is, on the party's own calendar."""
    local = _zone(mappings, party)
    return datetime.combine(at.astimezone(local).date(), time(), local).astimezone(UTC)


def _zone(mappings: Mappings, party: str) -> ZoneInfo:
    calendar = mappings.calendar_of(party)
    return ZoneInfo(calendar.time_zone if calendar else mappings.time_zone)


def window(due_at: datetime, covered: datetime | None, born: datetime) -> tuple[datetime, datetime]:
    """After when and until when moves are told of; `covered` is when the last digest was due that arrived there."""
    since = max(covered - SETTLED, due_at - LONGEST) if covered else max(born, due_at - FIRST)
    return since, due_at - SETTLED


# --- what -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature as the digest names it: its issue's name, title and address."""

    key: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The party's word is awaited; with `owed_by`, that person has promised to give it, `until` then."""

    feature: Feature
    stage: str | None
    asks: Literal["ack", "approve"] = "ack"
    by: str = ""
    since: datetime | None = None
    owed_by: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody asked for a stage, and the party need do nothing but know. `awaited` are the parties that have to."""

    feature: Feature
    stage: str
    by: str = ""
    since: datetime | None = None
    awaited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entered:
    """A feature came into a stage; `asked`: we set it, as `by` had asked. `left`: it is in an earlier one now."""

    feature: Feature
    stage: str
    at: datetime
    by: str
    asked: bool = False
    left: bool = False


def concerns(mappings: Mappings, party: str, now: datetime) -> frozenset[str]:
    """The stages for which a rule or a notice that is in force names the party; what only observes is not told."""
    found = {
        rule.entering
        for rule in mappings.rules
        if rule.level is not Level.OBSERVE and _in_force(rule.effective, now)
        if any(getattr(one, "party", None) == party for one in mappings.asked_by(rule))
    }
    found |= {
        one.entering
        for one in mappings.notify
        if one.level == "post" and party in one.parties and _in_force(one.effective, now)
    }
    return frozenset(stage for stage in found if stage)


def _in_force(effective: datetime | None, now: datetime) -> bool:
    return effective is None or effective <= now


def as_waiting(mappings: Mappings, party: str, feature: Feature, wanted: str | None, past: Remembered) -> Waiting:
    """What is awaited of the party on this feature."""
    attempt = past.attempt
    stage = attempt.to if attempt else wanted
    asks = _asks(mappings, party, attempt.was if attempt else None, stage)
    return Waiting(feature, stage, asks, str(attempt.by) if attempt else "", attempt.asked_at if attempt else None)


def as_owing(party: str, feature: Feature, past: Remembered) -> list[Waiting]:
    """What has been promised in the party's name on this feature, and was not given yet."""
    debts = [one for one in past.debts if one.party == party]
    return [
        Waiting(feature, one.stage, one.asks, since=one.at, owed_by=_called(one, past), until=one.until)
        for one in debts
    ]


def _called(debt: Owed, past: Remembered) -> str:
    """The name of whoever promised; their handle where nobody of that handle has been seen."""
    seen = (debt.by, *(one.by for one in past.evidence))
    return next((str(one) for one in seen if one.handle.casefold() == debt.who.casefold()), debt.who)


def _asks(mappings: Mappings, party: str, was: str | None, to: str | None) -> Literal["ack", "approve"]:
    """The word that the rules on the way ask the party for."""
    stages = list(mappings.stages)
    way = stages[stages.index(was) + 1 if was in stages else 0 : stages.index(to) + 1 if to in stages else 0]
    for rule in mappings.rules:
        asked = mappings.asked_by(rule) if rule.entering in way and rule.level is not Level.OBSERVE else ()
        if any(isinstance(one, Approved) and one.party == party for one in asked):
            return "approve"
    return "ack"


def as_coming(feature: Feature, wanted: str, awaited: Iterable[str], attempt: Attempt | None) -> Coming:
    """The open request, as somebody hears of it who need do nothing."""
    by, since = (str(attempt.by), attempt.asked_at) if attempt else ("", None)
    return Coming(feature, wanted, by, since, tuple(awaited))


def as_entered(
    feature: Feature,
    entries: Sequence[Entry],
    stages: Collection[str],
    between: tuple[datetime, datetime],
    left: Collection[str],
) -> list[Entered]:
    """The moves to one of these stages that were let in during that time; each stage once, as it was entered last.

    `left` are the stages above the one in which the feature is now.
    """
    found: dict[str, Entered] = {}
    for one in entries:
        if not isinstance(one, Judged) or one.outcome not in (Outcome.ADMITTED, Outcome.WARNED):
            continue
        to = one.move.to
        if to in stages and to is not None and between[0] < one.at <= between[1]:
            asker = _asker(one, entries)
            found[to] = Entered(feature, to, one.at, asker or str(one.move.actor), bool(asker), to in left)
    return list(found.values())


def _asker(judged: Judged, entries: Sequence[Entry]) -> str:
    """Who asked for a stage that we set when its gates opened; empty where people made the move themselves."""
    if not judged.move.ours:
        return ""
    asks = (one for one in reversed(entries) if isinstance(one, AttemptOpened | AttemptJoined))
    return next((str(one.by) for one in asks if one.attempt == judged.attempt), "")


# --- the words --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom it is written: their name for things, and their clock."""

    mappings: Mappings
    party: str
    now: datetime

    @property
    def name(self) -> str:
        """The party's name."""
        return self.called(self.party)

    def called(self, party: str) -> str:
        """A party's name as people say it."""
        known = self.mappings.parties.get(party)
        return (known.name if known else None) or party.replace("-", " ").capitalize()

    def stage(self, name: str) -> str:
        """A stage's name as people say it."""
        return self.mappings.stages.get(name, name)

    def day(self, at: datetime) -> str:
        """A day on the reader's own calendar: `Mon 7 Dec`."""
        zone = _zone(self.mappings, self.party)
        local = at.astimezone(zone)
        year = "" if local.year == self.now.astimezone(zone).year else f" {local.year}"
        return f"{local:%a} {local.day} {local:%b}{year}"

    def until(self, at: datetime) -> str:
        """The day with which something ends; it is over at the first moment of the next one, in the file's zone."""
        local = at.astimezone(ZoneInfo(self.mappings.time_zone))
        return self.day(at if local.hour or local.minute else at - timedelta(minutes=1))


def title(reader: Reader) -> str:
    """What an e-mail has above it."""
    return f"Release stages: digest for {reader.name}"


def make(
    reader: Reader, entered: Sequence[Entered], coming: Sequence[Coming], waiting: Sequence[Waiting]
) -> Text | None:
    """The digest; None when there is nothing to say."""
    if not (entered or coming or waiting):
        return None
    first = sorted(waiting, key=lambda one: (one.since is None, one.since or reader.now))
    next_ones = sorted(coming, key=lambda one: (one.since is None, one.since or reader.now))
    return (
        Heading((f"Digest for {reader.name}, {reader.day(reader.now)}",)),
        *_list("Waits for you", first, lambda one: _waits(reader, one)),
        *_list("Coming, nothing to do yet", next_ones, lambda one: _comes(reader, one)),
        *_list("What moved", sorted(entered, key=lambda one: one.at), lambda one: _moved(reader, one)),
        *((Small(("Please answer on each issue itself; what is written here is not read.",)),) if waiting else ()),
    )


def _list(name: str, found: Sequence[Listed], line: Callable[[Listed], Line]) -> tuple[Block, ...]:
    if not found:
        return ()
    items = [Item(line(one)) for one in found[:LISTED]]
    if len(found) > LISTED:
        items.append(Item((f"and {len(found) - LISTED} more",)))
    return (Paragraph((Bold(f"{name} ({len(found)})"),)), Items(tuple(items)))


def _named(feature: Feature) -> Line:
    cut = feature.title[:_TITLE].rstrip() + ("…" if len(feature.title) > _TITLE else "")
    return (Link(feature.key, feature.url), " ", Quoted(cut), ": ")


def _asked(reader: Reader, stage: str | None, by: str, since: datetime | None) -> Line:
    """ "Public Release was asked for by Erin on Mon 7 Dec"."""
    what = f"{reader.stage(stage)} was asked for" if stage else "your word was asked for"
    who: Line = (" by ", Quoted(by)) if by else ()
    when: Line = (f" on {reader.day(since)}",) if since else ()
    return (what, *who, *when)


def _waits(reader: Reader, one: Waiting) -> Line:
    word = Code(f"/stage {one.asks}")
    if not one.owed_by:
        return (*_named(one.feature), *_asked(reader, one.stage, one.by, one.since), ". Please answer ", word, ".")
    stage = f" on {reader.stage(one.stage)}" if one.stage else ""
    late = one.until is not None and one.until <= reader.now
    when = f" {'by' if late else 'until'} {reader.until(one.until)}" if one.until else ""
    owes = f" was to give your word{stage}{when}, and has not. " if late else f" owes your word{stage}{when}. "
    return (*_named(one.feature), Quoted(one.owed_by), owes, word, " gives it.")


def _comes(reader: Reader, one: Coming) -> Line:
    parties = " and ".join(reader.called(party) for party in one.awaited)
    then = f"; it waits for {parties}." if parties else "."
    return (*_named(one.feature), *_asked(reader, one.stage, one.by, one.since), then)


def _moved(reader: Reader, one: Entered) -> Line:
    stage, day = reader.stage(one.stage), reader.day(one.at)
    came = f"it entered {stage} on {day}" if one.left else f"in {stage} since {day}"
    who: Line = (", as ", Quoted(one.by), " had asked") if one.asked else (", moved by ", Quoted(one.by))
    return (*_named(one.feature), came, *who, ", and has left it since." if one.left else ".")


# --- for services that know letters only ------------------------------------------------------------------------------

_ALIKE = str.maketrans({"<": "‹", ">": "›", "*": "∗", "_": "ˍ", "`": "ˋ", "~": "∼", "|": "∣"})
"""Signs that format, quote or ping, and those that look like them: a backslash before them would be shown."""
_BEGINNINGS = re.compile(r"[@!$\[\]\\]|(?<!\w)#|:(?=\S)|(?<=\w)\.(?=[^\W\d_]{2})")
_KEPT_IN_URLS = ":/?#&=%+,;.-_~"


def plain(text: Text) -> str:
    """A text without any markup, addresses in full; for an SMS, or a mail program of old.

    Some that say they know letters only read Markdown all the same (Mattermost, Zulip): what we quote is none.
    """
    return "\n\n".join(_plain_block(block) for block in text)


def _plain_block(block: Block) -> str:
    if isinstance(block, Items):
        return "\n".join(f"{'  ' * item.depth}- {_plain_line(item.line)}" for item in block.items)
    return _plain_line(block.line)


def _plain_line(line: Line) -> str:
    return "".join(map(_plain_piece, line))


def _plain_piece(piece: Piece) -> str:
    match piece:
        case Link(text, url):
            return f"{_letters(text)} {quote(url.strip(), safe=_KEPT_IN_URLS)}"
        case Mention(text) | Quoted(text) | Bold(text) | Code(text):
            return _letters(text)
        case str():
            return _letters(piece)


def _letters(words: str) -> str:
    """Words that mention, link and format nothing, wherever somebody makes markup of them."""
    return _BEGINNINGS.sub(lambda found: f"{found[0]}{JOINER}", readable(words).translate(_ALIKE))
