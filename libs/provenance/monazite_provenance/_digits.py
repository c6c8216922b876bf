"""Integers as a person reads them."""

from __future__ import annotations


def grouped(value: int) -> str:
    """Digits in threes, with blanks (ISO 80000-1): a comma is the decimal sign of half the world."""
    return f"{value:_}".replace("_", " ")
