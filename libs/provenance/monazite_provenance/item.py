"""Items: a statement with as much of its content as the sender discloses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple

from monazite_provenance import _cbor, _forms, tree
from monazite_provenance._cbor import CborValue
from monazite_provenance._frozen import dataclass, replace
from monazite_provenance.errors import BadField, Malformed, OpeningMismatch, ProofMismatch, TooLarge
from monazite_provenance.statement import OUTPUTS_MAX, STATEMENT_BYTES_MAX, Unverified, parse, with_receipts

SALT_BYTES: Final = 16
# Salts and contents of all openings of one item, its details included.
OPENINGS_BYTES_MAX: Final = 64 * 1024
# Reached when every other output is hidden.
NODES_MAX: Final = OUTPUTS_MAX // 2
ITEM_BYTES_MAX: Final = STATEMENT_BYTES_MAX + OPENINGS_BYTES_MAX + OUTPUTS_MAX * 16 + NODES_MAX * 34 + 64


class Opening(NamedTuple):
    """A salt (16 bytes) and the deterministic CBOR that it hides."""

    salt: bytes
    content: bytes

    @property
    def leaf(self) -> bytes:
        """Leaf hash of an output: SHA-256(0x00 || salt || content)."""
        return tree.leaf_hash(self.salt + self.content)

    @property
    def digest(self) -> bytes:
        """Digest of the details: SHA-256(salt || content)."""
        return sha256(self.salt + self.content).digest()


@dataclass(frozen=True, slots=True)
class Item:
    """`[statement, openings by output index, roots of the undisclosed subtrees left to right, details or null]`."""

    statement: bytes
    openings: Mapping[int, Opening]
    nodes: tuple[bytes, ...]
    details: Opening | None

    def __post_init__(self) -> None:
        """No item is out of bounds, wherever it comes from. Raises `BadField` or `TooLarge`."""
        openings = self.openings
        check_openings_size(openings.values() if self.details is None else (*openings.values(), self.details))
        if len(openings) > OUTPUTS_MAX:
            raise TooLarge("too many openings", field="openings", limit=OUTPUTS_MAX)
        if self.nodes:
            _check_nodes(self.nodes)

    def encode(self) -> bytes:
        """The item as deterministic CBOR."""
        openings = sorted([(_cbor.encode(index), opening) for index, opening in self.openings.items()])
        parts = [_START, _cbor.byte_string(self.statement), _cbor.head(_MAP, len(openings))]
        for index, opening in openings:
            parts += (index, *_opening_parts(opening))
        parts += (_cbor.head(_ARRAY, len(self.nodes)), *map(_cbor.byte_string, self.nodes))
        parts += (_NULL,) if self.details is None else _opening_parts(self.details)
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> Item:
        """Read an item strictly; what it holds is not checked against the statement. Raises the `Malformed` family."""
        if len(data) > ITEM_BYTES_MAX:
            raise TooLarge("item too long", limit=ITEM_BYTES_MAX)
        whole = _whole(data)
        if whole is not None:
            return whole
        match _cbor.decode(data):
            case [bytes(statement), dict(openings), list(nodes), details]:
                return cls(
                    statement,
                    {index: _opening(value) for index, value in openings.items()},
                    _nodes(nodes),
                    None if details is None else _opening(details),
                )
            case _:
                raise BadField("the parts of an item", field="item")

    def with_receipts(self, receipts: Sequence[bytes]) -> Item:
        """The same, whose statement carries these receipts and no others. Raises the `Malformed` family."""
        return replace(self, statement=with_receipts(self.statement, receipts))

    def redact(self, outputs: Collection[int], *, details: bool = True) -> Item:
        """The same statement disclosing `outputs` alone (each disclosed here), and the details only if asked to.

        Raises the `Malformed` family, `OpeningMismatch` above all: when an output is not disclosed here, or when what
        is here is not what the statement committed to.
        """
        unverified = parse(self.statement)
        check_openings(self, unverified)
        keep = set(outputs)
        try:
            nodes = tree.Disclosure(unverified.outputs_count, _leaves(self), self.nodes).without(keep)
        except ProofMismatch as error:
            raise OpeningMismatch(error.message, field="openings") from None
        return Item(
            self.statement,
            {index: opening for index, opening in sorted(self.openings.items()) if index in keep},
            nodes,
            self.details if details else None,
        )


def encoded_with_receipts(item: bytes, receipts: Sequence[bytes]) -> bytes:
    """An encoded item whose statement carries these receipts and no others: as `Item.with_receipts`, in half the
    time, for who made the item himself. What it discloses is not looked at.

    Raises the `Malformed` family for what does not begin as an item.
    """
    if not item.startswith(_START):
        raise BadField("the parts of an item", field="item")
    statement, at = _cbor.read_byte_string(item, len(_START))
    return b"".join((_START, _cbor.byte_string(with_receipts(statement, receipts)), item[at:]))


def check_openings(item: Item, unverified: Unverified) -> None:
    """Check all that `item` discloses against the commitments of its statement. Raises `OpeningMismatch`."""
    try:
        root = tree.partial_root(unverified.outputs_count, _leaves(item), item.nodes)
    except ProofMismatch as error:
        # The same tree as a log's; but here the sender's nodes are wrong, and no log is.
        raise OpeningMismatch(error.message, field="nodes") from None
    if root != unverified.outputs_root:
        raise OpeningMismatch("the outputs are not those committed to", field="openings")
    if item.details is not None and item.details.digest != unverified.details_digest:
        raise OpeningMismatch("the details are not those committed to", field="details")


def _leaves(item: Item) -> dict[int, bytes]:
    # As `Opening.leaf`, without two calls for each.
    return {index: sha256(b"\x00" + salt + content).digest() for index, (salt, content) in item.openings.items()}


def in_bounds(
    statement: bytes, openings: Mapping[int, Opening], nodes: tuple[bytes, ...], details: Opening | None
) -> Item:
    """An item of parts whose bounds the caller has checked: the constructor would check them once more."""
    item = _new_item(Item)
    _set_statement(item, statement)
    _set_openings(item, openings)
    _set_nodes(item, nodes)
    _set_details(item, details)
    return item


_new_item = object.__new__
_set_statement, _set_openings, _set_nodes, _set_details = (
    vars(Item)[name].__set__ for name in ("statement", "openings", "nodes", "details")
)
_ARRAY, _MAP = 4, 5
_START, _NULL = _cbor.head(_ARRAY, 4), b"\xf6"
_MAP_OF_NONE, _NO_NODES = _cbor.head(_MAP, 0)[0], _cbor.head(_ARRAY, 0)[0]
# Head of an array of two, then that of a salt.
_OPENING: Final = b"\x82\x50"
_INLINE: Final = 24
# What an opening in a map begins with: its index, the above; then the salt, and a head that is two bytes' length.
_BEGINNINGS: Final = tuple(bytes((index,)) + _OPENING for index in range(_INLINE))
_BEGINNING: Final = Struct(">3s16sBH")
_TWO_BYTES_FOLLOW, _TWO_BYTES_LEAST = 0x59, 1 << 8


def _whole(data: bytes) -> Item | None:
    """An item that discloses all of at most 24 outputs, as most do; None when it is another or wrong.

    Such an item is read where it stands: that costs a third of decoding it, and contents are not looked into here.
    """
    if not data.startswith(_START):
        return None
    try:
        statement, at = _cbor.read_byte_string(data, 1)
        count = data[at] - _MAP_OF_NONE
        if not 0 <= count < _INLINE:
            return None
        at += 1
        openings: dict[int, Opening] = {}
        for index in range(count):
            beginning, salt, initial, size = _BEGINNING.unpack_from(data, at)
            if beginning != _BEGINNINGS[index]:
                return None
            if initial == _TWO_BYTES_FOLLOW and size >= _TWO_BYTES_LEAST:
                content_at = at + _BEGINNING.size
                at = content_at + size
                content = data[content_at:at]  # cut short only if the end does not fit below
            else:
                content, at = _cbor.read_byte_string(data, at + len(beginning) + SALT_BYTES)
            openings[index] = _new_opening((salt, content))
        if data[at] != _NO_NODES:
            return None
        details, at = (None, at + 2) if data[at + 1 :] == _NULL else _opening_at(data, at + 1)
    except (IndexError, Malformed, struct_error):
        return None
    # Salts have their size and contents are shorter than the whole, which the caller has measured.
    return in_bounds(statement, openings, (), details) if at == len(data) <= OPENINGS_BYTES_MAX else None


def _opening_at(data: bytes, at: int) -> tuple[Opening, int]:
    salt_at = at + len(_OPENING)
    content_at = salt_at + SALT_BYTES
    if not data.startswith(_OPENING, at):
        raise BadField("an opening is a salt and a content", field="openings")
    content, end = _cbor.read_byte_string(data, content_at)
    return Opening(data[salt_at:content_at], content), end


_new_opening = _forms.retyped(Opening)


def _opening_parts(opening: Opening) -> tuple[bytes, bytes, bytes]:
    return _OPENING, opening.salt, _cbor.byte_string(opening.content)


def _opening(value: CborValue) -> Opening:
    if isinstance(value, list) and len(value) == len(Opening._fields):
        salt, content = value
        if isinstance(salt, bytes) and isinstance(content, bytes):
            return Opening(salt, content)
    raise BadField("an opening is a salt and a content", field="openings")


def _nodes(values: Sequence[CborValue]) -> tuple[bytes, ...]:
    nodes = tuple(value for value in values if isinstance(value, bytes))
    if len(nodes) != len(values):
        raise BadField("nodes are byte strings", field="nodes")
    return nodes


def _check_nodes(nodes: Sequence[bytes]) -> None:
    if len(nodes) > NODES_MAX:
        raise TooLarge("too many nodes", field="nodes", limit=NODES_MAX)
    for node in nodes:
        if len(node) != tree.HASH_BYTES:
            raise BadField("a node has 32 bytes", field="nodes")


def check_openings_size(openings: Collection[Opening]) -> None:
    """Bounds of openings alone. Raises `BadField` or `TooLarge`."""
    total = 0
    for salt, content in openings:
        if len(salt) != SALT_BYTES:
            raise BadField("a salt has 16 bytes", field="salt")
        total += SALT_BYTES + len(content)
    if total > OPENINGS_BYTES_MAX:
        raise TooLarge("openings too long", field="openings", limit=OPENINGS_BYTES_MAX)
