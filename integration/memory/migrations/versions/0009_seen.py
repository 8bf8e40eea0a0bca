"""What the last look saw of a feature, for the pages.

Nobody has looked for them yet: within six hours each feature is looked at once, as if its time had come.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

compatible_since = "0006"

INSTANT = sa.DateTime(timezone=True)
COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "place": sa.String(512),
    "since": INSTANT,
    "labels": sa.Text(),
    "blocked": sa.Boolean(),
    "disagrees": sa.Boolean(),
    "seen": sa.LargeBinary(),
}

NOT_BEFORE, WITHIN = 600, 6 * 3600  # seconds: what is open comes first
FEATURES = sa.table(
    "features",
    sa.column("id", sa.BigInteger),
    sa.column("ref", sa.String),
    sa.column("place", sa.String),
    sa.column("frozen", sa.Boolean),
    sa.column("look_again_at", INSTANT),
)


def upgrade() -> None:
    for name, type_ in COLUMNS.items():
        op.add_column("features", sa.Column(name, type_))
    op.create_index(op.f("ix_features_place"), "features", ["place"])
    op.create_index("ix_features_board", "features", ["stage", "frozen", "closed", "since", "wanted"])
    connection = op.get_bind()
    now = datetime.now(UTC)
    rows = connection.execute(sa.select(FEATURES.c.id, FEATURES.c.ref)).all()
    changes = [
        {"of": row.id, "there": _place(row.ref), "then": now + timedelta(seconds=NOT_BEFORE + row.id % WITHIN)}
        for row in rows
    ]
    if changes:
        is_it = FEATURES.c.id == sa.bindparam("of")
        again, then = FEATURES.c.look_again_at, sa.bindparam("then", type_=INSTANT)
        stays = sa.or_(FEATURES.c.frozen, again < then)
        values = {"place": sa.bindparam("there"), "look_again_at": sa.case((stays, again), else_=then)}
        connection.execute(sa.update(FEATURES).where(is_it).values(**values), changes)


def _place(ref: str) -> str:
    """`github:acme/app#12` -> `github:acme/app`; `jira:main/APP-7` -> `jira:main/APP`."""
    return ref.rpartition("#" if ref.startswith("github:") else "-")[0]


def downgrade() -> None:
    op.drop_index("ix_features_board", table_name="features")
    op.drop_index(op.f("ix_features_place"), table_name="features")
    for name in reversed(COLUMNS):
        op.drop_column("features", name)
