"""Log keys by root acts and sizes, roots that hand over to others, and the witnesses that a verifier demands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from monazite_provenance import trust
from monazite_provenance.checkpoints import cosign, sign_checkpoint
from monazite_provenance.contents import KeyAction, KeysDetails, LogRange, NewRoot, RootsDetails
from monazite_provenance.errors import (
    BadField,
    BadSignature,
    Compromised,
    EventNotAllowed,
    KeyProblem,
    LogProblem,
    Malformed,
    NoTrustedReceipt,
    NotYetCertified,
    ProvenanceError,
    Retired,
    UnknownKey,
    UnsupportedAlgorithm,
)
from monazite_provenance.key_book import KeyBook
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import log_urn
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.roots import RootSet, prove_root, rotate_roots
from monazite_provenance.trust import TrustFile
from monazite_provenance.verifier import Verifier

from tests.unit.provenance.chains import DOMAIN, NOW_S, ROOTS, World, enterprise, service
from tests.unit.provenance.logs import LOG, Log, entries, leaf

EMPTY = trust.new(DOMAIN, [root.public for root in ROOTS], threshold=2)
KEY = SoftwareKey.generate()
SHARD_1 = log_urn("registry", 1)


def certification(*logs: LogRange, key: SoftwareKey = KEY, name: str = "registry") -> KeysDetails:
    """Details that certify a log key."""
    proof = trust.prove_possession(key, service(name))
    return trust.log_key_details(DOMAIN, name, key.public, proof, logs or (LogRange(LOG, 0),))


def acted(file: TrustFile, *details: KeysDetails | RootsDetails) -> TrustFile:
    """The file with an act by two of the first roots for each of these."""
    for each in details:
        file = file.with_act(trust.root_act(ROOTS[:2], DOMAIN, each, issued_at=NOW_S))
    return file


def end(action: KeyAction, *logs: LogRange) -> KeysDetails:
    """Details that end the log key."""
    return trust.end_key_details(action, service("registry"), KEY.public, logs=logs)


def check_judged(file: TrustFile, size: int) -> None:
    """Verify a receipt under a head of this size."""
    log = Log(entries(size), key=KEY)
    HeadVerifier(TrustFile.load(file.dump()).keyring()).verify_receipt(log.receipt(0), leaf("entry 0"))


def test_a_root_certifies_a_log_key_for_heads_and_nothing_else() -> None:
    file = acted(EMPTY, certification())
    check_judged(file, 1)
    check_judged(file, 100)
    book = file.keyring()
    found = book.find(KEY.public.kid)
    assert found is not None
    assert found.kinds == frozenset()
    item = trust.draft_keys(certification(), registry=service("registry"), key=KEY.public, issued_at=NOW_S).sign(KEY)
    with pytest.raises(EventNotAllowed):
        Verifier(book).verify(item)
    assert book.find_log_key(bytes(16)) is None
    with pytest.raises(UnknownKey):
        check_judged(EMPTY, 1)


@pytest.mark.parametrize(
    ("acts", "good", "bad", "error"),
    [
        ([certification(LogRange(LOG, 10))], [10, 99], [1, 9], NotYetCertified),
        ([certification(LogRange(LOG, 0, 20))], [1, 20], [21, 60], Retired),
        ([certification(), end(KeyAction.RETIRE, LogRange(LOG, 0, 20))], [1, 20], [21, 60], Retired),
        ([certification(), end(KeyAction.COMPROMISED, LogRange(LOG, 0, 20))], [1, 19], [20, 60], Compromised),
        (
            [
                certification(),
                end(KeyAction.RETIRE, LogRange(LOG, 0, 20)),
                end(KeyAction.COMPROMISED, LogRange(LOG, 0, 15)),
            ],
            [1, 14],
            [15, 20, 60],
            Compromised,
        ),
        (
            [
                certification(),
                end(KeyAction.RETIRE, LogRange(LOG, 0, 20)),
                end(KeyAction.RETIRE, LogRange(LOG, 0, 18)),
            ],
            [18],
            [19],
            Retired,
        ),
        ([certification(LogRange(SHARD_1, 0))], [], [1, 60], EventNotAllowed),
    ],
)
def test_a_head_is_judged_by_its_size(
    acts: Sequence[KeysDetails], good: list[int], bad: list[int], error: type[KeyProblem]
) -> None:
    file = acted(EMPTY, *acts)
    for size in good:
        check_judged(file, size)
    for size in bad:
        with pytest.raises(error):
            check_judged(file, size)


def test_one_key_after_the_other() -> None:
    second = SoftwareKey.generate()
    file = acted(
        EMPTY,
        certification(),
        end(KeyAction.RETIRE, LogRange(LOG, 0, 30)),
        certification(LogRange(LOG, 30), key=second),
    )
    verifier = HeadVerifier(file.keyring())
    for key, sizes in ((KEY, (1, 30)), (second, (30, 60))):
        for size in sizes:
            assert verifier.verify_checkpoint(Log(entries(size), key=key).head().checkpoint()).size == size
    with pytest.raises(NotYetCertified):
        verifier.verify_checkpoint(Log(entries(29), key=second).head().checkpoint())


@pytest.mark.parametrize(
    ("details", "error"),
    [
        (certification(LogRange(log_urn("quota"), 0)), EventNotAllowed),
        (certification(LogRange("urn:monazite:log:registry", 0)), BadField),
        (certification(LogRange(LOG, 5, 4)), BadField),
        (replace(certification(), logs=()), EventNotAllowed),
        (replace(certification(), kinds=(int(EventKind.RIGHT),)), EventNotAllowed),
        (replace(certification(), proof_of_possession=None), BadField),
        (replace(certification(), proof_of_possession=bytes(64)), BadSignature),
        (replace(certification(), logs=(LogRange(SHARD_1, 0), LogRange(LOG, 0))), BadField),
        (replace(certification(), logs=(LogRange(LOG, 0), LogRange(LOG, 0))), BadField),
        (replace(certification(), logs=(LogRange(LOG, -1),)), BadField),
        (replace(certification(), logs=(LogRange(LOG, 0, 2**62 + 1),)), BadField),
        (replace(certification(), logs=tuple(LogRange(log_urn("registry", n), 0) for n in range(10, 27))), BadField),
    ],
)
def test_certifications_that_do_not_stand(details: KeysDetails, error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        acted(EMPTY, details)


@pytest.mark.parametrize(
    "details",
    [
        end(KeyAction.RETIRE),
        end(KeyAction.COMPROMISED),
        end(KeyAction.RETIRE, LogRange(LOG, 1, 20)),
        end(KeyAction.RETIRE, LogRange(LOG, 0)),
        end(KeyAction.RETIRE, LogRange(SHARD_1, 0, 20)),
        end(KeyAction.RETIRE, LogRange(LOG, 0, 20), LogRange(SHARD_1, 0, 20)),
    ],
)
def test_ends_that_do_not_stand(details: KeysDetails) -> None:
    file = acted(EMPTY, certification())
    with pytest.raises(BadField):
        acted(file, details)


def test_an_end_is_never_put_off() -> None:
    for action in (KeyAction.RETIRE, KeyAction.COMPROMISED):
        file = acted(EMPTY, certification(), end(action, LogRange(LOG, 0, 20)))
        with pytest.raises(BadField):
            acted(file, end(action, LogRange(LOG, 0, 21)))


def test_logs_that_a_key_never_had_do_not_end() -> None:
    quota = SoftwareKey.generate()
    proof = trust.prove_possession(quota, service("quota"))
    span = LogRange(log_urn("quota"), 0, 1)
    file = acted(EMPTY, trust.service_key_details(DOMAIN, "quota", quota.public, proof, [span]))
    bad = trust.end_key_details(KeyAction.RETIRE, service("quota"), quota.public, logs=[span])
    with pytest.raises(BadField):
        acted(file, bad)


def test_the_registry_certifies_no_log_key() -> None:
    book = KeyBook(DOMAIN)
    with pytest.raises(EventNotAllowed):
        book.apply(certification(), bytes(32), by_root=False)
    proof = trust.prove_possession(KEY, enterprise("mine"))
    details = trust.enterprise_key_details(enterprise("mine"), KEY.public, proof)
    with pytest.raises(EventNotAllowed):
        book.apply(replace(details, logs=(LogRange(LOG, 0),)), bytes(32), by_root=False)
    with pytest.raises(BadField):
        trust.log_key_details(DOMAIN, "unheard-of", KEY.public, proof, [])


# Roots that hand over.

NEW = tuple(SoftwareKey.generate() for _ in range(2))


def rotation(*keys: SoftwareKey, threshold: int = 2) -> RootsDetails:
    """Details that name these roots."""
    return RootsDetails(threshold, tuple(prove_root(key, DOMAIN) for key in keys))


def test_old_roots_sign_the_new_ones() -> None:
    before = acted(EMPTY, certification())
    act = rotate_roots(ROOTS[1:], DOMAIN, [prove_root(key, DOMAIN) for key in (*NEW, ROOTS[2])], 3, issued_at=NOW_S)
    file = before.with_act(act)
    assert TrustFile.load(file.dump()) == file
    assert file.current_roots() == RootSet(DOMAIN, 3, (NEW[0].public, NEW[1].public, ROOTS[2].public))
    assert EMPTY.current_roots() == RootSet(DOMAIN, 2, tuple(root.public for root in ROOTS))
    check_judged(file, 5)
    details = end(KeyAction.RETIRE, LogRange(LOG, 0, 4))
    # From now on the new ones act, at their threshold; the old ones no longer.
    with pytest.raises(UnknownKey):
        acted(file, details)
    with pytest.raises(EventNotAllowed):
        file.with_act(trust.root_act([*NEW], DOMAIN, details, issued_at=NOW_S))
    ended = file.with_act(trust.root_act([*NEW, ROOTS[2]], DOMAIN, details, issued_at=NOW_S))
    with pytest.raises(Retired):
        check_judged(ended, 5)
    # And hand over again.
    third = SoftwareKey.generate()
    again = rotate_roots([*NEW, ROOTS[2]], DOMAIN, [prove_root(third, DOMAIN)], 1, issued_at=NOW_S)
    assert ended.with_act(again).current_roots().keys == (third.public,)


def test_hand_overs_that_do_not_stand() -> None:
    service_key = SoftwareKey.generate()
    file = acted(EMPTY, certification(key=service_key))
    other_domain = NewRoot(NEW[0].public.cose_key, trust.prove_possession(NEW[0], "spiffe://other.example/root/00"))
    for bad, error in (
        (rotation(*NEW, threshold=3), BadField),
        (rotation(NEW[0], NEW[0]), BadField),
        (RootsDetails(1, (replace(prove_root(NEW[0], DOMAIN), proof_of_possession=bytes(64)),)), BadSignature),
        (RootsDetails(1, (other_domain,)), BadSignature),
        (RootsDetails(1, (NewRoot(b"\x00", bytes(64)),)), BadField),
        (rotation(*NEW, service_key), BadField),
    ):
        with pytest.raises(error):
            acted(file, bad)
    # By too few, by strangers, with several details.
    with pytest.raises(EventNotAllowed):
        file.with_act(rotate_roots(ROOTS[:1], DOMAIN, [prove_root(NEW[0], DOMAIN)], 1, issued_at=NOW_S))
    with pytest.raises(UnknownKey):
        file.with_act(rotate_roots(NEW, DOMAIN, [prove_root(NEW[0], DOMAIN)], 1, issued_at=NOW_S))
    with pytest.raises(BadField):
        file.with_act(
            [
                *trust.root_act(ROOTS[:1], DOMAIN, rotation(NEW[0], threshold=1), issued_at=NOW_S),
                *trust.root_act(ROOTS[1:2], DOMAIN, rotation(NEW[1], threshold=1), issued_at=NOW_S),
            ]
        )
    for threshold, keys in ((0, NEW), (3, NEW), (1, ())):
        with pytest.raises(BadField):
            rotate_roots(ROOTS, DOMAIN, [prove_root(key, DOMAIN) for key in keys], threshold, issued_at=NOW_S)


def test_a_root_of_another_domain_is_not_handed_over() -> None:
    with pytest.raises(ProvenanceError):
        EMPTY.with_act(trust.root_act(ROOTS[:2], "other.example", rotation(*NEW), issued_at=NOW_S))


def test_a_root_that_left_does_not_come_back_and_signs_no_statement() -> None:
    file = EMPTY.with_act(trust.root_act(ROOTS[:2], DOMAIN, rotation(*NEW), issued_at=NOW_S))
    back = rotation(ROOTS[0], threshold=1)
    with pytest.raises(BadField):
        file.with_act(trust.root_act(NEW, DOMAIN, back, issued_at=NOW_S))
    for key in (ROOTS[0], NEW[0]):
        with pytest.raises(BadField):
            file.with_act(trust.root_act(NEW, DOMAIN, certification(key=key), issued_at=NOW_S))


def test_an_old_act_shown_again_brings_back_no_threshold() -> None:
    lowered = trust.root_act(ROOTS, DOMAIN, rotation(*ROOTS, threshold=1), issued_at=NOW_S)
    file = EMPTY.with_act(lowered)
    raised = rotation(*ROOTS, threshold=3)
    file = file.with_act(trust.root_act(ROOTS[:1], DOMAIN, raised, issued_at=NOW_S))
    assert file.current_roots().threshold == 3
    for again in (lowered, lowered[::-1]):
        with pytest.raises(BadField):
            file.with_act(again)
    # The same said anew, by all of them, counts.
    anew = trust.root_act(ROOTS, DOMAIN, rotation(*ROOTS, threshold=1), issued_at=NOW_S)
    assert file.with_act(anew).current_roots().threshold == 1


def test_a_bundle_replaces_no_roots() -> None:
    world = World.new()
    registry = world.keys["registry"]
    item = trust.draft_keys(certification(), registry=service("registry"), key=registry.public, issued_at=NOW_S)
    statement = Verifier(world.trust.keyring()).verify(item.sign(registry))
    assert trust.read_keys(statement) == certification()
    handing = trust.root_act([ROOTS[0]], DOMAIN, rotation(*NEW), issued_at=NOW_S)[0]
    with pytest.raises(EventNotAllowed):
        trust.read_keys(Verifier(RootSet(DOMAIN, 1, (ROOTS[0].public,))).verify(handing))


def test_following_a_newer_file() -> None:
    first = acted(EMPTY, certification())
    known = first.with_witnesses({"w": KEY.public}, 1)
    newer = acted(first, end(KeyAction.RETIRE, LogRange(LOG, 0, 4)), rotation(*NEW))
    followed = known.follow(TrustFile.load(newer.dump()))
    assert (followed.acts, followed.witnesses) == (newer.acts, known.witnesses)
    assert followed.follow(followed) == followed
    other_roots = trust.new(DOMAIN, [key.public for key in NEW], 2)
    for stranger in (EMPTY, replace(known, threshold=1), other_roots, acted(EMPTY, rotation(*NEW))):
        with pytest.raises(BadField):
            known.follow(stranger)


# Witnesses.

WITNESSES = {
    "w.example/1": SoftwareKey.generate(),
    "w.example/2": SoftwareKey.generate(Algorithm.ML_DSA_44),
    "w.example/3": SoftwareKey.generate(),
}
WITNESSED = EMPTY.with_witnesses({name: key.public for name, key in WITNESSES.items()}, 2)


def test_a_trust_file_demands_witnesses() -> None:
    file = TrustFile.load(WITNESSED.dump())
    assert file == WITNESSED
    head = Log(entries(9), key=KEY).head().head
    text = sign_checkpoint(head.log, head.size, head.root, KEY)
    assert EMPTY.check_witnessed(head, text) == {}
    for name in ("w.example/1", "w.example/2"):
        with pytest.raises(NoTrustedReceipt):
            file.check_witnessed(head, text)
        text = cosign(text, name, WITNESSES[name], timestamp_s=NOW_S)
    assert set(file.check_witnessed(head, text)) == {"w.example/1", "w.example/2"}
    for other in (replace(head, size=10), replace(head, root=bytes(32)), replace(head, log=SHARD_1)):
        with pytest.raises(LogProblem):
            file.check_witnessed(other, text)


def test_witnesses_that_make_no_sense() -> None:
    public = {name: key.public for name, key in WITNESSES.items()}
    for witnesses, threshold in (
        (public, 0),
        (public, 4),
        (public, -1),
        ({}, 1),
        ({"a": KEY.public, "b": KEY.public}, 2),
    ):
        with pytest.raises(BadField):
            EMPTY.with_witnesses(witnesses, threshold)
    with pytest.raises(BadField):
        EMPTY.with_witnesses({"no name": KEY.public}, 1)
    with pytest.raises(UnsupportedAlgorithm):
        EMPTY.with_witnesses({"w": SoftwareKey.generate(Algorithm.ESP256).public}, 1)
    assert EMPTY.with_witnesses({}, 0) == EMPTY


def test_witnesses_of_another_form() -> None:
    good = json.loads(WITNESSED.dump())
    keys = good["witnesses"]["keys"]
    wrong: list[object] = [
        {},
        [],
        7,
        None,
        {"threshold": 1},
        {"threshold": True, "keys": keys},
        {"threshold": 1, "keys": []},
        {"threshold": 0, "keys": {}},
        {"threshold": 1, "keys": {"w": 7}},
        {"threshold": 1, "keys": {"w": "zz"}},
        {"threshold": 1, "keys": {"w": "00"}},
        {"threshold": 4, "keys": keys},
        {"threshold": 1, "keys": keys, "more": 1},
        {"threshold": 1, "keys": {f"w{n}": keys["w.example/1"] for n in range(33)}},
    ]
    for bad in wrong:
        with pytest.raises(Malformed):
            TrustFile.load(json.dumps({**good, "witnesses": bad}).encode())
