"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tools.local.postgres import Cluster

PACKAGES: Final = ("grpcio", "protobuf", "uvloop", "asyncpg", "cryptography", "cbor2", "PyJWT", "joserfc")
SYNCS: Final = 200
BLOCK_BYTES: Final = 8192


def describe(cluster: Cluster) -> dict[str, str]:
    """Name to value; `cluster` runs, and its data directory is where fdatasync is measured."""
    return {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "load average before the run": f"{os.getloadavg()[0]:.1f}, niceness {os.nice(0)}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": cluster.sql("SHOW server_version").strip(),
        "fsync, synchronous_commit": " ".join(cluster.sql("SHOW fsync; SHOW synchronous_commit").split()),
        **{name: version(name) for name in PACKAGES},
    }


def fdatasync_us() -> float:
    """Median time of fdatasync after 8 KiB were written, where temporary files (and the measured database) are."""
    block = bytes(BLOCK_BYTES)
    times: list[float] = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(SYNCS):
            file.write(block)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
