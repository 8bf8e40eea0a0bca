"""How rules fare: gates that were met later, since when each rule has stood so, and what the admin was told of it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

compatible_since = "0006"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    feature_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "met_gates",
        sa.Column("feature_id", feature_id, autoincrement=False, nullable=False),
        sa.Column("move", sa.String(255), nullable=False),
        sa.Column("rule", sa.String(255), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["features.id"], name=op.f("fk_met_gates_feature_id")),
        sa.PrimaryKeyConstraint("feature_id", "move", "rule", name=op.f("pk_met_gates")),
    )
    op.create_table(
        "rule_terms",
        sa.Column("rule", sa.String(255), nullable=False),
        sa.Column("terms", sa.String(64), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_rule_terms")),
    )
    op.create_table(
        "bulletins",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bulletins")),
    )


def downgrade() -> None:
    op.drop_table("bulletins")
    op.drop_table("rule_terms")
    op.drop_table("met_gates")
