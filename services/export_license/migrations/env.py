"""Alembic's entry: runs on the connection that the service hands over."""

from __future__ import annotations

from services.chassis.migrations import run_environment

run_environment()
