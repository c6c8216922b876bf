"""A cluster is one launcher's: nobody else stops it, however many sessions run, and its leftovers are told apart."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.local import postgres
from tools.local.guardian import Guardian
from tools.local.lock import LockedError
from tools.local.ports import free_port
from tools.local.postgres import Cluster, ClusterError

PATIENCE_SECONDS = 30
# Prints the server's and the guardian's pids, then waits to be killed.
LAUNCHER = """
import signal, sys
from pathlib import Path
from tools.local.guardian import Guardian
from tools.local.postgres import Cluster

guardian = Guardian()
cluster = Cluster(Path(sys.argv[1]), durable=False)
cluster.start(guardian)
pid = (cluster.home / "data" / "postmaster.pid").read_text().split()[0]
print(pid, guardian.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def directory(session_directory: Path, tmp_path: Path) -> Path:
    """A directory for a cluster of its own."""
    return session_directory / tmp_path.name


@pytest.fixture
def own(directory: Path, guardian: Guardian) -> Iterator[Cluster]:
    """A running cluster that a test may maltreat."""
    cluster = Cluster(directory, durable=False)
    cluster.start(guardian)
    yield cluster
    cluster.destroy()


def _answers(cluster: Cluster) -> bool:
    return cluster.running and cluster.sql("SELECT 1") == "1\n"


def test_a_second_launcher_in_a_directory_is_refused_and_changes_nothing(own: Cluster, guardian: Guardian) -> None:
    before = sorted(path.name for path in own.home.iterdir())
    second = Cluster(own.home, durable=False)
    with pytest.raises(LockedError, match=rf"in use \(process {os.getpid()}\)"):
        second.start(guardian)
    with pytest.raises(LockedError):
        second.destroy()
    assert _answers(own)
    assert sorted(path.name for path in own.home.iterdir()) == before


def test_a_server_that_outlived_its_launcher_and_guardian_is_stopped_by_the_next(
    directory: Path, guardian: Guardian
) -> None:
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(directory)], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    server, watcher = map(int, launcher.stdout.readline().split())
    handle = os.pidfd_open(server)
    for pid in (watcher, launcher.pid):
        os.kill(pid, signal.SIGKILL)
    launcher.wait(PATIENCE_SECONDS)
    assert not select.select([handle], [], [], 0)[0]
    next_one = Cluster(directory, durable=False)
    next_one.start(guardian)
    try:
        assert select.select([handle], [], [], PATIENCE_SECONDS)[0]
        assert _answers(next_one)
    finally:
        os.close(handle)
        next_one.destroy()


def test_a_pid_file_that_names_a_stranger_stops_no_stranger(own: Cluster, cluster: Cluster, guardian: Guardian) -> None:
    """The server died, its number went to another PostgreSQL: that one must live. PostgreSQL then refuses to start, as
    it cannot know either, and says which file to look at."""
    own.stop()
    pid_file = own.home / "data" / "postmaster.pid"
    pid_file.write_text((cluster.home / "data" / "postmaster.pid").read_text())
    with pytest.raises(ClusterError, match=r"postmaster\.pid"):
        own.start(guardian)
    assert _answers(cluster)
    assert not own.running


def test_a_port_that_was_taken_meanwhile_is_given_up_for_another(
    own: Cluster, cluster: Cluster, guardian: Guardian, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.stop()
    ports = iter([cluster.port, free_port()])
    monkeypatch.setattr(postgres, "free_port", lambda: next(ports))
    own.start(guardian)
    assert own.port != cluster.port
    assert _answers(own)
    assert _answers(cluster)


def test_what_postgresql_refuses_is_said_in_its_own_words(own: Cluster, guardian: Guardian) -> None:
    own.stop()
    configuration = own.home / "data" / "postgresql.conf"
    with configuration.open("a") as file:
        file.write("shared_buffers = nonsense\n")
    with pytest.raises(ClusterError, match="nonsense"):
        own.start(guardian)
    assert not own.running


def test_the_session_directory_is_out_of_reach_of_pytest_s_own_cleaning(
    session_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert not session_directory.is_relative_to(tmp_path_factory.getbasetemp())
    assert session_directory.name.startswith("monazite-tests-")
