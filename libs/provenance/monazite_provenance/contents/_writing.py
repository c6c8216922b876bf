"""Details to CBOR maps: integer keys, ascending, optional ones left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from monazite_provenance.contents import amending, vouching
from monazite_provenance.contents import details as d
from monazite_provenance.contents.draws import draw_list


def details_map(details: d.Details) -> dict[int, object]:
    """The CBOR map of any details."""
    write = cast("Callable[[d.Details], dict[int, object]]", _WRITERS[type(details)])
    return write(details)


def _origin(origin: d.Origin) -> list[object]:
    match origin:
        case d.Mined():
            return [1, origin.mine, origin.licence, int(origin.deposit_type)]
        case d.Imported():
            return [2, origin.country, origin.declaration]
        case d.Recycled():
            return [3, origin.source]
        case d.OpeningInventory():
            return [4, origin.inventory]


def _register(details: d.RegisterDetails) -> dict[int, object]:
    return {1: _origin(details.origin), 2: draw_list(details.draws)}


def _nothing(_details: d.SplitDetails | d.MergeDetails | d.CancelDetails) -> dict[int, object]:
    return {}


def _transform(details: d.TransformDetails) -> dict[int, object]:
    content: dict[int, object] = {
        1: details.process,
        2: [[loss.element, loss.reo_mg] for loss in details.losses],
        3: draw_list(details.draws),
    }
    if details.reason_code is not None:
        content[4] = details.reason_code
    return content


def _offer(details: d.OfferDetails) -> dict[int, object]:
    return {1: details.transport_document}


def _accept(details: d.AcceptDetails) -> dict[int, object]:
    return {1: [[line.accepted_g, line.returned_g, line.shortage_g, line.reason_code] for line in details.lines]}


def _intent(details: d.ExportIntentDetails) -> dict[int, object]:
    return {
        1: details.act_id,
        2: details.licence_id,
        3: [[mass.outpoint.encode(), mass.gross_g, list(mass.control_codes)] for mass in details.masses],
        4: details.declaration_number,
        5: details.port,
        6: details.destination,
    }


def _lock(details: d.ExportLockDetails) -> dict[int, object]:
    return {1: details.act_id, 2: details.licence_id, 3: [outpoint.encode() for outpoint in details.outpoints]}


def _void(details: d.ExportVoidDetails) -> dict[int, object]:
    return {1: details.act_id, 2: details.reason_code}


def _hold(details: d.HoldDetails | d.ReleaseDetails) -> dict[int, object]:
    return {1: details.outpoint.encode(), 2: details.lot_id, 3: details.reason_code}


def _release(details: d.ReleaseDetails) -> dict[int, object]:
    return {**_hold(details), 4: details.hold_id}


def _right(details: d.RightDetails) -> dict[int, object]:
    return {
        1: details.year,
        2: int(details.quota_kind),
        3: details.mass_mg,
        4: details.holder,
        5: details.site,
        6: details.registry_log,
        7: details.expires_at,
    }


def _settled(details: d.SettledDetails) -> dict[int, object]:
    return {
        1: details.right_id,
        2: details.drawing_id,
        3: details.mass_mg,
        4: details.total_settled_mg,
        5: details.registry_index,
    }


def _closed(details: d.RightClosedDetails) -> dict[int, object]:
    return {1: details.right_id, 2: details.total_drawn_mg, 3: details.reason_code}


def _licence(details: d.LicenceDetails) -> dict[int, object]:
    return {
        1: details.number,
        2: details.licensee,
        3: [details.end_user.name, details.end_user.country, details.end_user.address],
        4: details.destination,
        5: [[line.control_code, line.hs_code, line.gross_g] for line in details.lines],
        6: details.expires_at,
        7: details.case_id,
        8: details.rule_set_hash,
        9: details.proposer,
        10: details.countersigner,
    }


def _change(details: d.LicenceChangeDetails) -> dict[int, object]:
    return {1: details.licence_id, 2: int(details.action), 3: details.reason, 4: details.officer}


def _keys(details: d.KeysDetails) -> dict[int, object]:
    fields: dict[int, object] = {
        1: int(details.action),
        2: details.issuer,
        3: details.cose_key,
        4: list(details.kinds),
        5: details.proof_of_possession,
        6: details.own_signature_only,
    }
    for field, ranges in ((7, details.logs), (8, details.statements)):
        if ranges:
            fields[field] = [[span.log, span.first, span.end] for span in ranges]
    return fields


def _roots(details: d.RootsDetails) -> dict[int, object]:
    roots = [[root.cose_key, root.proof_of_possession] for root in details.roots]
    return {1: d.ROOTS_ACTION, 2: details.threshold, 3: roots}


_WRITERS: dict[type, object] = {
    d.RegisterDetails: _register,
    amending.ReturnDetails: amending.amending_map,
    d.SplitDetails: _nothing,
    d.MergeDetails: _nothing,
    d.CancelDetails: _nothing,
    d.TransformDetails: _transform,
    d.OfferDetails: _offer,
    d.AcceptDetails: _accept,
    amending.DivertDetails: amending.amending_map,
    amending.AdjustDetails: amending.amending_map,
    amending.ConsumeDetails: amending.amending_map,
    amending.AnnulDetails: amending.amending_map,
    amending.CorrectDetails: amending.amending_map,
    d.ExportIntentDetails: _intent,
    d.ExportLockDetails: _lock,
    d.ExportVoidDetails: _void,
    vouching.AttestDetails: vouching.attest_map,
    d.HoldDetails: _hold,
    d.ReleaseDetails: _release,
    d.RightDetails: _right,
    d.SettledDetails: _settled,
    vouching.StatusDetails: vouching.status_map,
    d.RightClosedDetails: _closed,
    vouching.CutDetails: vouching.cut_map,
    d.LicenceDetails: _licence,
    d.LicenceChangeDetails: _change,
    d.KeysDetails: _keys,
    d.RootsDetails: _roots,
}
