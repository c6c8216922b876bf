"""The trust file: k of n, byte-identical details, proof of possession, and who may certify whom."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import trust
from monazite_provenance.contents import KeyAction, KeysDetails, LogRange
from monazite_provenance.errors import (
    BadField,
    BadSignature,
    EventNotAllowed,
    IssuerMismatch,
    Malformed,
    ProvenanceError,
    UnknownKey,
    UnsupportedVersion,
)
from monazite_provenance.key_book import SERVICE_KINDS, KeyBook
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import log_urn
from monazite_provenance.trust import TrustFile

from tests.unit.provenance.chains import DOMAIN, NOW_S, ROOTS, World, enterprise, service

EMPTY = trust.new(DOMAIN, [root.public for root in ROOTS], threshold=2)
KEY = SoftwareKey.generate()


def details_for(name: str = "quota", key: SoftwareKey = KEY) -> KeysDetails:
    proof = trust.prove_possession(key, service(name))
    return trust.service_key_details(DOMAIN, name, key.public, proof, [LogRange(log_urn(name), 0)])


def test_a_file_round_trips_and_gives_its_keys() -> None:
    world = World.new()
    again = TrustFile.load(world.trust.dump())
    assert again == world.trust
    book = again.keyring()
    for name in ("registry", "quota", "export_license"):
        key = book.find(world.keys[name].public.kid)
        assert key is not None
        assert (key.issuer, key.kinds) == (service(name), SERVICE_KINDS[name])
    assert book.find(bytes(16)) is None


def test_p256_roots_and_services_work_too() -> None:
    roots = [SoftwareKey.generate(Algorithm.ESP256) for _ in range(2)]
    key = SoftwareKey.generate(Algorithm.ESP256)
    file = trust.new(DOMAIN, [root.public for root in roots], 2)
    file = file.with_act(trust.root_act(roots, DOMAIN, details_for(key=key), issued_at=NOW_S))
    assert TrustFile.load(file.dump()).keyring().find(key.public.kid) is not None


@pytest.mark.parametrize(("roots", "threshold"), [(0, 0), (1, 0), (1, 2), (2, 3), (17, 1)])
def test_thresholds_that_make_no_sense(roots: int, threshold: int) -> None:
    with pytest.raises(BadField):
        trust.new(DOMAIN, [SoftwareKey.generate().public for _ in range(roots)], threshold)
    with pytest.raises(BadField):
        trust.new(DOMAIN, [ROOTS[0].public, ROOTS[0].public], 1)


def test_fewer_roots_than_the_threshold() -> None:
    act = trust.root_act(ROOTS[:1], DOMAIN, details_for(), issued_at=NOW_S)
    for bad in (act, act * 2, ()):
        with pytest.raises(EventNotAllowed):
            EMPTY.with_act(bad)


def test_roots_that_sign_different_details() -> None:
    first = trust.root_act(ROOTS[:1], DOMAIN, details_for(), issued_at=NOW_S)
    second = trust.root_act(ROOTS[1:2], DOMAIN, details_for(key=SoftwareKey.generate()), issued_at=NOW_S)
    with pytest.raises(BadField):
        EMPTY.with_act([*first, *second])


def test_a_stranger_among_the_roots() -> None:
    stranger = SoftwareKey.generate()
    with pytest.raises(UnknownKey):
        EMPTY.with_act(trust.root_act([ROOTS[0], stranger], DOMAIN, details_for(), issued_at=NOW_S))


def test_what_the_root_may_not_certify() -> None:
    good = details_for()
    proof = trust.prove_possession(KEY, enterprise("mine"))
    for bad in (
        replace(good, kinds=(int(EventKind.KEYS),)),
        replace(good, kinds=()),
        trust.enterprise_key_details(enterprise("mine"), KEY.public, proof),
        replace(good, issuer="spiffe://other.example/service/quota"),
        replace(good, issuer=service("unheard-of")),
    ):
        with pytest.raises(EventNotAllowed):
            EMPTY.with_act(trust.root_act(ROOTS[:2], DOMAIN, bad, issued_at=NOW_S))
    with pytest.raises(BadField):
        trust.service_key_details(DOMAIN, "unheard-of", KEY.public, proof, [])


def test_possession_is_proven_for_this_issuer() -> None:
    good = details_for()
    with pytest.raises(BadField):
        EMPTY.with_act(trust.root_act(ROOTS[:2], DOMAIN, replace(good, proof_of_possession=None), issued_at=NOW_S))
    other = replace(good, proof_of_possession=trust.prove_possession(KEY, service("registry")))
    with pytest.raises(BadSignature):
        EMPTY.with_act(trust.root_act(ROOTS[:2], DOMAIN, other, issued_at=NOW_S))
    with pytest.raises(BadSignature):
        trust.enterprise_key_details(enterprise("mine"), KEY.public, bytes(64))


def test_a_thumbprint_is_bound_once() -> None:
    file = EMPTY.with_act(trust.root_act(ROOTS[:2], DOMAIN, details_for(), issued_at=NOW_S))
    for name in ("quota", "registry"):
        with pytest.raises(BadField, match="once"):
            file.with_act(trust.root_act(ROOTS[:2], DOMAIN, details_for(name), issued_at=NOW_S))


def test_the_end_of_a_service_key() -> None:
    file = EMPTY.with_act(trust.root_act(ROOTS[:2], DOMAIN, details_for(), issued_at=NOW_S))
    ends = [LogRange(log_urn("quota"), 0, 7)]
    retire = trust.end_key_details(KeyAction.RETIRE, service("quota"), KEY.public, statements=ends)
    ended = file.with_act(trust.root_act(ROOTS[1:], DOMAIN, retire, issued_at=NOW_S))
    key = ended.keyring().find(KEY.public.kid)
    assert key is not None
    assert key.retired
    condemned = file.with_act(
        trust.root_act(ROOTS[1:], DOMAIN, replace(retire, action=KeyAction.COMPROMISED), issued_at=NOW_S)
    )
    key = condemned.keyring().find(KEY.public.kid)
    assert key is not None
    assert key.compromised
    with pytest.raises(UnknownKey):
        EMPTY.with_act(trust.root_act(ROOTS[:2], DOMAIN, retire, issued_at=NOW_S))
    bad = trust.end_key_details(KeyAction.RETIRE, service("registry"), KEY.public)
    with pytest.raises(IssuerMismatch):
        file.with_act(trust.root_act(ROOTS[:2], DOMAIN, bad, issued_at=NOW_S))
    with pytest.raises(BadField):
        trust.end_key_details(KeyAction.CERTIFY, service("quota"), KEY.public)


def test_the_registry_certifies_enterprises_and_nobody_else() -> None:
    book = KeyBook(DOMAIN)
    proof = trust.prove_possession(KEY, enterprise("mine"))
    details = trust.enterprise_key_details(enterprise("mine"), KEY.public, proof, own_signature_only=True)
    with pytest.raises(EventNotAllowed):
        book.apply(details_for(), bytes(32), by_root=False)
    with pytest.raises(EventNotAllowed):
        book.apply(replace(details, kinds=(int(EventKind.RIGHT),)), bytes(32), by_root=False)
    with pytest.raises(EventNotAllowed):
        book.apply(replace(details, issuer=enterprise("mine") + "/erp"), bytes(32), by_root=False)
    assert book.apply(details, bytes(32), by_root=False).own_signature_only


def test_trust_files_that_are_none() -> None:
    good = json.loads(World.new().trust.dump())
    changes: list[tuple[str, object]] = [
        ("version", 2),
        ("version", True),
        ("version", 1.0),
        ("domain", "not a domain"),
        ("domain", 7),
        ("threshold", "2"),
        ("threshold", 9),
        ("roots", ["zz"]),
        ("roots", [7]),
        ("roots", {}),
        ("acts", [["00"]]),
        ("acts", [[]]),
        ("acts", 7),
        ("more", 1),
    ]
    for field, value in changes:
        with pytest.raises((Malformed, UnsupportedVersion, EventNotAllowed)):
            TrustFile.load(json.dumps({**good, field: value}).encode())
    tampered = json.dumps(good).replace(good["acts"][0][0][-8:], "00000000").encode()
    with pytest.raises(ProvenanceError):
        TrustFile.load(tampered)


def test_a_name_that_stands_twice() -> None:
    text = World.new().trust.dump().decode()
    with pytest.raises(BadField, match="twice"):
        TrustFile.load(text.replace('"threshold": 2,', '"threshold": 2, "threshold": 1,').encode())


@given(st.one_of(st.binary(max_size=50), st.text(max_size=50).map(lambda text: json.dumps([text]).encode())))
def test_any_bytes_give_a_provenance_error(raw: bytes) -> None:
    with pytest.raises(ProvenanceError):
        TrustFile.load(raw)
