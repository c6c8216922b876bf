"""Use cases of a licence: read, suspend, reinstate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monazite_provenance.statement import OnBehalf

from services.chassis import errors
from services.chassis.database import Connection
from services.chassis.identity import CallerKind, Principal
from services.chassis.log.receipts import carrying
from services.chassis.pagination import PageRequest
from services.chassis.store import Write
from services.export_license import storage
from services.export_license.domain import licences as domain
from services.export_license.domain.licences import Licence
from services.export_license.operations import Asked, Site
from services.export_license.operations.commands import ChangeLicence, LicenceView, RenderChange
from services.export_license.storage import customs, licences


@dataclass(frozen=True, slots=True)
class Licences:
    """Reads licences and changes their state."""

    site: Site

    async def get(self, name: bytes | str, caller: Principal) -> LicenceView:
        """One licence with its balances, by id or by number; customs see what is presented to them.

        Raises NOT_FOUND, also for what is not the caller's.
        """
        async with storage.snapshot(self.site.database) as session:
            found = licences.numbered(session, name) if isinstance(name, str) else licences.get(session, name)
            stored = await found
            if stored is None or not _may_see(stored, caller):
                raise errors.not_found("licence", name if isinstance(name, str) else name.hex())
            item = await customs.statement_item(session, stored.licence_id)
            return LicenceView(stored, item, await storage.as_of(session))

    async def page(self, request: PageRequest, caller: Principal) -> tuple[list[LicenceView], datetime]:
        """A page of the caller's licences, of all for an officer, and the instant it shows."""
        licensee = caller.enterprise_uri if caller.kind is CallerKind.ENTERPRISE else None
        async with storage.snapshot(self.site.database) as session:
            as_of = await storage.as_of(session)
            found = await licences.page(session, request, licensee)
            items = await customs.statement_items(session, [one.licence_id for one in found])
        registered = await self.site.log.receipts.find(items)
        return [
            LicenceView(one, carrying(items[one.licence_id], registered.get(one.licence_id)), as_of) for one in found
        ], as_of

    async def change(self, command: ChangeLicence, asked: Asked, render: RenderChange) -> bytes:
        """Suspend or reinstate, by a signed licence change. Raises NOT_FOUND, LICENCE_NOT_USABLE."""
        replay = await storage.find_reply(self.site.database, asked.request)
        if replay is not None:
            return replay
        async with storage.snapshot(self.site.database) as session:
            before = await licences.get(session, command.licence_id)
            item = await customs.statement_item(session, command.licence_id)
        if before is None:
            raise errors.not_found("licence", command.licence_id.hex())
        now = self.site.clock.now()
        # Balances are those of this read; the state is decided again on the locked row.
        after = domain.change(before, command.action, now=now)
        signed = self.site.signer.licence_change(
            before,
            command.action,
            command.reason,
            command=OnBehalf(asked.principal.uri, asked.principal.certificate_sha256, asked.request.request_id),
            now=now,
        )
        reply = render(LicenceView(after, item, now), signed)
        write = Write(request=asked.request, audit=asked.audit, statements=(signed,), reply=reply)

        async def lock(connection: Connection) -> None:
            await licences.lock(connection, command.licence_id)

        async def change(connection: Connection) -> None:
            locked = await licences.lock(connection, command.licence_id)
            await licences.update(connection, domain.change(locked, command.action, now=now))

        # A verifier judges an intent by where it stands among the changes of its licence.
        answer = await storage.commit(self.site.database, write, change, first=lock)
        self.site.log.sequencer.wake()
        return answer


def _may_see(stored: Licence, caller: Principal) -> bool:
    return caller.kind is not CallerKind.ENTERPRISE or domain.visible_to(stored, caller.enterprise_uri)
