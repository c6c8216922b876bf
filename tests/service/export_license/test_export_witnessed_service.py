"""Where the trust file demands witnesses, what no witness has come to yet does not leave the country."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.names import log_urn
from monazite_provenance.trust import TrustFile

from clients.admin.exit_codes import ExitCode
from services.chassis.errors import Error
from tests.service.export_license.api import line, refused
from tests.service.export_license.conftest import EXPORTER, Licensing
from tests.service.export_license.test_export_with_registry_service import Held, Pair, magnets, register
from tests.service.export_license.test_export_with_registry_service import pair as pair  # noqa: PLC0414 - a fixture
from tests.service.terminal import Terminal
from tests.unit.provenance.witnesses import NAMES, witness_keys

LOG = log_urn("registry")
STRANGER = "stranger.example"


class Witnesses:
    """Three witnesses of the registry's log, two of whom are demanded, and a stranger."""

    def __init__(self, pair: Pair, directory: Path) -> None:
        self.keys: Mapping[str, SoftwareKey] = {**witness_keys(), STRANGER: SoftwareKey.generate()}
        self.pair = pair
        self.directory = directory
        trust = TrustFile.load(pair.trust.trust_file.read_bytes())
        file = directory / "witnessed.json"
        file.write_bytes(trust.with_witnesses({name: self.keys[name].public for name in NAMES}, 2).dump())
        pair.trust = replace(pair.trust, trust_file=file)
        for name, key in self.keys.items():
            self._file(name, "pem").write_bytes(key.to_pem())

    def _file(self, name: str, kind: str) -> Path:
        return self.directory / f"{name.replace('/', '-')}.{kind}"

    def _words(self, name: str) -> list[str]:
        files = ("--signing-key", str(self._file(name, "pem")), "--state", str(self._file(name, "state")))
        return ["log", "witness", "registry", "--name", name, *files]

    def _terminal(self, name: str) -> Terminal:
        trust, port = self.pair.trust.trust_file, self.pair.registry_port
        return Terminal(self.pair.authority, f"witness/{name.replace('/', '-')}", trust=trust, registry=port)

    async def cosign(self, name: str) -> dict[str, Any]:
        """What the witness says of the newest head."""
        said: dict[str, Any] = await self._terminal(name).does(*self._words(name))
        return said

    async def fails(self, name: str) -> tuple[int, str]:
        """Exit code and reason of a witness that cannot."""
        return await self._terminal(name).fails(*self._words(name))


@pytest.fixture
def witnesses(pair: Pair, tmp_path: Path) -> Witnesses:
    """Demanded by the trust file of both services."""
    return Witnesses(pair, tmp_path)


async def applied(licensing: Licensing, lot: Held) -> str:
    """The verdict on the lot of an application."""
    async with licensing.caller(EXPORTER) as exporter:
        return (await exporter.submit([lot], line(8_000))).lots[0].verdict


async def refusal(licensing: Licensing, lot: Held) -> Error:
    """Why an application was refused."""
    async with licensing.caller(EXPORTER) as exporter:
        return await refused(exporter.submit([lot], line(8_000)))


async def test_the_gate_opens_when_two_of_three_witnesses_have_come(pair: Pair, witnesses: Witnesses) -> None:
    async with pair.registry(), pair.licensing() as licensing:
        lot = await magnets(pair)
        cosigned: dict[str, Any] = {}
        for came, name in enumerate(NAMES[:2]):
            error = await refusal(licensing, lot)
            assert (error.reason, error.metadata["gaps"]) == ("PROVENANCE_REFUSED", "NOT_WITNESSED")
            said = {name: error.metadata[name] for name in ("log", "threshold", "witnesses", "witnessed_size")}
            assert said == {"log": LOG, "threshold": "2", "witnesses": str(came), "witnessed_size": "0"}
            cosigned = await witnesses.cosign(name)
        assert cosigned["witnessed_size"] == cosigned["size"]
        assert await applied(licensing, lot) == "VERIFIED"

        # The log goes on, and the lot rests on the head that they have seen.
        later = await register(pair)
        assert await applied(licensing, lot) == "VERIFIED"
        error = await refusal(licensing, later)
        assert (error.metadata["gaps"], error.metadata["witnessed_size"]) == ("NOT_WITNESSED", str(cosigned["size"]))
        # They need not have met at one head.
        ahead = await witnesses.cosign(NAMES[2])
        assert ahead["witnessed_size"] == cosigned["size"] < ahead["size"]
        await register(pair)
        assert (await witnesses.cosign(NAMES[0]))["witnessed_size"] == ahead["size"]
        assert await applied(licensing, later) == "VERIFIED"


async def test_who_is_not_of_the_trust_file_is_no_witness(pair: Pair, witnesses: Witnesses) -> None:
    async with pair.registry(), pair.licensing() as licensing:
        lot = await magnets(pair)
        await witnesses.cosign(NAMES[0])
        assert await witnesses.fails(STRANGER) == (ExitCode.NOT_ALLOWED, "UNKNOWN_WITNESS")
        assert (await refusal(licensing, lot)).metadata["witnesses"] == "1"
