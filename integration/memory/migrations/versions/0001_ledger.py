"""The ledger: features, their entries, label names, versions of the mappings, anchors."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
APPEND_ONLY = ("entries", "anchors", "anchored_heads", "mapping_versions")


def upgrade() -> None:
    make_state()
    make_entries()
    make_names_and_mappings()
    make_anchors()
    for table in APPEND_ONLY:
        refuse_changes(table)


def make_state() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("born_at", INSTANT, nullable=False),
        sa.Column("mappings", sa.String(128), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_ledger_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
    )
    op.create_table(
        "features",
        sa.Column("id", ID, nullable=False),
        sa.Column("ref", sa.String(512), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("stage", sa.String(255)),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("closed", sa.String(32), nullable=False),
        sa.Column("look_again_at", INSTANT),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("checked_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_features")),
        sa.UniqueConstraint("ref", name=op.f("uq_features_ref")),
    )
    for column in ("stage", "owner", "look_again_at"):
        op.create_index(op.f(f"ix_features_{column}"), "features", [column])


def make_entries() -> None:
    op.create_table(
        "entries",
        sa.Column("feature_id", ID, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("stage", sa.Text()),
        sa.Column("party", sa.Text()),
        sa.Column("person", sa.Text()),
        sa.Column("rule", sa.Text()),
        sa.Column("move", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["feature_id"], ["features.id"], name=op.f("fk_entries_feature_id")),
        sa.PrimaryKeyConstraint("feature_id", "seq", name=op.f("pk_entries")),
    )
    op.create_index("ix_entries_kind_at", "entries", ["kind", "at"])
    for column in ("at", "stage", "party", "person", "rule", "move", "comment"):
        op.create_index(op.f(f"ix_entries_{column}"), "entries", [column])


def make_names_and_mappings() -> None:
    op.create_table(
        "label_names",
        sa.Column("place", sa.String(512), nullable=False),
        sa.Column("label_id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("place", "label_id", "name", name=op.f("pk_label_names")),
    )
    op.create_table(
        "mapping_versions",
        sa.Column("hash", sa.String(128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_mapping_versions")),
    )


def make_anchors() -> None:
    op.create_table(
        "anchors",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("chains", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_anchors")),
    )
    op.create_table(
        "anchored_heads",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("feature_id", ID, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["day"], ["anchors.day"], name=op.f("fk_anchored_heads_day")),
        sa.ForeignKeyConstraint(["feature_id"], ["features.id"], name=op.f("fk_anchored_heads_feature_id")),
        sa.PrimaryKeyConstraint("day", "feature_id", name=op.f("pk_anchored_heads")),
    )


def refuse_changes(table: str) -> None:
    """The database itself keeps the table append-only, also against a slip at its own console."""
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for change, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{each.lower()} BEFORE {change} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION ledger_refuse_change()"
        )


def downgrade() -> None:
    for table in (
        "anchored_heads", "anchors", "mapping_versions", "label_names", "entries", "features", "ledger",
    ):  # fmt: skip
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_refuse_change()")
