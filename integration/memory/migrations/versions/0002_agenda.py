"""What is open, over all features: the stage that is asked for, who is awaited, what waits for what; and digests."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("features", sa.Column("wanted", sa.String(255)))
    op.create_index(op.f("ix_features_wanted"), "features", ["wanted"])
    for column in ("awaited", "owing"):
        op.add_column("features", sa.Column(column, sa.Text(), nullable=False, server_default=""))
    make_waits()
    make_digests()
    look_again()


def look_again() -> None:
    """What is open is known of no feature yet: whatever is looked at by the clock anyway is looked at now."""
    now = datetime.now(UTC).replace(tzinfo=None if op.get_bind().dialect.name == "sqlite" else UTC)
    features = sa.table(
        "features", sa.column("look_again_at", INSTANT), sa.column("closed"), sa.column("frozen", sa.Boolean())
    )
    is_open = (features.c.closed == "open", features.c.frozen.is_(False), features.c.look_again_at.is_not(None))
    op.execute(features.update().where(*is_open).values(look_again_at=now))


def make_waits() -> None:
    op.create_table(
        "waits",
        sa.Column("feature_id", ID, autoincrement=False, nullable=False),
        sa.Column("ref", sa.String(512), nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["features.id"], name=op.f("fk_waits_feature_id")),
        sa.PrimaryKeyConstraint("feature_id", "ref", name=op.f("pk_waits")),
    )
    op.create_index(op.f("ix_waits_ref"), "waits", ["ref"])


def make_digests() -> None:
    op.create_table(
        "digests",
        sa.Column("party", sa.String(255), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("again_at", INSTANT),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("party", "due_at", "channel", name=op.f("pk_digests")),
    )
    op.create_table(
        "digest_orders",
        sa.Column("party", sa.String(255), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("party", name=op.f("pk_digest_orders")),
    )


def downgrade() -> None:
    op.drop_table("digest_orders")
    op.drop_table("digests")
    op.drop_table("waits")
    op.drop_index(op.f("ix_features_wanted"), "features")
    for column in ("owing", "awaited", "wanted"):
        op.drop_column("features", column)
