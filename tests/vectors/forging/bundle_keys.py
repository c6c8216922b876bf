"""Hostile bundles by where keys stand: before their certification, after their end, or for what they may not say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from monazite_provenance import trust
from monazite_provenance.contents import Form, KeyAction, KeysDetails, LogRange
from monazite_provenance.item import Item
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.names import log_urn
from monazite_provenance.statement import Outpoint
from monazite_provenance.trust import TrustFile

from tests.unit.provenance.chains import AT_S, DOMAIN, LOG, NOW_S, ORE, SHARD, World, enterprise, lot, service
from tests.vectors.forging.bundles import TRUST, bare, mined, sold, whole
from tests.vectors.forging.forge import Case
from tests.vectors.forging.seeded import seeded

Built = tuple[World, Outpoint]


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (attacks, build, expected) in KEYS.items():
        with seeded():
            yield Case("bundle", f"key-{name}", attacks, bare(*build()), expected, TRUST)
    for name, (attacks, _, expected) in ENDED.items():
        with seeded():
            given = {"trust": f"trust/{name}.json", "at": AT_S}
            yield Case("bundle", f"service-key-{name}", attacks, whole(*sold()), expected, given)


def trusts() -> Mapping[str, TrustFile]:
    """The trust files that the cases name, by name."""
    with seeded():
        found = {"trust/good.json": World.new().trust}
    for name, (_, end, _) in ENDED.items():
        with seeded():
            world = World.new()
            end(world)
            found[f"trust/{name}.json"] = world.trust
    return found


def _keys(world: World, details: KeysDetails, signer: str = "registry") -> Item:
    """A `keys` statement, registered and in the bundle."""
    key = world.keys[signer]
    issuer = service(signer) if signer in ("registry", "quota") else enterprise(signer)
    item = trust.draft_keys(details, registry=issuer, key=key.public, issued_at=NOW_S).sign(key)
    world.add(item)
    return item


def _before() -> Built:
    world, head = mined()
    # The same certification once more in the log, behind what its key signed; the bundle shows that receipt.
    world.registers.add(world.items[0])
    return world, head


def _retired() -> Built:
    world, head = mined()
    _keys(world, trust.end_key_details(KeyAction.RETIRE, enterprise("mine"), world.keys["mine"].public))
    return world, world.offer("mine", head, enterprise("plant"))


def _retired_elsewhere_in_the_bundle() -> Built:
    world, offered = _retired()
    # Order in a bundle is not order in the log: the end of the key comes last here.
    world.items.append(world.items.pop(-2))
    world.ids.append(world.ids.pop(-2))
    return world, offered


def _retired_in_time() -> Built:
    world, head = mined()
    _keys(world, trust.end_key_details(KeyAction.RETIRE, enterprise("mine"), world.keys["mine"].public))
    return world, head


def _compromised(end: int) -> Built:
    world, head = mined()
    spans = [LogRange(LOG, 1, end)]
    public = world.keys["mine"].public
    _keys(world, trust.end_key_details(KeyAction.COMPROMISED, enterprise("mine"), public, statements=spans))
    return world, head


def _signed_for_one_that_signs_alone() -> Built:
    world = World.new()
    world.certify("mine", own_signature_only=True)
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    world.self_signing.clear()
    return world, world.split("mine", head, 500, 500)[0]


def _bound_twice() -> Built:
    world, head = mined()
    key = world.keys["mine"]
    proof = trust.prove_possession(key, enterprise("mine"))
    _keys(world, replace(trust.enterprise_key_details(enterprise("mine"), key.public, proof), own_signature_only=True))
    return world, head


def _bound_to_another() -> Built:
    world, head = mined()
    key = world.keys["mine"]
    proof = trust.prove_possession(key, enterprise("thief"))
    _keys(world, trust.enterprise_key_details(enterprise("thief"), key.public, proof))
    return world, head


def _without_possession() -> Built:
    world, head = mined()
    key = SoftwareKey.generate()
    proof = trust.prove_possession(world.keys["mine"], enterprise("thief"))
    good = trust.enterprise_key_details(
        enterprise("thief"), key.public, trust.prove_possession(key, enterprise("thief"))
    )
    _keys(world, replace(good, proof_of_possession=proof))
    return world, head


def _possession_for_another() -> Built:
    world, head = mined()
    key = SoftwareKey.generate()
    good = trust.enterprise_key_details(
        enterprise("thief"), key.public, trust.prove_possession(key, enterprise("thief"))
    )
    _keys(world, replace(good, proof_of_possession=trust.prove_possession(key, enterprise("other"))))
    return world, head


def _quota_by_the_registry() -> Built:
    world, head = mined()
    key = SoftwareKey.generate()
    proof = trust.prove_possession(key, service("quota"))
    spans = [LogRange(log_urn("quota"), 0)]
    _keys(world, trust.service_key_details(DOMAIN, "quota", key.public, proof, spans))
    return world, head


def _certified_by_a_peer() -> Built:
    world, head = mined()
    key = SoftwareKey.generate()
    proof = trust.prove_possession(key, enterprise("thief"))
    _keys(world, trust.enterprise_key_details(enterprise("thief"), key.public, proof), signer="mine")
    return world, head


def _kinds_of_a_service() -> Built:
    world, head = mined()
    key = SoftwareKey.generate()
    good = trust.enterprise_key_details(
        enterprise("thief"), key.public, trust.prove_possession(key, enterprise("thief"))
    )
    _keys(world, replace(good, kinds=(1, 35, 40)))
    return world, head


def _of_another_domain() -> Built:
    world, head = mined()
    key = SoftwareKey.generate()
    stranger = "spiffe://other.example/enterprise/thief"
    proof = trust.prove_possession(key, stranger)
    _keys(world, trust.enterprise_key_details(stranger, key.public, proof))
    return world, head


def _end_of_an_unknown_key() -> Built:
    world, head = mined()
    key = SoftwareKey.generate()
    _keys(world, trust.end_key_details(KeyAction.RETIRE, enterprise("mine"), key.public))
    return world, head


def _end_of_anothers_key() -> Built:
    world, head = mined()
    _keys(world, trust.end_key_details(KeyAction.RETIRE, enterprise("thief"), world.keys["mine"].public))
    return world, head


KEYS: Final[dict[str, tuple[str, Callable[[], Built], str]]] = {
    "used-before-certification": ("signed before the key was certified", _before, "REFUTED NOT_YET_CERTIFIED"),
    "used-after-retirement": ("signed after the key was retired", _retired, "REFUTED KEY_RETIRED"),
    "retirement-shown-last": (
        "the end of a key, hidden behind",
        _retired_elsewhere_in_the_bundle,
        "REFUTED KEY_RETIRED",
    ),
    "good-retired-in-time": ("nothing: the key ended after it signed", _retired_in_time, "VERIFIED_WITH_GAPS ABSENCE"),
    "used-after-compromise": ("signed from the compromise on", lambda: _compromised(1), "REFUTED KEY_COMPROMISED"),
    "good-before-compromise": ("nothing: signed before", lambda: _compromised(2), "VERIFIED_WITH_GAPS ABSENCE"),
    "own-signature-only": (
        "on behalf of one that signs alone",
        _signed_for_one_that_signs_alone,
        "REFUTED OWN_SIGNATURE_ONLY",
    ),
    "bound-twice": ("one thumbprint, two certifications", _bound_twice, "REFUTED BAD_FIELD"),
    "bound-to-another": ("one thumbprint, two owners", _bound_to_another, "REFUTED BAD_FIELD"),
    "without-possession": ("the proof of another key", _without_possession, "REFUTED BAD_SIGNATURE"),
    "possession-for-another": ("a proof for another owner", _possession_for_another, "REFUTED BAD_SIGNATURE"),
    "of-quota-by-the-registry": (
        "only the root certifies services",
        _quota_by_the_registry,
        "REFUTED EVENT_NOT_ALLOWED",
    ),
    "certified-by-an-enterprise": ("only the registry certifies", _certified_by_a_peer, "REFUTED EVENT_NOT_ALLOWED"),
    "kinds-of-a-service": ("an enterprise that makes rights", _kinds_of_a_service, "REFUTED EVENT_NOT_ALLOWED"),
    "of-another-domain": ("an owner of another domain", _of_another_domain, "REFUTED EVENT_NOT_ALLOWED"),
    "end-of-an-unknown-key": ("the end of a key never certified", _end_of_an_unknown_key, "CANNOT_TELL UNKNOWN_KEY"),
    "end-of-anothers-key": ("the end of another owner's key", _end_of_anothers_key, "REFUTED ISSUER_MISMATCH"),
}


# Service keys, which the trust file ends.


def _end(world: World, action: KeyAction, last: int, *, heads: bool = False) -> None:
    spans = [LogRange(LOG, 0, last), LogRange(SHARD, 0, last)]
    key = world.registers.logs[LOG].key.public if heads else world.keys["registry"].public
    named = {"logs": spans} if heads else {"statements": spans}
    world.act(trust.end_key_details(action, service("registry"), key, **named))


ENDED: Final[dict[str, tuple[str, Callable[[World], None], str]]] = {
    "compromised": (
        "the registry's key signed after it was stolen",
        lambda world: _end(world, KeyAction.COMPROMISED, 1),
        "REFUTED KEY_COMPROMISED",
    ),
    "retired": (
        "the registry's key signed after its end",
        lambda world: _end(world, KeyAction.RETIRE, 0),
        "REFUTED KEY_RETIRED",
    ),
    "log-key-compromised": (
        "heads by a stolen key show nothing",
        lambda world: _end(world, KeyAction.COMPROMISED, 3, heads=True),
        "CANNOT_TELL NO_TRUSTED_RECEIPT",
    ),
    "log-key-retired": (
        "heads by a key after its end show nothing",
        lambda world: _end(world, KeyAction.RETIRE, 3, heads=True),
        "CANNOT_TELL NO_TRUSTED_RECEIPT",
    ),
}
