"""What Alembic runs: the steps that are missing, in the transaction of the connection that was opened for them."""

from alembic import context

if __name__ == "env_py":  # so Alembic calls it; elsewhere there is nothing to be run
    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()
