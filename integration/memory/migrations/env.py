"""What Alembic runs for each command: our connection, our tables, the caller's transaction."""

from alembic import context

from integration.memory.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
