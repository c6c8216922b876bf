"""Bundles: what travels with a lot. A CBOR sequence: a head, then items, parents first.

The head is `[1, target outpoint, [[receipt, [place of an item, ...]], ...]]`: one receipt of many entries for all
statements of a log, and which items of the bundle, counted from 0, its indexes are of. So a reader knows where an item
claims to be registered before it meets it, and needs the receipt's proof only at the end. Where witnesses co-signed the
logs, a fourth member of the head carries that; it changes nothing in the items, so that anybody may add it later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Final

from monazite_provenance import _cbor, tree
from monazite_provenance._frozen import dataclass
from monazite_provenance._sequence import cut
from monazite_provenance.errors import BadField, NotABundle, TooLarge, TooManyParents, UnsupportedVersion
from monazite_provenance.item import ITEM_BYTES_MAX, Item
from monazite_provenance.receipts import MULTI_RECEIPT_BYTES_MAX
from monazite_provenance.statement import OUTPOINT_BYTES, Outpoint

BUNDLE_VERSION: Final = 1
PAGE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest page of a bundle, bytes."""
PAGE_STATEMENTS_MAX: Final = 10_000
"""Most statements in a page of a bundle."""
LISTINGS_MAX: Final = 64
"""Most receipts in the head of a bundle: one a log."""
COSIGNED_MAX: Final = 64
"""Most co-signed checkpoints in the head of a bundle."""
JOINTS_MAX: Final = 64
"""Most consistency paths that lead to one co-signed checkpoint."""
HEAD_BYTES_MAX: Final = MULTI_RECEIPT_BYTES_MAX + 1024 * 1024
"""Largest head of a bundle, bytes: its receipts, five bytes for each item that they are of, what witnesses said."""

# How the head of a bundle begins: an array of three or four, and in it an unsigned integer.
_HEADS: Final = (0x83, 0x84)
_NUMBER_LAST: Final = b"\x1b"
_BEGINNING_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Listing:
    """A receipt of many entries (`receipts`), and the places in the bundle of the items that its indexes are of."""

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
class Bundle:
    """The outpoint a bundle speaks for, its receipts, its encoded items as they come, raising as `read`, and what
    witnesses co-signed.
    """

    target: Outpoint
    listings: tuple[Listing, ...]
    pieces: Iterator[bytes]
    cosigned: tuple[Cosigned, ...] = ()

    @property
    def items(self) -> Iterator[Item]:
        """What is left of the pieces, decoded as they come. Raises the Malformed family."""
        return map(Item.decode, self.pieces)


def write(
    target: Outpoint,
    items: Iterable[Item | bytes],
    listings: Sequence[Listing] = (),
    cosigned: Sequence[Cosigned] = (),
) -> Iterator[bytes]:
    """The encoded pieces of a bundle, one an item. Raises TooLarge, TooManyParents past the bounds of a page."""
    receipts: list[_cbor.Encodable] = [[each.receipt, list(each.ordinals)] for each in listings]
    witnessed: list[_cbor.Encodable] = [
        [each.checkpoint, [[joint.size, list(joint.path)] for joint in each.joints]] for each in cosigned
    ]
    head = _cbor.encode([BUNDLE_VERSION, target.encode(), receipts, *([witnessed] if witnessed else [])])
    joints_most = max((len(each.joints) for each in cosigned), default=0)
    if len(listings) > LISTINGS_MAX or len(cosigned) > COSIGNED_MAX or joints_most > JOINTS_MAX:
        raise TooLarge("too many receipts or co-signed checkpoints in the head of a bundle", limit=LISTINGS_MAX)
    if len(head) > HEAD_BYTES_MAX:
        raise TooLarge("head of a bundle too long", limit=HEAD_BYTES_MAX)
    total = len(head)
    yield head
    for count, item in enumerate(items, start=1):
        piece = item if isinstance(item, bytes) else item.encode()
        total += len(piece)
        if total > PAGE_BYTES_MAX:
            raise TooLarge("bundle too long", limit=PAGE_BYTES_MAX)
        if count > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        yield piece


def read(chunks: Iterable[bytes]) -> Bundle:
    """Read a bundle from pieces cut anywhere, as a stream; its items are encoded and still to be decoded.

    Raises the Malformed family (NotABundle for what is another file altogether), UnsupportedVersion, TooManyParents:
    here for the head, while iterating for the items.
    """
    pieces = cut(
        _begun(chunks), first_bytes_max=HEAD_BYTES_MAX, item_bytes_max=ITEM_BYTES_MAX, total_bytes_max=PAGE_BYTES_MAX
    )
    first = next(pieces, b"")
    target, listings, cosigned = _head(_cbor.decode(first))
    return Bundle(target, listings, _items(pieces), cosigned)


def _begun(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """The same, if they begin as the head of a bundle does, of whatever version: an array of three or four, whose first
    is a number. Raises NotABundle: read as CBOR, a text or a picture would only seem too long.
    """
    rest = iter(chunks)
    start = b""
    for chunk in rest:
        start += chunk
        if len(start) >= _BEGINNING_BYTES:
            break
    if not start:
        raise NotABundle("there is nothing in it")
    if start[0] not in _HEADS or start[1:2] > _NUMBER_LAST:
        raise NotABundle("it does not begin as a bundle does: another kind of file")
    return chain((start,), rest)


def _head(value: _cbor.CborValue) -> tuple[Outpoint, tuple[Listing, ...], tuple[Cosigned, ...]]:
    match value:
        case [int(version), bytes(target), list(receipts), *more] if type(version) is int:
            if version != BUNDLE_VERSION:
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
    return Outpoint.decode(target), listings, _all_cosigned(more)


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


def _items(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for count, piece in enumerate(pieces, start=1):
        if count > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        yield piece
