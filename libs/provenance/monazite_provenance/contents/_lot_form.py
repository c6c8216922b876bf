"""The usual lot, read by one match and written by one join: what and why is said in `_forms`.

Usual is: every text of at most 255 bytes, none of them empty. Everything else, and everything that is wrong, is for the
general reader in `lot`. Most lots of a chain are one that was read before, in other hands: of these only what changed
is read, and the rest compared.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import chain
from operator import attrgetter, itemgetter, lt
from typing import Final, NamedTuple, cast

from monazite_provenance import _cbor, _forms
from monazite_provenance.contents.lot import (
    ID_BYTES,
    SOURCES_MAX,
    CustodyModel,
    CustodyState,
    ElementRow,
    ElementRows,
    ExportLimit,
    Form,
    LotContent,
    MassSource,
    check_lot,
)
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.errors import BadField
from monazite_provenance.names import parse_enterprise, parse_spiffe

_SOURCES_REMEMBERED: Final = 256
"""Lists of sources kept: a chain has few, which stand in each of its lots. One has 32 sources of 550 bytes at most."""
_group, _one_of = _forms.group, _forms.one_of
_TEXT, _MASS = _forms.text(), _group(_forms.UINT)
_ROW_MEMBERS: Final = len(ElementRow._fields)
_ROW_HEAD: Final = _forms.array_head(_ROW_MEMBERS)
_SOURCE_HEAD: Final = _forms.array_head(len(MassSource._fields))
_MASSES_OF_ROW: Final = rb"(?!\x00)%b{3}+" % _forms.UINT  # no row without mass
_SOURCE_OF_ROW: Final = _one_of(range(SOURCES_MAX))
_ROW: Final = b"".join((_forms.array(_ROW_MEMBERS), _one_of(ATOMIC_NUMBERS), _MASSES_OF_ROW, _SOURCE_OF_ROW))
# A row of each element in turn or none, in which order they ascend; the sources of the rows are the groups.
_ROW_OF_EACH: Final = b"".join(
    rb"(?:%b)?+"
    % b"".join((_forms.array(_ROW_MEMBERS), _forms.literal(number), _MASSES_OF_ROW, _group(_SOURCE_OF_ROW)))
    for number in sorted(ATOMIC_NUMBERS)
)
_SOURCES_KEY: Final = rb"\x09"
# What a transfer may change stands at the beginning and at the end: what the lot is called, who has it and where; then
# its state, and where it goes.
_BEGINNING: Final = (_group(_forms.ENTRIES), rb"\x01", _TEXT, rb"\x02", _TEXT, rb"\x03", _TEXT)
_STATE: Final = _group(_one_of(CustodyState))
_TRANSIT: Final = _forms.optional(
    *(rb"\x0e", _TEXT, rb"\x0f", _TEXT),
    _forms.optional(rb"\x10", _forms.array(2), _forms.content_of(ID_BYTES), _MASS),
)
_FORM: Final = _forms.Form(
    *_BEGINNING,
    *(rb"\x04", _group(_one_of(Form))),
    *(rb"\x05", _MASS, rb"\x06", _MASS, rb"\x07", _MASS),
    *(rb"\x08", _group(_forms.COUNT)),
    # An element may have rows from several sources: that these ascend, only their members tell.
    rb"(?:(%b)%b|((?:%b)++)%b)" % (_ROW_OF_EACH, _SOURCES_KEY, _ROW, _SOURCES_KEY),
    rb"(.*)",  # the sources, to be read one by one: each holds two texts one after the other
    *(rb"\x0a", _group(_one_of(CustodyModel)), rb"\x0b", _STATE),
    *(rb"\x0c", _TEXT, rb"\x0d", _TEXT),
    _TRANSIT,
)
# Heads of the map by whether the lot is in transit, and whether for export.
_ENTRIES: Final = {
    (False, False): _forms.map_head(13),
    (True, False): _forms.map_head(15),
    (True, True): _forms.map_head(16),
}
_FORMS: Final = {_cbor.encode(form): form for form in Form}
_MODELS: Final = {_cbor.encode(model): model for model in CustodyModel}
_STATES: Final = {_cbor.encode(state): state for state in CustodyState}
_row, _lot = _forms.retyped(ElementRow), _forms.retyped(LotContent)
_source = _forms.retyped(MassSource)
# Receiver and remainder.
_NOT_IN_TRANSIT: Final = (None, None)
_RANK: Final = itemgetter(0, 4)  # of a row: its element and its source
_FORM_GROUP: Final = 8
# Groups of the match, from its end.
_MODEL_GROUP, _TABLE_GROUP, _LOG_GROUP = 11, 9, 6
_STATE_KEY: Final = b"\x0b"


class Kept(NamedTuple):
    """What of an encoded lot a transfer leaves as it is: from its form to its model, then its factors and home log."""

    matter: bytes
    home: bytes


def read(content: bytes) -> LotContent | None:
    """The lot, or None when it is of another form or wrong. Raises nothing."""
    match = _FORM.fullmatch(content)
    return None if match is None else _read(match)


def read_keeping(content: bytes) -> tuple[LotContent, Kept] | None:
    """As `read`, with what `read_moved` asks for of the lot before."""
    match = _FORM.fullmatch(content)
    lot = None if match is None else _read(match)
    if match is None or lot is None:
        return None
    groups = match.re.groups
    matter = content[match.start(_FORM_GROUP) - 1 : match.end(groups - _MODEL_GROUP)]
    return lot, Kept(matter, content[match.start(groups - _TABLE_GROUP) - 1 : match.end(groups - _LOG_GROUP)])


def _read(match: re.Match[bytes]) -> LotContent | None:
    groups = match.groups()
    (
        entries, lot_id_head, lot_id, holder_head, holder, site_head, site, form, gross, net, moisture, row_count, each,
    ) = groups[:13]  # fmt: skip
    (
        several, source_part, model, state, table_head, table, log_head, log,
        receiver_head, receiver, remainder_head, remainder, licence_id, max_gross,
    ) = groups[-14:]  # fmt: skip
    heads = [lot_id_head, holder_head, site_head, table_head, log_head]
    texts = [lot_id, holder, site, table, log]
    if receiver is not None:
        heads += (receiver_head, remainder_head)
        texts += (receiver, remainder)
    try:
        # Of the match remain to be checked: that heads tell lengths, that texts are UTF-8, and what the sources are.
        if heads != _forms.text_heads(texts) or entries != _ENTRIES[receiver is not None, licence_id is not None]:
            return None
        sources = _sources(source_part)
        rows, count, last_source = _rows_of_several(several) if each is None else _rows_of_each(each, groups[13:-14])
        if row_count != _forms.array_head(count):
            return None
        words = _forms.texts_of(texts)
        lot = _lot(
            (
                words[0],
                words[1],
                words[2],
                _FORMS[form],
                *map(_forms.integer_of, (gross, net, moisture)),
                rows,
                sources,
                _MODELS[model],
                _STATES[state],
                words[3],
                words[4],
                *(words[5:] or _NOT_IN_TRANSIT),
                _export(licence_id, max_gross),
            )
        )
        _check_parties(lot)
        check_lot(lot, last_source)
    except (BadField, IndexError, ValueError):
        return None
    return lot if "".join(words).isprintable() else None


@cache
def _moved() -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """What a moved lot begins and ends with."""
    return _forms.compiled(*_BEGINNING), _forms.compiled(_TRANSIT)


def read_moved(content: bytes, before: LotContent, kept: Kept) -> LotContent | None:
    """The lot before, of which this was kept, in other hands; None when it is no such lot, or wrong. Raises nothing."""
    starts, ends = _moved()
    beginning = starts.match(content)
    if beginning is None:
        return None
    matter_at = beginning.end()
    state_at = matter_at + len(kept.matter)
    home_at = state_at + len(_STATE_KEY) + 1
    if not content.startswith(kept.matter, matter_at) or not content.startswith(_STATE_KEY, state_at):
        return None
    state = _STATES.get(content[home_at - 1 : home_at])
    end = ends.fullmatch(content, home_at + len(kept.home))
    if end is None or state is None or not content.startswith(kept.home, home_at):
        return None
    entries, lot_id_head, lot_id, holder_head, holder, site_head, site = beginning.groups()
    receiver_head, receiver, remainder_head, remainder, licence_id, max_gross = end.groups()
    heads, texts = [lot_id_head, holder_head, site_head], [lot_id, holder, site]
    if receiver is not None:
        heads += (receiver_head, remainder_head)
        texts += (receiver, remainder)
    try:
        if heads != _forms.text_heads(texts) or entries != _ENTRIES[receiver is not None, licence_id is not None]:
            return None
        words = _forms.texts_of(texts)
        lot = _lot(
            (
                *words[:3],
                *before[3:10],  # from its form to its model: the matter
                state,
                *before[11:13],
                *(words[3:] or _NOT_IN_TRANSIT),
                _export(licence_id, max_gross),
            )
        )
        _check_parties(lot)
        check_lot(lot, 0)  # which sources its rows name was looked at where they were read
    except (BadField, IndexError, ValueError):
        return None
    return lot if "".join(words).isprintable() else None


def _export(licence_id: bytes | None, max_gross: bytes | None) -> ExportLimit | None:
    return None if licence_id is None or max_gross is None else ExportLimit(licence_id, _forms.integer_of(max_gross))


def _check_parties(lot: LotContent) -> None:
    parse_enterprise(lot.holder)
    if lot.receiver is not None:
        parse_spiffe(lot.receiver)


def _rows_of_each(encoded: bytes, sources: tuple[bytes | None, ...]) -> tuple[ElementRows, int, int]:
    """Rows of one source an element, their number, and the last source they name; `sources` by element, None for no
    row."""
    count = len(sources) - sources.count(None)
    last = max(cast("set[bytes]", {*sources} - _NO_ROW), default=_NO_SOURCE)
    return ElementRows(encoded, count), count, _forms.integer_of(last)


def _rows_of_several(encoded: bytes) -> tuple[Sequence[ElementRow], int, int]:
    """Rows of any sources, their number, and the last source they name. Raises ValueError unless they ascend."""
    rows = tuple(map(_row, _forms.integers_of(encoded)))
    ranks = list(map(_RANK, rows))
    if not all(map(lt, ranks, ranks[1:])):
        raise ValueError("rows do not ascend")
    return rows, len(rows), max(source for _, source in ranks)


@lru_cache(maxsize=_SOURCES_REMEMBERED)
def _sources(encoded: bytes) -> tuple[MassSource, ...]:
    """The sources in an encoded list. Raises IndexError or ValueError where it is another or not in shortest form."""
    sources: list[MassSource] = []
    head, at, end = _SOURCE_HEAD[0], 1 if encoded[0] < _LONG_ARRAY else 2, len(encoded)
    while at < end:
        if encoded[at] != head:
            raise ValueError("not a source")
        laboratory, at = _forms.text_at(encoded, at + 1)
        method, at = _forms.text_at(encoded, at)
        if encoded[at] == _NULL:
            attestation, at = None, at + 1
        else:
            attestation_at = at + len(_ATTESTATION)
            if not encoded.startswith(_ATTESTATION, at):
                raise ValueError("not an attestation")
            at = attestation_at + ID_BYTES
            attestation = encoded[attestation_at:at]
        if not laboratory.isprintable() or not method.isprintable():
            raise ValueError("a text that cannot be printed")
        sources.append(_source((laboratory, method, attestation)))
    if at != end or not encoded.startswith(_forms.array_head(len(sources))):
        raise ValueError("not as many sources as said")
    return tuple(sources)


_NO_SOURCE: Final = _cbor.encode(0)
_NO_ROW: Final = {None}
_NULL: Final = 0xF6
_LONG_ARRAY: Final = 0x98
_ATTESTATION: Final = _cbor.head(2, ID_BYTES)


_NUMBERS: Final[Callable[[object], tuple[object, ...]]] = attrgetter("gross_g", "net_g", "moisture_g")


def write(lot: LotContent) -> bytes | None:
    """The encoded lot, or None when it is of another form or wrong. Raises nothing."""
    # A bool, which would be written as a number, is no number of the format. Compiled code makes an integer of what it
    # knows to be one, so that a getter that it does not see through has to fetch them.
    if set(map(type, _NUMBERS(lot))) != {int}:
        return None
    try:
        rows = lot.rows.encoded if isinstance(lot.rows, ElementRows) else _joined_rows(lot.rows)
        raw = _joined(lot, rows)
    except (BadField, LookupError, struct.error, TypeError, UnicodeEncodeError):
        return None
    return None if read(raw) is None else raw


def _joined_rows(rows: Sequence[ElementRow]) -> bytes:
    """The rows one after the other. Raises TypeError where one is none; else as `_forms.uints`."""
    members = list(chain.from_iterable(rows))
    if set(map(type, rows)) != {ElementRow} or set(map(type, members)) != {int}:
        raise TypeError("not rows of integers")
    parts = _forms.uints(members)
    parts[::_ROW_MEMBERS] = map(_ROW_HEAD.__add__, parts[::_ROW_MEMBERS])
    return b"".join(parts)


def _source_bytes(source: MassSource) -> bytes:
    attestation = b"\xf6" if source.attestation is None else _cbor.byte_string(source.attestation)
    return b"".join((_SOURCE_HEAD, *_forms.texts((source.laboratory, source.method)), attestation))


def _joined(lot: LotContent, rows: bytes) -> bytes:
    gross, net, moisture = _forms.uints((lot.gross_g, lot.net_g, lot.moisture_g))
    lot_id, holder, site, table, log = _forms.texts((lot.lot_id, lot.holder, lot.site, lot.factor_table, lot.home_log))
    form, model, state = _forms.uints((lot.form, lot.custody_model, lot.custody_state))
    parts = [
        _ENTRIES[lot.receiver is not None, lot.export is not None],
        *(b"\x01", lot_id, b"\x02", holder, b"\x03", site, b"\x04", form),
        *(b"\x05", gross, b"\x06", net, b"\x07", moisture),
        *(b"\x08", _forms.array_head(len(lot.rows)), rows),
        *(b"\x09", _forms.array_head(len(lot.sources)), *map(_source_bytes, lot.sources)),
        *(b"\x0a", model, b"\x0b", state, b"\x0c", table, b"\x0d", log),
    ]
    if lot.receiver is not None:
        parts += (b"\x0e", *_forms.texts((lot.receiver,)))
    if lot.remainder_lot_id is not None:
        parts += (b"\x0f", *_forms.texts((lot.remainder_lot_id,)))
    if lot.export is not None:
        parts += (b"\x10", _cbor.encode((lot.export.licence_id, lot.export.max_gross_g)))
    return b"".join(parts)
