"""Watching a log: that each head begins with the one before, and that what it lists adds up to its root.

Pure: heads, entries and proofs come in, a verdict or an error goes out; who fetches them and where they are kept is the
caller's. A log that forks is caught with both its signatures: two heads that no append-only history joins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from monazite_provenance import tree
from monazite_provenance.checkpoints import (
    Checkpoint,
    cosign,
    parse_checkpoint_text,
    verify_cosignature,
    verify_log_signature,
)
from monazite_provenance.errors import BadSignature, LogForked, LogProblem, NoTrustedReceipt, ProofMismatch
from monazite_provenance.keys import PublicKey, SigningKey
from monazite_provenance.receipts import Head, HeadVerifier
from monazite_provenance.statement import log_leaf


def check_fork(
    earlier_checkpoint: bytes, later_checkpoint: bytes, verifier: HeadVerifier, leaves: Iterable[bytes] = ()
) -> tuple[Head, Head]:
    """Return both heads if the two checkpoints convict the log: two signed roots of one size of one log.

    Heads of two sizes convict it only together with the leaf hashes of all entries under the later one: they add up to
    that, and their beginning does not add up to the earlier. Raises ProvenanceError where the log is not convicted.
    """
    earlier, later = verifier.verify_checkpoint(earlier_checkpoint), verifier.verify_checkpoint(later_checkpoint)
    if earlier.log != later.log:
        raise LogProblem("heads of two logs")
    if earlier.size > later.size:
        raise LogProblem("the later head is the smaller one", size=later.size)
    begun = later.root if earlier.size == later.size else _root_on_the_way(leaves, earlier.size, later)
    if begun == earlier.root:
        raise LogProblem("the two heads do not contradict each other")
    return earlier, later


class Monitor:
    """Follows one log by its checkpoints. `checkpoint` is the last one taken, to be kept between runs."""

    def __init__(self, verifier: HeadVerifier, log: str, checkpoint: bytes | None = None) -> None:
        """Go on from a checkpoint taken before, or begin with the next. Raises ProvenanceError if it is not good."""
        self._verifier = verifier
        self._log = log
        self.checkpoint = checkpoint
        self.head: Head | None = None if checkpoint is None else self._read(checkpoint)

    def take(self, checkpoint: bytes, path: Sequence[bytes] = ()) -> Head:
        """A newer checkpoint, with the consistency path from the size of the last.

        Raises LogForked with the evidence when two heads of one size differ. ProofMismatch for a path that does not
        join them, which is no evidence yet, since the log may have sent a wrong path: `take_entries` finds out.
        LogProblem for another log, or a head older than the last. What raises changes nothing.
        """
        head = self._read(checkpoint)
        if self.head is not None and self.checkpoint is not None:
            _check_follows(self.head, self.checkpoint, head, checkpoint, path)
        self.checkpoint, self.head = checkpoint, head
        return head

    def take_entries(self, checkpoint: bytes, leaves: Iterable[bytes]) -> Head:
        """As `take`, from the leaf hashes of all entries under the newer head instead of a path.

        Raises LogForked with the evidence when they add up to the newer head and their beginning not to the older; then
        anybody who has the entries can check it. ProofMismatch when they do not add up to the newer.
        """
        head = self._read(checkpoint)
        last, last_checkpoint = self.head, self.checkpoint
        if last is not None and last_checkpoint is not None:
            if head.size < last.size:
                raise LogProblem("a head older than the last one seen", size=head.size)
            if _root_on_the_way(leaves, last.size, head) != last.root:
                raise LogForked("two histories, each signed", earlier=last_checkpoint, later=checkpoint, size=last.size)
        else:
            _root_on_the_way(leaves, 0, head)
        self.checkpoint, self.head = checkpoint, head
        return head

    def _read(self, checkpoint: bytes) -> Head:
        head = self._verifier.verify_checkpoint(checkpoint)
        if head.log != self._log:
            raise LogProblem("a checkpoint of another log")
        return head


def _check_follows(last: Head, last_checkpoint: bytes, head: Head, checkpoint: bytes, path: Sequence[bytes]) -> None:
    if head.size < last.size:
        raise LogProblem("a head older than the last one seen", size=head.size)
    if head.size == last.size and head.root != last.root:
        raise LogForked("two roots of one size", earlier=last_checkpoint, later=checkpoint, size=head.size)
    tree.check_consistency(last.size, last.root, head.size, head.root, path)


def _root_on_the_way(leaves: Iterable[bytes], size: int, head: Head) -> bytes:
    """The root after `size` of the entries that add up to `head`. Raises ProofMismatch if they do not."""
    rebuilt = Replay()
    at_size = tree.EMPTY_ROOT
    for leaf in leaves:
        rebuilt.append_leaves((leaf,))
        if rebuilt.frontier.size == size:
            at_size = rebuilt.frontier.root
    rebuilt.check(head)
    return at_size


class Replay:
    """Rebuilds a log from its entries and compares the heads met on the way.

    `frontier` is all that must be kept to go on later: `tree.Frontier(size, hashes)`.
    """

    def __init__(self, frontier: tree.Frontier | None = None) -> None:
        self.frontier = frontier or tree.Frontier()

    def append(self, statements: Iterable[bytes]) -> None:
        """The next entries in order: stored statements, with or without receipts.

        Raises the Malformed family for an entry that is no COSE_Sign1; those before it are taken.
        """
        for raw in statements:
            self.frontier.append(log_leaf(raw))

    def append_leaves(self, leaves: Iterable[bytes]) -> None:
        """The next entries by their leaf hashes, 32 bytes each. Raises ProofMismatch for another length."""
        for leaf in leaves:
            if len(leaf) != tree.HASH_BYTES:
                raise ProofMismatch("a hash has 32 bytes")
            self.frontier.append(leaf)

    def check_begins(self, head: Head, path: Sequence[bytes]) -> None:
        """Return if the log under this head begins with the entries so far; `path` leads from their number to its size.

        Raises ProofMismatch: for a wrong path too, which is no evidence.
        """
        tree.check_consistency(self.frontier.size, self.frontier.root, head.size, head.root, path)

    def check(self, head: Head) -> None:
        """Return if the head is what the entries so far add up to. Raises ProofMismatch."""
        if head.size != self.frontier.size:
            raise ProofMismatch("another number of entries than the head has", entries=self.frontier.size)
        if head.root != self.frontier.root:
            raise ProofMismatch("the entries do not add up to the signed root", size=head.size)


class Witness:
    """Co-signs text checkpoints of logs that it found consistent with all that it co-signed before.

    Never two roots of one size, never a smaller size. What it co-signed last is handed to `persist` **before** it
    signs, as the text to give back in `state` at the next start: a witness that forgets can be made to sign a fork.
    `persist` must have stored it durably when it returns, and see to it that no second process runs this witness.
    """

    def __init__(
        self,
        name: str,
        key: SigningKey,
        logs: Mapping[str, PublicKey | Sequence[PublicKey]],
        state: Mapping[str, str],
        persist: Callable[[str, str], None],
    ) -> None:
        """`name` is the witness's own; `logs` are the logs it watches, key by name, or the keys of one whose key was
        replaced since; `state` the checkpoint text kept of each, none for a log not seen before. `persist(log, text)`
        keeps a newer one.

        Raises ProvenanceError for a state that is not of one of these logs or does not verify.
        """
        self._name, self._key, self._persist = name, key, persist
        self._logs = {log: (keys,) if isinstance(keys, PublicKey) else tuple(keys) for log, keys in logs.items()}
        self._last: dict[str, Checkpoint] = {}
        self._texts: dict[str, str] = dict(state)
        for log, text in state.items():
            kept = self._read(text)
            if kept.origin != log:
                raise LogProblem("kept state of another log")
            self._last[log] = kept

    def size(self, log: str) -> int:
        """How many entries the log had at the last co-signature: the consistency path is to begin there."""
        return self._last[log].size if log in self._last else 0

    def cosign(self, checkpoint: str, path: Sequence[bytes], *, timestamp_s: int) -> str:
        """The checkpoint with this witness's line added; `path` leads from `size` of its log. Unix seconds.

        Raises LogProblem for a log not watched or one that goes back, LogForked for another root of the same size,
        ProofMismatch for a path that does not join, BadSignature when the log's own signature is not there. What
        raises signs nothing.
        """
        found = self._read(checkpoint)
        last = self._last.get(found.origin)
        last_size, last_root = (last.size, last.root) if last else (0, tree.EMPTY_ROOT)
        if found.size < last_size:
            raise LogProblem("a head older than the last one co-signed", size=found.size)
        if found.size == last_size and found.root != last_root:
            kept = self._texts.get(found.origin, "")
            raise LogForked("two roots of one size", earlier=kept.encode(), later=checkpoint.encode(), size=found.size)
        tree.check_consistency(last_size, last_root, found.size, found.root, path)
        self._persist(found.origin, checkpoint)
        self._last[found.origin], self._texts[found.origin] = found, checkpoint
        return cosign(checkpoint, self._name, self._key, timestamp_s=timestamp_s)

    def _read(self, text: str) -> Checkpoint:
        found = parse_checkpoint_text(text)
        keys = self._logs.get(found.origin)
        if not keys:
            raise LogProblem("a log that this witness does not watch")
        if not any(_signed_by(found, key) for key in keys):
            raise BadSignature("no signature of the log itself among the lines")
        return found


def _signed_by(found: Checkpoint, key: PublicKey) -> bool:
    try:
        verify_log_signature(found, key)
    except BadSignature:
        return False
    return True


def check_witnessed(checkpoint: str, witnesses: Mapping[str, PublicKey], threshold: int) -> Mapping[str, int]:
    """When each witness co-signed the text checkpoint, Unix seconds by name, if at least `threshold` of them did.

    A line of a stranger counts for nothing, and a bad line of one witness does not veto the others. The log's own
    signature is not looked at: see `checkpoints.verify_log_signature`. Raises the Malformed family; NoTrustedReceipt
    below the threshold: cannot tell, no refutation.
    """
    found = parse_checkpoint_text(checkpoint)
    seen: dict[str, int] = {}
    for name, key in witnesses.items():
        try:
            seen[name] = verify_cosignature(found, name, key)
        except BadSignature:
            continue
    # One key under two names is one witness.
    if len({witnesses[name].thumbprint for name in seen}) < threshold:
        raise NoTrustedReceipt("fewer witnesses than the threshold", witnesses=len(seen), threshold=threshold)
    return seen
