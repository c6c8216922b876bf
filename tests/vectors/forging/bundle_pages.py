"""Hostile bundles of several pages: pages that are missing, doubled, swapped or strangers; heads of another form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from monazite_provenance import bundle
from monazite_provenance.bundle import Sheet
from monazite_provenance.item import Item
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import LOG, World, enterprise, tell
from tests.unit.provenance.paging import in_pages, sheets
from tests.unit.provenance.registers import Register
from tests.vectors.forging.bundles import MALFORMED, case, mined, sold
from tests.vectors.forging.forge import Case, Value, enc
from tests.vectors.forging.seeded import seeded

INCOMPLETE: Final = f"{MALFORMED} PAGES_INCOMPLETE"
DISORDER: Final = f"{MALFORMED} PAGE_OUT_OF_ORDER"
FOREIGN: Final = f"{MALFORMED} FOREIGN_PAGE"
BAD_FIELD: Final = f"{MALFORMED} BAD_FIELD"
ENDS: Final = (3, 5)


def cases() -> Iterator[Case]:
    """All of them, the good ones first."""
    for group in (_good, _good_of_one, _sequences, _forms, _double_spend, _histories, _fork):
        with seeded():
            yield from group()


def _whole(world: World, target: Outpoint) -> list[Item]:
    return [*world.items, world.status(target)]


def _good() -> Iterator[Case]:
    story = tell()
    pages = in_pages(story.world, story.abroad, _whole(story.world, story.abroad), (9, 18))
    yield case("good-pages", "nothing: a bundle of three pages", b"".join(pages), "VERIFIED")


def _good_of_one() -> Iterator[Case]:
    world, target = sold()
    items = _whole(world, target)
    single = in_pages(world, target, items, range(1, len(items)))
    yield case("good-pages-of-one", "nothing: each statement in a page of its own", b"".join(single), "VERIFIED")


def _sequences() -> Iterator[Case]:
    world, target = sold()
    items = _whole(world, target)
    pages = in_pages(world, target, items, ENDS)
    first, second, third = pages
    shorter = first.removesuffix(items[2].encode()), third.removesuffix(items[-1].encode())
    for name, attacks, chosen, expected in (
        ("cut-off", "the last page is left out", (first, second), INCOMPLETE),
        ("cut-off-behind-the-first", "all pages but the first are left out", (first,), INCOMPLETE),
        ("cut-off-in-an-item", "the last page is cut short", (first, second, third[:-1]), INCOMPLETE),
        ("cut-off-in-a-head", "a page's head is cut short", (first, second, third[:40]), INCOMPLETE),
        (
            "item-left-out",
            "a page has an item less than it says",
            (first[: -len(items[2].encode())], second),
            INCOMPLETE,
        ),
        ("status-left-out", "the last page has an item less", (first, second, shorter[1]), INCOMPLETE),
        ("left-out", "a page in the middle is left out", (first, third), DISORDER),
        ("first-left-out", "the first page is left out", (second, third), DISORDER),
        ("twice", "a page stands there twice", (first, second, second, third), DISORDER),
        ("last-twice", "the last page stands there twice", (*pages, third), DISORDER),
        ("swapped", "two pages change places", (first, third, second), DISORDER),
        ("item-behind", "an item behind the last page", (*pages, items[-1].encode()), BAD_FIELD),
        ("item-between", "an item that its page does not count", (first, items[2].encode(), *pages[1:]), BAD_FIELD),
    ):
        yield case(f"pages-{name}", attacks, b"".join(chosen), expected)
    other = in_pages(world, target, items, (2, 5))
    sibling = in_pages(world, Outpoint(world.ids[-2], 0), items, ENDS)
    two = in_pages(world, target, items, ENDS[:1])
    changed = first.replace(items[0].encode(), items[0].with_receipts([b"receipt"]).encode())
    for name, attacks, chosen in (
        ("foreign-middle", "a page of the same lot's bundle, split elsewhere", (first, other[1], third)),
        ("foreign-first", "a first page of the same lot's bundle, split elsewhere", (other[0], second, third)),
        ("foreign-last", "the last page of the same lot's bundle, split elsewhere", (first, second, other[2])),
        ("foreign-target", "a page of a bundle of another target", (first, sibling[1], third)),
        ("foreign-count", "a page of a bundle of two", (first, two[1])),
        ("foreign-whole", "a bundle of one page in place of a page", (first, world.encode(target, items), third)),
        ("changed", "a page with a receipt more than the next one continues", (changed, second, third)),
    ):
        yield case(f"pages-{name}", attacks, b"".join(chosen), FOREIGN)


def _forms() -> Iterator[Case]:
    world, target = sold()
    named = target.encode()
    item = world.items[0].encode()

    def headed(*parts: Value) -> bytes:
        return enc([2, named, *parts]) + item

    def at(*place: Value, cosigned: Sequence[Value] = ()) -> bytes:
        return headed([], list(cosigned), list(place))

    for name, data in {
        "head-of-four": headed([], []),
        "co-signed-map": headed([], {}, [1, 2, 1, None]),
        "place-of-three": at(1, 2, 1),
        "only-page": at(1, 1, 1, None),
        "number-0": at(0, 2, 1, None),
        "number-beyond": at(3, 2, 1, bytes(32)),
        "number-true": at(True, 2, 1, None),
        "no-items": at(1, 2, 0, None),
        "items-beyond-any-page": at(1, 2, 10_001, None),
        "first-with-digest": at(1, 2, 1, bytes(32)),
        "second-without-digest": at(2, 2, 1, None),
        "digest-short": at(2, 2, 1, bytes(31)),
        "co-signed-early": at(1, 2, 1, None, cosigned=[["text", []]]),
    }.items():
        yield case(f"pages-form-{name}", "another form than a page's head", data, BAD_FIELD)
    yield case("pages-form-101", "more pages than a bundle has", at(1, 101, 1, None), f"{MALFORMED} TOO_LARGE")


# What is wrong over the border of two pages is as wrong as within one.


def _double_spend() -> Iterator[Case]:
    world, head = mined()
    offered = world.offer("mine", head, enterprise("plant"))
    before = len(world.items)
    world.offer("mine", head, enterprise("other"))
    twice = in_pages(world, offered, world.items, [before])
    yield case("pages-double-spend", "offered to two, in two pages", b"".join(twice), "REFUTED DOUBLE_SPEND")


def _histories() -> Iterator[Case]:
    world, target = sold()
    items = _whole(world, target)
    again = in_pages(world, target, [*items[:-1], items[2], items[-1]], ENDS)
    yield case("pages-statement-twice", "one statement in two pages", b"".join(again), "REFUTED BAD_FIELD")
    early = in_pages(world, target, [*items[:3], items[-1], *items[3:-1]], [4])
    yield case("pages-status-early", "more behind the status, in the next page", b"".join(early), "REFUTED BAD_FIELD")
    good = sheets(world, items, ENDS)
    for name, attacks, listings in (
        ("without-receipts", "a page without receipts for its items", ()),
        ("receipts-of-another", "a page with the receipts of another", good[0].listings),
    ):
        bad = [good[0], Sheet(good[1].pieces, listings), good[2]]
        raw = b"".join(bundle.write_pages(target, bad))
        yield case(f"pages-{name}", attacks, raw, "CANNOT_TELL NO_TRUSTED_RECEIPT")


def _fork() -> Iterator[Case]:
    """The second page rests on a head of the same size over another log."""
    world, target = sold()
    items = _whole(world, target)
    good = sheets(world, items, ENDS)
    true = world.registers.logs[LOG]
    fork = Register(LOG, true.issuer, true.key)
    for index in range(true.size):
        fork.append(true.leaf(index) if index else bytes(32))
    world.registers.logs[LOG] = fork
    raw = b"".join(bundle.write_pages(target, [good[0], *sheets(world, items, ENDS)[1:]]))
    yield case("pages-fork", "two histories of one log, in two pages", raw, "REFUTED LOG_FORKED")
