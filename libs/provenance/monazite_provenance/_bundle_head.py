"""The head of a bundle, or of a page of one: what stands in it, and its form."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from monazite_provenance import _cbor, tree
from monazite_provenance._frozen import dataclass
from monazite_provenance.errors import BadField, TooLarge, UnsupportedVersion
from monazite_provenance.receipts import MULTI_RECEIPT_BYTES_MAX
from monazite_provenance.statement import OUTPOINT_BYTES, Outpoint

BUNDLE_VERSION: Final = 1
PAGED_VERSION: Final = 2
"""Version of the heads of a bundle that has several pages."""
PAGE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest page of a bundle, bytes."""
PAGE_STATEMENTS_MAX: Final = 10_000
"""Most statements in a page of a bundle."""
PAGES_MAX: Final = 100
"""Most pages of a bundle."""
LISTINGS_MAX: Final = 64
"""Most receipts in the head of a bundle: one a log."""
COSIGNED_MAX: Final = 64
"""Most co-signed checkpoints in the head of a bundle."""
JOINTS_MAX: Final = 64
"""Most consistency paths that lead to one co-signed checkpoint."""
HEAD_BYTES_MAX: Final = MULTI_RECEIPT_BYTES_MAX + 1024 * 1024
"""Largest head of a bundle, bytes: its receipts, five bytes for each item that they are of, what witnesses said."""
PAGE_HEAD_BYTE: Final = b"\x85"
"""First byte of the head of one of several pages, which no item begins with."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A receipt of many entries (`receipts`), and the places in its page of the items that its indexes are of."""

    receipt: bytes
    ordinals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Joint:
    """The consistency path (RFC 9162 section 2.1.4) from a head of `size` entries to a co-signed one."""

    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A text checkpoint with lines of witnesses (`checkpoints`), and the paths that lead to it from smaller heads of
    the same log, sizes ascending. Nothing of it is verified here.
    """

    checkpoint: str
    joints: tuple[Joint, ...] = ()


@dataclass(frozen=True, slots=True)
class PagePlace:
    """Page `number`, from 1, `of` so many; it has so many `items`. `before`: SHA-256 of the page before it, which the
    first has not.
    """

    number: int
    of: int
    items: int
    before: bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    """What a head says. `place` is None for a bundle of one page."""

    target: Outpoint
    listings: tuple[Listing, ...]
    cosigned: tuple[Cosigned, ...] = ()
    place: PagePlace | None = None


def encode_head(head: Head) -> bytes:
    """The encoded head. Raises TooLarge past the bounds of a head."""
    cosigned = head.cosigned
    receipts: list[_cbor.Encodable] = [[each.receipt, list(each.ordinals)] for each in head.listings]
    witnessed: list[_cbor.Encodable] = [
        [each.checkpoint, [[joint.size, list(joint.path)] for joint in each.joints]] for each in cosigned
    ]
    joints_most = max((len(each.joints) for each in cosigned), default=0)
    if len(head.listings) > LISTINGS_MAX or len(cosigned) > COSIGNED_MAX or joints_most > JOINTS_MAX:
        raise TooLarge("too many receipts or co-signed checkpoints in the head of a bundle", limit=LISTINGS_MAX)
    target, place = head.target.encode(), head.place
    if place is None:
        encoded = _cbor.encode([BUNDLE_VERSION, target, receipts, *([witnessed] if witnessed else [])])
    else:
        at: list[_cbor.Encodable] = [place.number, place.of, place.items, place.before]
        encoded = _cbor.encode([PAGED_VERSION, target, receipts, witnessed, at])
    if len(encoded) > HEAD_BYTES_MAX:
        raise TooLarge("head of a bundle too long", limit=HEAD_BYTES_MAX)
    return encoded


def decode_head(raw: bytes) -> Head:
    """Read a head. Raises the Malformed family, UnsupportedVersion."""
    value = _cbor.decode(raw)
    match value:
        case [int(version), bytes(target), list(receipts), *more] if type(version) is int:
            if version not in (BUNDLE_VERSION, PAGED_VERSION):
                raise UnsupportedVersion("bundle of another version")
        case _:
            raise BadField("the head of a bundle", field="bundle")
    if len(target) != OUTPOINT_BYTES:
        raise BadField("the head of a bundle", field="bundle")
    if len(receipts) > LISTINGS_MAX:
        raise TooLarge("too many receipts in the head of a bundle", limit=LISTINGS_MAX)
    listings = tuple(_listing(member) for member in receipts)
    named = [ordinal for listing in listings for ordinal in listing.ordinals]
    if len(named) > PAGE_STATEMENTS_MAX or len(set(named)) != len(named):
        raise BadField("an item that stands in two receipts of the head", field="bundle")
    if version == BUNDLE_VERSION:
        return Head(Outpoint.decode(target), listings, _all_cosigned(more))
    match more:
        case [list(witnessed), list(at)]:
            place = _place(at)
        case _:
            raise BadField("the head of a page", field="bundle")
    if witnessed and place.number < place.of:
        raise BadField("what witnesses co-signed stands in the last page", field="bundle")
    return Head(Outpoint.decode(target), listings, _all_cosigned([witnessed] if witnessed else []), place)


def _place(at: Sequence[_cbor.CborValue]) -> PagePlace:
    match at:
        case [int(number), int(of), int(items), (bytes() | None) as before]:
            pass
        case _:
            raise BadField("the place of a page", field="bundle")
    counts = all(type(each) is int for each in (number, of, items))
    if not counts or not 1 <= number <= of or of == 1 or not 0 < items <= PAGE_STATEMENTS_MAX:
        raise BadField("the place of a page", field="bundle")
    if of > PAGES_MAX:
        raise TooLarge("too many pages", limit=PAGES_MAX)
    if (before is None) != (number == 1) or (before is not None and len(before) != tree.HASH_BYTES):
        raise BadField("the digest of the page before", field="bundle")
    return PagePlace(number, of, items, before)


def _listing(value: _cbor.CborValue) -> Listing:
    match value:
        case [bytes(receipt), list(ordinals)] if ordinals:
            listed = tuple(ordinal for ordinal in ordinals if type(ordinal) is int)
            if len(listed) == len(ordinals) and 0 <= min(listed) <= max(listed) < PAGE_STATEMENTS_MAX:
                return Listing(receipt, listed)
        case _:
            pass
    raise BadField("a receipt in the head of a bundle", field="bundle")


def _all_cosigned(more: Sequence[_cbor.CborValue]) -> tuple[Cosigned, ...]:
    match more:
        case []:
            return ()
        case [list(members)] if members:
            if len(members) > COSIGNED_MAX:
                raise TooLarge("too many co-signed checkpoints in the head of a bundle", limit=COSIGNED_MAX)
            return tuple(map(_cosigned, members))
        case _:
            raise BadField("the head of a bundle", field="bundle")


def _cosigned(value: _cbor.CborValue) -> Cosigned:
    match value:
        case [str(checkpoint), list(joints)]:
            if len(joints) > JOINTS_MAX:
                raise TooLarge("too many paths to a co-signed checkpoint", limit=JOINTS_MAX)
            found = tuple(map(_joint, joints))
            if all(left.size < right.size for left, right in pairwise(found)):
                return Cosigned(checkpoint, found)
        case _:
            pass
    raise BadField("a co-signed checkpoint in the head of a bundle", field="bundle")


def _joint(value: _cbor.CborValue) -> Joint:
    match value:
        case [int(size), list(nodes)] if type(size) is int and len(nodes) <= tree.PATH_NODES_MAX:
            path = tuple(node for node in nodes if isinstance(node, bytes) and len(node) == tree.HASH_BYTES)
            if len(path) == len(nodes) and 0 < size <= tree.SIZE_MAX:
                return Joint(size, path)
        case _:
            pass
    raise BadField("a path to a co-signed checkpoint", field="bundle")
