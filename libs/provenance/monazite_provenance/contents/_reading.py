"""CBOR maps to details: strict, every field bounded, nothing left over. All raise BadField."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

from monazite_provenance.contents import amending, vouching
from monazite_provenance.contents import details as d
from monazite_provenance.contents._fields import (
    Fields,
    as_blob,
    as_bool,
    as_bytes,
    as_id,
    as_list,
    as_outpoint,
    as_positive,
    as_text,
    as_uint,
    bad,
    members,
    one_of,
    text_or_empty,
)
from monazite_provenance.contents.draws import read_draws
from monazite_provenance.contents.lot import enterprise_field, party_field
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.kinds import EventKind

COSE_KEY_BYTES_MAX: Final = 4_096
"""Largest COSE_Key: room for ML-DSA."""
PROOF_BYTES_MAX: Final = 4_096
"""Largest proof of possession: room for ML-DSA."""
YEAR_FIRST: Final = 2000
YEAR_LAST: Final = 2999
_EVENT_KINDS: Final = frozenset(int(kind) for kind in EventKind)


def read_details(kind: EventKind, value: object) -> d.Details:
    """Details of one kind from a decoded map. Raises BadField."""
    fields = Fields(value, kind.name.lower())
    details = _READERS[kind](fields)
    fields.done()
    return details


def _act(value: object, field: str) -> bytes:
    return as_bytes(value, field, d.ACT_ID_BYTES)


def _year(value: object, field: str) -> int:
    if not YEAR_FIRST <= as_uint(value, field) <= YEAR_LAST:
        raise bad(field)
    return as_uint(value, field)


def _country(value: object, field: str) -> str:
    text = as_text(value, field)
    if len(text) != 2 or not text.isascii() or not text.isalpha() or not text.isupper():  # noqa: PLR2004 - alpha-2
        raise bad(field, "not an ISO 3166-1 alpha-2 country")
    return text


def _losses(value: object, field: str) -> tuple[d.Loss, ...]:
    losses = _LOSSES(value, field)
    if any(left.element >= right.element for left, right in pairwise(losses)):
        raise bad(field, "losses do not ascend by element")
    return losses


def _loss(value: object, field: str) -> d.Loss:
    element, reo_mg = as_list(value, field, 2)
    if as_uint(element, field) not in ATOMIC_NUMBERS:
        raise bad(field, "element unknown")
    return d.Loss(as_uint(element, field), as_positive(reo_mg, field))


def _origin(value: object, field: str) -> d.Origin:
    parts = as_list(value, field)
    # `true` equals 1 in a pattern; on the wire it is another value.
    if parts:
        as_uint(parts[0], field)
    match parts:
        case [1, mine, licence, deposit]:
            return d.Mined(as_text(mine, field), as_text(licence, field), _DEPOSIT(deposit, field))
        case [2, country, declaration]:
            return d.Imported(_country(country, field), as_text(declaration, field))
        case [3, source]:
            return d.Recycled(as_text(source, field))
        case [4, inventory]:
            return d.OpeningInventory(as_text(inventory, field))
        case _:
            raise bad(field, "origin unknown")


def _line(value: object, field: str) -> d.AcceptLine:
    accepted, returned, shortage, reason = as_list(value, field, 4)
    return d.AcceptLine(
        as_uint(accepted, field), as_uint(returned, field), as_uint(shortage, field), text_or_empty(reason, field)
    )


def _exported(value: object, field: str) -> d.ExportedMass:
    outpoint, gross_g, codes = as_list(value, field, 3)
    return d.ExportedMass(as_outpoint(outpoint, field), as_uint(gross_g, field), _control_codes(codes, field))


def _control_codes(value: object, field: str) -> tuple[str, ...]:
    codes = _TEXTS(value, field)
    if not codes or list(codes) != sorted(set(codes)):
        raise bad(field, "control codes missing or not ascending")
    return codes


def _end_user(value: object, field: str) -> d.EndUser:
    name, country, address = as_list(value, field, 3)
    return d.EndUser(as_text(name, field), _country(country, field), text_or_empty(address, field))


def _licence_line(value: object, field: str) -> d.LicenceLine:
    control, hs_code, gross_g = as_list(value, field, 3)
    return d.LicenceLine(as_text(control, field), text_or_empty(hs_code, field), as_positive(gross_g, field))


def _cose_key(value: object, field: str) -> bytes:
    return as_blob(value, field, COSE_KEY_BYTES_MAX)


def _proof(value: object, field: str) -> bytes | None:
    return None if value is None else as_blob(value, field, PROOF_BYTES_MAX)


def _kinds(value: object, field: str) -> tuple[int, ...]:
    kinds = tuple(as_uint(member, field) for member in as_list(value, field))
    if not _EVENT_KINDS.issuperset(kinds) or list(kinds) != sorted(set(kinds)):
        raise bad(field, "event kinds unknown or not ascending")
    return kinds


_LOSSES = members(_loss)
_EXPORTED = members(_exported)
_TEXTS = members(as_text)
_DEPOSIT = one_of(d.DepositType)


def _register(fields: Fields) -> d.RegisterDetails:
    return d.RegisterDetails(fields.required(1, "origin", _origin), fields.required(2, "draws", read_draws))


def _transform(fields: Fields) -> d.TransformDetails:
    return d.TransformDetails(
        fields.required(1, "process", as_text),
        fields.required(2, "losses", _losses),
        fields.required(3, "draws", read_draws),
        fields.optional(4, "reason_code", as_text),
    )


def _exported_masses(value: object, field: str) -> tuple[d.ExportedMass, ...]:
    masses = _EXPORTED(value, field)
    if len({mass.outpoint for mass in masses}) != len(masses):
        raise bad(field, "a head stands twice")
    if not any(mass.gross_g for mass in masses):
        raise bad(field, "nothing leaves")
    return masses


def _intent(fields: Fields) -> d.ExportIntentDetails:
    return d.ExportIntentDetails(
        fields.required(1, "act_id", _act),
        fields.required(2, "licence_id", as_id),
        fields.required(3, "masses", _exported_masses),
        fields.required(4, "declaration_number", as_text),
        fields.required(5, "port", as_text),
        fields.required(6, "destination", _country),
    )


def _lock(fields: Fields) -> d.ExportLockDetails:
    return d.ExportLockDetails(
        fields.required(1, "act_id", _act),
        fields.required(2, "licence_id", as_id),
        fields.required(3, "outpoints", members(as_outpoint)),
    )


def _void(fields: Fields) -> d.ExportVoidDetails:
    return d.ExportVoidDetails(fields.required(1, "act_id", _act), fields.required(2, "reason_code", as_text))


def _hold(fields: Fields) -> d.HoldDetails:
    return d.HoldDetails(
        fields.required(1, "outpoint", as_outpoint),
        fields.required(2, "lot_id", as_text),
        fields.required(3, "reason_code", as_text),
    )


def _release(fields: Fields) -> d.ReleaseDetails:
    hold = _hold(fields)
    return d.ReleaseDetails(hold.outpoint, hold.lot_id, hold.reason_code, fields.required(4, "hold_id", as_id))


def _right(fields: Fields) -> d.RightDetails:
    return d.RightDetails(
        fields.required(1, "year", _year),
        fields.required(2, "quota_kind", one_of(d.QuotaKind)),
        fields.required(3, "mass_mg", as_positive),
        fields.required(4, "holder", enterprise_field),
        fields.required(5, "site", as_text),
        fields.required(6, "registry_log", as_text),
        fields.required(7, "expires_at", as_uint),
    )


def _settled(fields: Fields) -> d.SettledDetails:
    return d.SettledDetails(
        fields.required(1, "right_id", as_id),
        fields.required(2, "drawing_id", as_id),
        fields.required(3, "mass_mg", as_positive),
        fields.required(4, "total_settled_mg", as_positive),
        fields.required(5, "registry_index", as_uint),
    )


def _closed(fields: Fields) -> d.RightClosedDetails:
    return d.RightClosedDetails(
        fields.required(1, "right_id", as_id),
        fields.required(2, "total_drawn_mg", as_uint),
        fields.required(3, "reason_code", as_text),
    )


def _licence(fields: Fields) -> d.LicenceDetails:
    return d.LicenceDetails(
        number=fields.required(1, "number", as_text),
        licensee=fields.required(2, "licensee", enterprise_field),
        end_user=fields.required(3, "end_user", _end_user),
        destination=fields.required(4, "destination", _country),
        lines=fields.required(5, "lines", members(_licence_line)),
        expires_at=fields.required(6, "expires_at", as_uint),
        case_id=fields.required(7, "case_id", as_text),
        rule_set_hash=fields.required(8, "rule_set_hash", as_id),
        proposer=fields.required(9, "proposer", party_field),
        countersigner=fields.required(10, "countersigner", party_field),
    )


def _change(fields: Fields) -> d.LicenceChangeDetails:
    return d.LicenceChangeDetails(
        fields.required(1, "licence_id", as_id),
        fields.required(2, "action", one_of(d.LicenceAction)),
        fields.required(3, "reason", as_text),
        fields.required(4, "officer", party_field),
    )


def _keys(fields: Fields) -> d.KeysDetails | d.RootsDetails:
    action = fields.required(1, "action", as_uint)
    if action == d.ROOTS_ACTION:
        return d.RootsDetails(fields.required(2, "threshold", _threshold), fields.required(3, "roots", _new_roots))
    return d.KeysDetails(
        one_of(d.KeyAction)(action, "keys.action"),
        fields.required(2, "issuer", party_field),
        fields.required(3, "cose_key", _cose_key),
        fields.required(4, "kinds", _kinds),
        fields.required(5, "proof_of_possession", _proof),
        fields.required(6, "own_signature_only", as_bool),
        fields.optional(7, "logs", _log_ranges) or (),
        fields.optional(8, "statements", _log_ranges) or (),
    )


def _threshold(value: object, field: str) -> int:
    threshold = as_uint(value, field, d.ROOTS_MAX)
    if not threshold:
        raise bad(field)
    return threshold


def _new_roots(value: object, field: str) -> tuple[d.NewRoot, ...]:
    roots = tuple(_new_root(member, field) for member in as_list(value, field))
    if not 0 < len(roots) <= d.ROOTS_MAX:
        raise bad(field)
    return roots


def _new_root(value: object, field: str) -> d.NewRoot:
    cose_key, proof = as_list(value, field, 2)
    return d.NewRoot(as_blob(cose_key, field, COSE_KEY_BYTES_MAX), as_blob(proof, field, PROOF_BYTES_MAX))


def _log_ranges(value: object, field: str) -> tuple[d.LogRange, ...]:
    ranges = tuple(_log_range(member, field) for member in as_list(value, field))
    if not 0 < len(ranges) <= d.LOG_RANGES_MAX or any(one.log >= next_.log for one, next_ in pairwise(ranges)):
        raise bad(field, "logs not ascending, none or too many")
    return ranges


def _log_range(value: object, field: str) -> d.LogRange:
    log, first, end = as_list(value, field, 3)
    return d.LogRange(
        as_text(log, field),
        as_uint(first, field, d.LOG_SIZE_MAX),
        None if end is None else as_uint(end, field, d.LOG_SIZE_MAX),
    )


_READERS: dict[EventKind, Callable[[Fields], d.Details]] = {
    EventKind.REGISTER: _register,
    EventKind.RETURN: amending.read_return,
    EventKind.SPLIT: lambda _fields: d.SplitDetails(),
    EventKind.MERGE: lambda _fields: d.MergeDetails(),
    EventKind.TRANSFORM: _transform,
    EventKind.OFFER: lambda fields: d.OfferDetails(fields.required(1, "transport_document", text_or_empty)),
    EventKind.CANCEL: lambda _fields: d.CancelDetails(),
    EventKind.ACCEPT: lambda fields: d.AcceptDetails(fields.required(1, "lines", members(_line))),
    EventKind.DIVERT: amending.read_divert,
    EventKind.ADJUST: amending.read_adjust,
    EventKind.CONSUME: amending.read_consume,
    EventKind.ANNUL: amending.read_annul,
    EventKind.CORRECT: amending.read_correct,
    EventKind.EXPORT_INTENT: _intent,
    EventKind.EXPORT_LOCK: _lock,
    EventKind.EXPORT_VOID: _void,
    EventKind.ATTEST: vouching.read_attest,
    EventKind.HOLD: _hold,
    EventKind.RELEASE: _release,
    EventKind.STATUS: vouching.read_status,
    EventKind.RIGHT_CLOSED: _closed,
    EventKind.CUT: vouching.read_cut,
    EventKind.RIGHT: _right,
    EventKind.SETTLED: _settled,
    EventKind.LICENCE: _licence,
    EventKind.LICENCE_CHANGE: _change,
    EventKind.KEYS: _keys,
}
