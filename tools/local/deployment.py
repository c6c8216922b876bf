"""Where a running suite is and how to come in: what tests, demo and tools know of it, whoever started it.

`Suite` writes one for its processes, `make e2e-compose` one for its containers; the same tests run against both.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monazite_provenance.names import parse_spiffe

from tools.local.configuration import to_toml
from tools.local.pki import Certificate, DevelopmentAuthority

E2E_VARIABLE: Final = "MONAZITE_E2E_CONFIG"
"""Names the file of a deployment to test instead of starting one."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses ("host:port") by service, the directory of the CA that issues callers' certificates, the trust file."""

    domain: str
    addresses: Mapping[str, str]
    pki: Path
    trust_file: Path

    def certificate(self, uri: str) -> Certificate:
        """mTLS files of the principal `uri`; a path like "officer/quota/wang" is completed with the domain."""
        return DevelopmentAuthority(self.pki, self.domain).issue(uri)

    def client_configuration(self, uri: str) -> Path:
        """Write the certificate of the principal `uri` and a file for `monazite --config`; returns that file.

        It lies beside the CA's directory. Raises BadField when `uri`, completed, is no SPIFFE id of a known shape.
        """
        full = uri if uri.startswith("spiffe://") else f"spiffe://{self.domain}/{uri}"
        name = "-".join(parse_spiffe(full).segments)
        files = self.certificate(full)
        paths = {
            "certificate": files.certificate,
            "key": files.key,
            "authority": files.authority,
            "trust": self.trust_file,
        }
        path = self.pki.resolve().parent / f"{name}.toml"
        absolute = {key: str(file.resolve()) for key, file in paths.items()}
        path.write_text(to_toml({**absolute, "addresses": dict(self.addresses)}), encoding="utf-8")
        return path

    def save(self, path: Path) -> None:
        """Write the file that `load` reads; paths relative to it where they can be."""
        home = path.parent.resolve()
        relative = [str(Path(os.path.relpath(each.resolve(), home))) for each in (self.pki, self.trust_file)]
        content = {
            "domain": self.domain,
            "addresses": dict(self.addresses),
            "pki": relative[0],
            "trust_file": relative[1],
        }
        path.write_text(json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> Deployment:
        """Read a file written by `save`. Raises OSError, ValueError or KeyError when it is none."""
        content = json.loads(path.read_text())
        home = path.parent
        addresses = {str(name): str(address) for name, address in content["addresses"].items()}
        return cls(str(content["domain"]), addresses, home / content["pki"], home / content["trust_file"])

    @classmethod
    def from_environment(cls) -> Deployment | None:
        """The deployment that MONAZITE_E2E_CONFIG names, or None when it names none."""
        path = os.environ.get(E2E_VARIABLE)
        return cls.load(Path(path)) if path else None
