"""Hostile contents: one output, as it stands in an opening, that is not what the schema of a lot says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from tests.vectors.forging.forge import (
    DOMAIN,
    LOG,
    NO_MEMBERS,
    Case,
    Pairs,
    Raw,
    Value,
    changes,
    digest,
    enc,
    head,
)

_case = partial(Case, "lot")
BAD_FIELD, NOT_DETERMINISTIC = "BAD_FIELD", "NOT_DETERMINISTIC"
ND, DY = 60, 66
SOURCE: Value = ["assay-1", "ICP-MS", None]
ROWS: list[Value] = [[ND, 700_000, 3_000, 2_000, 0], [DY, 30_000, 200, 100, 0]]
LOT_ID = "RE-CN3G-QXNN-YD5J-F"
GOOD: dict[int, Value] = {
    1: LOT_ID,
    2: f"{DOMAIN}/enterprise/alice",
    3: "plant-1",
    4: 2,
    5: 12_500,
    6: 12_000,
    7: 240,
    8: ROWS,
    9: [SOURCE],
    10: 3,
    11: 1,
    12: "reo-2025-1",
    13: LOG,
}


def lot(changed: Mapping[int, Value] | None = None, *, without: int | None = None) -> bytes:
    """A held lot with fields changed, added or one left out."""
    return enc({key: value for key, value in {**GOOD, **(changed or {})}.items() if key != without})


def rows(*changed: Value) -> bytes:
    """A lot of these rows."""
    return lot({8: list(changed)})


def cases() -> Iterator[Case]:
    """All of them, the good one first."""
    yield _case("good", "nothing", lot(), "ok")
    yield from _encodings()
    yield from _masses()
    yield from _fields()


def _encodings() -> Iterator[Case]:
    good = lot()
    entries = tuple(GOOD.items())
    for name, content in {
        "indefinite": b"\xbf" + good[1:] + b"\xff",
        "indefinite-rows": lot({8: Raw(b"\x9f" + enc(ROWS)[1:] + b"\xff")}),
        "long-key": enc(Pairs(((Raw(head(0, 1, 1)), LOT_ID), *entries[1:]))),
        "long-mass": rows([ND, Raw(head(0, 700_000, 8)), 3_000, 2_000, 0]),
        "key-twice": enc(Pairs((entries[0], *entries))),
        "mass-twice": enc(Pairs((*entries[:5], entries[4], *entries[5:]))),
        "keys-backwards": enc(Pairs(entries[::-1])),
        "keys-length-first": enc(Pairs((*entries, (-1, 0), (24, 0)))),
    }.items():
        yield _case(name, "another spelling", content, NOT_DETERMINISTIC)
    for name, data in {
        "float-mass": b"\xfb" + bytes.fromhex("41255cc000000000"),
        "float-16-mass": b"\xf9\x3c\x00",
        "nan-mass": b"\xf9\x7e\x00",
        "bignum-mass": b"\xc2" + enc((700_000).to_bytes(3, "big")),
        "decimal-mass": b"\xc4" + enc([-3, 700_000]),
        "rational-mass": b"\xd8\x1e" + enc([700_000, 1]),
        "text-mass": enc("700000"),
        "true-mass": b"\xf5",
        "null-mass": b"\xf6",
    }.items():
        yield _case(name, "a mass that is no integer", rows([ND, Raw(data), 0, 0, 0]), BAD_FIELD)
    regex = lot({3: Raw(b"\xd8\x23" + enc("(a+)+$"))})
    yield _case("tag-35-regex", "a tag whose decoder compiles it", regex, BAD_FIELD)
    yield _case("text-key", "a key that is a text", enc(Pairs((*entries, ("note", 0)))), BAD_FIELD)
    yield _case("trailing", "bytes after the item", good + b"\0", "TRAILING_BYTES")
    yield _case("deep", "containers within containers", lot({8: Raw(b"\x81" * 500 + b"\0")}), "TOO_DEEP")
    yield _case("empty", "nothing there", b"", BAD_FIELD)
    yield _case("list", "no map", enc(list(GOOD.values())), BAD_FIELD)


def _masses() -> Iterator[Case]:
    row: list[Value] = [ND, 700_000, 3_000, 2_000, 0]
    for name, content in {
        "mass-negative": rows([ND, -1, 0, 0, 0]),
        "mass-zero": rows([ND, 0, 0, 0, 0]),
        "mass-64-bits": rows([ND, 2**64 - 1, 0, 0, 0]),
        "uncertainty-negative": rows([ND, 700_000, -1, 0, 0]),
        "rows-descending": rows(*ROWS[::-1]),
        "row-twice": rows(row, row),
        "rows-empty": rows(),
        "row-of-four": rows(row[:4]),
        "row-of-six": rows([*row, 0]),
        "element-unknown": rows([1, 700_000, 0, 0, 0]),
        "element-promethium-plus-256": rows([61 + 256, 1, 0, 0, 0]),
        "source-that-is-not-there": rows([ND, 700_000, 0, 0, 1]),
        "rows-129": rows(*([[ND, 1, 0, 0, n] for n in range(129)])),
        "gross-zero": lot({5: 0}),
        "gross-negative": lot({5: -1}),
        "net-over-gross": lot({6: 12_501}),
        "moisture-over-net": lot({7: 12_001}),
    }.items():
        yield _case(name, "masses that cannot be", content, BAD_FIELD)


def _fields() -> Iterator[Case]:
    for label in GOOD:
        yield _case(f"field-{label}-missing", "a field is missing", lot(without=label), BAD_FIELD)
    for name, changed in changes(
        {
            "field-unknown": {17: 0},
            "field-negative": {-1: 0},
            "lot-id-newline": {1: LOT_ID + "\n"},
            "holder-no-uri": {2: "alice"},
            "holder-a-service": {2: f"{DOMAIN}/service/registry"},
            "holder-traversal": {2: f"{DOMAIN}/enterprise/../service/registry"},
            "holder-control": {2: f"{DOMAIN}/enterprise/alice\x1b[2J"},
            "site-empty": {3: ""},
            "site-too-long": {3: "s" * 70_000},
            "site-control": {3: "plant\x00"},
            "form-unknown": {4: 99},
            "model-unknown": {10: 0},
            "state-unknown": {11: 9},
            "state-true": {11: True},
            "receiver-of-a-held-lot": {14: f"{DOMAIN}/enterprise/bob"},
            "remainder-of-a-held-lot": {15: LOT_ID},
            "export-of-a-held-lot": {16: [digest("licence"), 1]},
            "sources-empty": {9: NO_MEMBERS},
            "source-twice": {9: [SOURCE, SOURCE]},
            "source-attestation-short": {9: [["assay-1", "ICP-MS", bytes(31)]]},
            "factor-table-empty": {12: ""},
            "home-log-empty": {13: ""},
        }
    ):
        yield _case(name, "a field that says what it may not", lot(changed), BAD_FIELD)
