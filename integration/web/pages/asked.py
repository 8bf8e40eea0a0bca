"""Which lines of the log somebody asks for, as it stands in the address of the page; and back again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from flask import abort
from werkzeug.datastructures import MultiDict

from integration.memory.audit import Key, Sought

KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # in the address: what people read, and the kinds of entries that it means
    "verdicts": ("Verdicts", ("judged",)),
    "requests": ("Requests for a stage", ("attempt_opened", "attempt_joined", "attempt_ended")),
    "told": ("Notices", ("noticed",)),
    "seen": ("Acknowledgements", ("acknowledged",)),
    "agreed": ("Approvals", ("approved", "agreed")),
    "back": ("Needs work, and approvals that fell", ("needs_work", "handed_over", "voided")),
    "holds": ("Holds", ("held", "resumed")),
    "waivers": ("Waivers", ("waived",)),
    "debts": ("Debts", ("owed",)),
    "routes": ("Routes", ("proposed", "routed")),
    "commands": ("Comments that were read", ("heard",)),
    "acts": ("What the service did", ("intended", "tried", "done", "failed")),
    "trouble": ("Trouble", ("standing", "doubted", "frozen", "carried", "label_vanished")),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 200  # letters of a search


def sought(args: MultiDict[str, str], zone: tzinfo) -> Sought:
    """What the address asks for; days are those of `zone`, the last one whole. Aborts with 400 for what is no day."""
    word = {name: args.get(name, "").strip()[:_LONGEST] for name in ("q", "stage", "party", "person", "rule", "place")}
    until = day(args.get("until", ""))
    return Sought(
        text=word["q"],
        kinds=KINDS.get(args.get("kind", ""), ("", ()))[1],
        stage=word["stage"],
        party=word["party"],
        person=word["person"].removeprefix("@"),
        rule=word["rule"],
        place=word["place"],
        since=_begin(day(args.get("since", "")), zone),
        until=_begin(until + timedelta(days=1) if until else None, zone),
    )


def day(said: str) -> date | None:
    """A day as an address has it; None where none is said. Aborts with 400 for what is none."""
    if not said.strip():
        return None
    try:
        found = date.fromisoformat(said.strip())
    except ValueError:
        abort(400, f"'{said[:40]}' is no day; write one such as 2026-11-30.")
    if not 1971 <= found.year <= 9000:
        abort(400, f"The year of '{said[:40]}' is out of reach.")
    return found


def _begin(found: date | None, zone: tzinfo) -> datetime | None:
    return datetime.combine(found, time(), zone) if found else None


def name_of(key: Key) -> str:
    """A place in the log, as an address has it."""
    return f"{(key.at - _EPOCH) // timedelta(microseconds=1)}.{key.feature}.{key.seq}"


def key_of(said: str) -> Key | None:
    """And back; None where none is said. Aborts with 400 for what names no place."""
    if not said:
        return None
    try:
        at, feature, seq = (int(part) for part in said[:80].split("."))
        return Key(_EPOCH + timedelta(microseconds=at), _small(feature), _small(seq))
    except (ValueError, OverflowError):
        abort(400, "That names no place in the log; begin at its top.")


def _small(number: int) -> int:
    if not 0 <= number < 2**31:
        raise ValueError
    return number
