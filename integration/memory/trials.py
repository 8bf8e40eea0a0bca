"""How rules fare: what the ledger has of each verdict, read over all features; and since when a rule has stood so.

No judgement reads what is here. Reached through `Ledger.trials`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import cast

from sqlalchemy import Connection, Engine, delete, select, update

from integration.memory import chain, tables
from integration.memory.database import insert_once, transaction
from integration.stages.entries import Entry, Met
from integration.stages.health.faring import Featured
from integration.stages.model import NEVER, Ref

_F, _E, _M, _T = tables.features.c, tables.entries.c, tables.met_gates.c, tables.rule_terms.c
_B, _V = tables.bulletins.c, tables.mapping_versions.c
RIPE = "ripe-rules"
"""By this name the ledger keeps what was told last of rules that may be raised."""
_BEGAN = "met-gates"
_KINDS = ("judged", "attempt_joined", "attempt_ended", "noticed")
_AT_ONCE = 200  # features
_LONGEST = 255


class Trials:
    """Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def featured(self, since: datetime) -> Iterator[Featured]:
        """Each feature of which something was judged since then, with all of its verdicts and what came of them.

        One that this release cannot read is left out: a figure is not worth a report.
        """
        judged = select(_E.feature_id).where(_E.kind == "judged", _E.at >= since).distinct()
        with transaction(self._engine) as connection:
            ids = sorted(connection.execute(judged).scalars())
        for first in range(0, len(ids), _AT_ONCE):
            yield from self._some(ids[first : first + _AT_ONCE])

    def _some(self, ids: list[int]) -> Iterator[Featured]:
        """In parts: what was read of one is let go before the next, and the collector has little to walk through."""
        kinds = _E.kind.concat("").in_(_KINDS)  # by the features' index: by that of kinds each part would read all
        entries = select(_E.feature_id, _E.kind, _E.body).where(_E.feature_id.in_(ids), kinds)
        features = select(_F.id, _F.ref, _F.title, _F.url).where(_F.id.in_(ids))
        with transaction(self._engine) as connection:
            rows = connection.execute(entries.order_by(_E.feature_id, _E.seq)).all()
            known = {row.id: row for row in connection.execute(features)}
            met: dict[int, dict[tuple[str, str], datetime]] = {}
            for row in connection.execute(select(tables.met_gates).where(_M.feature_id.in_(ids))):
                met.setdefault(row.feature_id, {})[row.move, row.rule] = row.at
        for id, group in groupby(rows, itemgetter(0)):
            read = [chain.glance(kind, body) for _, kind, body in group]
            if None not in read:
                one = known[id]
                yield Featured(
                    Ref.parse(one.ref), one.title, one.url, cast("tuple[Entry, ...]", tuple(read)), met.get(id, {})
                )

    # --- since when a rule has stood so ---------------------------------------------------------------------------

    def note_terms(self, terms: Mapping[str, str], version: str, now: datetime) -> bool:
        """So the rules of the version in force judge; one that is new, or other than before, has stood so since `now`.

        Answers whether there is such a one. The first time is also when this release began, and with it the looking
        again at gates that were shut.

        The very first time nothing is known of before: all of them have stood so since that version was first there.
        """
        with transaction(self._engine) as connection:
            known = {row.rule: row.terms for row in connection.execute(select(tables.rule_terms))}
            first = connection.execute(select(_V.first_seen_at).where(_V.hash == version)).scalar_one_or_none()
        gone = [rule for rule in known if known[rule] != terms.get(rule)]
        other = [rule for rule in terms if known.get(rule) != terms[rule]]
        if not gone and not other:
            return False
        since = now if known else (first or now)
        with transaction(self._engine, writes=True) as connection:
            for rule in gone:
                was = (_T.rule == rule, _T.terms == known[rule])  # another clock may have been quicker
                connection.execute(delete(tables.rule_terms).where(*was))
            if not known:
                insert_once(connection, tables.bulletins, [{"name": _BEGAN, "told_at": now, "says": ""}])
            if other:
                rows = [{"rule": rule, "terms": terms[rule], "since": since} for rule in other]
                insert_once(connection, tables.rule_terms, rows)
        return True

    def met_known_since(self) -> datetime | None:
        """From when on it is known which gates were met later; None where no clock of this release has run yet."""
        with transaction(self._engine) as connection:
            return connection.execute(select(_B.told_at).where(_B.name == _BEGAN)).scalar_one_or_none()

    def standing(self, terms: Mapping[str, str], version: str, now: datetime) -> dict[str, datetime]:
        """Since when each rule has stood so, as far as it was noted; else since this version was first there."""
        with transaction(self._engine) as connection:
            known = {(row.rule, row.terms): row.since for row in connection.execute(select(tables.rule_terms))}
            first = connection.execute(select(_V.first_seen_at).where(_V.hash == version)).scalar_one_or_none()
        return {rule: known.get((rule, one), first or now) for rule, one in terms.items()}

    # --- what the admin is told from time to time -----------------------------------------------------------------

    def was_told(self, name: str, since: datetime) -> bool:
        """Whether these news have been told since then."""
        with transaction(self._engine) as connection:
            at = connection.execute(select(_B.told_at).where(_B.name == name)).scalar_one_or_none()
        return at is not None and at >= since

    def tell(self, name: str, says: str, since: datetime, now: datetime) -> bool:
        """It is ours to tell it now, in these words; False where another has since then."""
        with transaction(self._engine, writes=True) as connection:
            insert_once(connection, tables.bulletins, [{"name": name, "told_at": NEVER, "says": ""}])
            mine = update(tables.bulletins).where(_B.name == name, _B.told_at < since)
            return connection.execute(mine.values(told_at=now, says=chain.plain(says))).rowcount == 1

    def unsay(self, name: str) -> None:
        """It is not so any more; when it was told last stays."""
        with transaction(self._engine, writes=True) as connection:
            connection.execute(update(tables.bulletins).where(_B.name == name).values(says=""))

    def says(self, name: str) -> str:
        """What was told last; empty where there was nothing to tell."""
        with transaction(self._engine) as connection:
            return connection.execute(select(_B.says).where(_B.name == name)).scalar_one_or_none() or ""


def note_met(connection: Connection, feature_id: int, met: Iterable[Met], now: datetime) -> None:
    """These gates are open by now; what was noted before stays as it is."""
    found = {(chain.plain(one.move)[:_LONGEST], one.rule[:_LONGEST]) for one in met}
    if not found:
        return
    known = connection.execute(select(_M.move, _M.rule).where(_M.feature_id == feature_id)).all()
    if new := found - {(one.move, one.rule) for one in known}:
        rows = [{"feature_id": feature_id, "move": move, "rule": rule, "at": now} for move, rule in sorted(new)]
        insert_once(connection, tables.met_gates, rows)
