"""`make up`: the suite on its usual ports, with data that survive a restart, until Ctrl-C.

Ends with 0 after Ctrl-C or SIGTERM. When a service or PostgreSQL ends by itself it says so, stops the rest and ends
with 1: starting again is a supervisor's business.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final

from clients.demo.actors import BY_HAND, QUOTA_OFFICER, REGISTRAR
from services.chassis.errors import Error
from services.chassis.identity import CallerKind, OfficerRole, parse_principal
from tools.local import ours
from tools.local.deployment import Deployment
from tools.local.lock import DirectoryLock, LockedError
from tools.local.ours import ForeignDirectoryError
from tools.local.postgres import Cluster, ClusterError
from tools.local.suite import DEFAULT_PORTS, SERVICES, Suite, SuiteError

DEPLOYMENT: Final = "deployment.json"
_SIGNAL_BYTES: Final = 4096
_ROLES: Final = ", ".join(OfficerRole)


def main() -> int:
    """Run, remove or issue, as the command line says; returns the exit code."""
    arguments = _arguments()
    directory: Path = arguments.directory
    try:
        if arguments.remove:
            _remove(directory)
            return 0
        if arguments.issue is not None:
            sys.stdout.write(f"{_issue(directory, arguments.issue)}\n")
            return 0
        return _run(directory, dict(zip(SERVICES, arguments.ports, strict=True)))
    except (SuiteError, ClusterError, LockedError, ForeignDirectoryError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.local.up", description=__doc__)
    parser.add_argument("directory", type=Path)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--remove", action="store_true", help="remove a suite's directory instead of starting")
    what.add_argument(
        "--issue",
        metavar="PATH",
        help="write certificate and `monazite` configuration for a SPIFFE path, e.g. enterprise/mine-a; starts nothing",
    )
    parser.add_argument("--ports", type=int, nargs=3, metavar=SERVICES, default=list(DEFAULT_PORTS.values()))
    return parser.parse_args()


def _remove(directory: Path) -> None:
    if not directory.exists():
        return
    ours.check(directory)
    lock = DirectoryLock(directory)
    lock.take()
    Cluster(directory / "postgres").destroy()
    shutil.rmtree(directory, ignore_errors=True)
    lock.release()


def _issue(directory: Path, path: str) -> Path:
    file = directory / DEPLOYMENT
    if not file.exists():
        raise SuiteError(f"there is no {file}: nothing was started in {directory} yet (make up)")
    deployment = Deployment.load(file.resolve())
    _check_issuable(path, deployment.domain)
    return deployment.client_configuration(path)


def _check_issuable(path: str, domain: str) -> None:
    """Return if there is such a caller here, who is no service: those have their certificates, and who had another one
    of them could speak for it. Raises SuiteError.
    """
    kinds = f"enterprise/ID[/SYSTEM], officer/ROLE/NAME with ROLE one of {_ROLES}, customs/PORT/NAME, or witness/NAME"
    uri = path if path.startswith("spiffe://") else f"spiffe://{domain}/{path}"
    try:
        principal = parse_principal(uri, b"")
    except Error:
        raise SuiteError(f"{path!r} names nobody of the suite: issued are {kinds}") from None
    if principal.domain != domain:
        raise SuiteError(f"{path!r} is of another domain than {domain}")
    if principal.kind is CallerKind.SERVICE:
        raise SuiteError(f"{path!r} is a service, and gets its certificate from the suite alone: issued are {kinds}")


def _run(directory: Path, ports: dict[str, int]) -> int:
    signals = _Signals()
    with Suite(directory, ports=ports) as suite:
        sys.stdout.write("\n".join(_welcome(suite)) + "\n")
        sys.stdout.flush()
        while (ended := suite.ended()) is None:
            if signals.wait() & {signal.SIGINT, signal.SIGTERM}:
                return 0
        sys.stderr.write(f"{ended}; everything is stopped.\n")
        return 1


class _Signals:
    """Signals as something to wait for: to be told to end, and the end of a child.

    Handled, not blocked: children would inherit a blocked SIGTERM. What comes while the suite starts or stops waits.
    """

    def __init__(self) -> None:
        self._pipe, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, _noted)

    def wait(self) -> set[int]:
        """Wait until at least one came; returns all that came since the last time."""
        return set(os.read(self._pipe, _SIGNAL_BYTES))


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Python writes the number into the pipe before it calls this."""


def _welcome(suite: Suite) -> list[str]:
    files = {actor: suite.deployment.client_configuration(actor.path) for actor in BY_HAND}
    # An id of its own each time, so that it works however often the suite is started and the line is copied.
    fresh = f"mine-{secrets.token_hex(3)}"
    register = f"enterprise register {fresh} --name 'A mine to try things with' --activity mine"
    again = f".venv/bin/python -m tools.local.up {suite.directory} --issue"
    return [
        *(f"{service:15} {suite.address(service)}   log {suite.log(service)}" for service in SERVICES),
        f"trust file      {suite.trust_file}",
        "",
        "Configurations for `monazite --config`:",
        *(f"  {actor.title:<38} {file}" for actor, file in files.items()),
        f"  {'anybody else':<38} {again} enterprise/mine-a",
        "To go on by hand, for instance:",
        f"  .venv/bin/monazite --config {files[REGISTRAR]} {register}",
        f"  .venv/bin/monazite --config {files[QUOTA_OFFICER]} indicator list --year 2024",
        "",
        "Ctrl-C stops; the data stay for the next `make up`.",
    ]


if __name__ == "__main__":
    sys.exit(main())
