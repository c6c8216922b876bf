"""Enterprises and their keys: requests."""

from __future__ import annotations

from typing import Final

from monazite.registry.v1 import registry_pb2
from monazite_provenance.keys import COSE_KEY_BYTES_MAX, SIGNATURE_LENGTHS

from services.registry.domain.commands import CertifyKey, RegisterEnterprise
from services.registry.domain.records import Activity
from services.registry.messages.fields import Fields

_PROOF_LENGTHS: Final = sorted(set(SIGNATURE_LENGTHS.values()))
_ACTIVITIES: Final = frozenset(Activity)


def parse_register_enterprise(request: registry_pb2.RegisterEnterpriseRequest) -> tuple[bytes, RegisterEnterprise]:
    """Request id and an enterprise to list."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    for number, activity in enumerate(request.activities):
        if activity not in _ACTIVITIES:
            fields.wrong(f"activities[{number}]", f"must be one of {', '.join(sorted(_ACTIVITIES))}")
    fields.distinct("activities[]", request.activities)
    command = RegisterEnterprise(
        fields.enterprise("enterprise_id", request.enterprise_id),
        fields.text("display_name", request.display_name),
        frozenset(request.activities),
    )
    fields.done()
    return request_id, command


def parse_enterprise_id(request: registry_pb2.GetEnterpriseRequest) -> str:
    """The enterprise's id."""
    fields = Fields()
    enterprise_id = fields.enterprise("enterprise_id", request.enterprise_id)
    fields.done()
    return enterprise_id


def parse_certify(request: registry_pb2.CertifyKeyRequest) -> tuple[bytes, CertifyKey]:
    """Request id and a key to certify."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    if not 0 < len(request.cose_key) <= COSE_KEY_BYTES_MAX:
        fields.wrong("cose_key", f"must be a COSE_Key of at most {COSE_KEY_BYTES_MAX} bytes")
    if len(request.proof_of_possession) not in _PROOF_LENGTHS:
        # Which of them it must be the key says, once it is read.
        fields.wrong("proof_of_possession", f"must be a signature of {', '.join(map(str, _PROOF_LENGTHS))} bytes")
    command = CertifyKey(
        request.cose_key,
        request.proof_of_possession,
        request.own_signature_only,
    )
    fields.done()
    return request_id, command


def parse_retire(request: registry_pb2.RetireKeyRequest) -> tuple[bytes, bytes]:
    """Request id and the thumbprint of a key to end."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    thumbprint = fields.identifier("thumbprint", request.thumbprint)
    fields.done()
    return request_id, thumbprint
