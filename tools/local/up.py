"""`make up`: the suite on its usual ports, with data that survive a restart, until Ctrl-C."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from pathlib import Path

from tools.local.postgres import Cluster
from tools.local.suite import DEFAULT_PORTS, SERVICES, Suite


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--remove", action="store_true", help="remove the data and keys instead of starting")
    arguments = parser.parse_args()
    directory: Path = arguments.directory
    if arguments.remove:
        Cluster(directory / "postgres").destroy()
        shutil.rmtree(directory, ignore_errors=True)
        return
    # From here on SIGTERM ends as Ctrl-C does; both wait for us until the suite runs.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with Suite(directory, ports=DEFAULT_PORTS) as suite:
        for line in _welcome(suite):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


def _welcome(suite: Suite) -> list[str]:
    officer = suite.certificate("officer/quota/wang")
    return [
        *(f"{service:15} {suite.address(service)}   log {suite.log(service)}" for service in SERVICES),
        f"trust file      {suite.trust_file}",
        f"certificates    {suite.directory / 'pki'}, for instance {officer.certificate.name}",
        "Ctrl-C stops; the data stay for the next `make up`.",
    ]


if __name__ == "__main__":
    main()
