"""Verifying a bundle: every statement by itself, then the history of the lot as a whole. No network, no service.

Items come as a stream, parents first; each is looked at once, and of the contents only those of unspent heads are kept.
The first thing wrong ends it: what refutes gives REFUTED, what cannot be judged here gives CANNOT_TELL.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from monazite_provenance import bundle
from monazite_provenance._custody import CustodyChain
from monazite_provenance._evidence import Evidence
from monazite_provenance.contents import KeyAction
from monazite_provenance.errors import (
    AlgorithmMismatch,
    BadField,
    ChainTooLong,
    EventNotAllowed,
    IssuerMismatch,
    KeyProblem,
    Malformed,
    OwnSignatureOnly,
    ProvenanceError,
    Retired,
    TooManyParents,
    Undisclosed,
    Unsupported,
)
from monazite_provenance.item import Item
from monazite_provenance.kinds import CUSTODY_KINDS, EventKind
from monazite_provenance.names import parse_spiffe, service_uri
from monazite_provenance.report import Failure, Gap, LotReport, Verdict
from monazite_provenance.settings import DEFAULT_SETTINGS, RuleSettings
from monazite_provenance.statement import Outpoint, parse
from monazite_provenance.trust import KeyBook, TrustFile, read_keys
from monazite_provenance.verifier import Statement, Verifier

__all__ = ["Policy", "verify_bundle"]

_SAID_WHAT_IT_MAY_NOT: Final = (IssuerMismatch, AlgorithmMismatch, EventNotAllowed, OwnSignatureOnly)
# Key problems that refute: the key is known and good, and said what it may not say.


class Policy(Enum):
    """What a verifier is content with. It must be named: there is no default."""

    WITHOUT_RECEIPTS = "WITHOUT_RECEIPTS"
    """No receipts are asked for: that statements are registered, and that nothing else is, are gaps."""


def verify_bundle(
    chunks: Iterable[bytes], trust: TrustFile, policy: Policy, *, settings: RuleSettings = DEFAULT_SETTINGS
) -> LotReport:
    """Verify a bundle, in pieces cut anywhere, against a trust file. Gives a LotReport, whatever the verdict.

    Raises the Malformed family, UnsupportedVersion or TooManyParents when the bytes are no bundle of this format; what
    a statement says, who signed it and what is wrong with its openings is the report's matter.
    """
    opened = bundle.read(chunks)
    run = _Run(trust, settings)
    statement_id: bytes | None = None
    try:
        for item in opened.items:
            statement_id = parse(item.statement).statement_id
            try:
                run.take(item, statement_id)
            except ProvenanceError as error:
                return run.failed(opened.target, error, statement_id)
        run.custody.finish(opened.target)
    except (Malformed, TooManyParents):
        raise
    except ProvenanceError as error:
        return run.failed(opened.target, error, None)
    return run.passed(opened.target, policy)


def _verdict(error: ProvenanceError) -> Verdict:
    """Cannot tell: a key is unknown, or no longer good and only the log knows since when, or something is not shown, or
    there is more of it than this verifier looks at.
    """
    if isinstance(error, Undisclosed | ChainTooLong | Unsupported):
        return Verdict.CANNOT_TELL
    if isinstance(error, KeyProblem) and not isinstance(error, _SAID_WHAT_IT_MAY_NOT):
        return Verdict.CANNOT_TELL
    return Verdict.REFUTED


class _Run:
    """One verification: the keys as they become known, the evidence beside the lots, and the lots' history."""

    def __init__(self, trust: TrustFile, settings: RuleSettings) -> None:
        self._registry = service_uri(trust.domain, "registry")
        self._book: KeyBook = trust.keyring()
        self._verifier = Verifier(self._book)
        self._seen: set[bytes] = set()
        self._used: set[bytes] = set()
        self.evidence = Evidence()
        self.custody = CustodyChain(self.evidence, self._registry, settings, self._book.keeps_lots)

    def take(self, item: Item, statement_id: bytes) -> None:
        if statement_id in self._seen:
            raise BadField("a statement stands in a bundle once", field="bundle")
        statement = self._verifier.verify(item)
        if parse_spiffe(statement.claims.actor).domain != parse_spiffe(statement.claims.issuer).domain:
            raise IssuerMismatch("signed on behalf of a principal of another domain")
        self._seen.add(statement_id)
        self._used.add(statement.key.public.kid)
        kind = statement.claims.kind
        if kind is EventKind.KEYS:
            self._take_keys(statement)
        elif kind in CUSTODY_KINDS:
            self.custody.take(statement)
        else:
            self.evidence.take(statement)

    def _take_keys(self, statement: Statement) -> None:
        if statement.claims.issuer != self._registry:
            raise EventNotAllowed("in a bundle only the registry certifies keys; root acts stand in the trust file")
        details = read_keys(statement)
        key = self._book.apply(details, statement.id, by_root=False)
        # The end of a key may stand behind what the key signed; order in a bundle is not order in the log.
        if details.action is not KeyAction.CERTIFY and key.public.kid in self._used:
            raise Retired("a key whose end is on record signed here; only the log knows which came first")

    def failed(self, target: Outpoint, error: ProvenanceError, statement_id: bytes | None) -> LotReport:
        return LotReport(
            verdict=_verdict(error),
            outpoint=target,
            target=None,
            failure=Failure.of(error, statement_id),
            findings=tuple(self.custody.findings),
            not_checked=(),
            steps=tuple(self.custody.steps.values()),
            origins={},
            statements=len(self._seen),
        )

    def passed(self, target: Outpoint, policy: Policy) -> LotReport:
        history = self.custody.history(target, self._book.own_signature_only)
        gaps = (*_policy_gaps(policy), *history.gaps)
        return LotReport(
            verdict=Verdict.VERIFIED_WITH_GAPS if gaps else Verdict.VERIFIED,
            outpoint=target,
            target=history.lot,
            failure=None,
            findings=history.findings,
            not_checked=gaps,
            steps=history.steps,
            origins=history.origins,
            statements=len(self._seen),
        )


def _policy_gaps(policy: Policy) -> tuple[Gap, ...]:
    match policy:
        case Policy.WITHOUT_RECEIPTS:
            return (
                Gap("REGISTRATION", "no receipt was asked for: that the statements stand in a log is not checked"),
                Gap("ABSENCE", "a bundle cannot show what it leaves out: unspent, not held, not revoked"),
            )
