"""Provenance of rare-earth lots that anyone can check: statements, items, keys, verification.

Start with `Verifier` to check and with `draft` to sign, with `HeadVerifier` for receipts and checkpoints of a log;
docs/STATEMENTS.md is the format. Bad input raises `ProvenanceError` and nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# Not with the others: the function has the name of its module, which would stand in its place once that is imported.
from monazite_provenance.draft import Draft, draft

if TYPE_CHECKING:
    from monazite_provenance.chain import verify_bundle
    from monazite_provenance.conservation import Finding
    from monazite_provenance.errors import ProvenanceError
    from monazite_provenance.item import Item, Opening
    from monazite_provenance.key_book import KeyBook
    from monazite_provenance.key_sets import decode_key_set, encode_key_set
    from monazite_provenance.keys import (
        Algorithm,
        CertifiedKey,
        KeyRing,
        PublicKey,
        SigningKey,
        SoftwareKey,
        ecdsa_raw_from_der,
        possession_message,
    )
    from monazite_provenance.kinds import EventKind
    from monazite_provenance.log_keys import LogKey, LogKeyRing
    from monazite_provenance.monitor import Monitor, Replay, Witness, check_fork, check_witnessed
    from monazite_provenance.places import LogSpan, Place
    from monazite_provenance.receipts import Head, HeadVerifier, Registration, Registrations, SignedHead, sign_head
    from monazite_provenance.report import (
        Failure,
        Gap,
        LotReport,
        LotView,
        StatusView,
        StepFinding,
        StepView,
        Verdict,
        Vouched,
        WitnessedHead,
    )
    from monazite_provenance.settings import DEFAULT_SETTINGS, RuleSettings
    from monazite_provenance.signers import CallableSigner, Pkcs11Signer, SignerFailed
    from monazite_provenance.statement import Claims, OnBehalf, Outpoint, Unverified, log_leaf, parse
    from monazite_provenance.steps import QuotaNeed, StepVerdict, check_rights, check_step
    from monazite_provenance.trust import TrustFile
    from monazite_provenance.verifier import Statement, Verifier
    from monazite_provenance.witnessing import add_cosignatures

__all__ = [
    "DEFAULT_SETTINGS",
    "Algorithm",
    "CallableSigner",
    "CertifiedKey",
    "Claims",
    "Draft",
    "EventKind",
    "Failure",
    "Finding",
    "Gap",
    "Head",
    "HeadVerifier",
    "Item",
    "KeyBook",
    "KeyRing",
    "LogKey",
    "LogKeyRing",
    "LogSpan",
    "LotReport",
    "LotView",
    "Monitor",
    "OnBehalf",
    "Opening",
    "Outpoint",
    "Pkcs11Signer",
    "Place",
    "ProvenanceError",
    "PublicKey",
    "QuotaNeed",
    "Registration",
    "Registrations",
    "Replay",
    "RuleSettings",
    "SignedHead",
    "SignerFailed",
    "SigningKey",
    "SoftwareKey",
    "Statement",
    "StatusView",
    "StepFinding",
    "StepVerdict",
    "StepView",
    "TrustFile",
    "Unverified",
    "Verdict",
    "Verifier",
    "Vouched",
    "Witness",
    "WitnessedHead",
    "add_cosignatures",
    "check_fork",
    "check_rights",
    "check_step",
    "check_witnessed",
    "decode_key_set",
    "draft",
    "ecdsa_raw_from_der",
    "encode_key_set",
    "log_leaf",
    "parse",
    "possession_message",
    "sign_head",
    "verify_bundle",
]

# A name is imported when it is first asked for: whoever checks one statement does not load the rules of all steps.
_HOMES = {
    "chain": ("verify_bundle",),
    "conservation": ("Finding",),
    "errors": ("ProvenanceError",),
    "item": ("Item", "Opening"),
    "key_book": ("KeyBook",),
    "key_sets": ("decode_key_set", "encode_key_set"),
    "keys": (
        "Algorithm",
        "CertifiedKey",
        "KeyRing",
        "PublicKey",
        "SigningKey",
        "SoftwareKey",
        "ecdsa_raw_from_der",
        "possession_message",
    ),
    "kinds": ("EventKind",),
    "log_keys": ("LogKey", "LogKeyRing"),
    "monitor": ("Monitor", "Replay", "Witness", "check_fork", "check_witnessed"),
    "places": ("LogSpan", "Place"),
    "receipts": ("Head", "HeadVerifier", "Registration", "Registrations", "SignedHead", "sign_head"),
    "report": (
        "Failure",
        "Gap",
        "LotReport",
        "LotView",
        "StatusView",
        "StepFinding",
        "StepView",
        "Verdict",
        "Vouched",
        "WitnessedHead",
    ),
    "settings": ("DEFAULT_SETTINGS", "RuleSettings"),
    "signers": ("CallableSigner", "Pkcs11Signer", "SignerFailed"),
    "statement": ("Claims", "OnBehalf", "Outpoint", "Unverified", "log_leaf", "parse"),
    "steps": ("QuotaNeed", "StepVerdict", "check_rights", "check_step"),
    "trust": ("TrustFile",),
    "verifier": ("Statement", "Verifier"),
    "witnessing": ("add_cosignatures",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
