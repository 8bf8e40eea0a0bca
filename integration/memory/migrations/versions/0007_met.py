"""When a feature was last met in a tracker's full list, and when it was last looked for because it was not."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

compatible_since = "0006"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in ("met_at", "missed_at"):
        op.add_column("features", sa.Column(column, INSTANT))


def downgrade() -> None:
    for column in ("missed_at", "met_at"):
        op.drop_column("features", column)
