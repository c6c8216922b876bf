"""The registry's own word on one outpoint: a status, or a cut, and that it is about this and nothing else."""

from __future__ import annotations

from monazite_provenance._registration import Heads
from monazite_provenance.contents import CutDetails, StatusDetails
from monazite_provenance.errors import BadField, IssuerMismatch, LogProblem, StepNotAllowed
from monazite_provenance.names import lot_urn
from monazite_provenance.places import Place
from monazite_provenance.receipts import HeadVerifier, parse_checkpoint
from monazite_provenance.verifier import Statement


def check_word(statement: Statement, details: StatusDetails | CutDetails, registry: str) -> None:
    """Return if a verified status or cut is by the registry, on nobody's behalf, and refers to its outpoint alone.

    Raises IssuerMismatch, StepNotAllowed, BadField.
    """
    claims = statement.claims
    if claims.issuer != registry or claims.on_behalf is not None:
        raise IssuerMismatch("not the registry's own word")
    if claims.spends or statement.outputs_count:
        raise StepNotAllowed("this kind of statement spends nothing and makes nothing", kind=int(claims.kind))
    if claims.refs != (details.outpoint.statement_id,):
        raise BadField("refers to the statement of its outpoint and to nothing else", field="refs")


def check_cut(statement: Statement, details: CutDetails, place: Place, verifier: HeadVerifier, heads: Heads) -> int:
    """The size of the log that a cut was made of, if it is about its lot and stands in that log, behind that.

    Raises BadField; LogProblem and the KeyProblem family for its checkpoint; LogForked.
    """
    if statement.claims.subject != lot_urn(details.lot.lot_id):
        raise BadField("subject is not the lot", field="sub")
    head = verifier.verify_checkpoint(details.checkpoint)
    heads.compare(head, parse_checkpoint(details.checkpoint).head)
    if head.log != place.log or head.size > place.index or details.lot.home_log != place.log:
        raise LogProblem("a cut of another log, or of a later part of it", size=head.size)
    return head.size
