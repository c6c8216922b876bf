"""Hypothesis for these tests: they are many, and their examples cost more than most."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("provenance", settings.get_profile("monazite"), max_examples=60)
settings.load_profile("provenance")
