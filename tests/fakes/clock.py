"""A clock that a test can put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class MovableClock:
    """Shows the real time, moved by `offset`."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """What it shows, in UTC."""
        return datetime.now(UTC) + self.offset
