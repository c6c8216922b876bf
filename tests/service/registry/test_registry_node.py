"""An enterprise whose client is not ours: Node.js with its own crypto and HTTP/2, knowing the protos and no more."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.names import log_urn, service_uri

from tests.service.registry.api import Api
from tests.service.registry.conftest import Registry
from tests.tidy.sources import ROOT
from tools.local import ceremony

CLIENT: Final = ROOT / "tests" / "node" / "client.mjs"
NODE: Final = shutil.which("node")
# A hang would otherwise be the test's.
CLIENT_SECONDS_MAX: Final = 120.0


class Outcome(NamedTuple):
    """What the client says came of it: its key, the lots at the end, where its statements stand, and what it showed."""

    kid: str
    lots: list[str]
    registered: list[int]
    shown: str


async def _run(options: dict[str, str]) -> Outcome:
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE, str(CLIENT), json.dumps(options), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        said, shown = await asyncio.wait_for(process.communicate(), CLIENT_SECONDS_MAX)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, shown.decode()
    return Outcome(**json.loads(said), shown=shown.decode())


def _options(registry: Registry, api: Api, trust: ceremony.Trust, algorithm: str) -> dict[str, str]:
    log_key = SoftwareKey.from_pem(trust.log_keys["registry"].read_bytes()).public
    own = registry.authority.issue("enterprise/plant-1/erp")
    files: dict[str, Path] = {"ca": own.authority, "certificate": own.certificate, "key": own.key}
    return {
        "address": f"localhost:{registry.port}",
        "protos": str(ROOT / "protos"),
        "issuer": api.uri,
        "receiver": api.uri.replace("plant-1", "trader-1"),
        "algorithm": algorithm,
        "log": log_urn("registry"),
        "log_issuer": service_uri(registry.authority.domain, "registry"),
        "log_key": log_key.cose_key.hex(),
        **{name: str(path) for name, path in files.items()},
    }


@pytest.mark.skipif(NODE is None, reason="NO NODE: the client in another language is not run")
@pytest.mark.parametrize("algorithm", ["ED25519", "ESP256"])
async def test_a_client_in_another_language_signs_what_it_has_read(
    registry: Registry, plant: Api, trust: ceremony.Trust, algorithm: str
) -> None:
    outcome = await _run(_options(registry, plant, trust, algorithm))

    parts = [await plant.lot(lot_id) for lot_id in outcome.lots]
    assert [lot.material.gross_g for lot in parts] == [500, 1_500]
    assert [sum(row.reo_mg for row in lot.material.elements) for lot in parts] == [250_000, 750_000]
    request = pb.GetEnterpriseRequest(enterprise_id="plant-1")
    listed = await plant.call(plant.enterprises.GetEnterprise, request)
    # The registry may not sign for it at all: every step was the client's own.
    assert listed.HasField("own_signature_from")
    assert [key.thumbprint[:16].hex() for key in listed.keys] == [outcome.kid]
    # It has checked the receipt of each: register, offer, cancel, and the split that came back on the present head.
    assert outcome.registered == sorted(set(outcome.registered))
    assert len(outcome.registered) == 4
    for said in ("register of urn:monazite:lot:", "split of", "500 g gross", "element 60: 100000 mg REO"):
        assert said in outcome.shown
