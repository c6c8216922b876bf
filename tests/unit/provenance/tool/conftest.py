"""Fixtures of the tool's tests."""

from __future__ import annotations

from tests.unit.provenance.tool.files import files, tool

__all__ = ["files", "tool"]
