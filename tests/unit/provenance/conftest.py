"""Hypothesis for these tests: no deadline, since a busy machine is not a failure."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("provenance", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("provenance")
