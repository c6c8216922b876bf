"""Witnesses in a bundle: which of those that a trust file names co-signed the heads that the bundle rests on.

A log that shows two histories to two people has to have each of them co-signed, or be seen without: a witness signs no
head that the last one it signed does not lead to. A co-signature is of one head; a consistency path carries it to the
smaller heads of its log. Nothing here vetoes: what cannot be read or believed counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from monazite_provenance import bundle, tree
from monazite_provenance._registration import Heads
from monazite_provenance.bundle import Cosigned, Joint, Listing
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
from monazite_provenance.receipts import Head, UnverifiedHead, parse_checkpoint, parse_consistency, parse_multi_receipt
from monazite_provenance.report import Gap, WitnessedHead

__all__ = ["add_cosignatures", "judge", "nth_largest", "renewed"]

_FEWER: Final = "fewer witnesses co-signed a head that this rests on than the trust file demands"
_BAD: Final = "a co-signature by the name and key of a witness that this witness did not make"


def add_cosignatures(
    chunks: Iterable[bytes], checkpoints: Iterable[str], consistencies: Iterable[bytes] = ()
) -> Iterator[bytes]:
    """The bundle with co-signed text checkpoints in its head, of several pages in that of the last; its items stay byte
    for byte. Nothing is verified.

    What stands there already, be it wrong or no checkpoint at all, is neither taken away nor in the way.

    `consistencies`: receipts of consistency (COSE) that lead from heads of the bundle to co-signed ones. Raises the
    Malformed and Unsupported families (TooLarge where the head has no room), ProofMismatch; BadField for a path that
    leads to no co-signed checkpoint.
    """
    opened = bundle.read(chunks)
    sheets, cosigned = bundle.sheets(opened)
    known = list(cosigned)
    for checkpoint in checkpoints:
        text = parse_checkpoint_text(checkpoint).text
        of_one = [each for each, found in _readable(known) if found.text == text]
        for each in of_one or [Cosigned(checkpoint)]:
            # With the paths of each: nothing here says which of two that differ is the right one.
            _add(known, Cosigned(checkpoint, each.joints))
    for receipt in consistencies:
        _join(known, receipt)
    return bundle.write_pages(opened.target, sheets, known)


def renewed(
    cosigned: Sequence[Cosigned],
    listings: Iterable[Listing],
    before: Head | UnverifiedHead | None,
    more: Iterable[Cosigned],
) -> tuple[Cosigned, ...]:
    """What a bundle is to carry whose status is replaced: beside the `cosigned` that it carries, `more`, of the
    newer status's head, and without what only the head of the status `before` rested on.

    `listings` are the bundle's. Nothing is verified. Raises the Malformed family for a receipt that cannot be read.
    """
    known = list(cosigned)
    if before is not None:
        heads = [parse_multi_receipt(each.receipt).head for each in listings]
        staying = {head.size for head in heads if head.log == before.log}
        for each, found in _readable(cosigned):
            covered = {found.size, *(joint.size for joint in each.joints)}
            if found.origin == before.log and before.size in covered and not covered & staying:
                known.remove(each)
    for each in more:
        _add(known, each)
    return tuple(known)


def _readable(known: Iterable[Cosigned]) -> Iterator[tuple[Cosigned, Checkpoint]]:
    for each in known:
        try:
            yield each, parse_checkpoint_text(each.checkpoint)
        except ProvenanceError:
            continue


def _add(known: list[Cosigned], more: Cosigned) -> None:
    """Into the first entry that it goes with, else as one more: what another put there takes nothing away."""
    for place, before in enumerate(known):
        both = _both(before, more)
        if both is not None:
            known[place] = both
            return
    known.append(more)


def _both(before: Cosigned, more: Cosigned) -> Cosigned | None:
    """One entry for both; None of two texts, of two paths from one size, and where that is too many lines or paths."""
    joints = {joint.size: joint for joint in before.joints}
    if any(joints.setdefault(joint.size, joint) != joint for joint in more.joints) or len(joints) > bundle.JOINTS_MAX:
        return None
    try:
        checkpoint = joined(before.checkpoint, more.checkpoint)
    except ProvenanceError:
        return None
    return Cosigned(checkpoint, tuple(joints[size] for size in sorted(joints)))


def _join(known: list[Cosigned], receipt: bytes) -> None:
    found = parse_consistency(receipt)
    log, size = found.head.log, found.head.size
    led_to = [each for each, text in _readable(known) if (text.origin, text.size) == (log, size)]
    if not led_to:
        message = "a consistency path to no co-signed checkpoint of the bundle"
        raise BadField(message, field="consistency", log=log, size=size)
    for each in led_to:
        _add(known, Cosigned(each.checkpoint, (Joint(found.old_size, found.path),)))


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
    for each, found in _readable(cosigned):
        _check_fork(found, each, heads, keys)
        texts.append(_Text(found, each.joints, witnesses))
    if not threshold:
        return (), ()
    seen = [_witnessed(head, texts) for head in wanted]
    reach = partial(_reach, texts, witnesses, threshold)
    return tuple(seen), tuple(gap for each in seen for gap in _gaps(each, witnesses, threshold, reach))


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


def _reach(texts: Sequence[_Text], witnesses: Mapping[str, PublicKey], threshold: int, log: str) -> int:
    """The largest size of a log up to which as many witnesses have come as are demanded, each by its own word.

    That their checkpoints are of one history nothing here shows: where heads of it are wanted, paths do.
    """
    largest: dict[bytes, int] = {}
    for text in texts:
        if text.found.origin == log:
            for name, when in text.by.items():
                thumbprint = witnesses[name].thumbprint
                if when is not None:
                    largest[thumbprint] = max(text.found.size, largest.get(thumbprint, 0))
    return nth_largest(largest.values(), threshold)


def nth_largest(sizes: Iterable[int], number: int) -> int:
    """The size that this number of the sizes reach, at least 1; 0 where they are fewer."""
    ordered = sorted(sizes, reverse=True)
    return ordered[number - 1] if number <= len(ordered) else 0


def _gaps(
    seen: WitnessedHead, witnesses: Mapping[str, PublicKey], threshold: int, reach: Callable[[str], int]
) -> Iterator[Gap]:
    # One key under two names is one witness.
    count = len({witnesses[name].thumbprint for name in seen.by})
    if count >= threshold:
        return
    about = {"log": seen.head.log, "size": str(seen.head.size)}
    numbers = {"witnesses": str(count), "threshold": str(threshold), "witnessed_size": str(reach(seen.head.log))}
    yield Gap("NOT_WITNESSED", _FEWER, None, {**about, **numbers})
    if seen.bad:
        yield Gap("BAD_COSIGNATURE", _BAD, None, {**about, "witnesses": ", ".join(seen.bad)})
