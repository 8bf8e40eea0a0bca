"""`release-stages tables`: in which version the ledger's tables are, who may work on them, and the way back.

Forward they go by themselves, whenever a process of a later release opens the ledger: docs/upgrading.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from integration.memory import database, migrations
from integration.memory.away import Away
from integration.memory.inbox import Inbox
from integration.settings import Settings
from integration.stages.model import ROUNDS, Ref


class NoWayBack(Exception):
    """The tables cannot be taken back so; the message says why, and what to do."""


def lines(settings: Settings) -> Iterator[str]:
    """How it stands, for people. Raises `LedgerAway`, `Unreadable`."""
    version, since = database.version_of(settings.database_url)
    if version is None:
        yield "There are no tables yet; the first process that starts makes them."
        return
    yield f"The ledger's tables are in version {version}; this release knows {migrations.NEWEST} at most."
    if since is None:
        yield "Of the releases that know no later version none may be started on them again."
    else:
        yield f"Releases that know version {since} or a later one may work on them, also side by side."


def back(settings: Settings, to: str) -> str:
    """Take the tables back to an older version. Raises `NoWayBack`, `LedgerAway`, `Unreadable`."""
    version, _ = database.version_of(settings.database_url)
    if version is None or not migrations.known(version):
        raise NoWayBack(f"the tables are in version {version}: take them back with the release that brought them there")
    older = [one for one in migrations.all_versions() if one < version]
    if to not in older:
        raise NoWayBack(f"from version {version} there is a way back to {', '.join(older) or 'none'}; not to '{to}'")
    _nobody_is_at_work(settings)
    database.take_back(settings.database_url, to)
    return (
        f"The ledger's tables are in version {to} now. Start the release that they are for, and no later one: it would "
        "bring them up again."
    )


def _nobody_is_at_work(settings: Settings) -> None:
    """No worker gives a sign of life; and what only this release makes hints of is forgotten, as it makes them anew."""
    inbox = Inbox.connect(settings.redis_url)
    try:
        if seen := inbox.workers_seen():
            raise NoWayBack(
                f"{seen} workers give signs of life: stop all processes of this release first (one that was killed is "
                "missed after half a minute)"
            )
        for kind in ROUNDS:
            for one in ("github", *(f"jira/{each.site}" for each in settings.jira)):
                inbox.forget(Ref(kind, "", one, 0))
    except Away:
        return  # without Redis nobody works
