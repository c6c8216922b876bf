"""What the images and containers need beforehand: the wheelhouse, and one folder of settings and keys a container.

Run `python -m tools.containers.prepare` before `docker compose up`; `make e2e-compose` does it by itself.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.local import ceremony, configuration
from tools.local.deployment import Deployment
from tools.local.pki import DOMAIN, DevelopmentAuthority

ROOT: Final = Path(__file__).resolve().parents[2]
WHEELHOUSE: Final = ROOT / "build" / "wheelhouse"
STATE: Final = ROOT / "build" / "compose"
LOCKS: Final = (ROOT / "deploy" / "runtime.lock", ROOT / "deploy" / "local.lock")
# The Python of BASE_IMAGE, whatever runs this.
PYTHON_VERSION: Final = "3.11"
PORTS: Final = {"registry": 7401, "quota": 7402, "export_license": 7403}
DATABASE_HOST: Final = "postgres"
# Where a container has a volume of its own.
MEMORY: Final = "/var/lib/monazite"
COLLECTOR: Final = "http://collector:4317"


def wheelhouse() -> None:
    """Download what the locks pin, once, and build our own wheel of the present tree."""
    made_of = WHEELHOUSE / "locks"
    locks = b"".join(lock.read_bytes() for lock in LOCKS)
    if not made_of.exists() or made_of.read_bytes() != locks:
        shutil.rmtree(WHEELHOUSE, ignore_errors=True)
        WHEELHOUSE.mkdir(parents=True)
        options = ["--require-hashes", "--only-binary=:all:", f"--python-version={PYTHON_VERSION}"]
        for lock in LOCKS:
            _pip("download", *options, f"--dest={WHEELHOUSE}", f"--requirement={lock}")
        made_of.write_bytes(locks)
    for old in WHEELHOUSE.glob("monazite-*.whl"):
        old.unlink()
    _pip("wheel", "--no-build-isolation", f"--wheel-dir={WHEELHOUSE}", str(ROOT))


def state(directory: Path, ports: Mapping[str, int]) -> Deployment:
    """Keys, certificates, settings and the databases' roles, anew in `directory`; `ports` of the host by service.

    Each container gets a folder of its own and sees no other. The files in it are readable to all, since the user of a
    container is none of this machine's; `directory` itself is closed to everybody else.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    authority = DevelopmentAuthority(directory / "pki")
    trust = ceremony.hold(directory / "trust", DOMAIN)
    passwords = {service: secrets.token_hex(16) for service in ceremony.SERVICES}
    _postgres(directory / "postgres", passwords)
    for service in ceremony.SERVICES:
        _service(directory / service, service, authority, trust, passwords[service])
    addresses = {service: f"localhost:{ports[service]}" for service in ceremony.SERVICES}
    deployment = Deployment(DOMAIN, addresses, directory / "pki", trust.trust_file)
    deployment.save(directory / "deployment.json")
    return deployment


def _postgres(folder: Path, passwords: Mapping[str, str]) -> None:
    (folder / "initdb").mkdir(parents=True)
    _write(folder / "password", secrets.token_hex(16))
    statements = [
        "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;",
        "REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;",
    ]
    for service, password in passwords.items():
        statements += [
            f"CREATE ROLE {service} LOGIN PASSWORD '{password}';",
            f"CREATE DATABASE {service} OWNER {service};",
            f"REVOKE ALL ON DATABASE {service} FROM PUBLIC;",
        ]
    _write(folder / "initdb" / "roles.sql", "\n".join(statements) + "\n")


def _service(folder: Path, service: str, authority: DevelopmentAuthority, trust: ceremony.Trust, password: str) -> None:
    folder.mkdir()
    server = authority.issue(f"service/{service}", server=True)
    files = {
        "signing.key": trust.signing_keys[service],
        "log.key": trust.log_keys[service],
        "trust.json": trust.trust_file,
        "certificate.pem": server.certificate,
        "private.key": server.key,
        "authority.pem": server.authority,
    }
    for name, source in files.items():
        _write(folder / name, source.read_text())
    table = configuration.service_table(
        service,
        domain=DOMAIN,
        listen=f"0.0.0.0:{PORTS[service]}",
        database_url=f"postgresql://{service}:{password}@{DATABASE_HOST}:5432/{service}",
        # The container's host name, without the underscore that host names may not have.
        addresses={peer: f"{peer.replace('_', '-')}:{port}" for peer, port in PORTS.items()},
        # Relative to the settings file.
        files=configuration.Files(
            signing_key="signing.key",
            log_signing_key="log.key",
            log_memory=f"{MEMORY}/signed",
            trust_file="trust.json",
            certificate="certificate.pem",
            private_key="private.key",
            authority="authority.pem",
        ),
    )
    settings = configuration.merged(table, {"telemetry": {"otlp_endpoint": COLLECTOR, "trace_ratio": 1.0}})
    _write(folder / "service.toml", configuration.to_toml(settings))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def _pip(command: str, *arguments: str) -> None:
    # Quiet: what matters is what lies in the wheelhouse afterwards.
    pip = [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, *arguments], stdin=subprocess.DEVNULL, check=True)


def main() -> None:
    wheelhouse()
    state(STATE, PORTS)


if __name__ == "__main__":
    main()
