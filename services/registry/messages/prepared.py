"""Statements that the registry prepares for an enterprise to sign: what is asked for, and what it gives."""

from __future__ import annotations

from monazite.registry.v1 import registry_pb2
from monazite_provenance.keys import KID_BYTES

from services.chassis.errors import invalid
from services.chassis.fields import timestamp
from services.registry.domain.commands import PrepareStatement
from services.registry.messages.fields import Fields
from services.registry.messages.replies import item_message, render_findings, render_heads
from services.registry.messages.steps import StepRequest, read_step
from services.registry.operations.answers import Prepared


def parse_prepare(request: registry_pb2.PrepareStatementRequest) -> PrepareStatement:
    """The step to prepare, and the key that is to sign it."""
    named = request.WhichOneof("step")
    fields = Fields()
    kid = fields.identifier("kid", request.kid, KID_BYTES)
    if named is None:
        fields.wrong("step", "must be said")
        raise invalid(fields.violations)
    asked: StepRequest = getattr(request, named)
    of_step = Fields(f"{named}.")
    step = read_step(of_step, asked)
    fields.violations += of_step.violations
    fields.done()
    return PrepareStatement(kid, step, request.on_present_heads)


def render_prepared(prepared: Prepared) -> registry_pb2.PreparedStatement:
    """A statement that lacks its signature alone."""
    return registry_pb2.PreparedStatement(
        statement_id=prepared.statement_id,
        unsigned_item=item_message(prepared.unsigned_item),
        signing_input=prepared.signing_input,
        expires_at=timestamp(prepared.expires_at),
        heads=render_heads(prepared.heads),
        findings=render_findings(prepared.findings),
    )
