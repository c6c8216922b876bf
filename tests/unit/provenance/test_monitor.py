"""Watching logs: forks are caught with evidence, a witness never signs two roots of one size and never goes back."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import tree
from monazite_provenance._cose import EMPTY_MAP, decode_sign1
from monazite_provenance.checkpoints import cosign, parse_checkpoint_text, sign_checkpoint, verify_cosignature
from monazite_provenance.errors import (
    BadField,
    BadSignature,
    LogForked,
    LogProblem,
    Malformed,
    NoTrustedReceipt,
    ProofMismatch,
    ProvenanceError,
)
from monazite_provenance.keys import PublicKey, SoftwareKey
from monazite_provenance.monitor import Monitor, Replay, Witness, check_fork, check_witnessed
from monazite_provenance.names import log_urn
from monazite_provenance.places import LogSpan
from monazite_provenance.receipts import Head, HeadVerifier, sign_head
from monazite_provenance.statement import log_leaf

from tests.unit.provenance.examples import an_item
from tests.unit.provenance.logs import KEY, LOG, NOW_S, RING, SERVICE, Log, LogRing, entries, log_key

VERIFIER = HeadVerifier(RING)
SHARD_1_KEY = SoftwareKey.generate()


def test_a_log_that_grows() -> None:
    log = Log()
    monitor = Monitor(VERIFIER, LOG)
    size = 0
    for more in (0, 1, 4, 0, 27, 100):
        log.append(entries(size + more)[size:])
        head = log.head()
        assert monitor.take(head.checkpoint(), log.consistency(size, size + more)) == head.head
        size += more
    # Another process goes on from what was kept.
    again = Monitor(VERIFIER, LOG, monitor.checkpoint)
    assert again.head == monitor.head
    log.append(["one more"])
    assert again.take(log.head().checkpoint(), log.consistency(size, size + 1)).size == size + 1


def grown(first: int = 40, second: int = 100) -> tuple[Log, Monitor]:
    """A log of `second` entries, and a monitor that has seen `first`."""
    log = Log(entries(first))
    monitor = Monitor(VERIFIER, LOG)
    monitor.take(log.head().checkpoint())
    log.append(entries(second)[first:])
    return log, monitor


def test_two_roots_of_one_size_are_evidence() -> None:
    _, monitor = grown()
    kept, last = monitor.checkpoint, monitor.head
    assert kept is not None
    fork = Log([*entries(39), "other"])
    with pytest.raises(LogForked) as caught:
        monitor.take(fork.head().checkpoint())
    found = caught.value
    assert (found.earlier, found.later) == (kept, fork.head().checkpoint())
    assert caught.value.code == "LOG_FORKED"
    # Anybody can check it, and nothing has changed.
    first, second = check_fork(found.earlier, found.later, HeadVerifier(RING))
    assert (first.size, second.size) == (40, 40)
    assert (monitor.checkpoint, monitor.head) == (kept, last)
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - ours
    assert (again.earlier, again.later, again.details) == (found.earlier, found.later, {"size": 40})


def test_a_fork_of_another_size_is_evidence_with_its_entries() -> None:
    _, monitor = grown()
    fork = Log([*entries(30), *entries(40, "other")])
    checkpoint = fork.head().checkpoint()
    with pytest.raises(ProofMismatch):
        monitor.take(checkpoint, fork.consistency(40, 70))
    with pytest.raises(LogForked) as caught:
        monitor.take_entries(checkpoint, fork.leaves)
    earlier, later = caught.value.earlier, caught.value.later
    assert check_fork(earlier, later, VERIFIER, fork.leaves)[1].size == 70
    for leaves in (fork.leaves[:-1], [*fork.leaves, bytes(32)], Log(entries(70)).leaves, ()):
        with pytest.raises(ProofMismatch):
            check_fork(earlier, later, VERIFIER, leaves)


def test_what_is_no_evidence() -> None:
    log, _ = grown()
    early, late = Log(entries(40)).head().checkpoint(), log.head().checkpoint()
    shard_1 = Log(entries(40), name=log_urn("registry", 1), key=SHARD_1_KEY).head().checkpoint()
    verifier = HeadVerifier(LogRing(log_key(), log_key(SHARD_1_KEY, log=log_urn("registry", 1))))
    for second, leaves in ((early, ()), (late, log.leaves), (shard_1, ())):
        with pytest.raises(LogProblem):
            check_fork(early, second, verifier, leaves)
    # The larger head first, with the entries of the smaller, which has no beginning of that size: nothing is forked.
    for second, leaves in ((early, log.leaves[:40]), (Log().head().checkpoint(), ())):
        with pytest.raises(LogProblem):
            check_fork(late, second, VERIFIER, leaves)
    strangers = SoftwareKey.generate()
    forged = Log([*entries(39), "other"], key=strangers).head().checkpoint()
    with pytest.raises(ProvenanceError):
        check_fork(early, forged, VERIFIER)


def test_entries_instead_of_a_path() -> None:
    log, monitor = grown()
    assert monitor.take_entries(log.head().checkpoint(), log.leaves).size == 100
    with pytest.raises(ProofMismatch):
        Monitor(VERIFIER, LOG).take_entries(log.head().checkpoint(), log.leaves[1:])
    assert Monitor(VERIFIER, LOG).take_entries(log.head().checkpoint(), log.leaves).size == 100
    with pytest.raises(LogProblem):
        monitor.take_entries(Log(entries(40)).head().checkpoint(), log.leaves[:40])


def test_what_a_monitor_refuses() -> None:
    log, monitor = grown()
    checkpoint, path = log.head().checkpoint(), log.consistency(40, 100)
    for bad in ([], path[:-1], [*path, bytes(32)], log.consistency(41, 100)):
        with pytest.raises(ProofMismatch):
            monitor.take(checkpoint, bad)
    monitor.take(checkpoint, path)
    with pytest.raises(LogProblem, match="older"):
        monitor.take(Log(entries(40)).head().checkpoint())
    other = Log(entries(200), name=log_urn("registry", 1), key=SHARD_1_KEY)
    ring = LogRing(log_key(), log_key(SHARD_1_KEY, log=other.name))
    with pytest.raises(LogProblem, match="another log"):
        Monitor(HeadVerifier(ring), LOG).take(other.head().checkpoint())
    with pytest.raises(ProvenanceError):
        Monitor(VERIFIER, LOG, b"")
    # A log under a key that had ended by then.
    ended = HeadVerifier(LogRing(log_key(span=LogSpan(0, 40))))
    watching = Monitor(ended, LOG, Log(entries(40)).head().checkpoint())
    with pytest.raises(ProvenanceError) as caught:
        watching.take(checkpoint, path)
    assert caught.value.code == "KEY_RETIRED"


# Replay.


def test_a_root_is_rebuilt_from_statements() -> None:
    statements = [an_item().statement for _ in range(7)]
    replay = Replay()
    replay.append(statements)
    root = tree.root([log_leaf(raw) for raw in statements])
    replay.check(Head(LOG, 7, root, SERVICE, NOW_S))
    for head in (Head(LOG, 8, root, SERVICE, NOW_S), Head(LOG, 7, bytes(32), SERVICE, NOW_S)):
        with pytest.raises(ProofMismatch):
            replay.check(head)
    # With receipts put in later, where the empty map behind the protected header is, it is the same entry.
    raw = statements[0]
    header = decode_sign1(raw).protected
    at = raw.index(header) + len(header)
    assert raw[at : at + 1] == EMPTY_MAP
    assert log_leaf(raw[:at] + b"\xa1\x19\x01\x8a\x81\x41r" + raw[at + 1 :]) == log_leaf(raw)
    with pytest.raises(Malformed):
        replay.append([b"no statement"])
    with pytest.raises(ProofMismatch):
        replay.append_leaves([b"no hash"])
    assert replay.frontier.size == 7


@settings(max_examples=20)
@given(st.integers(0, 60), st.integers(0, 60))
def test_a_replay_goes_on(first: int, second: int) -> None:
    log = Log(entries(first + second))
    replay = Replay()
    replay.append_leaves(log.leaves[:first])
    again = Replay(tree.Frontier(first, replay.frontier.hashes))
    again.append_leaves(log.leaves[first:])
    again.check(log.head().head)
    assert again.frontier.size == first + second


@given(st.integers(0, 20), st.integers(1, 20))
def test_the_beginning_of_a_longer_log(first: int, more: int) -> None:
    log = Log(entries(first + more))
    replay = Replay()
    replay.append_leaves(log.leaves[:first])
    head, path = log.head().head, log.consistency(first, first + more)
    replay.check_begins(head, path)
    if first:
        other = Replay()
        other.append_leaves([bytes(32), *log.leaves[1:first]])
        with pytest.raises(ProofMismatch):
            other.check_begins(head, path)


# Witnesses.

NAMES = ("w.example/1", "w.example/2", "w.example/3")
WITNESS_KEYS = {name: SoftwareKey.generate() for name in NAMES}
LOG_KEYS = {LOG: KEY.public}


def text_of(log: Log) -> str:
    """The log's head as signed text."""
    head = log.head().head
    return sign_checkpoint(head.log, head.size, head.root, log.key)


class Shelf:
    """Keeps what a witness gives, and in which order things happened."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.full = False

    def put(self, log: str, text: str) -> None:
        """Keep, unless the disk is full."""
        if self.full:
            raise OSError("no space left")
        self.kept[log] = text

    def witness(self, name: str = NAMES[0]) -> Witness:
        """A witness that starts from what is kept."""
        return Witness(name, WITNESS_KEYS[name], LOG_KEYS, self.kept, self.put)


def test_a_witness_follows_a_log() -> None:
    shelf, log = Shelf(), Log()
    size = 0
    for more in (3, 0, 50, 11):
        witness = shelf.witness()
        assert witness.size(LOG) == size
        log.append(entries(size + more)[size:])
        signed = witness.cosign(text_of(log), log.consistency(size, size + more), timestamp_s=NOW_S + size)
        found = parse_checkpoint_text(signed)
        assert verify_cosignature(found, NAMES[0], WITNESS_KEYS[NAMES[0]].public) == NOW_S + size
        size += more
        assert parse_checkpoint_text(shelf.kept[LOG]).size == size


def test_a_witness_never_signs_two_roots_of_one_size_and_never_goes_back() -> None:
    shelf, log = Shelf(), Log(entries(40))
    shelf.witness().cosign(text_of(log), (), timestamp_s=NOW_S)
    fork = Log([*entries(39), "other"])
    kept = dict(shelf.kept)
    for _ in range(2):
        # The same one, and one that starts anew from what was kept.
        witness = shelf.witness()
        with pytest.raises(LogForked) as caught:
            witness.cosign(text_of(fork), (), timestamp_s=NOW_S)
        assert (caught.value.earlier, caught.value.later) == (kept[LOG].encode(), text_of(fork).encode())
        with pytest.raises(LogProblem, match="older"):
            witness.cosign(text_of(Log(entries(39))), (), timestamp_s=NOW_S)
        longer = Log([*entries(39), "other", "more"])
        with pytest.raises(ProofMismatch):
            witness.cosign(text_of(longer), longer.consistency(40, 41), timestamp_s=NOW_S)
        with pytest.raises(ProofMismatch):
            witness.cosign(text_of(longer), (), timestamp_s=NOW_S)
        assert shelf.kept == kept
    assert shelf.witness().cosign(text_of(log), (), timestamp_s=NOW_S).count("\n") == 6


def test_a_witness_that_cannot_keep_does_not_sign() -> None:
    shelf = Shelf()
    witness = shelf.witness()
    shelf.full = True
    with pytest.raises(OSError, match="space"):
        witness.cosign(text_of(Log(entries(40))), (), timestamp_s=NOW_S)
    assert witness.size(LOG) == 0


def test_a_witness_takes_only_what_its_log_signed() -> None:
    shelf, log = Shelf(), Log(entries(5))
    witness = shelf.witness()
    strange = sign_checkpoint(LOG, 5, bytes(32), SoftwareKey.generate())
    with pytest.raises(BadSignature):
        witness.cosign(strange, (), timestamp_s=NOW_S)
    with pytest.raises(LogProblem):
        witness.cosign(sign_checkpoint(log_urn("quota"), 5, bytes(32), KEY), (), timestamp_s=NOW_S)
    with pytest.raises(BadField):
        witness.cosign("", (), timestamp_s=NOW_S)
    assert shelf.kept == {}
    for state in ({LOG: strange}, {LOG: ""}, {log_urn("quota"): text_of(log)}):
        with pytest.raises(ProvenanceError):
            Witness(NAMES[0], WITNESS_KEYS[NAMES[0]], LOG_KEYS, state, shelf.put)


def witnessed(*names: str) -> str:
    """A checkpoint with these witnesses' lines."""
    text = text_of(Log(entries(9)))
    for at, name in enumerate(names):
        text = cosign(text, name, WITNESS_KEYS[name], timestamp_s=NOW_S + at)
    return text


PUBLIC: dict[str, PublicKey] = {name: key.public for name, key in WITNESS_KEYS.items()}


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("threshold", range(5))
def test_k_of_n_witnesses(count: int, threshold: int) -> None:
    text = witnessed(*NAMES[:count])
    if count >= threshold:
        assert check_witnessed(text, PUBLIC, threshold) == {name: NOW_S + at for at, name in enumerate(NAMES[:count])}
    else:
        with pytest.raises(NoTrustedReceipt):
            check_witnessed(text, PUBLIC, threshold)


def test_who_counts_as_a_witness() -> None:
    text = witnessed(NAMES[0], NAMES[1])
    # A stranger's line, one witness twice, one key under two names.
    with pytest.raises(NoTrustedReceipt):
        check_witnessed(text, {NAMES[0]: PUBLIC[NAMES[0]]}, 2)
    with pytest.raises(NoTrustedReceipt):
        check_witnessed(witnessed(NAMES[0], NAMES[0]), PUBLIC, 2)
    aliased = cosign(witnessed(NAMES[0]), "alias", WITNESS_KEYS[NAMES[0]], timestamp_s=NOW_S)
    with pytest.raises(NoTrustedReceipt):
        check_witnessed(aliased, {**PUBLIC, "alias": PUBLIC[NAMES[0]]}, 2)
    # A bad line beside good ones.
    spoiled = text + "— w.example/3 " + text.splitlines()[-1].split()[-1] + "\n"
    assert set(check_witnessed(spoiled, PUBLIC, 2)) == set(NAMES[:2])
    with pytest.raises(BadField):
        check_witnessed("", PUBLIC, 0)


def test_a_root_that_another_key_signed_is_nothing_to_a_monitor() -> None:
    head = sign_head(Head(LOG, 5, bytes(32), SERVICE, NOW_S), SoftwareKey.generate())
    with pytest.raises(ProvenanceError):
        Monitor(VERIFIER, LOG).take(head.checkpoint())


def test_a_log_whose_key_was_replaced_goes_on_before_its_witness() -> None:
    shelf, newer = Shelf(), SoftwareKey.generate()
    log = Log(entries(3))
    shelf.witness().cosign(text_of(log), (), timestamp_s=NOW_S)
    log.append(entries(5)[3:])
    root = log.head().head.root
    text, path = sign_checkpoint(LOG, 5, root, newer), log.consistency(3, 5)
    with pytest.raises(BadSignature):
        shelf.witness().cosign(text, path, timestamp_s=NOW_S)
    both = Witness(NAMES[0], WITNESS_KEYS[NAMES[0]], {LOG: (KEY.public, newer.public)}, shelf.kept, shelf.put)
    assert both.cosign(text, path, timestamp_s=NOW_S).startswith(text)
    assert shelf.kept == {LOG: text}
