"""Words that people gave on the pages, until a worker has said them on the issue. Reached through `Ledger.spoken`.

The pages talk to no tracker: here a word waits. The feature's time to be looked at has come with it, so that a clock
finds it even where the hint that follows was lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Engine, Row, Select, delete, select, update

from integration.memory import tables
from integration.memory.board import Eyes, seen_by
from integration.memory.chain import plain
from integration.memory.database import insert_once, transaction
from integration.stages.model import Person, Ref
from integration.stages.spoken import Became, Settled, Spoken, Word

_W, _F = tables.words.c, tables.features.c
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Given:
    """A word as the pages show it: about which feature, and what became of it."""

    ref: Ref
    spoken: Spoken
    became: Became
    reason: str = ""
    url: str = ""


class Words:
    """Every method raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def give(self, ref: Ref, one: Spoken) -> bool:
        """Keep it for a worker. False, and nothing changes, where it is here, or the same of it is on its way."""
        row = {
            "id": one.id, "ref": str(ref), "party": one.party, "stage": one.stage, "word": one.word,
            "person": one.by.id[:_LONGEST], "handle": plain(one.by.handle)[:_LONGEST],
            "name": plain(one.by.name)[:_LONGEST], "note": plain(one.note), "at": one.at,
            "state": Became.ON_ITS_WAY.value, "reason": "", "url": "", "settled_at": None,
        }  # fmt: skip
        same = tuple(_W[name] == row[name] for name in ("party", "stage", "word", "person", "note"))
        with transaction(self._engine, writes=True) as connection:
            feature = select(_F.id).where(_F.ref == str(ref)).with_for_update()
            connection.execute(feature).one_or_none()  # one after the other, also of two that come at once
            on_its_way = select(_W.id).where(_W.ref == str(ref), _W.state == Became.ON_ITS_WAY.value, *same)
            known = connection.execute(select(_W.id).where(_W.id == one.id)).first()
            if known or connection.execute(on_its_way).first():
                return False
            insert_once(connection, tables.words, [row])
            due = update(tables.features).where(_F.ref == str(ref)).values(look_again_at=one.at)
            connection.execute(due)
            return True

    def take_back(self, id: str) -> None:
        """It was not given after all, as nobody could be told of it."""
        with transaction(self._engine, writes=True) as connection:
            connection.execute(delete(tables.words).where(_W.id == id, _W.state == Became.ON_ITS_WAY.value))

    def on_their_way(self, ref: Ref) -> tuple[Spoken, ...]:
        """Those for this feature that nothing has become of yet, in the order in which they were given."""
        question = select(tables.words).where(_W.ref == str(ref), _W.state == Became.ON_ITS_WAY.value)
        return tuple(one.spoken for one in self._given(question.order_by(_W.at, _W.id)))

    def settle(self, found: Iterable[Settled], now: datetime) -> None:
        """Write down what became of them."""
        with transaction(self._engine, writes=True) as connection:
            for one in found:
                values = {"state": one.became.value, "reason": one.reason, "url": one.url, "settled_at": now}
                is_it = (_W.id == one.id, _W.state == Became.ON_ITS_WAY.value)
                connection.execute(update(tables.words).where(*is_it).values(**values))

    def refuse(self, ref: Ref, why: str, now: datetime) -> None:
        """None of those for this feature can be said any more."""
        self.settle((Settled(one.id, Became.REFUSED, why) for one in self.on_their_way(ref)), now)

    def of_party(self, party: str, eyes: Eyes, since: datetime) -> tuple[Given, ...]:
        """Those of a party that are on their way, and those that were refused since; the newest first."""
        shown = (_W.party == party, _W.state != Became.RECORDED.value, *seen_by(eyes))
        lately = (_W.state == Became.ON_ITS_WAY.value) | (_W.at >= since)
        joined = select(tables.words).join(tables.features, _F.ref == _W.ref)
        return self._given(joined.where(*shown, lately).order_by(_W.at.desc(), _W.id))

    def _given(self, question: Select[Any]) -> tuple[Given, ...]:
        with transaction(self._engine) as connection:
            return tuple(map(_given, connection.execute(question).all()))


def rename(connection: Connection, old: Ref, new: Ref) -> None:
    """The issue lives elsewhere now, and what was said of it is said there."""
    connection.execute(update(tables.words).where(_W.ref == str(old)).values(ref=str(new)))


def _given(row: Row[Any]) -> Given:
    by = Person(row.person, row.handle, row.name)
    spoken = Spoken(row.id, row.party, row.stage, cast("Word", row.word), by, row.at, row.note)
    return Given(Ref.parse(row.ref), spoken, Became(row.state), row.reason, row.url)
