"""Witnesses in a bundle: which of those that a trust file names co-signed the heads that the bundle rests on.

A log that shows two histories to two people has to have each of them co-signed, or be seen without: a witness signs no
head that the last one it signed does not lead to. A co-signature is of one head; a consistency path carries it to the
smaller heads of its log. Nothing here vetoes: what cannot be read or believed counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from monazite_provenance import bundle, tree
from monazite_provenance._frozen import replace
from monazite_provenance._registration import Heads
from monazite_provenance.bundle import Cosigned, Joint
from monazite_provenance.checkpoints import (
    Checkpoint,
    joined,
    names_witness,
    parse_checkpoint_text,
    verify_cosignature,
    verify_log_signature,
)
from monazite_provenance.errors import BadField, BadSignature, LogForked, ProofMismatch, ProvenanceError
from monazite_provenance.keys import PublicKey
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.receipts import Head, parse_checkpoint, parse_consistency
from monazite_provenance.report import Gap, WitnessedHead

__all__ = ["add_cosignatures", "judge"]

_FEWER: Final = "fewer witnesses co-signed a head that this rests on than the trust file demands"
_BAD: Final = "a co-signature by the name and key of a witness that this witness did not make"


def add_cosignatures(
    chunks: Iterable[bytes], checkpoints: Iterable[str], consistencies: Iterable[bytes] = ()
) -> Iterator[bytes]:
    """The bundle with co-signed text checkpoints in its head; its items stay byte for byte. Nothing is verified.

    `consistencies`: receipts of consistency (COSE) that lead from heads of the bundle to co-signed ones. Raises the
    Malformed and Unsupported families, ProofMismatch; BadField for a path that leads to no co-signed checkpoint.
    """
    opened = bundle.read(chunks)
    known: dict[str, Cosigned] = {}
    for each in opened.cosigned:
        _add(known, each)
    for checkpoint in checkpoints:
        _add(known, Cosigned(checkpoint))
    for receipt in consistencies:
        _join(known, receipt)
    return bundle.write(opened.target, opened.pieces, opened.listings, tuple(known.values()))


def _add(known: dict[str, Cosigned], more: Cosigned) -> None:
    text = parse_checkpoint_text(more.checkpoint).text
    before = known.get(text)
    if before is None:
        known[text] = more
        return
    joints = {joint.size: joint for joint in (*more.joints, *before.joints)}
    known[text] = Cosigned(joined(before.checkpoint, more.checkpoint), _ascending(joints))


def _join(known: dict[str, Cosigned], receipt: bytes) -> None:
    found = parse_consistency(receipt)
    led_to = (found.head.log, found.head.size)
    of = {text: _parsed(each) for text, each in known.items()}
    texts = [text for text, checkpoint in of.items() if (checkpoint.origin, checkpoint.size) == led_to]
    if not texts:
        raise BadField("a consistency path to no co-signed checkpoint of the bundle", field="consistency")
    for text in texts:
        joints = {joint.size: joint for joint in known[text].joints}
        joints[found.old_size] = Joint(found.old_size, found.path)
        known[text] = replace(known[text], joints=_ascending(joints))


def _ascending(joints: Mapping[int, Joint]) -> tuple[Joint, ...]:
    return tuple(joints[size] for size in sorted(joints))


def _parsed(cosigned: Cosigned) -> Checkpoint:
    return parse_checkpoint_text(cosigned.checkpoint)


def judge(
    cosigned: Sequence[Cosigned],
    witnesses: Mapping[str, PublicKey],
    threshold: int,
    *,
    wanted: Iterable[Head],
    heads: Heads,
    keys: LogKeyRing,
) -> tuple[tuple[WitnessedHead, ...], tuple[Gap, ...]]:
    """Who co-signed each of the heads `wanted`, and the gaps where those are fewer than `threshold` distinct keys.

    `heads`: all verified heads of the bundle. Raises LogForked for a checkpoint that the key of one of them signed too,
    over another root of that size.
    """
    texts: list[_Text] = []
    for each in cosigned:
        try:
            found = _parsed(each)
        except ProvenanceError:
            continue
        _check_fork(found, each, heads, keys)
        texts.append(_Text(found, each.joints, witnesses))
    if not threshold:
        return (), ()
    seen = [_witnessed(head, texts) for head in wanted]
    return tuple(seen), tuple(gap for each in seen for gap in _gaps(each, witnesses, threshold))


def _check_fork(found: Checkpoint, cosigned: Cosigned, heads: Heads, keys: LogKeyRing) -> None:
    """A head that contradicts a verified one convicts the log if its own signature is there; else it is only a text."""
    known = heads.signed(found.origin, found.size)
    if known is None or known[0].root == found.root:
        return
    key = keys.find_log_key(parse_checkpoint(known[1]).head.kid)
    try:
        assert key is not None  # noqa: S101 - it verified that head
        verify_log_signature(found, key.public)
    except ProvenanceError:
        return
    text = cosigned.checkpoint.encode()
    raise LogForked("two roots of one log and size", earlier=known[1], later=text, size=found.size)


class _Text:
    """A readable checkpoint. Its lines are verified when it first covers a head, and not again for the next."""

    __slots__ = ("_by", "_witnesses", "found", "joints")

    def __init__(self, found: Checkpoint, joints: Sequence[Joint], witnesses: Mapping[str, PublicKey]) -> None:
        self.found = found
        self.joints = joints
        self._witnesses = witnesses
        self._by: dict[str, int | None] | None = None

    @property
    def by(self) -> Mapping[str, int | None]:
        """When each witness signed; None for one in whose name it was signed only falsely."""
        if self._by is None:
            self._by = {}
            for name, key in self._witnesses.items():
                try:
                    self._by[name] = verify_cosignature(self.found, name, key)
                except BadSignature:
                    if names_witness(self.found, name, key):
                        self._by[name] = None
        return self._by


def _witnessed(head: Head, texts: Sequence[_Text]) -> WitnessedHead:
    by: dict[str, int] = {}
    bad: set[str] = set()
    for text in texts:
        if not _covers(text.found, text.joints, head):
            continue
        for name, when in text.by.items():
            if when is None:
                bad.add(name)
            else:
                by[name] = max(when, by.get(name, 0))
    return WitnessedHead(head, by, tuple(sorted(bad - by.keys())))


def _covers(found: Checkpoint, joints: Sequence[Joint], head: Head) -> bool:
    """Whether a checkpoint is of this head, or of one that goes on from it."""
    if found.origin != head.log or found.size < head.size:
        return False
    if found.size == head.size:
        return found.root == head.root
    path = next((joint.path for joint in joints if joint.size == head.size), None)
    try:
        tree.check_consistency(head.size, head.root, found.size, found.root, path or ())
    except ProofMismatch:
        return False
    return True


def _gaps(seen: WitnessedHead, witnesses: Mapping[str, PublicKey], threshold: int) -> Iterator[Gap]:
    # One key under two names is one witness.
    count = len({witnesses[name].thumbprint for name in seen.by})
    if count >= threshold:
        return
    about = {"log": seen.head.log, "size": str(seen.head.size)}
    yield Gap("NOT_WITNESSED", _FEWER, None, {**about, "witnesses": str(count), "threshold": str(threshold)})
    if seen.bad:
        yield Gap("BAD_COSIGNATURE", _BAD, None, {**about, "witnesses": ", ".join(seen.bad)})
