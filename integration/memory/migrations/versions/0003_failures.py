"""What could not be done, ref by ref: why, since when, how often it was tried, and what becomes of it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "failures",
        sa.Column("ref", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("last_try", INSTANT, nullable=False),
        sa.Column("next_try", INSTANT),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("dropped_by", sa.String(255), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_failures")),
    )


def downgrade() -> None:
    op.drop_table("failures")
