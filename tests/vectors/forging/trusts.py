"""Hostile trust files: acts that too few roots, or the wrong ones, stand behind, and files that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import cast

from monazite_provenance import trust
from monazite_provenance.contents import KeysDetails, LogRange
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.roots import root_act

from tests.unit.provenance.chains import DOMAIN, LOG, NOW_S, World, service
from tests.vectors.forging import bundle_keys, bundle_licences, bundle_witnesses
from tests.vectors.forging.forge import MALLORY, Case
from tests.vectors.forging.points import LOW_ORDER
from tests.vectors.forging.seeded import ROOTS, seeded

_case = partial(Case, "trust")
BAD_FIELD, EVENT_NOT_ALLOWED = "BAD_FIELD", "EVENT_NOT_ALLOWED"


def cases() -> Iterator[Case]:
    """All of them, the good ones first: those that the bundles are under."""
    for name, file in {**bundle_keys.trusts(), **bundle_witnesses.trusts(), **bundle_licences.trusts()}.items():
        yield _case(name.removeprefix("trust/").removesuffix(".json"), "nothing", file.dump(), "ok")
    with seeded():
        yield from _acts(World.new().trust, SoftwareKey.generate())
    with seeded():
        yield from _files(json.loads(World.new().trust.dump()))


def _details(key: SoftwareKey, name: str = "registry") -> KeysDetails:
    proof = trust.prove_possession(key, service(name))
    return trust.service_key_details(DOMAIN, name, key.public, proof, [LogRange(LOG, 0)])


def _acts(good: trust.TrustFile, key: SoftwareKey) -> Iterator[Case]:
    details = _details(key)

    def of(*roots: SoftwareKey, of: KeysDetails = details) -> bytes:
        return replace(good, acts=(*good.acts, root_act(roots, DOMAIN, of, issued_at=NOW_S))).dump()

    stranger = SoftwareKey.generate()
    yield _case("act-below-threshold", "one root of the two that it takes", of(ROOTS[0]), EVENT_NOT_ALLOWED)
    yield _case("act-by-nobody", "no root at all", of(), EVENT_NOT_ALLOWED)
    yield _case("act-one-root-twice", "one root, counted twice", of(ROOTS[0], ROOTS[0]), EVENT_NOT_ALLOWED)
    yield _case("act-with-a-stranger", "a root and one that is none", of(ROOTS[0], stranger), "UNKNOWN_KEY")
    first = root_act(ROOTS[:1], DOMAIN, details, issued_at=NOW_S)
    second = root_act(ROOTS[1:2], DOMAIN, _details(stranger), issued_at=NOW_S)
    differ = replace(good, acts=(*good.acts, (*first, *second))).dump()
    yield _case("act-of-two-meanings", "two roots that certify two keys", differ, BAD_FIELD)
    two = ROOTS[:2]
    elsewhere = root_act(two, "other.example", details, issued_at=NOW_S)
    moved = replace(good, acts=(*good.acts, elsewhere)).dump()
    yield _case("act-of-another-domain", "the roots of another domain", moved, "ISSUER_MISMATCH")
    forged = (
        *root_act(two[:1], DOMAIN, details, issued_at=NOW_S),
        *root_act(two[1:], DOMAIN, details, issued_at=NOW_S),
    )
    broken = replace(forged[1], statement=forged[1].statement[:-1] + b"\0")
    spoilt = replace(good, acts=(*good.acts, (forged[0], broken))).dump()
    yield _case("act-badly-signed", "one signature does not hold", spoilt, "BAD_SIGNATURE")
    twice = replace(good, acts=(*good.acts, good.acts[0])).dump()
    yield _case("key-bound-twice", "one thumbprint, certified twice", twice, BAD_FIELD)
    both = replace(details, logs=(LogRange(LOG, 0),))
    yield _case(
        "key-for-statements-and-heads", "a service's key signs one of the two", of(*two, of=both), EVENT_NOT_ALLOWED
    )
    nowhere = replace(details, statements=())
    yield _case("key-without-positions", "good from nowhere on", of(*two, of=nowhere), BAD_FIELD)
    rights = replace(details, kinds=(40, 41))
    yield _case("registry-key-for-rights", "a registry that makes quota", of(*two, of=rights), EVENT_NOT_ALLOWED)
    proof = replace(details, proof_of_possession=trust.prove_possession(stranger, service("registry")))
    yield _case("key-without-possession", "the proof of another key", of(*two, of=proof), "BAD_SIGNATURE")


def _files(good: dict[str, object]) -> Iterator[Case]:
    def of(**changed: object) -> bytes:
        return json.dumps({**good, **changed}).encode()

    roots = cast("list[str]", good["roots"])
    for name, data in {
        "threshold-zero": of(threshold=0),
        "threshold-beyond-roots": of(threshold=4),
        "threshold-true": of(threshold=True),
        "root-twice": of(roots=[roots[0], *roots]),
        "roots-none": of(roots=[], acts=[]),
        "root-of-low-order": of(roots=[*roots[:2], "a301012006215820" + LOW_ORDER[2].hex()]),
        "field-unknown": of(more=0),
        "field-missing": json.dumps({key: value for key, value in good.items() if key != "threshold"}).encode(),
        "field-twice": json.dumps(good).encode()[:-1] + b', "threshold": 1}',
        "domain-empty": of(domain=""),
        "acts-not-a-list": of(acts={}),
        "no-json": b"trust",
        "json-list": b"[]",
        "json-nan": json.dumps({**good, "threshold": float("nan")}).encode(),
        "empty": b"",
        "deep": b"[" * 100_000,
        "not-utf8": b"\xff\xfe",
    }.items():
        yield _case(f"file-{name}", "a file that is no trust file", data, BAD_FIELD)
    none = of(roots=[MALLORY.cose_key.hex()], threshold=1)
    yield _case("file-roots-replaced", "roots that did not make the acts", none, "UNKNOWN_KEY")
    for name, version in {"2": 2, "true": True, "text": "1"}.items():
        yield _case(f"file-version-{name}", "another version", of(version=version), "UNSUPPORTED_VERSION")
