"""Alembic's entry: the chassis hands over the connection."""

from services.chassis.migrations import run_environment

run_environment()
