"""What the tests of every service start with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.clock import MovableClock
from tools.local import ceremony
from tools.local.pki import DevelopmentAuthority


@pytest.fixture(scope="session")
def trust(session_directory: Path, authority: DevelopmentAuthority) -> ceremony.Trust:
    """A root ceremony for the session."""
    return ceremony.hold(session_directory / "trust", authority.domain)


@pytest.fixture
def clock() -> MovableClock:
    """The clock of the service's process."""
    return MovableClock()
