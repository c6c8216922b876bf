"""Rights that callers carry along again and again are verified once, and what is remembered of them is bounded."""

from __future__ import annotations

import sys

import pytest
from monazite_provenance.contents import QuotaKind
from monazite_provenance.key_book import KeyBook

from services.registry.domain.records import RightTerms
from services.registry.operations import presented
from services.registry.operations.presented import Presented

TERMS = RightTerms(b"r" * 32, QuotaKind.MINING_ROCK, 1, "spiffe://monazite.example/enterprise/a", "x", "log", 1)


def test_what_is_remembered_of_rights_is_bounded_in_number_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    rights = Presented(KeyBook("monazite.example"), "monazite.example")
    read: list[int] = []

    def verified(item: bytes) -> RightTerms:
        read.append(item[0])
        return TERMS

    monkeypatch.setattr(rights, "_right", verified)
    monkeypatch.setattr(presented, "RIGHTS_REMEMBERED_MAX", 2)
    items = [bytes([number]) * 70_000 for number in range(3)]
    held = sys.getrefcount(items[0])
    for number in (0, 1, 1, 0, 2, 1, 0, 2):
        assert rights.right(items[number]) is TERMS
    after = sys.getrefcount(items[0])
    # The third put the first out, and the first the second.
    assert read == [0, 1, 2, 0]
    assert after == held, "the caller's bytes are not kept"
