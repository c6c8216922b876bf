"""Hostile items: a good statement by ALICE of five outputs, and openings that are not what it committed to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256

from tests.unit.provenance import recursive_tree
from tests.vectors.forging.forge import (
    DETAILS,
    MALLORY,
    OUTPUTS,
    Case,
    Pairs,
    Raw,
    Value,
    digest,
    enc,
    head,
    header,
    leaf,
    payload,
    signed,
    values,
)

_case = partial(Case, "item")
OPENING_MISMATCH, BAD_FIELD, TOO_LARGE = "OPENING_MISMATCH", "BAD_FIELD", "TOO_LARGE"
NOT_DETERMINISTIC = "NOT_DETERMINISTIC"

LEAVES = [leaf(opening) for opening in OUTPUTS]
ALL: dict[int, Value] = {index: list(opening) for index, opening in enumerate(OUTPUTS)}
SHOWN = list(DETAILS)
FILLER = (bytes(16), enc(bytes(70_000)))


def statement(leaves: list[bytes] | None = None, details: bytes | None = None) -> bytes:
    """The statement over these leaves."""
    leaves = LEAVES if leaves is None else leaves
    committed = sha256(b"".join(DETAILS)).digest() if details is None else details
    return signed(content=payload(root=recursive_tree.root(leaves), count=len(leaves), details=committed))


GOOD = statement()


def item(openings: Value = None, nodes: Value = None, details: Value = None, of: Value = None) -> bytes:
    """An item; without openings and nodes one that discloses every output."""
    shown = ALL if openings is None else openings
    return enc([GOOD if of is None else of, shown, [] if nodes is None else nodes, details])


def cases() -> Iterator[Case]:
    """All of them, the good ones first."""
    some: dict[int, Value] = {1: ALL[1], 4: ALL[4]}
    hidden = recursive_tree.undisclosed(LEAVES, some)
    yield _case("good", "nothing: everything is disclosed", item(details=SHOWN), "ok")
    yield _case("good-redacted", "nothing: two outputs of five, no details", item(some, hidden), "ok")
    yield _case(
        "good-nothing-shown", "nothing: the root is the one node", item({}, [recursive_tree.root(LEAVES)]), "ok"
    )
    yield _case("good-no-outputs", "nothing: there are none", item({}, of=statement([])), "ok")
    yield from _other_contents()
    yield from _nodes(some, hidden)
    yield from _twice()
    yield from _forms()
    yield from _sizes()


def _other_contents() -> Iterator[Case]:
    attack = "what is disclosed is not what was committed to"
    salt, content = OUTPUTS[0]
    children = (LEAVES[0] + LEAVES[1])[:16], (LEAVES[0] + LEAVES[1])[16:]
    fewer = {index: ALL[index] for index in range(4)}
    for name, openings in values(
        {
            "opening-of-another-output": {**ALL, 0: ALL[1], 1: ALL[0]},
            "opening-shown-twice": {**ALL, 0: ALL[1]},
            "content-changed": {**ALL, 0: [salt, content[:-1] + b"!"]},
            "salt-changed": {**ALL, 0: [bytes(16), content]},
            "content-longer": {**ALL, 0: [salt, content + b"\0"]},
            "content-empty": {**ALL, 0: [salt, b""]},
            "output-left-out": fewer,
            "output-added": {**ALL, 5: ALL[0]},
            "index-beyond-outputs": {**fewer, 127: ALL[4]},
            "index-huge": {**fewer, 2**64 - 1: ALL[4]},
            "index-negative": {**fewer, -1: ALL[4]},
            "details-as-output": {**ALL, 0: SHOWN},
            "inner-node-as-output": {0: [*children], **{n: ALL[n] for n in (2, 3, 4)}},
        }
    ):
        yield _case(name, attack, item(openings, details=SHOWN), OPENING_MISMATCH)
    for name, details in values(
        {
            "details-changed": [DETAILS[0], enc({1: 1})],
            "details-salt-changed": [bytes(16), DETAILS[1]],
            "details-of-an-output": ALL[0],
        }
    ):
        yield _case(name, attack, item(details=details), OPENING_MISMATCH)
    other = statement(LEAVES[::-1])
    yield _case("openings-of-another-statement", attack, item(details=SHOWN, of=other), OPENING_MISMATCH)
    yield _case("outputs-of-a-statement-without", attack, item({0: ALL[0]}, of=statement([])), OPENING_MISMATCH)
    # A leaf is hashed with 00 before it: without that, the root of two leaves could be shown as one.
    plain = statement([sha256(b"".join(OUTPUTS[0])).digest()])
    yield _case("leaf-without-prefix", attack, item({0: ALL[0]}, of=plain), OPENING_MISMATCH)
    badly = signed(content=payload(root=recursive_tree.root(LEAVES), count=5), key=MALLORY, protected=header())
    yield _case("statement-badly-signed", "the statement within", item(of=badly), "BAD_SIGNATURE")
    yield _case("statement-malformed", "the statement within", item(of=GOOD + b"\0"), "TRAILING_BYTES")


def _nodes(some: dict[int, Value], hidden: list[bytes]) -> Iterator[Case]:
    attack = "the nodes are the roots of the largest undisclosed subtrees, left to right"
    strange = digest("of no tree")
    for name, nodes in values(
        {
            "node-missing": hidden[:-1],
            "node-added": [*hidden, strange],
            "node-changed": [strange, *hidden[1:]],
            "nodes-swapped": hidden[::-1],
            "nodes-none": [],
            "nodes-of-smaller-subtrees": [LEAVES[0], LEAVES[2], LEAVES[3]],
        }
    ):
        yield _case(name, attack, item(some, nodes), OPENING_MISMATCH)
    yield _case("node-beside-all", attack, item(nodes=[strange]), OPENING_MISMATCH)
    for name, nodes in values(
        {
            "node-of-31-bytes": [hidden[0][:31], *hidden[1:]],
            "node-of-33-bytes": [hidden[0] + b"\0", *hidden[1:]],
            "node-text": ["0" * 32],
            "nodes-null": Raw(b"\xf6"),
            "nodes-map": {0: strange},
        }
    ):
        yield _case(name, "nodes of another form", item(some, nodes), BAD_FIELD)
    yield _case("nodes-65", "more than any tree has", item({}, [strange] * 65), TOO_LARGE)


def _twice() -> Iterator[Case]:
    attack = "one output, two openings"
    other: Value = [DETAILS[0], enc({1: 0, 2: "another"})]
    entries = tuple(ALL.items())
    twice = Pairs(((0, other), *entries))
    yield _case("two-openings-of-one-output", attack, item(twice), NOT_DETERMINISTIC)
    spelt = Pairs((entries[0], (Raw(head(0, 0, 1)), other), *entries[1:]))
    yield _case("two-openings-two-spellings", attack, item(spelt), NOT_DETERMINISTIC)
    backwards = Pairs(entries[::-1])
    yield _case("openings-backwards", "keys descending", item(backwards), NOT_DETERMINISTIC)
    length_first = Pairs(((-1, ALL[0]), (24, ALL[1])))
    yield _case("openings-length-first", "the order of RFC 7049", item(length_first), NOT_DETERMINISTIC)


def _forms() -> Iterator[Case]:
    good = item(details=SHOWN)
    yield _case("indefinite-item", "an indefinite length", b"\x9f" + good[1:] + b"\xff", NOT_DETERMINISTIC)
    yield _case(
        "indefinite-openings", "an indefinite length", item(Raw(b"\xbf" + enc(ALL)[1:] + b"\xff")), NOT_DETERMINISTIC
    )
    yield _case("indefinite-nodes", "an indefinite length", item(nodes=Raw(b"\x9f\xff")), NOT_DETERMINISTIC)
    yield _case("long-head", "a longer form than needed", b"\x98\x04" + good[1:], NOT_DETERMINISTIC)
    yield _case(
        "long-index",
        "a longer form than needed",
        item(Pairs(((Raw(b"\x18\x00"), ALL[0]), *tuple(ALL.items())[1:]))),
        NOT_DETERMINISTIC,
    )
    salt, content = OUTPUTS[0]
    long_salt: Value = {**ALL, 0: [Raw(head(2, 16, 1) + salt), content]}
    yield _case("long-salt-head", "a longer form than needed", item(long_salt), NOT_DETERMINISTIC)
    long_content: Value = {**ALL, 0: [salt, Raw(head(2, len(content), 2) + content)]}
    yield _case("long-content-head", "a longer form than needed", item(long_content), NOT_DETERMINISTIC)
    yield _case("trailing", "bytes after the item", good + b"\0", "TRAILING_BYTES")
    yield _case("trailing-item", "bytes after the item", good + good, "TRAILING_BYTES")
    for name, data in {
        "tagged": b"\xd2" + good,
        "map": enc({0: GOOD}),
        "of-three": enc([GOOD, ALL, []]),
        "of-five": enc([GOOD, ALL, [], SHOWN, None]),
        "statement-alone": GOOD,
        "statement-not-in-bytes": item(of=Raw(GOOD)),
        "statement-text": item(of="statement"),
        "openings-list": item(list(ALL.values())),
        "opening-of-one": item({**ALL, 0: [salt]}),
        "opening-of-three": item({**ALL, 0: [salt, content, b""]}),
        "opening-map": item({**ALL, 0: {0: salt}}),
        "opening-null": item({**ALL, 0: None}),
        "opening-content-not-in-bytes": item({**ALL, 0: [salt, Raw(content)]}),
        "salt-short": item({**ALL, 0: [salt[:15], content]}),
        "salt-long": item({**ALL, 0: [salt + content[:1], content[1:]]}),
        "salt-empty": item({**ALL, 0: [b"", salt + content]}),
        "details-false": item(details=False),
        "details-salt-short": item(details=[DETAILS[0][:15], DETAILS[1]]),
        "index-text": item(Pairs((("0", ALL[0]),))),
        "index-float": item(Pairs(((Raw(b"\xf9\x00\x00"), ALL[0]),))),
        "index-tagged": item(Pairs(((Raw(b"\xc2\x41\x00"), ALL[0]),))),
        "openings-tagged-set": item(Raw(b"\xd9\x01\x02" + enc(ALL))),
        "opening-shared": item({0: Raw(b"\xd8\x1c" + enc(ALL[0])), 1: Raw(b"\xd8\x1d\x00")}),
        "empty": b"",
    }.items():
        yield _case(name, "another form than an item's", data, BAD_FIELD)
    yield _case("deep", "containers within containers", item(Raw(b"\xa1\x00" * 9 + b"\0")), "TOO_DEEP")
    yield _case("very-deep", "containers within containers", item(nodes=Raw(b"\x81" * 60_000 + b"\0")), "TOO_DEEP")


def _sizes() -> Iterator[Case]:
    yield _case("openings-too-long", "70 000 bytes of openings", item({0: list(FILLER)}), TOO_LARGE)
    yield _case("details-too-long", "70 000 bytes of details", item(details=list(FILLER)), TOO_LARGE)
    half = (bytes(16), bytes(33_000))
    both = item({0: list(half)}, details=list(half))
    yield _case("together-too-long", "openings and details together", both, TOO_LARGE)
    many: dict[int, Value] = {index: [bytes(16), b""] for index in range(129)}
    yield _case("openings-129", "one more than any statement has", item(many), TOO_LARGE)
    yield _case("item-too-long", "longer than any may be", item({0: [bytes(16), bytes(150_000)]}), TOO_LARGE)
