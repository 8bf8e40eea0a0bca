"""Which rules are in force: one version of mappings.yaml for all processes, and of each repository's own file one.

Judging reads what is in force here, and never a process's own disk: two processes with different files judge alike. A
version that takes effect wakes every open attempt that it may concern, in the same transaction. Reached through
`Ledger.versions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, func, select, update

from integration.memory import tables
from integration.memory.database import insert_once, transaction

_F, _L, _S, _V = tables.features.c, tables.ledger.c, tables.stretches.c, tables.mapping_versions.c
_OWN = "additions"  # of the table of stretches: a repository is one, and its cursor is the version of its file
_FAULTY = " faulty"


class Under(NamedTuple):
    """The versions that a look was made under; `own` is that of the repository's file (None: it may have none)."""

    version: str
    own: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A text that is, or was, in force, and since when it is known."""

    hash: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Own:
    """A repository's own file, as it was read last. `digest` is of the version that counts, empty where there is none.

    `faulty`: what stands there now cannot be taken. `read_at` None: it is to be read again before it is judged by.
    """

    digest: str = ""
    read_at: datetime | None = None
    faulty: bool = False


class Versions:
    """The versions that were ever in force, and those that are. Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- of mappings.yaml -----------------------------------------------------------------------------------------

    def in_force(self) -> str:
        """The hash of the version that is in force; empty where none ever was."""
        with transaction(self._engine) as connection:
            return _in_force(connection)

    def text(self, hash: str) -> str | None:
        """The text of a version that is, or was, in force."""
        return self._text(hash)

    def listed(self) -> tuple[Version, ...]:
        """Every version of mappings.yaml that ever was in force, the newest first."""
        question = select(_V.hash, _V.first_seen_at).where(~_V.hash.startswith(f"{_OWN}:"))
        with transaction(self._engine) as connection:
            rows = connection.execute(question.order_by(_V.first_seen_at.desc(), _V.hash)).all()
        return tuple(Version(row.hash, row.first_seen_at) for row in rows)

    def take(self, hash: str, text: str, now: datetime) -> None:
        """This version is in force from now on, for everybody; its text is kept, once.

        What is open is looked at again at once, and repositories' own files are compared with it.
        """
        with transaction(self._engine, writes=True) as connection:
            insert_once(connection, tables.mapping_versions, [{"hash": hash, "text": text, "first_seen_at": now}])
            if _in_force(connection) != hash:
                connection.execute(update(tables.ledger).values(mappings=hash))
                connection.execute(update(tables.stretches).where(_S.round == _OWN).values(reached_at=None))
                _wake(connection, now)

    # --- of a repository's own file ---------------------------------------------------------------------------------

    def own(self, place: str) -> Own | None:
        """What is known of the repository's file; None where it was never looked for."""
        with transaction(self._engine) as connection:
            row = connection.execute(select(tables.stretches).where(_is_of(place))).one_or_none()
        return _own(row) if row else None

    def owns(self) -> dict[str, Own]:
        """Every repository whose file was looked for, in small letters."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(tables.stretches).where(_S.round == _OWN).order_by(_S.name)).all()
        return {row.name: _own(row) for row in rows}

    def own_text(self, digest: str) -> str | None:
        """The text of a version of a repository's file that is, or was, in force."""
        return self._text(f"{_OWN}:{digest}")

    def own_text_of(self, begin: str) -> str | None:
        """The same, by the beginning of its digest, as verdicts name it; None also where two begin so."""
        question = select(_V.text).where(_V.hash.startswith(f"{_OWN}:{begin}", autoescape=True)).limit(2)
        with transaction(self._engine) as connection:
            found = connection.execute(question).scalars().all()
        return found[0] if len(found) == 1 and begin else None

    def keep_own(self, place: str, own: Own, text: str, now: datetime) -> None:
        """This is what the repository's file has come to, as it was read at `own.read_at`; a later reading stands.

        Where it has changed, what is open in that repository is looked at again at once.
        """
        with transaction(self._engine, writes=True) as connection:
            insert_once(connection, tables.stretches, [{"round": _OWN, "name": place.casefold()}])
            row = connection.execute(select(tables.stretches).where(_is_of(place)).with_for_update()).one()
            if row.reached_at is not None and own.read_at is not None and row.reached_at > own.read_at:
                return
            if own.digest and text:
                kept = {"hash": f"{_OWN}:{own.digest}", "text": text, "first_seen_at": now}
                insert_once(connection, tables.mapping_versions, [kept])
            cursor = own.digest + (_FAULTY if own.faulty else "")
            values = {"cursor": cursor, "reached_at": own.read_at}
            connection.execute(update(tables.stretches).where(_is_of(place)).values(**values))
            if cursor != (row.cursor or ""):
                _wake(connection, now, place)

    def forget_own(self, place: str, now: datetime) -> None:
        """The repository may have no rules of its own any more."""
        with transaction(self._engine, writes=True) as connection:
            if connection.execute(delete(tables.stretches).where(_is_of(place))).rowcount:
                _wake(connection, now, place)

    def _text(self, hash: str) -> str | None:
        with transaction(self._engine) as connection:
            return connection.execute(select(_V.text).where(_V.hash == hash)).scalar_one_or_none()


def is_past(connection: Connection, place: str, under: Under) -> bool:
    """Has another version taken effect since that look?"""
    if _in_force(connection) not in ("", under.version):
        return True
    if under.own is None:
        return False
    row = connection.execute(select(tables.stretches).where(_is_of(place))).one_or_none()
    return row is not None and _own(row).digest != under.own


def _in_force(connection: Connection) -> str:
    return connection.execute(select(_L.mappings)).scalar_one_or_none() or ""


def _is_of(place: str) -> ColumnElement[bool]:
    return and_(_S.round == _OWN, _S.name == place.casefold())


def _own(row: Row[tuple[object, ...]]) -> Own:
    cursor = str(row.cursor or "")
    return Own(cursor.removesuffix(_FAULTY), row.reached_at, cursor.endswith(_FAULTY))


def _wake(connection: Connection, now: datetime, place: str = "") -> None:
    """Whoever has asked for a stage is looked at again, as the clock sees to it; of one repository, or everywhere.

    A run that is under way has its feature's row after us, and sees by `is_past` that it was late; or before us.
    """
    asked = and_(_F.wanted.is_not(None), _F.frozen.is_(False))
    if place:
        asked = and_(asked, func.lower(_F.ref).startswith(f"github:{place.casefold()}#", autoescape=True))
    connection.execute(update(tables.features).where(asked).values(look_again_at=now))
