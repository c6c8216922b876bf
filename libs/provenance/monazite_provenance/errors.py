"""Everything that can be wrong with a statement, a key, a log or a chain.

One base; a stable `code` for each class (the names of `ErrorReason` in the protos, without prefix); details that are
safe to show. A message never contains text that the sender of a statement chose. Families tell the reader what to do:
`Malformed` and `Unsupported` blame the bytes, `KeyProblem` is operations, `BadSignature` is an incident, `LogProblem`
and `ChainProblem` blame the evidence, `ClockProblem` this machine.
"""

# ruff: noqa: N818 - the names are those of the design and of the protos' reasons; "Error" behind each would say nothing.

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class ProvenanceError(Exception):
    """Base of every error of this library; nothing else leaves it on any input.

    `details` hold integers and words of our own (a field name, an element's number), never a value from the input.
    """

    code: ClassVar[str] = "BAD_FIELD"

    def __init__(self, message: str, /, **details: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, str | int] = details

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, dict(self.details)))


def _rebuild(kind: type[ProvenanceError], message: str, details: dict[str, str | int]) -> ProvenanceError:
    return kind(message, **details)


class Malformed(ProvenanceError):
    """The bytes are not what the format says they must be."""


class NotDeterministic(Malformed):
    """A longer form than needed, an indefinite length, or map keys out of bytewise order (RFC 8949 section 4.2.1)."""

    code = "NOT_DETERMINISTIC"


class TrailingBytes(Malformed):
    """Bytes follow the one CBOR item that was expected."""

    code = "TRAILING_BYTES"


class TooLarge(Malformed):
    """A bound on size or count is passed; `details["limit"]` names it, in its unit."""

    code = "TOO_LARGE"


class TooDeep(Malformed):
    """Containers are nested deeper than the profile allows."""

    code = "TOO_DEEP"


class BadField(Malformed):
    """A field is missing, superfluous, of the wrong type or out of its range; `details["field"]` names it."""

    code = "BAD_FIELD"


class NotABundle(Malformed):
    """What was given as a bundle does not begin as one does: another file was meant, or it is empty."""

    code = "NOT_A_BUNDLE"


class OpeningMismatch(Malformed):
    """A disclosed content is not what the statement committed to."""

    code = "OPENING_MISMATCH"


class PagesIncomplete(Malformed):
    """A bundle in pages ends, or one of its pages does, before all that was announced has come."""

    code = "PAGES_INCOMPLETE"


class PageOutOfOrder(Malformed):
    """A page of a bundle is left out, stands there twice or at another's place."""

    code = "PAGE_OUT_OF_ORDER"


class ForeignPage(Malformed):
    """A page that does not continue the one before it: it is of another bundle."""

    code = "FOREIGN_PAGE"


class Unsupported(ProvenanceError):
    """Well formed, but of a kind that this version does not judge."""

    code = "UNSUPPORTED_VERSION"


class UnsupportedAlgorithm(Unsupported):
    """An algorithm outside the profile, or a key for one."""

    code = "UNSUPPORTED_ALGORITHM"


class CriticalHeader(Unsupported):
    """The protected header names critical labels (RFC 9052 section 3.1); the profile knows none."""

    code = "CRITICAL_HEADER"


class UnsupportedLogStructure(Unsupported):
    """A receipt over a verifiable data structure other than RFC9162_SHA256."""

    code = "UNSUPPORTED_LOG_STRUCTURE"


class UnsupportedVersion(Unsupported):
    """A version of the payload, of a content or of a bundle that this library does not know."""

    code = "UNSUPPORTED_VERSION"


class KeyProblem(ProvenanceError):
    """The key that signed may not be relied on for this statement."""

    code = "UNKNOWN_KEY"


class UnknownKey(KeyProblem):
    """No certified key has this `kid`. An operations problem, never to be read as a bad signature."""

    code = "UNKNOWN_KEY"


class NotYetCertified(KeyProblem):
    """The statement stands in its log before the one that certified its key."""

    code = "NOT_YET_CERTIFIED"


class Retired(KeyProblem):
    """The statement stands in its log after the one that retired its key."""

    code = "KEY_RETIRED"


class Compromised(KeyProblem):
    """The statement stands in its log at or after the size from which its key counts as compromised."""

    code = "KEY_COMPROMISED"


class IssuerMismatch(KeyProblem):
    """`iss` is not the owner of the key, or an owner that may not sign for others did."""

    code = "ISSUER_MISMATCH"


class AlgorithmMismatch(KeyProblem):
    """The header names another algorithm than the key's; the key decides."""

    code = "ALGORITHM_MISMATCH"


class EventNotAllowed(KeyProblem):
    """The key is not certified for this kind of event."""

    code = "EVENT_NOT_ALLOWED"


class OwnSignatureOnly(KeyProblem):
    """Signed on behalf of an enterprise that registered its own signature as the only one."""

    code = "OWN_SIGNATURE_ONLY"


class BadSignature(ProvenanceError):
    """The signature is not by this key over these bytes."""

    code = "BAD_SIGNATURE"


class LogProblem(ProvenanceError):
    """Receipts, heads or logs do not show what is claimed."""

    code = "LOG_PROBLEM"


class NoTrustedReceipt(LogProblem):
    """No receipt by a trusted log: cannot tell, which is not a refutation."""

    code = "NO_TRUSTED_RECEIPT"


class ProofMismatch(LogProblem):
    """An inclusion or consistency proof does not lead to the signed root."""

    code = "PROOF_MISMATCH"


class StaleHead(LogProblem):
    """The newest head known of a log is too old for the question."""

    code = "STALE_HEAD"


class LogForked(LogProblem):
    """Two signed roots of one log that no append-only history joins.

    `earlier` and `later` are the two checkpoints with their signatures, as they came: evidence for anybody to check
    (`monitor.check_fork`; of a witness, as text). Kept apart from the details, which are safe to show.
    """

    code = "LOG_FORKED"

    def __init__(self, message: str, /, *, earlier: bytes = b"", later: bytes = b"", **details: str | int) -> None:
        super().__init__(message, **details)
        self.earlier = earlier
        self.later = later

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_fork, (self.message, self.earlier, self.later, dict(self.details)))


def _rebuild_fork(message: str, earlier: bytes, later: bytes, details: dict[str, str | int]) -> LogForked:
    return LogForked(message, earlier=earlier, later=later, **details)


class ChainProblem(ProvenanceError):
    """The history of a lot does not add up."""

    code = "STEP_NOT_ALLOWED"


class MissingParent(ChainProblem):
    """A statement that is spent or referred to is not there."""

    code = "MISSING_PARENT"


class TooManyParents(ChainProblem):
    """A page names more statements than the bound allows."""

    code = "TOO_MANY_PARENTS"


class ChainTooLong(ChainProblem):
    """The history is deeper than the bound allows; start from a cut."""

    code = "CHAIN_TOO_LONG"


class NotHolder(ChainProblem):
    """The signer, or the principal it signed for, may not spend what it spends."""

    code = "NOT_HOLDER"


class MassNotConserved(ChainProblem):
    """More of an element comes out of a step than went in, beyond the uncertainty."""

    code = "MASS_NOT_CONSERVED"


class LossWithoutReason(ChainProblem):
    """More of an element is lost in a step than uncertainty explains, and no reason code is given."""

    code = "LOSS_WITHOUT_REASON"


class RightMissing(ChainProblem):
    """A step that needs a quota right names none."""

    code = "RIGHT_MISSING"


class RightExceeded(ChainProblem):
    """More is drawn on a right than it bears, or than the step needs."""

    code = "RIGHT_EXCEEDED"


class LicenceMismatch(ChainProblem):
    """What leaves is not what, or goes not where, its export licence says."""

    code = "LICENCE_MISMATCH"


class LicenceNotUsable(ChainProblem):
    """An export intent that stands in its log behind the suspension, revocation or surrender of its licence."""

    code = "LICENCE_NOT_USABLE"


class LicenceExceeded(ChainProblem):
    """More leaves than the lines of an export licence bear."""

    code = "LICENCE_EXCEEDED"


class DoubleSpend(ChainProblem):
    """One outpoint is spent by two statements, or one lot id is born twice or lives at two heads."""

    code = "DOUBLE_SPEND"


class HeadSpent(ChainProblem):
    """The registry says that the target of a bundle was spent; the status names the spender."""

    code = "HEAD_SPENT"


class Undisclosed(ChainProblem):
    """A content that this check needs is not disclosed."""

    code = "UNDISCLOSED"


class CustodyModelLoosened(ChainProblem):
    """An output claims a stricter chain-of-custody model than its inputs had (ISO 22095)."""

    code = "CUSTODY_MODEL_LOOSENED"


class PhysicallyImpossible(ChainProblem):
    """A lot's element masses exceed its dry mass."""

    code = "PHYSICALLY_IMPOSSIBLE"


class AttestationMismatch(ChainProblem):
    """A lot's masses name an attestation that is of another lot, or says otherwise."""

    code = "ATTESTATION_MISMATCH"


class StepNotAllowed(ChainProblem):
    """The kind of event does not fit what it spends or makes."""

    code = "STEP_NOT_ALLOWED"


class ClockProblem(ProvenanceError):
    """This machine's clock cannot be right."""

    code = "CLOCK_PROBLEM"
