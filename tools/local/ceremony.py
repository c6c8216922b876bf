"""The offline root ceremony, played on one machine: root keys, service keys, and the trust file that joins them.

Each service has two keys: one for its statements, and one for the heads of its log.

In earnest each root key lives on its own machine that is never on a network. Here they are files that no service reads.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monazite_provenance import trust
from monazite_provenance.contents import LogRange
from monazite_provenance.item import Item
from monazite_provenance.keys import Algorithm, SigningKey, SoftwareKey
from monazite_provenance.names import log_urn, service_uri

ROOT_KEYS: Final = 3
ROOT_THRESHOLD: Final = 2
SERVICES: Final = ("registry", "quota", "export_license")


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust file, and the services' keys for statements and for heads of logs (PEM, mode 0600)."""

    trust_file: Path
    signing_keys: dict[str, Path]
    log_keys: dict[str, Path]


def hold(directory: Path, domain: str) -> Trust:
    """Hold the ceremony in `directory`, or find what an earlier one left there."""
    made = Trust(
        directory / "trust.json",
        {name: directory / f"{name}.key" for name in SERVICES},
        {name: directory / f"{name}-log.key" for name in SERVICES},
    )
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
            logs=[LogRange(log_urn(service), 0)],
            issued_at=int(time.time()),
        )
        file = file.with_act(act).with_act(
            _certify_log(roots[:ROOT_THRESHOLD], domain, service, made.log_keys[service])
        )
    # Last, so that its presence says that the ceremony was held to the end.
    made.trust_file.write_bytes(file.dump())
    return made


def _certify_log(roots: Sequence[SigningKey], domain: str, service: str, path: Path) -> tuple[Item, ...]:
    """The act that certifies a new key for all heads of the service's log."""
    key = _new_key(path)
    proof = trust.prove_possession(key, service_uri(domain, service))
    details = trust.log_key_details(domain, service, key.public, proof, [LogRange(log_urn(service), 0)])
    return trust.root_act(roots, domain, details, issued_at=int(time.time()))


def _new_key(path: Path) -> SoftwareKey:
    key = SoftwareKey.generate(Algorithm.ED25519)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.to_pem())
    return key
