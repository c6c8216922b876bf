"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class StillClock:
    """Shows `at` until somebody moves it."""

    def __init__(self, at: datetime = datetime(2026, 3, 1, 8, tzinfo=UTC)) -> None:
        self._at = at

    def now(self) -> datetime:
        """What it shows, in UTC."""
        return self._at

    def move(self, by: timedelta) -> None:
        """Lets time pass."""
        self._at += by
