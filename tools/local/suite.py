"""The whole suite on this machine: PostgreSQL, keys and certificates, and the three services as processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import grpc

from services.chassis.probe import serving
from tools.local import ceremony, configuration, ours
from tools.local.configuration import Table
from tools.local.deployment import Deployment
from tools.local.guardian import Guardian
from tools.local.lock import DirectoryLock
from tools.local.pki import DOMAIN, Certificate, DevelopmentAuthority
from tools.local.ports import HeldPorts, is_free
from tools.local.postgres import Cluster

SERVICES: Final = ceremony.SERVICES
DEFAULT_PORTS: Final = {"registry": 7401, "quota": 7402, "export_license": 7403}
READY_SECONDS_MAX: Final = 60
STOP_SECONDS_MAX: Final = 15


class SuiteError(RuntimeError):
    """A port is taken, or a service did not start or ended by itself; then the message carries the end of its log."""


class Suite:
    """Three services with their databases in `directory`; a context manager.

    `ports` by service (default: free ones), `settings` by service to lay over the generated ones (nested tables merge),
    `ephemeral` removes `directory` at the end, also when this process is killed. Certificates, keys and data are kept
    otherwise: the next `start` in the same directory goes on where this one ended. Methods block.
    """

    def __init__(
        self,
        directory: Path,
        *,
        ports: Mapping[str, int] | None = None,
        settings: Mapping[str, Table] | None = None,
        ephemeral: bool = False,
        durable: bool = True,
        domain: str = DOMAIN,
    ) -> None:
        self.directory = directory.resolve()
        self.domain = domain
        self._ports = dict(ports or {})
        self._held = HeldPorts()
        self._overlays = dict(settings or {})
        self._ephemeral = ephemeral
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._guardian: Guardian | None = None
        self._lock = DirectoryLock(self.directory)
        self.cluster = Cluster(self.directory / "postgres", durable=durable)
        self.authority: DevelopmentAuthority
        self.trust_file = self.directory / "trust" / "trust.json"

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start everything; returns when all three services say that they serve.

        Raises ForeignDirectoryError when the directory holds something else, LockedError when another suite runs in
        it; SuiteError; ClusterError.
        """
        ours.claim(self.directory)
        self._lock.take()
        try:
            self._check_ports()
        except SuiteError:
            self._lock.release()
            raise
        self._guardian = Guardian()
        if self._ephemeral:
            self._guardian.discard(self.cluster.home)
            self._guardian.discard(self.directory)
        try:
            self._prepare(self._guardian)
            for service in SERVICES:
                self._launch(service, {})
            for service in SERVICES:
                self.wait_ready(service)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything in order; an ephemeral suite leaves no file."""
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for service in list(self._processes):
            self._end(service)
        if self._ephemeral:
            self.cluster.destroy()
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            self.cluster.stop()
        if self._guardian is not None:
            self._guardian.dismiss()
            self._guardian = None
        self._held.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- what callers need ----------------------------------------------------------------------------------------

    @property
    def deployment(self) -> Deployment:
        """Addresses, CA and trust file."""
        addresses = {service: self.address(service) for service in SERVICES}
        return Deployment(self.domain, addresses, self.directory / "pki", self.trust_file)

    def address(self, service: str) -> str:
        """`localhost:<port>` of a service."""
        return f"localhost:{self._ports[service]}"

    def certificate(self, uri: str) -> Certificate:
        """mTLS files of the principal `uri` (a path is completed with the domain)."""
        return self.authority.issue(uri)

    def log(self, service: str) -> Path:
        """The log file of a service, of all its runs."""
        return self.directory / f"{service}.log"

    def signing_key(self, service: str) -> Path:
        """PEM of the statement key of a service: for tests of what a thief could do."""
        return self.directory / "trust" / f"{service}.key"

    # --- faults ---------------------------------------------------------------------------------------------------

    def kill(self, service: str) -> None:
        """SIGKILL, and wait for the end."""
        self._processes[service].kill()
        self._end(service)

    def restart(self, service: str, env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Stop a service if it runs, start it with `env` on top of the environment, wait until it serves."""
        if service in self._processes:
            self._processes[service].send_signal(signal.SIGTERM)
            self._end(service)
        self._launch(service, env or {})
        if wait:
            self.wait_ready(service)

    def wait_exit(self, service: str, *, timeout_s: float = 30) -> int:
        """Wait until a service ends by itself (137 at a crash point); returns its exit code. Raises SuiteError."""
        process = self._processes[service]
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise SuiteError(f"{service} still runs after {timeout_s} s") from None
        self._end(service)
        return process.returncode

    def running(self, service: str) -> bool:
        """Whether the process of a service lives."""
        return service in self._processes and self._processes[service].poll() is None

    def ended(self) -> str | None:
        """One line on what ended though nobody told it to, or None while PostgreSQL and all services run."""
        if not self.cluster.running:
            return f"PostgreSQL ended by itself; see {self.cluster.log}"
        for service, process in self._processes.items():
            code = process.poll()
            if code is not None:
                return f"{service} ended by itself, exit code {code}; see {self.log(service)}"
        return None

    def wait_ready(self, service: str) -> None:
        """Wait until a service says that it serves. Raises SuiteError when it ends, or after `READY_SECONDS_MAX`."""
        authority, key, certificate = self.certificate(f"service/{service}").pem()
        credentials = grpc.ssl_channel_credentials(authority, key, certificate)
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline and self.running(service):
            if serving(self.address(service), credentials, timeout_s=1):
                return
        raise SuiteError(f"{service} did not start:\n{self.log(service).read_text(errors='replace')[-6000:]}")

    # --- private --------------------------------------------------------------------------------------------------

    def _check_ports(self) -> None:
        taken = [f"{port} ({service})" for service, port in self._ports.items() if port and not is_free(port)]
        if taken:
            raise SuiteError(f"somebody else listens on port {', '.join(taken)}")

    def _prepare(self, guardian: Guardian) -> None:
        self.authority = DevelopmentAuthority(self.directory / "pki", self.domain)
        trust = ceremony.hold(self.directory / "trust", self.domain)
        self.cluster.start(guardian)
        self._ports = {service: self._ports.get(service) or self._held.take() for service in SERVICES}
        for service in SERVICES:
            path = self.directory / f"{service}.toml"
            path.touch(mode=0o600)  # it holds the database password
            path.write_text(configuration.to_toml(self._settings(service, trust)))
        self.deployment.save(self.directory / "deployment.json")

    def _settings(self, service: str, trust: ceremony.Trust) -> Table:
        server = self.authority.issue(f"service/{service}", server=True)
        files = configuration.Files(
            signing_key=str(trust.signing_keys[service]),
            log_signing_key=str(trust.log_keys[service]),
            log_memory=str(self.directory / f"{service}.signed"),
            trust_file=str(trust.trust_file),
            certificate=str(server.certificate),
            private_key=str(server.key),
            authority=str(server.authority),
        )
        table = configuration.service_table(
            service,
            domain=self.domain,
            listen=f"127.0.0.1:{self._ports[service]}",
            database_url=self.cluster.create_service_database(service),
            addresses={peer: self.address(peer) for peer in SERVICES},
            files=files,
        )
        return configuration.merged(table, self._overlays.get(service, {}))

    def _launch(self, service: str, env: Mapping[str, str]) -> None:
        assert self._guardian is not None
        # Nothing of our caller's own MONAZITE_ settings may leak into a service.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("MONAZITE_")}
        # Services are restarted often here; without compiled files each start costs a third more.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        with self.log(service).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}"],
                env={**inherited, "MONAZITE_CONFIG": str(self.directory / f"{service}.toml"), **env},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop them in our own order
            )
        self._processes[service] = process
        self._guardian.watch(process.pid)

    def _end(self, service: str) -> None:
        """Wait for a process that was told to end; make sure of it."""
        process = self._processes.pop(service)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._guardian is not None:
            self._guardian.forget(process.pid)
