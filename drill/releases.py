"""The releases of a drill of an upgrade: each is a folder with all of its code, run in this environment.

The one before is taken from the project's history; the next one, which nobody knows yet, is this one with a version of
the tables more, as a release of after would bring it.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from integration.memory import migrations

ROOT = Path(__file__).resolve().parent.parent
BEFORE, NEXT = "before", "next"
REVISION = "f5f5ce4"
"""The release of before: the last state of the house whose tables are in version 0002."""
_ASKS = "0006"  # releases that know this version of the tables ask who may work on them
_CODE = ("integration", "workers", "drill")
_NEWEST = re.compile(r'^NEWEST = "(\d+)"$', re.MULTILINE)

_MORE = '''"""Made up by the drill: what a release of after may add, and what this one does not know."""

import sqlalchemy as sa
from alembic import op

revision = "{version}"
down_revision = "{newest}"
branch_labels = None
depends_on = None

compatible_since = "{since}"


def upgrade() -> None:
    op.add_column("features", sa.Column("weather", sa.String(20), nullable=False, server_default="fine"))
    op.create_table("news", sa.Column("id", sa.Integer(), primary_key=True))
    op.create_index("ix_entries_recorded_at", "entries", ["recorded_at"])


def downgrade() -> None:
    op.drop_index("ix_entries_recorded_at", "entries")
    op.drop_table("news")
    op.drop_column("features", "weather")
'''


# What makes a release of after one that cannot work beside this one: in which file, what, and what it has instead.
FAULTS = {"other-lock": ("integration/memory/lua/prelude.lua", "prefix .. 'lock:'", "prefix .. 'other lock:'")}


class NoHistory(Exception):
    """The release of before cannot be had here; the message says why, and how it can."""


@dataclass(frozen=True)
class Release:
    """One release: where its code is, the newest version of the tables that it knows, whether it has the drill's parts.

    `again`: may it be started again on the tables of the one that comes after it?
    """

    name: str
    root: Path
    tables: str
    again: bool = True

    @property
    def has_parts(self) -> bool:
        """Has it `drill.part`, which makes rounds come more often?"""
        return (self.root / "drill" / "part.py").exists()

    def command(self, part: str, every: float) -> list[str]:
        """How its web, worker or clock is started."""
        if part == "web":
            return [sys.executable, "-m", "integration.cli", "web"]
        if self.has_parts:
            return [sys.executable, "-m", "drill.part", part, str(every)]
        return [sys.executable, "-m", "workers", part]


def this() -> Release:
    """The release that we are."""
    return Release("this", ROOT, migrations.NEWEST)


def from_history(revision: str, home: Path) -> Release:
    """A release out of the project's history. Raises `NoHistory`."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        raise NoHistory(f"the release of before ({revision}) is in the project's history, and here is none: clone it")
    packed = subprocess.run([git, "-C", str(ROOT), "archive", revision], capture_output=True)  # noqa: S603
    if packed.returncode:
        raise NoHistory(
            f"the release of before ({revision}) is not in the history that is here; perhaps it is a shallow clone: "
            "git fetch --unshallow"
        )
    into = home / revision
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extractall(into, filter="data")
    newest = max((into / "integration/memory/migrations/versions").glob("[0-9]*.py")).name.split("_")[0]
    return Release(revision, into, newest, again=newest >= _ASKS)


def made_up(home: Path, fault: str = "") -> Release:
    """A release that comes after this one: the same code, one version of the tables more.

    `fault`: one of `FAULTS`, that it comes with.
    """
    into = home / NEXT
    for name in _CODE:
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    newest = migrations.NEWEST
    version = f"{int(newest) + 1:04d}"
    place = into / "integration" / "memory" / "migrations"
    written = (place / "__init__.py").read_text()
    (place / "__init__.py").write_text(_NEWEST.sub(f'NEWEST = "{version}"', written))
    more = _MORE.format(version=version, newest=newest, since=_open_since(newest))
    (place / "versions" / f"{version}_made_up.py").write_text(more)
    if fault:
        where, was, wrong = FAULTS[fault]
        (into / where).write_text((into / where).read_text().replace(was, wrong))
    return Release(NEXT, into, version)


def _open_since(version: str) -> str:
    """What this release's newest version of the tables names."""
    (module,) = (ROOT / "integration" / "memory" / "migrations" / "versions").glob(f"{version}_*.py")
    found = re.search(r'^compatible_since = "(\d+)"', module.read_text(), re.MULTILINE)
    return found[1] if found else version
