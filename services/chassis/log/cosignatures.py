"""Co-signatures of witnesses: read and verified by the trust file, and the newest of each witness kept, by log.

A co-signature is of a log's name, its size and its root, whenever the log signed these: beside it stands the head that
the log itself signed, so that receipts can be made under it long after others were published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from monazite.transparency.v1.transparency_pb2 import Checkpoint
from monazite_provenance import checkpoints
from monazite_provenance.checkpoints import Checkpoint as Text
from monazite_provenance.errors import BadSignature, ProvenanceError
from monazite_provenance.keys import PublicKey
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.receipts import Head, HeadVerifier, parse_checkpoint
from monazite_provenance.trust import TrustFile
from monazite_provenance.witnessing import nth_largest

from services.chassis.database import Connection
from services.chassis.errors import Error, Kind

_KEEP: Final = """
    INSERT INTO cosignature AS held (log, witness, thumbprint, size, cosigned_at, checkpoint, note, taken_at)
    SELECT $1, *, clock_timestamp()
    FROM unnest($2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[])
    ON CONFLICT (log, witness) DO UPDATE SET thumbprint = excluded.thumbprint, size = excluded.size,
        cosigned_at = excluded.cosigned_at, checkpoint = excluded.checkpoint, note = excluded.note,
        taken_at = excluded.taken_at
    WHERE (held.size, held.cosigned_at) < (excluded.size, excluded.cosigned_at)
        OR held.thumbprint <> excluded.thumbprint
    RETURNING witness
"""
_LOAD: Final = """
    SELECT log, witness, thumbprint, size, cosigned_at, checkpoint, note FROM cosignature ORDER BY log, witness
"""


@dataclass(frozen=True, slots=True)
class Cosignature:
    """What a witness co-signed of a log: the head as the log signed it (COSE), and as text with the lines of both.
    `cosigned_at` by the witness's clock, Unix seconds."""

    log: str
    witness: str
    thumbprint: bytes
    size: int
    cosigned_at: int
    checkpoint: bytes
    note: str

    @property
    def signed_at(self) -> int:
        """When the log signed the head, Unix seconds."""
        return parse_checkpoint(self.checkpoint).head.signed_at


def unknown_head(message: str, log: str, size: int) -> Error:
    """UNKNOWN_HEAD: not a head that this log signed."""
    return Error(Kind.PRECONDITION, "UNKNOWN_HEAD", message, metadata={"log": log, "size": size})


def unknown_witness(log: str, names: Iterable[str]) -> Error:
    """UNKNOWN_WITNESS: co-signed by nobody whom the trust file names by this name and key."""
    metadata = {"log": log, "witnesses": ", ".join(sorted(set(names) - {log}))}
    return Error(Kind.DENIED, "UNKNOWN_WITNESS", "no co-signature of a witness of the trust file", metadata=metadata)


def read(checkpoint: Checkpoint, log: str, keys: LogKeyRing, trust: TrustFile) -> tuple[Head, tuple[Cosignature, ...]]:
    """A head of a log, and what witnesses of the trust file co-signed of it: at least one.

    A stranger's line counts for nothing, nor does a bad one beside a good one. Raises UNKNOWN_HEAD for what this log
    has not signed, UNKNOWN_WITNESS, BadSignature where a witness's name stands over a line that is not its; the
    Malformed family.
    """
    found = checkpoints.parse_checkpoint_text(checkpoint.note)
    head, key = _head(checkpoint.checkpoint, found, log, keys)
    lines = list(zip(checkpoint.note.partition("\n\n")[2].split("\n"), _each(found), strict=False))
    own = next((raw for raw, line in lines if _by_log(line, key)), None)
    if own is None:
        raise unknown_head("the text does not carry the signature of the log", log, found.size)
    good = list(_good(lines, trust.witnesses))
    if not good:
        for name, of_witness in trust.witnesses.items():
            if checkpoints.names_witness(found, name, of_witness):
                raise BadSignature("a co-signature that its witness did not make", witness=name, size=found.size)
        raise unknown_witness(log, (signature.name for signature in found.signatures))
    return head, tuple(
        Cosignature(
            log,
            name,
            trust.witnesses[name].thumbprint,
            head.size,
            when,
            checkpoint.checkpoint,
            f"{found.text}\n{own}\n{raw}\n",
        )
        for name, when, raw in good
    )


def _head(raw: bytes, found: Text, log: str, keys: LogKeyRing) -> tuple[Head, PublicKey]:
    """The head, and the key of the log that signed it; of the same tree as the text. Raises UNKNOWN_HEAD."""
    try:
        head = HeadVerifier(keys).verify_checkpoint(raw)
        key = keys.find_log_key(parse_checkpoint(raw).head.kid)
    except ProvenanceError as error:
        raise unknown_head(f"no checkpoint that a key of the log signed: {error.code}", log, found.size) from error
    if key is None or not head.size or head.log != log:
        raise unknown_head("a checkpoint of another log, or of an empty one", log, head.size)
    if (found.origin, found.size, found.root) != (head.log, head.size, head.root):
        raise unknown_head("the text is of another head than the checkpoint", log, found.size)
    return head, key.public


def _each(found: Text) -> Iterator[Text]:
    for signature in found.signatures:
        yield Text(found.origin, found.size, found.root, found.text, (signature,))


def _by_log(line: Text, key: PublicKey) -> bool:
    try:
        checkpoints.verify_log_signature(line, key)
    except ProvenanceError:
        return False
    return True


def _good(lines: Sequence[tuple[str, Text]], witnesses: Mapping[str, PublicKey]) -> Iterator[tuple[str, int, str]]:
    """Name, time and line of each witness that signed: of several lines the latest."""
    for name, key in witnesses.items():
        times: list[tuple[int, str]] = []
        for raw, line in lines:
            try:
                times.append((checkpoints.verify_cosignature(line, name, key), raw))
            except BadSignature:
                continue
        if times:
            yield name, *max(times)


def content_id(cosignatures: Iterable[Cosignature]) -> bytes:
    """What identifies a delivery: SHA-256 over the notes."""
    return sha256("".join(each.note for each in cosignatures).encode()).digest()


async def keep(connection: Connection, log: str, found: Sequence[Cosignature]) -> list[str]:
    """Keeps those that are newer than what is kept of their witnesses; gives the names of these."""
    ordered = sorted(found, key=lambda each: each.witness)
    rows = await connection.fetch(
        _KEEP,
        log,
        [each.witness for each in ordered],
        [each.thumbprint for each in ordered],
        [each.size for each in ordered],
        [each.cosigned_at for each in ordered],
        [each.checkpoint for each in ordered],
        [each.note for each in ordered],
    )
    return [row["witness"] for row in rows]


async def load(connection: Connection, keys: LogKeyRing, trust: TrustFile) -> dict[str, list[Cosignature]]:
    """What is kept, by log: of those witnesses alone that the trust file names now, by these keys, and under keys of
    the logs that are still good there. All was verified when it was taken in."""
    verifier = HeadVerifier(keys)
    found: dict[str, list[Cosignature]] = {}
    for row in await connection.fetch(_LOAD):
        one = Cosignature(*row)
        key = trust.witnesses.get(one.witness)
        if key is not None and key.thumbprint == one.thumbprint and _stands(one, verifier):
            found.setdefault(one.log, []).append(one)
    return found


def _stands(one: Cosignature, verifier: HeadVerifier) -> bool:
    try:
        verifier.check_key(parse_checkpoint(one.checkpoint).head)
    except ProvenanceError:
        return False
    return True


def witnessed_size(found: Iterable[Cosignature], threshold: int) -> int:
    """Up to which size of a log as many distinct keys as `threshold` have come; 0 where they are fewer.

    Who co-signed a larger head vouches for the smaller, so that they need not have met at one.
    """
    largest: dict[bytes, int] = {}
    for each in found:
        largest[each.thumbprint] = max(each.size, largest.get(each.thumbprint, 0))
    return nth_largest(largest.values(), threshold) if threshold else 0


def joined(first: str, second: str) -> str | None:
    """Two notes in one; None where that is too many lines, or they are of two heads."""
    try:
        return checkpoints.joined(first, second)
    except ProvenanceError:
        return None
