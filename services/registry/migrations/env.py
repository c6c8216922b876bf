"""Alembic's environment: the chassis hands over the connection."""

from __future__ import annotations

from services.chassis.migrations import run_environment

run_environment()
