"""Provenance of rare-earth lots that anyone can check: statements, items, keys, verification.

Start with `Verifier` to check and with `draft` to sign; docs/STATEMENTS.md is the format. Bad input raises
`ProvenanceError` and nothing else.
"""

from __future__ import annotations

from monazite_provenance.chain import Policy, verify_bundle
from monazite_provenance.conservation import Finding
from monazite_provenance.draft import Draft, draft
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item, Opening
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
from monazite_provenance.report import Failure, Gap, LotReport, LotView, StepFinding, StepView, Verdict
from monazite_provenance.settings import DEFAULT_SETTINGS, RuleSettings
from monazite_provenance.statement import Claims, OnBehalf, Outpoint, Unverified, log_leaf, parse
from monazite_provenance.steps import QuotaNeed, StepVerdict, check_rights, check_step
from monazite_provenance.trust import KeyBook, TrustFile
from monazite_provenance.verifier import Statement, Verifier

__all__ = [
    "DEFAULT_SETTINGS",
    "Algorithm",
    "CertifiedKey",
    "Claims",
    "Draft",
    "EventKind",
    "Failure",
    "Finding",
    "Gap",
    "Item",
    "KeyBook",
    "KeyRing",
    "LotReport",
    "LotView",
    "OnBehalf",
    "Opening",
    "Outpoint",
    "Policy",
    "ProvenanceError",
    "PublicKey",
    "QuotaNeed",
    "RuleSettings",
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
    "check_rights",
    "check_step",
    "draft",
    "ecdsa_raw_from_der",
    "log_leaf",
    "parse",
    "possession_message",
    "verify_bundle",
]
