"""The shared tables, and one of the test's own: what each account holds, never below zero."""

from __future__ import annotations

from alembic import op

from services.chassis.migrations import create_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    create_tables(op.execute, log_name="urn:monazite:log:till:0")
    op.execute("CREATE TABLE till (account text PRIMARY KEY, mass_mg bigint NOT NULL CHECK (mass_mg >= 0))")
