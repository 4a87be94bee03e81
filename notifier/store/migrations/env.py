"""Runs migrations on the connection it is handed; called by `notifier.store.schema` only."""

from alembic import context

from notifier.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
)
context.run_migrations()
