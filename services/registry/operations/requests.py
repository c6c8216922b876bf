"""Who asks, and under which request id."""

from __future__ import annotations

from dataclasses import dataclass

from monazite_provenance.statement import OnBehalf

from services.chassis.call import current_call
from services.chassis.identity import Principal
from services.chassis.store import Audit, RequestKey


@dataclass(frozen=True, slots=True)
class Asked:
    """One mutation's caller and request."""

    principal: Principal
    key: RequestKey
    audit: Audit

    @property
    def on_behalf(self) -> OnBehalf:
        """Whose command a statement is that the registry signs for it."""
        return OnBehalf(self.principal.uri, self.principal.certificate_sha256, self.key.request_id)


def asked(digest: bytes, request_id: bytes, *, scope: str = "") -> Asked:
    """Of the call being served, with the SHA-256 of its content. `scope` sets apart requests that share an id."""
    call = current_call()
    key = RequestKey(scope=call.principal.scope + scope, method=call.method, request_id=request_id, digest=digest)
    return Asked(call.principal, key, Audit.current())
