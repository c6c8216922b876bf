"""Enterprises, and the keys that they sign with: the registry certifies these and no others."""

from __future__ import annotations

from dataclasses import dataclass

from monazite_provenance.contents import KeyAction
from monazite_provenance.keys import PublicKey
from monazite_provenance.names import enterprise_uri
from monazite_provenance.trust import draft_keys, end_key_details, enterprise_key_details

from services.chassis.database import Database
from services.chassis.errors import not_found
from services.chassis.identity import CallerKind, Principal
from services.registry.domain import commands, refusals
from services.registry.domain.change import CertifyKey, ListEnterprise, RetireKey
from services.registry.domain.visibility import may_see_enterprise
from services.registry.operations.answers import EnterpriseView, Given, KeyEnded, KeyView
from services.registry.operations.pipeline import Built, Pipeline
from services.registry.operations.requests import Asked
from services.registry.operations.signing import Signer
from services.registry.storage import enterprises as rows


@dataclass(frozen=True, slots=True)
class Enterprises:
    """Commands and reads about enterprises."""

    pipeline: Pipeline
    database: Database
    signer: Signer
    home_log: str
    domain: str

    async def register(self, asked: Asked, new: commands.RegisterEnterprise) -> Given:
        """List an enterprise with its activities."""

        async def build() -> Built:
            change = ListEnterprise(
                new.enterprise_id,
                enterprise_uri(self.domain, new.enterprise_id),
                new.display_name,
                new.activities,
                asked.principal.uri,
            )
            view = EnterpriseView(new.enterprise_id, new.display_name, sorted(new.activities), None)
            return Built(change, view)

        return await self.pipeline.run("register_enterprise", asked, build)

    async def get(self, principal: Principal, enterprise_id: str) -> EnterpriseView:
        """An enterprise with its keys. Raises NOT_FOUND, also for another enterprise than the caller."""
        async with self.database.session() as session:
            row = await rows.find(session, enterprise_id)
            if row is None or not may_see_enterprise(principal, enterprise_id):
                raise not_found("enterprise", enterprise_id)
            keys = await rows.keys_of(session, row.uri)
            since = row.own_signature_from
            position = None if since is None else await rows.position(session, since, self.home_log)
        views = [KeyView(key.thumbprint, key.certification, key.retired) for key in keys]
        return EnterpriseView(row.enterprise_id, row.display_name, row.activities, position, views)

    async def certify(self, asked: Asked, key: commands.CertifyKey) -> Given:
        """Bind a key to the calling enterprise. Raises BAD_SIGNATURE when the caller does not prove that it has it."""

        async def build() -> Built:
            return await self._certify(asked, key)

        return await self.pipeline.run("certify_key", asked, build)

    async def _certify(self, asked: Asked, key: commands.CertifyKey) -> Built:
        issuer = asked.principal.enterprise_uri
        public = PublicKey.from_cose_key(key.cose_key)
        details = enterprise_key_details(issuer, public, key.proof, own_signature_only=key.own_signature_only)
        async with self.database.session() as session:
            if await rows.key(session, public.thumbprint) is not None:
                raise refusals.exists("key", public.thumbprint.hex())
        drafted = draft_keys(
            details, registry=self.signer.issuer, key=self.signer.key.public, issued_at=self.signer.now()
        )
        statement = self.signer.finish(drafted, ())
        change = CertifyKey(
            enterprise_id=asked.principal.id,
            issuer=issuer,
            thumbprint=public.thumbprint,
            kid=public.kid,
            cose_key=public.cose_key,
            kinds=details.kinds,
            own_signature_only=key.own_signature_only,
        )
        return Built(change, KeyView(public.thumbprint, statement.item, retired=False), (statement,))

    async def retire(self, asked: Asked, thumbprint: bytes) -> Given:
        """End a key, by its owner or a registrar. What it signed before, by position in the log, stands."""

        async def build() -> Built:
            return await self._retire(asked, thumbprint)

        return await self.pipeline.run("retire_key", asked, build)

    async def _retire(self, asked: Asked, thumbprint: bytes) -> Built:
        async with self.database.session() as session:
            key = await rows.key(session, thumbprint)
        mine = asked.principal.kind is not CallerKind.ENTERPRISE or (key and key.issuer == asked.principal.scope)
        if key is None or key.retired or not mine:
            raise not_found("key", thumbprint.hex())
        details = end_key_details(KeyAction.RETIRE, key.issuer, PublicKey.from_cose_key(key.cose_key))
        drafted = draft_keys(
            details, registry=self.signer.issuer, key=self.signer.key.public, issued_at=self.signer.now()
        )
        statement = self.signer.finish(drafted, (key.certified_by,))
        change = RetireKey(key.issuer.rsplit("/", 1)[-1], key.issuer, key.thumbprint, key.kid)
        return Built(change, KeyEnded(statement.item), (statement,))
