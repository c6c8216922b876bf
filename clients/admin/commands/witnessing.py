"""`monazite log witness`: co-signs the heads of a log that each go on from all that was co-signed before."""

from __future__ import annotations

import asyncio
import fcntl
import json
import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, NamedTuple, cast

import typer
from monazite.transparency.v1.transparency_pb2 import Checkpoint
from monazite_provenance.checkpoints import check_witness, parse_checkpoint_text
from monazite_provenance.errors import LogForked, LogProblem, ProvenanceError
from monazite_provenance.keys import PublicKey, SigningKey, SoftwareKey
from monazite_provenance.monitor import Witness
from monazite_provenance.names import log_urn
from monazite_provenance.receipts import Head, HeadVerifier, parse_checkpoint

from clients.admin.configuration import ConfigurationError
from clients.admin.exit_codes import ExitCode
from clients.admin.output import JsonValue
from clients.admin.service_log import INTERVAL_S, PASSING, LogName, ServiceArgument, ServiceLog, ShardOption, refute
from clients.admin.session import InputError, JsonOption, Session, run
from clients.admin.writing import check_file, replace
from clients.errors import CallError

# After which a head of the same size is co-signed and delivered again: a log that stands still signs fresh heads, and
# what rests on one that is a day old is taken for old.
AGAIN_S: Final = 3_600.0
_KEPT: Final = ("log", "checkpoint", "note")
_NOT_KEPT: Final = "is not what this witness kept there"


def witness(
    context: typer.Context,
    *,
    service: ServiceArgument,
    name: Annotated[str, typer.Option("--name", help="The witness's name, as trust files have it.")],
    signing_key: Annotated[
        Path, typer.Option("--signing-key", help="Its private key (PEM), Ed25519 or ML-DSA-44; signs nothing else.")
    ],
    state: Annotated[Path, typer.Option("--state", help="Keeps what was co-signed last; never to be lost.")],
    shard: ShardOption = 0,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with each new head.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Co-signs a log's newest head if it goes on from the last one co-signed, and delivers that to the log."""

    async def work(session: Session) -> None:
        with _alone(state):
            log = log_urn(service.value, shard)
            signer = _Signer(session, service, log, _By(name, _key(signing_key, name)), state)
            try:
                await _sign(signer, session, follow=follow)
            except LogForked as fork:
                refute(session, log, fork.message, earlier=fork.earlier.decode(), later=fork.later.decode())
                raise typer.Exit(ExitCode.REFUTED) from fork
            except LogProblem as problem:
                refute(session, log, f"{problem.code} {problem.message}", **signer.evidence)
                raise typer.Exit(ExitCode.REFUTED) from problem
            except ProvenanceError as error:
                raise InputError.of(error, log=log) from error

    run(context, work, as_json=as_json)


async def _sign(signer: _Signer, session: Session, *, follow: bool) -> None:
    delivered, at = 0, -math.inf
    while True:
        try:
            now = time.monotonic()
            size = await signer.step(delivered if now < at + AGAIN_S else 0)
            if size:
                delivered, at = size, now
        except CallError as error:
            if not follow or error.code not in PASSING:
                raise
            session.output.note(f"{signer.log}: {error}; is asked again in {INTERVAL_S:g} s")
        if not follow:
            return
        await asyncio.sleep(INTERVAL_S)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was co-signed last: the head as the log signed it (COSE), and as text."""

    checkpoint: bytes
    note: str


class _By(NamedTuple):
    """The witness's name, and its key."""

    name: str
    key: SigningKey


class _Signer:
    """A witness of one log. Keeps what it is about to sign before it signs.

    `evidence`: the head that was co-signed last, and the one that was looked at then, as the log signed them (COSE in
    hex).
    """

    def __init__(self, session: Session, service: LogName, log: str, by: _By, state: Path) -> None:
        self.log = log
        self._session = session
        self._service = ServiceLog(session, service)
        self._by = by
        self._state = state
        self._keys = session.configuration.trust_file().keyring()
        self._verifier = HeadVerifier(self._keys)
        self.evidence: dict[str, str] = {}

    async def step(self, delivered: int) -> int:
        """Co-signs and delivers the newest head, unless that has the size `delivered` before: its size, 0 for none.

        Raises ProvenanceError for a log that did not go on from where it was: nothing is signed then.
        """
        newest = await self._service.latest()
        head = self._verifier.verify_checkpoint(newest.checkpoint)
        if head.log != self.log:
            raise InputError(f"the service keeps {head.log}", log=self.log)
        if head.size == delivered or not head.size:
            return 0
        note = self._note(newest, head)
        before = await asyncio.to_thread(_read, self._state, self.log)
        seen = {} if before is None else {"earlier": before.checkpoint}
        seen["later"] = newest.checkpoint
        self.evidence = {name: raw.hex() for name, raw in seen.items()}
        keys = [self._log_key(raw) for raw in seen.values()]

        def persist(log: str, text: str) -> None:
            _keep(self._state, log, _Kept(newest.checkpoint, text))

        kept = {} if before is None else {self.log: before.note}
        signer = Witness(*self._by, {self.log: keys}, kept, persist)
        last = signer.size(self.log)
        path = await self._service.path(last, head.size) if 0 < last < head.size else ()
        cosigned = await asyncio.to_thread(signer.cosign, note, path, timestamp_s=int(time.time()))
        reached = await self._service.deliver(Checkpoint(log=self.log, checkpoint=newest.checkpoint, note=cosigned))
        self._show(head, reached)
        return head.size

    def _note(self, newest: Checkpoint, head: Head) -> str:
        """The text of a head with the log's own lines; what others co-signed is not asked about. Raises InputError for
        a log that signs no text, LogProblem for one of another head."""
        if not newest.note:
            raise InputError("the log signs no text checkpoints: its key is not Ed25519", log=self.log)
        found = parse_checkpoint_text(newest.note)
        if (found.origin, found.size, found.root) != (head.log, head.size, head.root):
            raise LogProblem("the log's text checkpoint is of another head than its checkpoint", size=head.size)
        lines = newest.note.partition("\n\n")[2].splitlines(keepends=True)
        own = [line for line, signed in zip(lines, found.signatures, strict=True) if signed.name == self.log]
        return f"{found.text}\n{''.join(own)}"

    def _log_key(self, checkpoint: bytes) -> PublicKey:
        found = self._keys.find_log_key(parse_checkpoint(checkpoint).head.kid)
        if found is None:
            raise ConfigurationError(f"{self._state}: under a key of the log that the trust file does not know")
        return found.public

    def _show(self, head: Head, reached: int) -> None:
        if self._session.output.as_json:
            said: dict[str, JsonValue] = {"log": head.log, "size": head.size, "root": head.root.hex()}
            self._session.output.value_line({**said, "witnessed_size": reached, "verdict": "COSIGNED"})
        else:
            of = f"{head.log}  {head.size} entries  root {head.root.hex()}"
            self._session.output.raw(f"COSIGNED  {of}; enough witnesses up to {reached}")


def _key(path: Path, name: str) -> SigningKey:
    try:
        key = SoftwareKey.from_pem(path.read_bytes())
        check_witness(name, key.public)
    except OSError as error:
        raise ConfigurationError(f"cannot read the key {path}: {error.strerror}") from error
    except ProvenanceError as error:
        raise ConfigurationError(f"{path}: {error.code} {error.message}") from error
    return key


@contextmanager
def _alone(state: Path) -> Generator[None]:
    """While no other process has this state. Raises ConfigurationError."""
    check_file(state)
    try:
        with state.with_name(state.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise ConfigurationError(f"another process is this witness: {state} is in use") from error
    except OSError as error:
        raise ConfigurationError(f"cannot write {state}: {error.strerror}") from error


def _read(state: Path, log: str) -> _Kept | None:
    """What was kept; None before the first time. Raises ConfigurationError: then nothing may be signed, since nobody
    knows what was."""
    try:
        fields: object = json.loads(state.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"cannot read {state}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{state} {_NOT_KEPT}: it is not JSON") from error
    texts = [cast("dict[str, object]", fields).get(name) if isinstance(fields, dict) else None for name in _KEPT]
    whose, checkpoint, note = (each if isinstance(each, str) else None for each in texts)
    if whose is None or checkpoint is None or note is None:
        missing = ", ".join(name for name, each in zip(_KEPT, texts, strict=True) if not isinstance(each, str))
        raise ConfigurationError(f"{state} {_NOT_KEPT}: it has no text under {missing}")
    if whose != log:
        raise ConfigurationError(f"{state} is the state of {whose}")
    return _kept(state, checkpoint, note)


def _kept(state: Path, checkpoint: str, note: str) -> _Kept:
    try:
        kept = _Kept(bytes.fromhex(checkpoint), note)
        parse_checkpoint(kept.checkpoint)
        parse_checkpoint_text(note)
    except ValueError as error:
        raise ConfigurationError(f"{state} {_NOT_KEPT}: its checkpoint is not hexadecimal") from error
    except ProvenanceError as error:
        raise ConfigurationError(f"{state} {_NOT_KEPT}: {error.code} {error.message}") from error
    return kept


def _keep(state: Path, log: str, kept: _Kept) -> None:
    """In one step and for good, before anything is signed."""
    values = (log, kept.checkpoint.hex(), kept.note)
    replace(state, [json.dumps(dict(zip(_KEPT, values, strict=True))).encode()])
