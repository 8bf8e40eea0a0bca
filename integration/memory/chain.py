"""The chain of a feature: its entries as rows, each sealed with the hash of the one before.

A seal covers the row before it and every column of its own row. So whatever is changed, left out, swapped or put in
between shows at its place; the number and hash of the last row, kept beside the feature, show a cut-off end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, cast, get_args

import msgspec
from pydantic import Field, TypeAdapter, ValidationError

from integration.memory.database import Unreadable
from integration.stages.entries import AttemptJoined, Entry, Judged
from integration.stages.model import Person, Ref

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])
_GLANCES = {one.__dataclass_fields__["kind"].default: msgspec.json.Decoder(one) for one in get_args(Entry)}
_BESIDE = ("previous", "hash")  # the columns that a seal does not cover by itself
_LONGEST = 255  # letters of a column that is asked by; what an index of PostgreSQL takes has an end


def plain(value: str) -> str:
    """Without what a database refuses in a text: NUL and halves of surrogate pairs. The body keeps them, escaped."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _questions(entry: Entry) -> dict[str, str | None]:
    """The columns that questions are asked by, as far as an entry knows them."""
    by = getattr(entry, "by", None)
    found: dict[str, str | None] = {
        "stage": getattr(entry, "stage", None) or getattr(entry, "to", None),
        "party": getattr(entry, "party", None),
        "person": by.handle if isinstance(by, Person) else by,
        "rule": getattr(entry, "rule", None),
        "move": getattr(entry, "attempt", None),
        "comment": getattr(entry, "comment", None),
    }
    if isinstance(entry, Judged):
        shut = (gate.rule for gate in entry.gates if not gate.ok and not gate.waived)
        move = entry.move
        found |= {"stage": move.to, "person": move.actor.handle, "rule": next(shut, None), "move": move.id}
    if isinstance(entry, AttemptJoined):
        found["move"] = entry.move
    return {column: plain(value)[:_LONGEST] if value else None for column, value in found.items()}


def as_written(text: str) -> str:
    """A text as it stands in an entry's body."""
    return _canonical(text)


def covered(row: Mapping[str, Any]) -> str:
    """What of a row its hash covers beside the hash before it: all of its own columns, as JSON."""
    sealed = {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in _BESIDE
    }
    return _canonical(sealed)


def _seal(row: Mapping[str, Any]) -> str:
    """The hash of a row: over the one before it and all of its own columns."""
    return hashlib.sha256(f"{row['previous']}\n{covered(row)}".encode()).hexdigest()


def chained(feature_id: int, seq: int, head: str, entries: Iterable[Entry], now: datetime) -> list[dict[str, Any]]:
    """The rows that come behind number `seq`, whose hash is `head`."""
    rows: list[dict[str, Any]] = []
    for number, entry in enumerate(entries, seq + 1):
        row = {
            "feature_id": feature_id,
            "seq": number,
            "kind": entry.kind,
            "at": entry.at,
            "recorded_at": now,
            **_questions(entry),
            "body": _canonical(_ENTRY.dump_python(entry, mode="json")),
            "previous": head,
        }
        head = row["hash"] = _seal(row)
        rows.append(row)
    return rows


def read_entry(ref: Ref, seq: int, body: str) -> Entry:
    """A row's body as the entry that it was. Raises `Unreadable`."""
    try:
        return _ENTRY.validate_python(json.loads(body))
    except (ValidationError, ValueError) as error:
        raise Unreadable(
            f"{ref}: entry {seq} of the ledger is not one that this release knows; "
            "was a newer release at work here, or was the row changed? `verify` tells"
        ) from error


def glance(kind: str, body: str) -> Entry | None:
    """The same for whoever counts over all features: many times quicker, and None for what this release cannot read."""
    try:
        return cast("Entry", _GLANCES[kind].decode(body))
    except (KeyError, msgspec.MsgspecError):
        return None


def first_fault(rows: Sequence[Mapping[str, Any]]) -> int | None:
    """The number of the first row that is missing or was changed; None when the chain is whole.

    `rows` are those of one feature in order, each with the `last` number and the `head` that the feature's own row
    says. A feature without entries has one row that is empty but for these two.
    """
    last, head = rows[0]["last"], rows[0]["head"]
    seq, previous = 0, ""
    for row in rows:
        if row["seq"] is None:
            break
        own = {name: value for name, value in row.items() if name not in {"last", "head"}}
        if row["seq"] != seq + 1 or row["previous"] != previous or row["hash"] != _seal(own):
            return seq + 1
        seq, previous = seq + 1, row["hash"]
    if seq != last:
        return min(seq, int(last)) + 1
    return seq if previous != head else None


def digest(previous: str, day: date, heads: Iterable[tuple[int, int, str]]) -> str:
    """The digest of a day: over the one before and the (feature, number, hash) of the heads that are new since."""
    lines = [previous, day.isoformat(), *(f"{id} {seq} {head}" for id, seq, head in sorted(heads))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
