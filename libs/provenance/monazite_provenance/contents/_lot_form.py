"""The usual lot, read by one match and written by one join: what and why is said in `_forms`.

Usual is: every text of at most 255 bytes. Everything else, and everything that is wrong, is for the general reader in
`lot`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter, lt

from monazite_provenance import _cbor, _forms
from monazite_provenance.contents.lot import (
    ID_BYTES,
    SOURCES_MAX,
    CustodyModel,
    CustodyState,
    ElementRow,
    ExportLimit,
    Form,
    LotContent,
    MassSource,
    check_lot,
)
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.errors import BadField
from monazite_provenance.names import parse_enterprise, parse_spiffe

_group, _one_of = _forms.group, _forms.one_of
_TEXT, _MASS = _group(_forms.text()), _group(_forms.UINT)
_ROW_MEMBERS = len(ElementRow._fields)
_ROW_HEAD = _forms.array_head(_ROW_MEMBERS)
_SOURCE_HEAD = _forms.array_head(len(MassSource._fields))
_ROW = b"".join(
    (
        *(_forms.array(_ROW_MEMBERS), _one_of(sorted(ATOMIC_NUMBERS))),
        rb"(?!\x00)",  # no row without mass
        *(_forms.UINT, _forms.UINT, _forms.UINT),
        _one_of(range(SOURCES_MAX)),
    )
)


def _source(text: bytes, attestation: bytes) -> bytes:
    return b"".join((_forms.array(3), text, text, rb"(?:\xf6|%b)" % attestation))


_FORM = _forms.compiled(
    _group(_forms.ENTRIES),
    *(rb"\x01", _TEXT, rb"\x02", _TEXT, rb"\x03", _TEXT, rb"\x04", _group(_one_of(Form))),
    *(rb"\x05", _MASS, rb"\x06", _MASS, rb"\x07", _MASS),
    *(rb"\x08", _forms.list_of(_ROW)),
    *(rb"\x09", _forms.list_of(_source(_forms.text(), _forms.byte_string(ID_BYTES)))),
    *(rb"\x0a", _group(_one_of(CustodyModel)), rb"\x0b", _group(_one_of(CustodyState))),
    *(rb"\x0c", _TEXT, rb"\x0d", _TEXT),
    _forms.optional(
        *(rb"\x0e", _TEXT, rb"\x0f", _TEXT),
        _forms.optional(rb"\x10", _forms.array(2), _forms.content_of(ID_BYTES), _MASS),
    ),
)
_SOURCE = _forms.compiled(_source(_TEXT, _forms.content_of(ID_BYTES)))
# Heads of the map by whether the lot is in transit, and whether for export.
_ENTRIES = {
    (False, False): _forms.map_head(13),
    (True, False): _forms.map_head(15),
    (True, True): _forms.map_head(16),
}
_FORMS = {_cbor.encode(form): form for form in Form}
_MODELS = {_cbor.encode(model): model for model in CustodyModel}
_STATES = {_cbor.encode(state): state for state in CustodyState}
_row, _source_of = _forms.retyped(ElementRow), _forms.retyped(MassSource)
_ELEMENT, _RANK = itemgetter(0), itemgetter(0, 4)  # of a row: its element; that and its source


def read(content: bytes) -> LotContent | None:
    """The lot, or None when it is of another form or wrong. Raises nothing."""
    match = _FORM.fullmatch(content)
    if match is None:
        return None
    (
        entries, lot_id, holder, site, form, gross, net, moisture, row_count, rows, source_count, sources,
        model, state, table, log, receiver, remainder, licence_id, max_gross,
    ) = match.groups()  # fmt: skip
    # One call for all integers.
    *decoded, gross_g, net_g, moisture_g = _forms.integers_of(rows + gross + net + moisture)
    try:
        words = _forms.texts_of((lot_id, holder, site, table, log, receiver or b"", remainder or b""))
        lot = LotContent(
            words[0],
            words[1],
            words[2],
            _FORMS[form],
            gross_g,
            net_g,
            moisture_g,
            tuple(map(_row, decoded)),
            tuple([_source_of((*_forms.texts_of(names), shown or None)) for *names, shown in _SOURCE.findall(sources)]),
            _MODELS[model],
            _STATES[state],
            words[3],
            words[4],
            words[5] or None,
            words[6] or None,
            ExportLimit(licence_id, *_forms.integers_of(max_gross)) if licence_id else None,
        )
    except UnicodeDecodeError:
        return None
    as_said = (
        entries == _ENTRIES[receiver is not None, licence_id is not None]
        and row_count == _forms.array_head(len(decoded))
        and source_count == _forms.array_head(len(lot.sources))
    )
    return lot if as_said and _is_sound(lot) else None


def _is_sound(lot: LotContent) -> bool:
    """Whether that holds of a lot in good form which the form does not say."""
    try:
        parse_enterprise(lot.holder)
        if lot.receiver is not None:
            parse_spiffe(lot.receiver)
        check_lot(lot)
    except BadField:
        return False
    return _ascends(lot.rows) and _is_printable(lot)


def _ascends(rows: Sequence[ElementRow]) -> bool:
    elements = list(map(_ELEMENT, rows))
    if all(map(lt, elements, elements[1:])):
        return True
    ranks = list(map(_RANK, rows))  # an element from more than one source
    return all(map(lt, ranks, ranks[1:]))


def _is_printable(lot: LotContent) -> bool:
    words = [lot.lot_id, lot.holder, lot.site, lot.factor_table, lot.home_log]
    words += [lot.receiver or "", lot.remainder_lot_id or ""]
    words += [word for source in lot.sources for word in source[:2]]
    return "".join(words).isprintable()


def write(lot: LotContent) -> bytes | None:
    """The encoded lot, or None when it is of another form or wrong. Raises nothing."""
    numbers = [*chain.from_iterable(lot.rows), lot.gross_g, lot.net_g, lot.moisture_g]
    # A bool, which would be written as a number, is no number of the format; and `check_lot` knows a state by its
    # identity, so that it would take a bare number of the one in transit for another.
    if set(map(type, lot.rows)) != {ElementRow} or set(map(type, numbers)) != {int}:
        return None
    if type(lot.custody_state) is not CustodyState:
        return None
    try:
        raw = _joined(lot, _forms.uints(numbers))
        usual = _FORM.fullmatch(raw) is not None and _is_sound(lot)
    except (BadField, LookupError, struct.error, TypeError, UnicodeEncodeError):
        return None
    return raw if usual else None


def _source_bytes(source: MassSource) -> bytes:
    attestation = b"\xf6" if source.attestation is None else _cbor.byte_string(source.attestation)
    return b"".join((_SOURCE_HEAD, *_forms.texts((source.laboratory, source.method)), attestation))


def _joined(lot: LotContent, numbers: list[bytes]) -> bytes:
    *rows, gross, net, moisture = numbers
    rows[::_ROW_MEMBERS] = map(_ROW_HEAD.__add__, rows[::_ROW_MEMBERS])
    lot_id, holder, site, table, log = _forms.texts((lot.lot_id, lot.holder, lot.site, lot.factor_table, lot.home_log))
    form, model, state = _forms.uints((lot.form, lot.custody_model, lot.custody_state))
    parts = [
        _ENTRIES[lot.receiver is not None, lot.export is not None],
        *(b"\x01", lot_id, b"\x02", holder, b"\x03", site, b"\x04", form),
        *(b"\x05", gross, b"\x06", net, b"\x07", moisture),
        *(b"\x08", _forms.array_head(len(lot.rows)), *rows),
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
