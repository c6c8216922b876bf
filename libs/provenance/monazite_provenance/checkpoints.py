"""Checkpoints as text: the C2SP tlog-checkpoint, signed-note and tlog-cosignature formats.

What witnesses of any make read and co-sign. The text says the same three things as a head: the log's name (its origin),
its size, its root. A co-signature dates the moment at which a witness found the head consistent with all that it had
co-signed before. A log signs with Ed25519, and with ML-DSA-44 too where it co-signs its own checkpoint, as the format
has it. Extension lines, which C2SP does not recommend since nobody can audit them, are refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from monazite_provenance import tree
from monazite_provenance._frozen import dataclass
from monazite_provenance.errors import BadField, BadSignature, TooLarge, UnknownKey, UnsupportedAlgorithm
from monazite_provenance.keys import Algorithm, PublicKey, SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monazite_provenance.log_keys import LogKey

CHECKPOINT_BYTES_MAX: Final = 128 * 1024
"""Largest checkpoint with its signature lines, bytes; an ML-DSA line has 3 500."""
LINES_MAX: Final = 32
"""Most signature lines of one checkpoint."""
TIME_BYTES: Final = 8
NAME_BYTES_MAX: Final = 255
"""Longest name of a log or a witness, bytes: what an ML-DSA co-signature has room for."""
TIMESTAMP_MAX_S: Final = 2**63 - 1
_NAME = re.compile(r"[!-*,-~]{1,255}")  # printable, no space, no plus
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
# Kinds of signature that go into the four bytes which hint at a key.
_ED25519, _COSIGNATURE, _ML_DSA_COSIGNATURE = 1, 4, 6
_SUBTREE_LABEL = b"subtree/v1\n\x00"
_DASH = "\N{EM DASH} "
_KEY_HASH_BYTES = 4
_TEXT_LINES = 3


class NoteSignature(NamedTuple):
    """One signature line: the signer's name, the four bytes that hint at its key, the signature."""

    name: str
    key_hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint in good form: nothing in it is verified. `text` is what is signed, with its last newline."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[NoteSignature, ...]


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The note text of a head. Raises BadField for a name, size or root that cannot stand in it."""
    _check_name(origin)
    if not 0 <= size <= tree.SIZE_MAX or len(root) != tree.HASH_BYTES:
        raise BadField("size or root of a checkpoint", field="checkpoint")
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def sign_checkpoint(origin: str, size: int, root: bytes, key: SigningKey) -> str:
    """A checkpoint signed by its log.

    Raises UnsupportedAlgorithm unless the key is Ed25519 (add ML-DSA with `cosign`), BadField for a name that cannot
    stand in it, BadSignature when the signer's answer does not verify.
    """
    text = checkpoint_text(origin, size, root)
    if key.public.algorithm is not Algorithm.ED25519:
        raise UnsupportedAlgorithm("a log signs its text checkpoints with Ed25519")
    signature = key.sign(text.encode())
    key.public.verify(signature, text.encode())
    return text + "\n" + _line(origin, _key_hash(origin, _ED25519, key.public), signature)


def cosign(checkpoint: str, name: str, key: SigningKey, *, timestamp_s: int) -> str:
    """One more signature line: a witness by this name found the checkpoint consistent at that time (Unix seconds).

    The witness must have checked it: see `monitor.Witness`. With an Ed25519 key it is a cosignature/v1, with an
    ML-DSA-44 key the newer one of the same specification. Raises as `sign_checkpoint` does, and the Malformed family.
    """
    found = parse_checkpoint_text(checkpoint)
    if not 0 <= timestamp_s <= TIMESTAMP_MAX_S:
        raise BadField("a time beyond its 63 bits", field="timestamp")
    kind = _cosignature_kind(key.public)
    message = _cosigned(found, name, kind, timestamp_s)
    signature = key.sign(message)
    key.public.verify(signature, message)
    timed = timestamp_s.to_bytes(TIME_BYTES, "big") + signature
    return checkpoint + _line(name, _key_hash(name, kind, key.public), timed)


def check_witness(name: str, key: PublicKey) -> None:
    """Return if co-signatures by this name and key can be. Raises BadField, UnsupportedAlgorithm."""
    _check_name(name)
    _cosignature_kind(key)


def parse_checkpoint_text(checkpoint: str) -> Checkpoint:
    """Read a checkpoint strictly; verifies nothing. Raises the Malformed family."""
    if len(checkpoint.encode(errors="surrogatepass")) > CHECKPOINT_BYTES_MAX:
        raise TooLarge("checkpoint too long", limit=CHECKPOINT_BYTES_MAX)
    text, blank, lines = checkpoint.partition("\n\n")
    if not blank or not lines.endswith("\n") or not checkpoint.replace("\n", "").isprintable():
        raise BadField("a note is a text, an empty line and signature lines", field="checkpoint")
    head = text.split("\n")
    if len(head) != _TEXT_LINES or not _SIZE.fullmatch(head[1]):
        raise BadField("origin, size and root", field="checkpoint")
    _check_name(head[0])
    root = _base64(head[2])
    size = int(head[1])
    if len(root) != tree.HASH_BYTES or size > tree.SIZE_MAX:
        raise BadField("size or root of a checkpoint", field="checkpoint")
    signatures = lines[:-1].split("\n")
    if len(signatures) > LINES_MAX:
        raise TooLarge("too many signature lines", limit=LINES_MAX)
    return Checkpoint(head[0], size, root, text + "\n", tuple(_signature(line) for line in signatures))


def verify_log_signature(checkpoint: Checkpoint, key: PublicKey) -> None:
    """Return if the log itself signed, by its origin's name.

    A bad line beside a good one vetoes nothing. Raises BadSignature, UnsupportedAlgorithm unless the key is Ed25519.
    """
    if key.algorithm is not Algorithm.ED25519:
        raise UnsupportedAlgorithm("a log signs its text checkpoints with Ed25519")
    for signature in _lines_of(checkpoint, checkpoint.origin, _key_hash(checkpoint.origin, _ED25519, key)):
        if _holds(key, signature, checkpoint.text.encode()):
            return
    raise BadSignature("no signature of the log itself among the lines")


def verify_checkpoint_text(checkpoint: str, keys: Iterable[LogKey]) -> Checkpoint:
    """The head of a text checkpoint that its log signed with one of these keys.

    Raises BadSignature, the KeyProblem and Malformed families.
    """
    found = parse_checkpoint_text(checkpoint)
    for key in keys:
        if _names_log_key(found, key.public):
            verify_log_signature(found, key.public)
            key.check(found.origin, found.size)
            return found
    raise UnknownKey("no line of the checkpoint is by a certified log key")


def _names_log_key(checkpoint: Checkpoint, key: PublicKey) -> bool:
    """Whether a line says that it is by the log itself with this key, good or bad."""
    is_kind = key.algorithm is Algorithm.ED25519
    return is_kind and bool(_lines_of(checkpoint, checkpoint.origin, _key_hash(checkpoint.origin, _ED25519, key)))


def verify_cosignature(checkpoint: Checkpoint, name: str, key: PublicKey) -> int:
    """When the witness of this name co-signed, Unix seconds; of several good lines the latest.

    Raises BadSignature when it did not, UnsupportedAlgorithm for a key that is neither Ed25519 nor ML-DSA-44.
    """
    kind = _cosignature_kind(key)
    times: list[int] = []
    for timed in _lines_of(checkpoint, name, _key_hash(name, kind, key)):
        timestamp_s = int.from_bytes(timed[:TIME_BYTES], "big")
        if timestamp_s <= TIMESTAMP_MAX_S:
            message = _cosigned(checkpoint, name, kind, timestamp_s)
            times += [timestamp_s] if _holds(key, timed[TIME_BYTES:], message) else []
    if not times:
        raise BadSignature("no co-signature of this witness")
    return max(times)


def names_witness(checkpoint: Checkpoint, name: str, key: PublicKey) -> bool:
    """Whether a line says that it is by the witness of this name and key, good or bad.

    Raises UnsupportedAlgorithm as `verify_cosignature` does.
    """
    return bool(_lines_of(checkpoint, name, _key_hash(name, _cosignature_kind(key), key)))


def joined(first: str, second: str) -> str:
    """One checkpoint with the signature lines of both, each once; nothing is verified.

    Raises BadField for two that do not say the same, TooLarge past the bounds of lines and bytes, the Malformed family.
    """
    left, right = parse_checkpoint_text(first), parse_checkpoint_text(second)
    if left.text != right.text:
        raise BadField("co-signatures of another head", field="checkpoint")
    known = set(left.signatures)
    lines = [_line(*line) for line in right.signatures if line not in known]
    if len(left.signatures) + len(lines) > LINES_MAX:
        raise TooLarge("too many signature lines", limit=LINES_MAX)
    both = first + "".join(dict.fromkeys(lines))
    if len(both.encode()) > CHECKPOINT_BYTES_MAX:
        raise TooLarge("checkpoint too long", limit=CHECKPOINT_BYTES_MAX)
    return both


def _lines_of(checkpoint: Checkpoint, name: str, key_hash: bytes) -> list[bytes]:
    return [line.signature for line in checkpoint.signatures if line.name == name and line.key_hash == key_hash]


def _holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except BadSignature:
        return False
    return True


def _cosignature_kind(key: PublicKey) -> int:
    match key.algorithm:
        case Algorithm.ED25519:
            return _COSIGNATURE
        case Algorithm.ML_DSA_44:
            return _ML_DSA_COSIGNATURE
        case _:
            raise UnsupportedAlgorithm("a checkpoint is co-signed with Ed25519 or ML-DSA-44")


def _cosigned(checkpoint: Checkpoint, name: str, kind: int, timestamp_s: int) -> bytes:
    """What a co-signature signs: lines of text, or for ML-DSA a binary form that names the co-signer too."""
    if kind == _COSIGNATURE:
        return f"cosignature/v1\ntime {timestamp_s}\n{checkpoint.text}".encode()
    numbers = (timestamp_s, 0, checkpoint.size)
    time, start, end = (number.to_bytes(8, "big") for number in numbers)
    parts = (_SUBTREE_LABEL, _prefixed(name), time, _prefixed(checkpoint.origin), start, end, checkpoint.root)
    return b"".join(parts)


def _prefixed(name: str) -> bytes:
    return bytes((len(name),)) + name.encode()


def _key_hash(name: str, kind: int, key: PublicKey) -> bytes:
    _check_name(name)
    return sha256(name.encode() + b"\n" + bytes((kind,)) + key.raw).digest()[:_KEY_HASH_BYTES]


def _line(name: str, key_hash: bytes, signature: bytes) -> str:
    return f"{_DASH}{name} {base64.b64encode(key_hash + signature).decode()}\n"


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise BadField("not a signature line", field="checkpoint")
    _check_name(name)
    raw = _base64(encoded)
    if len(raw) <= _KEY_HASH_BYTES:
        raise BadField("a signature line without a signature", field="checkpoint")
    return NoteSignature(name, raw[:_KEY_HASH_BYTES], raw[_KEY_HASH_BYTES:])


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadField("a name in a note is printable, without space or plus", field="name")


def _base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadField("not base64", field="checkpoint") from None
    if base64.b64encode(decoded).decode() != text:
        raise BadField("base64 in another form than its one", field="checkpoint")
    return decoded
