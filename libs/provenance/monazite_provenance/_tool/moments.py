"""The moment that a bundle is judged at."""

from __future__ import annotations

import argparse
from datetime import datetime


def add_at(parser: argparse.ArgumentParser) -> None:
    """The moment to judge at."""
    parser.add_argument(
        "--at",
        type=moment,
        metavar="TIME",
        help="judge whether a status is fresh as of this moment instead of now: Unix seconds, or 2025-01-31T08:00:00Z",
    )


def moment(text: str) -> int:
    """Unix seconds of an argument. Raises ValueError: argparse makes a usage error of it."""
    if text.isascii() and text.isdigit():
        return int(text)
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("a time without its zone")
    return int(when.timestamp())
