"""An enterprise that signs for itself."""

from __future__ import annotations

import time
from collections.abc import Sequence

from monazite.registry.v1 import registry_pb2 as pb
from monazite_provenance import uncertainty
from monazite_provenance.contents import (
    CustodyModel,
    CustodyState,
    Details,
    ElementRow,
    Form,
    LotContent,
    MassSource,
    encode,
)
from monazite_provenance.draft import draft
from monazite_provenance.elements import FACTOR_TABLE
from monazite_provenance.item import Item
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.names import log_urn, lot_urn
from monazite_provenance.prepared import read_prepared
from monazite_provenance.statement import Claims, OnBehalf, Outpoint
from monazite_provenance.trust import prove_possession

from tests.service.calling import new_id
from tests.service.registry.api import SITE, Api


class Pen:
    """A key of an enterprise, and what it writes."""

    def __init__(self, uri: str, algorithm: Algorithm = Algorithm.ED25519) -> None:
        self.uri = uri
        self.key = SoftwareKey.generate(algorithm)

    async def certify(self, api: Api, *, own_signature_only: bool = False) -> pb.CertifyKeyResponse:
        """CertifyKey."""
        return await api.call(api.enterprises.CertifyKey, self.certify_request(own_signature_only=own_signature_only))

    def certify_request(self, *, own_signature_only: bool = False) -> pb.CertifyKeyRequest:
        """The request for it."""
        return pb.CertifyKeyRequest(
            request_id=new_id(),
            cose_key=self.key.public.cose_key,
            proof_of_possession=prove_possession(self.key, self.uri),
            own_signature_only=own_signature_only,
        )

    def sign(self, prepared: pb.PreparedStatement) -> Item:
        """Read what was prepared, as a signer does, and sign it."""
        read = read_prepared(prepared.unsigned_item.item, prepared.signing_input, issuer=self.uri)
        return read.sign(self.key)

    def lot(self, lot_id: str, masses: dict[int, int], *, gross_g: int = 2_000) -> LotContent:
        """Ore, freshly measured."""
        sources = (MassSource("assay-1", "ICP-MS"),)
        rows = uncertainty.assessed([ElementRow(*row, 0, 0, 0) for row in sorted(masses.items())], sources)
        return LotContent(
            lot_id=lot_id,
            holder=self.uri,
            site=SITE,
            form=Form.ORE_CONCENTRATE,
            gross_g=gross_g,
            net_g=gross_g,
            moisture_g=0,
            rows=rows,
            sources=sources,
            custody_model=CustodyModel.SEGREGATED,
            custody_state=CustodyState.HELD,
            factor_table=FACTOR_TABLE,
            home_log=log_urn("registry"),
        )

    def write(
        self,
        outputs: Sequence[LotContent],
        details: Details,
        *,
        spends: Sequence[Outpoint] = (),
        refs: Sequence[bytes] = (),
        on_behalf: OnBehalf | None = None,
    ) -> Item:
        """A signed step."""
        claims = Claims(
            self.uri,
            lot_urn(outputs[0].lot_id),
            int(time.time()),
            details.KIND,
            tuple(spends),
            tuple(refs),
            on_behalf,
        )
        return draft(claims, [encode(output) for output in outputs], encode(details), self.key.public).sign(self.key)
