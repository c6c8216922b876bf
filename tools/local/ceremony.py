"""The offline root ceremony, played on one machine: root keys, service keys, and the trust file that joins them.

In earnest each root key lives on its own machine that is never on a network. Here they are files that no service reads.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monazite_provenance import trust
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.names import service_uri

ROOT_KEYS: Final = 3
ROOT_THRESHOLD: Final = 2
SERVICES: Final = ("registry", "quota", "export_license")


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust file and the services' statement keys (PEM, mode 0600)."""

    trust_file: Path
    signing_keys: dict[str, Path]


def hold(directory: Path, domain: str) -> Trust:
    """Hold the ceremony in `directory`, or find what an earlier one left there."""
    made = Trust(directory / "trust.json", {name: directory / f"{name}.key" for name in SERVICES})
    if made.trust_file.exists():
        return made
    (directory / "offline-root").mkdir(parents=True, exist_ok=True)
    roots = [_new_key(directory / "offline-root" / f"root-{n}.key") for n in range(1, ROOT_KEYS + 1)]
    file = trust.new(domain, [root.public for root in roots], ROOT_THRESHOLD)
    for service, path in made.signing_keys.items():
        key = _new_key(path)
        proof = trust.prove_possession(key, service_uri(domain, service))
        act = trust.certify_service(
            roots[:ROOT_THRESHOLD],
            domain=domain,
            service=service,
            key=key.public,
            proof=proof,
            issued_at=int(time.time()),
        )
        file = file.with_act(act)
    # Last, so that its presence says that the ceremony was held to the end.
    made.trust_file.write_bytes(file.dump())
    return made


def _new_key(path: Path) -> SoftwareKey:
    key = SoftwareKey.generate(Algorithm.ED25519)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.to_pem())
    return key
