"""Provenance of rare-earth lots that anyone can check: statements, items, keys, verification.

Start with `Verifier` to check and with `draft` to sign, with `HeadVerifier` for receipts and checkpoints of a log;
docs/STATEMENTS.md is the format. Bad input raises `ProvenanceError` and nothing else.
"""

from __future__ import annotations

from monazite_provenance.chain import Policy, verify_bundle
from monazite_provenance.conservation import Finding
from monazite_provenance.draft import Draft, draft
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item, Opening
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
from monazite_provenance.log_keys import LogKey, LogKeyRing, LogSpan
from monazite_provenance.monitor import Monitor, Replay, Witness, check_fork, check_witnessed
from monazite_provenance.receipts import Head, HeadVerifier, Registration, Registrations, SignedHead, sign_head
from monazite_provenance.report import Failure, Gap, LotReport, LotView, StepFinding, StepView, Verdict
from monazite_provenance.settings import DEFAULT_SETTINGS, RuleSettings
from monazite_provenance.signers import CallableSigner, Pkcs11Signer, SignerFailed
from monazite_provenance.statement import Claims, OnBehalf, Outpoint, Unverified, log_leaf, parse
from monazite_provenance.steps import QuotaNeed, StepVerdict, check_rights, check_step
from monazite_provenance.trust import KeyBook, TrustFile
from monazite_provenance.verifier import Statement, Verifier

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
    "Policy",
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
    "StepFinding",
    "StepVerdict",
    "StepView",
    "TrustFile",
    "Unverified",
    "Verdict",
    "Verifier",
    "Witness",
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
