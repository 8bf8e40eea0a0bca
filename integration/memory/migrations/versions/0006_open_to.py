"""Which releases may work on these tables: those that know the version that is named here, or a later one."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

compatible_since = "0006"  # the first version whose releases ask


def upgrade() -> None:
    op.add_column("ledger", sa.Column("compatible_since", sa.String(32), nullable=False, server_default="0006"))


def downgrade() -> None:
    op.drop_column("ledger", "compatible_since")
