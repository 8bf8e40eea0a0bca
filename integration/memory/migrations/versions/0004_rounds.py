"""How far the rounds have come that look for what never arrived; and how new a feature was when it was looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("features", sa.Column("watermark", INSTANT))
    op.create_table(
        "rounds",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("begun_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.Column("again_at", INSTANT),
        sa.Column("looked", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("hindrance", sa.Text(), nullable=False),
        sa.Column("met", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rounds")),
    )
    op.create_table(
        "stretches",
        sa.Column("round", sa.String(64), nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("reached_at", INSTANT),
        sa.PrimaryKeyConstraint("round", "name", name=op.f("pk_stretches")),
    )
    op.create_table(
        "failed_deliveries",
        sa.Column("hook", sa.String(255), nullable=False),
        sa.Column("guid", sa.String(64), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("again_at", INSTANT),
        sa.PrimaryKeyConstraint("hook", "guid", name=op.f("pk_failed_deliveries")),
    )


def downgrade() -> None:
    op.drop_table("failed_deliveries")
    op.drop_table("stretches")
    op.drop_table("rounds")
    op.drop_column("features", "watermark")
