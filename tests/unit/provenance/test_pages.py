"""A bundle in several pages: any split gives the report of one page, and one that is not whole is refused as such."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import _cbor, bundle, tree, trust
from monazite_provenance.bundle import Cosigned, PageWriter, Sheet
from monazite_provenance.chain import BundleVerifier, verify_bundle
from monazite_provenance.contents import Form, KeyAction, LogRange
from monazite_provenance.errors import (
    BadField,
    ForeignPage,
    PageOutOfOrder,
    PagesIncomplete,
    ProvenanceError,
    TooLarge,
    TooManyParents,
)
from monazite_provenance.item import ITEM_BYTES_MAX, Item
from monazite_provenance.listings import split
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint
from monazite_provenance.verifier import Statement

from tests.unit.provenance.chains import (
    AT_S,
    LOG,
    NOW_S,
    ORE,
    World,
    code,
    enterprise,
    lot,
    mined,
    service,
    tell,
)
from tests.unit.provenance.paging import in_pages, sheets
from tests.unit.provenance.taken_back import taken_back

STORY = tell()
TARGET = STORY.abroad.encode()
ITEMS = [*STORY.world.items, STORY.world.status(STORY.abroad)]
WHOLE = STORY.world.encode(STORY.abroad, ITEMS)
PAGES = in_pages(STORY.world, STORY.abroad, ITEMS, [9, 18])
SHEETS = sheets(STORY.world, ITEMS, [9, 18])


def refused(pages: Sequence[bytes]) -> type[ProvenanceError]:
    """What comes of these pages one behind the other, in pieces of any size."""
    raw = b"".join(pages)
    with pytest.raises(ProvenanceError) as whole:
        verify_bundle([raw], STORY.world.trust, at=AT_S)
    with pytest.raises(ProvenanceError) as cut:
        list(bundle.read(raw[at : at + 1_000] for at in range(0, len(raw), 1_000)).pieces)
    assert whole.type is cut.type
    return whole.type


@given(st.sampled_from([STORY.abroad, STORY.returned]), st.sets(st.integers(1, 40)), st.sampled_from([1, 2]))
@settings(max_examples=40, deadline=None)
def test_any_split_of_a_sound_history_gives_the_same_report(target: Outpoint, ends: set[int], workers: int) -> None:
    world = STORY.world
    items = ITEMS if target == STORY.abroad else world.items
    expected = verify_bundle([world.encode(target, items)], world.trust, at=AT_S)
    pages = in_pages(world, target, items, sorted(ends))
    assert verify_bundle(pages, world.trust, at=AT_S, workers=workers) == expected
    assert BundleVerifier(world.trust, workers=workers).verify(pages, at=AT_S) == expected


@given(st.sets(st.integers(1, 40)))
@settings(max_examples=20, deadline=None)
def test_any_split_of_a_history_with_cuts_and_corrections_too(ends: set[int]) -> None:
    world, heads = taken_back()
    expected = world.verify(heads.merged)
    assert expected.failure is None
    pages = in_pages(world, heads.merged, world.items, sorted(ends))
    assert verify_bundle(pages, world.trust, at=AT_S) == expected


def test_every_split_in_two() -> None:
    expected = verify_bundle([WHOLE], STORY.world.trust, at=AT_S)
    assert expected.verdict is Verdict.VERIFIED
    for end in range(1, len(ITEMS)):
        pages = in_pages(STORY.world, STORY.abroad, ITEMS, [end])
        assert verify_bundle(pages, STORY.world.trust, at=AT_S) == expected


def test_one_page_is_written_as_ever() -> None:
    (page,) = in_pages(STORY.world, STORY.abroad, ITEMS, [])
    assert page == WHOLE
    assert page[:2] == b"\x83\x01"
    opened = bundle.read([WHOLE])
    assert (opened.first.number, opened.first.of) == (1, 1)


def test_one_page_left_out() -> None:
    first, second, third = PAGES
    assert refused([first, third]) is PageOutOfOrder
    assert refused([second, third]) is PageOutOfOrder
    assert refused([first, second]) is PagesIncomplete


def test_a_page_twice_or_at_anothers_place() -> None:
    first, second, third = PAGES
    assert refused([first, first, second, third]) is PageOutOfOrder
    assert refused([first, second, second, third]) is PageOutOfOrder
    assert refused([first, second, third, third]) is PageOutOfOrder
    assert refused([first, third, second]) is PageOutOfOrder


@given(st.integers(1, len(b"".join(PAGES)) - 1))
@settings(max_examples=60, deadline=None)
def test_cut_off_anywhere(length: int) -> None:
    raw = b"".join(PAGES)[:length]
    with pytest.raises(ProvenanceError) as found:
        verify_bundle([raw], STORY.world.trust, at=AT_S)
    # Within the first head nobody knows yet that there are to be pages.
    first_head = len(next(bundle.write_pages(STORY.abroad, SHEETS)))
    assert found.type.code == ("BAD_FIELD" if length < first_head else "PAGES_INCOMPLETE")


def test_an_item_less_or_more_than_announced() -> None:
    first, second, third = PAGES
    last = ITEMS[8].encode()
    assert first.endswith(last)
    assert refused([first.removesuffix(last), second, third]) is PagesIncomplete
    assert refused([first, last, second, third]) is BadField
    assert refused([first, second, third, last]) is BadField


def test_an_item_less_before_a_page_with_a_long_receipt() -> None:
    long = bundle.Listing(bytes(2 * ITEM_BYTES_MAX), (0,))
    first, second = (Sheet(page.pieces, listings) for page, listings in ((SHEETS[0], ()), (SHEETS[1], (long,))))
    pieces = list(bundle.write_pages(STORY.abroad, [first, second]))
    del pieces[len(first.pieces)]
    assert refused(pieces) is PagesIncomplete


def test_a_page_of_another_bundle() -> None:
    first, second, third = PAGES
    # Of another target, of another number of pages, of the same with another first page, of one that has no pages.
    elsewhere = in_pages(STORY.world, STORY.returned, ITEMS, [9, 18])
    assert refused([first, elsewhere[1], third]) is ForeignPage
    assert refused([first, in_pages(STORY.world, STORY.abroad, ITEMS, [9])[1]]) is ForeignPage
    other = in_pages(STORY.world, STORY.abroad, ITEMS, [8, 18])
    assert refused([other[0], second, third]) is ForeignPage
    assert refused([first, other[1], third]) is ForeignPage
    assert refused([first, second, other[2]]) is ForeignPage
    assert refused([first, WHOLE, third]) is ForeignPage


def test_a_page_with_other_bytes_is_not_gone_on_from() -> None:
    first, second, third = PAGES
    item = Item.decode(ITEMS[3].encode())
    redacted = first.replace(item.encode(), item.redact((), details=False).encode())
    assert redacted != first
    assert refused([redacted, second, third]) is ForeignPage


def test_what_is_wrong_with_a_page_is_said_before_the_next_is_read() -> None:
    world = World.new("mine")
    mined = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    offered = world.offer("mine", mined, enterprise("plant"))
    world.offer("mine", mined, enterprise("other"))
    before = len(world.items)
    world.accept("plant", offered)
    pages = in_pages(world, Outpoint(world.ids[-1], 0), world.items, [before])

    def arriving() -> Iterator[bytes]:
        yield pages[0]
        raise AssertionError("the first page is enough")

    report = verify_bundle(arriving(), world.trust, at=AT_S)
    assert report.failure is not None
    assert report.failure.code == "DOUBLE_SPEND"


def test_the_receipts_of_each_page_are_proven_when_it_has_come() -> None:
    good = sheets(STORY.world, ITEMS, [9, 18])
    # Nobody's receipt in the second page, and those of the first in it.
    for listings in ((), good[0].listings):
        pages = [good[0], Sheet(good[1].pieces, listings), good[2]]
        report = verify_bundle(bundle.write_pages(STORY.abroad, pages), STORY.world.trust, at=AT_S)
        assert report.failure is not None
        assert report.failure.code == "NO_TRUSTED_RECEIPT"
        assert report.statements <= 18


def test_the_end_of_a_key_reaches_back_to_the_pages_before() -> None:
    world, head = mined()
    public = world.keys["mine"].public
    stolen = trust.end_key_details(KeyAction.COMPROMISED, enterprise("mine"), public, statements=[LogRange(LOG, 1, 1)])
    registry = world.keys["registry"]
    world.add(
        trust.draft_keys(stolen, registry=service("registry"), key=registry.public, issued_at=NOW_S).sign(registry)
    )
    for end in range(1, len(world.items)):
        report = verify_bundle(in_pages(world, head, world.items, [end]), world.trust, at=AT_S)
        assert code(report) == (Verdict.REFUTED, "KEY_COMPROMISED")


def test_a_statement_stands_in_one_page_and_a_status_behind_all() -> None:
    world = STORY.world
    twice = in_pages(world, STORY.abroad, [*ITEMS[:9], ITEMS[0], *ITEMS[9:]], [9])
    early = in_pages(world, STORY.abroad, [ITEMS[-1], *ITEMS[:-1]], [1])
    for pages in (twice, early):
        report = verify_bundle(pages, world.trust, at=AT_S)
        assert report.failure is not None
        assert (report.verdict, report.failure.code) == (Verdict.REFUTED, "BAD_FIELD")


def test_a_lot_that_is_not_all_there_is_told_by_the_last_pages_status() -> None:
    pages = in_pages(STORY.world, STORY.abroad, [*STORY.world.items[:-1], ITEMS[-1]], [9, 18])
    report = verify_bundle(pages, STORY.world.trust, at=AT_S)
    assert report.failure is not None or "INCOMPLETE" in report.gap_codes()


def test_after_a_bundle_of_several_pages_the_verifier_goes_on() -> None:
    verifier = BundleVerifier(STORY.world.trust)
    expected = verify_bundle([WHOLE], STORY.world.trust, at=AT_S)
    for raw in ([WHOLE], PAGES, PAGES, [WHOLE], [WHOLE]):
        assert verifier.verify(raw, at=AT_S) == expected


# The form.


def head(*at: _cbor.Encodable, cosigned: Sequence[_cbor.Encodable] = ()) -> bytes:
    return _cbor.encode([2, TARGET, [], list(cosigned), list(at)])


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (head(1, 1, 1, None), BadField),
        (head(0, 2, 1, None), BadField),
        (head(3, 2, 1, bytes(32)), BadField),
        (head(1, 2, 0, None), BadField),
        (head(1, 2, 10_001, None), BadField),
        (head(1, 2, True, None), BadField),
        (head(1, 2, 1, bytes(32)), BadField),
        (head(2, 2, 1, None), BadField),
        (head(2, 2, 1, bytes(31)), BadField),
        (head(1, 2, 1), BadField),
        (head(1, 101, 1, None), TooLarge),
        (head(1, 2, 1, None, cosigned=[["x", []]]), BadField),
        (_cbor.encode([2, TARGET, [], []]), BadField),
        (_cbor.encode([2, TARGET, [], {}, [1, 2, 1, None]]), BadField),
        (head(2, 2, 1, bytes(32)), PageOutOfOrder),
    ],
    # By number: the bytes differ from process to process, and tests that are spread need names that do not.
    ids=range(15),
)
def test_heads_of_another_form(raw: bytes, error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        bundle.read([raw])


def test_a_page_has_the_bounds_of_a_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monazite_provenance._pages.PAGE_BYTES_MAX", len(PAGES[0]) - 1)
    with pytest.raises(TooLarge):
        list(bundle.read(PAGES).pieces)


def test_bounds_of_the_writer() -> None:
    items = [ITEMS[0].encode()] * 10_001
    for of in (0, 101):
        with pytest.raises(TooLarge):
            PageWriter(STORY.abroad, of)
    with pytest.raises(TooManyParents):
        PageWriter(STORY.abroad, 1).page(Sheet(items))
    with pytest.raises(TooManyParents):
        PageWriter(STORY.abroad, 2).page(Sheet(items))
    with pytest.raises(BadField):
        PageWriter(STORY.abroad, 2).page(Sheet([]))
    for of in (1, 2):
        writer = PageWriter(STORY.abroad, of)
        for _ in range(of):
            writer.page(Sheet(items[:1]))
        with pytest.raises(BadField):
            writer.page(Sheet(items[:1]))


def test_pages_are_written_again_as_they_were() -> None:
    witnessed = [Cosigned("a text")]
    raw = b"".join(bundle.write_pages(STORY.abroad, SHEETS, witnessed))
    opened = bundle.read([raw])
    assert opened.target == STORY.abroad
    found, cosigned = bundle.sheets(opened)
    assert list(cosigned) == witnessed
    assert b"".join(bundle.write_pages(STORY.abroad, found, cosigned)) == raw
    assert raw.startswith(PAGES[0] + PAGES[1])
    with pytest.raises(TooLarge):
        _ = bundle.read([raw]).listings
    with pytest.raises(TooLarge):
        _ = bundle.read([raw]).cosigned


def test_the_digest_is_of_the_bytes_of_the_page_before() -> None:
    assert sha256(PAGES[0]).digest() in PAGES[1]
    assert sha256(PAGES[1]).digest() in PAGES[2]


def test_the_true_bound() -> None:
    pieces = [b"\x80"] * 10_000
    for counts in ([10_000, 10_000, 1], [1, 10_000]):
        raw = b"".join(bundle.write_pages(STORY.abroad, [Sheet(pieces[:count]) for count in counts]))
        read = bundle.read(raw[at : at + 65_536] for at in range(0, len(raw), 65_536))
        assert [len(list(page.pieces)) for page in read.pages] == counts


def test_more_than_a_page_may_come_in_one_piece() -> None:
    pieces = [_cbor.encode(bytes(40_000))] * 300
    raw = b"".join(bundle.write_pages(STORY.abroad, [Sheet(pieces), Sheet(pieces)]))
    assert len(raw) > bundle.PAGE_BYTES_MAX
    assert [len(list(page.pieces)) for page in bundle.read([raw]).pages] == [300, 300]


def test_of_pages_that_were_judged_no_statement_is_kept() -> None:
    world, target = STORY.world, STORY.abroad
    first, *others = in_pages(world, target, ITEMS, range(1, len(ITEMS)))
    kept: list[int] = []

    def arriving() -> Iterator[bytes]:
        yield first
        for page in others:
            gc.collect()
            kept.append(sum(type(each) is Statement for each in gc.get_objects()))
            yield page

    before = sum(type(each) is Statement for each in gc.get_objects())
    report = verify_bundle(arriving(), world.trust, at=AT_S)
    assert report.verdict is Verdict.VERIFIED
    # The one that was taken last, and what the report itself names.
    assert max(kept) - before <= 2


# Splitting.


@given(
    st.lists(st.integers(1, 3_000), max_size=60),
    st.data(),
    st.integers(1, 20),
    st.integers(4_000, 40_000),
)
def test_a_split_is_in_order_and_within_bounds(
    sizes: list[int], data: st.DataObject, statements_max: int, bytes_max: int
) -> None:
    size = 1 << 20
    listed = data.draw(st.sets(st.sampled_from(range(len(sizes))))) if sizes else set[int]()
    indexes = {ordinal: (ordinal * 7_919) % size for ordinal in listed}
    pages = split(sizes, indexes, size, statements_max=statements_max, bytes_max=bytes_max)
    assert [place for page in pages for place in page] == list(range(len(sizes)))
    for page in pages:
        assert 0 < len(page) <= statements_max
        proven = [indexes[place] for place in page if place in indexes]
        hashes = 34 * len(tree.undisclosed_ranges(size, sorted(proven))) if proven else 0
        assert sum(sizes[place] for place in page) + hashes <= bytes_max or len(page) == 1


def test_a_split_of_what_fits_is_one_page() -> None:
    assert split([700] * 10_000, {}, 0) == [range(10_000)]
    assert [len(page) for page in split([700] * 10_001, {}, 0)] == [10_000, 1]
    assert all(len(page) < 10_000 for page in split([2_000] * 10_000, {}, 0))


@given(st.integers(1, 300), st.data())
def test_no_proof_has_more_nodes_than_a_split_counts_on(size: int, data: st.DataObject) -> None:
    known = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    nodes = 34 * len(tree.undisclosed_ranges(size, sorted(known)))
    indexes = dict(enumerate(sorted(known)))
    # With as many bytes as the proof takes without its indexes, no page holds them all.
    bytes_max = max(len(known) + nodes, 16)
    pages = split([1] * len(known), indexes, size, bytes_max=bytes_max)
    assert len(pages) > 1 or len(known) == 1
