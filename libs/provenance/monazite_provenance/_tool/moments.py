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
    """Unix seconds of an argument. Raises ArgumentTypeError, which argparse makes a usage error of."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise argparse.ArgumentTypeError("a time with its zone, e.g. 2026-01-31T12:00:00Z, or Unix seconds")
    return int(when.timestamp())
