"""How the ledger's tables came to be, one version after another; each start brings them up to date by itself."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_ONE_AT_A_TIME = threading.Lock()  # Alembic keeps what it works on in module globals


def _config(connection: Connection | None = None) -> Config:
    """Alembic's settings without a file; `env.py` takes the connection from them."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The version that this release works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head, "the package was built without its migrations"  # noqa: S101
    return head


def known(version: str) -> bool:
    """Whether this release knows the version; one that it does not know is of a later release."""
    return any(script.revision == version for script in ScriptDirectory.from_config(_config()).walk_revisions())


def current(connection: Connection) -> str | None:
    """The version that the tables are in; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def bring_up(connection: Connection, to: str = "head") -> None:
    """Upgrade inside the connection's transaction."""
    with _ONE_AT_A_TIME:
        command.upgrade(_config(connection), to)


def take_back(connection: Connection, to: str) -> None:
    """Downgrade inside the connection's transaction; `base` takes everything away."""
    with _ONE_AT_A_TIME:
        command.downgrade(_config(connection), to)
