"""Histories for what-ifs, how far their reading has come, and what was asked beside."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

compatible_since = "0006"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "histories",
        sa.Column("ref", sa.String(512), nullable=False),
        sa.Column("watermark", INSTANT, nullable=False),
        sa.Column("read_at", INSTANT, nullable=False),
        sa.Column("around", sa.String(32), nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_histories")),
    )
    op.create_index(op.f("ix_histories_watermark"), "histories", ["watermark"])
    op.create_table(
        "reaches",
        sa.Column("place", sa.String(512), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_reaches")),
    )
    op.create_table(
        "answers",
        sa.Column("question", sa.String(64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("question", name=op.f("pk_answers")),
    )


def downgrade() -> None:
    op.drop_table("answers")
    op.drop_table("reaches")
    op.drop_table("histories")
