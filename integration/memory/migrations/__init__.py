"""How the ledger's tables came to be, one version after another; each start brings them up to date by itself.

From version 0006 on the tables say themselves who may work on them: each version names in `compatible_since` the oldest
one that a release must know to go on. So a release of before works on beside a later one, also when it is started
again, unless the later one says that it must not: docs/upgrading.md.

Alembic is imported where a version changes, and nowhere else: a worker that finds its ledger up to date needs none.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0010"
"""The version that this release works with."""

_ONE_AT_A_TIME = threading.Lock()  # Alembic keeps what it works on in module globals


def _config(connection: Connection | None = None) -> Config:
    """Alembic's settings without a file; `env.py` takes the connection from them."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@cache
def all_versions() -> tuple[str, ...]:
    """All versions that this release knows, the oldest first: each is called as its module begins."""
    modules = (Path(__file__).parent / "versions").glob("[0-9]*.py")
    return tuple(sorted(path.name.split("_")[0] for path in modules))


def known(version: str) -> bool:
    """Whether this release knows the version; one that it does not know is of a later release."""
    return version in all_versions()


def open_since(connection: Connection) -> str:
    """The oldest version that a release must know to work on these tables, as a later release has left them."""
    return str(connection.execute(text("SELECT compatible_since FROM ledger")).scalar_one())


def mark(connection: Connection) -> None:
    """Write down which releases may work on the tables as they are now, where they have room for it."""
    from alembic.script import ScriptDirectory

    version = current(connection) or ""
    module = ScriptDirectory.from_config(_config()).get_revision(version).module
    if since := getattr(module, "compatible_since", ""):
        connection.execute(text("UPDATE ledger SET compatible_since = :since"), {"since": since})


def current(connection: Connection) -> str | None:
    """The version that the tables are in; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def bring_up(connection: Connection, to: str = "head") -> None:
    """Upgrade inside the connection's transaction."""
    from alembic import command

    with _ONE_AT_A_TIME:
        command.upgrade(_config(connection), to)


def take_back(connection: Connection, to: str) -> None:
    """Downgrade inside the connection's transaction; `base` takes everything away."""
    from alembic import command

    with _ONE_AT_A_TIME:
        command.downgrade(_config(connection), to)
    if current(connection):
        mark(connection)
