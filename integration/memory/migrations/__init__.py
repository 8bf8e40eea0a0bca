"""How the ledger's tables came to be, one version after another; each start brings them up to date by itself.

Alembic is imported where a version changes, and nowhere else: a worker that finds its ledger up to date needs none.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0006"
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


def known(version: str) -> bool:
    """Whether this release knows the version; one that it does not know is of a later release."""
    from alembic.script import ScriptDirectory

    return any(script.revision == version for script in ScriptDirectory.from_config(_config()).walk_revisions())


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
