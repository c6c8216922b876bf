"""The published schema of what a log signs, by a CDDL tool: what the library writes is that, and nothing else is."""

from __future__ import annotations

import re
from importlib import import_module, resources
from typing import Protocol, cast

import cbor2
import pytest
from monazite_provenance import _cbor, _cose

from tests.unit.provenance.test_receipts import HEAD, INDEXES, LOG_OF_100, NODES, PROOF, Forge, changed_header

TEXT = resources.files("monazite_provenance").joinpath("schemas", "receipt.cddl").read_text("utf-8")
# The tool applies a `.cbor` to every member of its array: so the envelope is checked without, and what is inside alone.
ENVELOPE = re.sub(r"bstr \.cbor [a-z-]+", "bstr", TEXT)
EVIDENCE = {
    "inclusion": LOG_OF_100.receipt(3),
    "multi-inclusion": HEAD.multi_receipt(INDEXES, NODES),
    "consistency": HEAD.consistency(40, LOG_OF_100.consistency(40, 100)),
}


class Schema(Protocol):
    """What is used of pycddl, which has no types."""

    def validate_cbor(self, data: bytes) -> object: ...


class Cddl(Protocol):
    """The module."""

    ValidationError: type[Exception]

    def Schema(self, text: str) -> Schema: ...  # noqa: N802 - a class there


CDDL = cast("Cddl", import_module("pycddl"))


def schema(text: str, root: str) -> Schema:
    """The rules of a text, with another first one."""
    return CDDL.Schema(f"wanted = {root}\n{text}")


def proof_of(raw: bytes) -> bytes:
    """The encoded proof of a receipt."""
    (proofs,) = cbor2.loads(raw[1:])[1][396].values()
    return cast("bytes", proofs[0])


@pytest.mark.parametrize("kind", EVIDENCE)
def test_receipts(kind: str) -> None:
    raw = EVIDENCE[kind]
    schema(ENVELOPE, "log-evidence").validate_cbor(raw)
    schema(TEXT, kind).validate_cbor(proof_of(raw))
    assert f"[bstr .cbor {kind}]" in TEXT


def test_checkpoint_and_header() -> None:
    schema(ENVELOPE, "checkpoint").validate_cbor(HEAD.checkpoint())
    schema(TEXT, "head-header").validate_cbor(HEAD.protected)
    assert TEXT.count("bstr .cbor head-header") == 1 + len(EVIDENCE)


@pytest.mark.parametrize(
    ("rule", "raw"),
    [
        ("receipt", Forge(payload=HEAD.head.root).receipt()),
        ("log-evidence", Forge(unprotected={396: {-1: [PROOF, PROOF]}}).receipt()),
        ("log-evidence", _cose.encode_sign1(HEAD.protected, bytes(31), HEAD.signature)),
        ("log-evidence", Forge(signature=bytes(63)).receipt()),
        ("head-header", _cbor.encode(changed_header(typ=277))),
        ("head-header", _cbor.encode(changed_header(alg=-8))),
        ("head-header", _cbor.encode({**changed_header(), 2: [15]})),
        ("inclusion", _cbor.encode([100, 3])),
        ("inclusion", _cbor.encode([100, 3, [bytes(31)]])),
        ("multi-inclusion", _cbor.encode([100, [], []])),
    ],
)
def test_what_the_schema_refuses(rule: str, raw: bytes) -> None:
    with pytest.raises(CDDL.ValidationError):
        schema(ENVELOPE, rule).validate_cbor(raw)
