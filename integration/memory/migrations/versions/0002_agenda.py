"""What is open, over all features: the stage that is asked for, who is awaited, what waits for what; and digests."""

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


def downgrade() -> None:
    op.drop_table("digests")
    op.drop_table("waits")
    op.drop_index(op.f("ix_features_wanted"), "features")
    for column in ("owing", "awaited", "wanted"):
        op.drop_column("features", column)
