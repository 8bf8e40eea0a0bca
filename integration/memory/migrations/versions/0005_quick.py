"""Under which version of mappings.yaml a feature was looked at last; and indexes for a ledger that has grown."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("features", sa.Column("looked_under", sa.String(128), nullable=False, server_default=""))
    asked = sa.text("wanted IS NOT NULL OR awaited <> '' OR owing <> ''")
    op.create_index("ix_features_asked", "features", ["id"], sqlite_where=asked, postgresql_where=asked)
    op.create_index("ix_anchored_heads_feature_id", "anchored_heads", ["feature_id", "seq"])


def downgrade() -> None:
    op.drop_index("ix_anchored_heads_feature_id", "anchored_heads")
    op.drop_index("ix_features_asked", "features")
    op.drop_column("features", "looked_under")
