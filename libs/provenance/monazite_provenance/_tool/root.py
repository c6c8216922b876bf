"""`root ENTRIES`: the root of a log from its entries, and whether signed heads of that log say the same.

The entries are a CBOR sequence of statements, in the order of their indexes, with or without receipts. Two signed heads
that no list of entries can both be under convict the log; the two checkpoint files and the entries are the evidence.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from monazite_provenance import tree
from monazite_provenance._sequence import Bounds, cut
from monazite_provenance._tool import checkpoint_files, files, screen, trusted, words
from monazite_provenance._tool.heads import CANNOT_TELL, FEWER, REFUTED, Signed, judged
from monazite_provenance._tool.leaving import DONE, VERDICT_CODES, WrongUse
from monazite_provenance._tool.screen import Json
from monazite_provenance.errors import BadField, BadSignature, KeyProblem, LogForked, LogProblem, ProvenanceError
from monazite_provenance.monitor import Replay
from monazite_provenance.statement import STATEMENT_BYTES_MAX

_SIGN1: Final = 18
# How a statement begins: with that tag.
_TAGGED: Final = b"\xd2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("entries", metavar="ENTRIES", help="the statements of a log; - for standard input")
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="FILE",
        help="a signed head to compare with, in COSE or as text (C2SP tlog-checkpoint); repeatable",
    )
    parser.add_argument("--trust", metavar="FILE", help="the trust file that certifies the log's keys")


def run(options: argparse.Namespace) -> int:
    """Rebuild and compare; without a checkpoint there is no verdict."""
    if options.checkpoint and options.trust is None:
        raise WrongUse("a checkpoint is verified by a trust file: give --trust too")
    try:
        heads = _verified(options.checkpoint, options.trust) if options.checkpoint else []
    except (BadSignature, KeyProblem) as error:
        verdict = REFUTED if isinstance(error, BadSignature) else CANNOT_TELL
        return _leave(options, None, [], verdict, error)
    log = _rebuilt(options.entries, heads)
    if not heads:
        return _leave(options, log, heads, None, None)
    return _leave(options, log, heads, *judged(log.size, heads))


def _verified(paths: Sequence[str], trust_file: str) -> list[Signed]:
    """The heads, by size. Raises ProvenanceError, also for heads of two logs."""
    keys = trusted.load(trust_file).keyring()
    heads = [Signed(checkpoint_files.load(path, keys)) for path in paths]
    logs = sorted({each.head.log for each in heads})
    if len(logs) > 1:
        raise LogProblem("checkpoints of several logs", logs=", ".join(logs))
    return sorted(heads, key=lambda each: each.head.size)


def _rebuilt(entries: str, heads: Iterable[Signed]) -> tree.Frontier:
    """Add up all entries, and note the root at the size of every head."""
    replay = Replay()
    waiting: dict[int, list[Signed]] = {}
    for each in heads:
        waiting.setdefault(each.head.size, []).append(each)
    _note(replay, waiting)
    with files.named(entries):
        for statement in _statements(entries):
            replay.append((statement,))
            _note(replay, waiting)
    return replay.frontier


def _note(replay: Replay, waiting: dict[int, list[Signed]]) -> None:
    for each in waiting.pop(replay.frontier.size, ()):
        each.rebuilt = replay.frontier.root


def _statements(entries: str) -> Iterator[bytes]:
    bound = STATEMENT_BYTES_MAX
    total = bound * tree.SIZE_MAX
    pieces = files.chunks(entries)
    first = next(pieces, b"")
    if first and not first.startswith(_TAGGED):
        raise BadField("not the entries of a log: another kind of file", field="entries")
    return cut(chain((first,), pieces), Bounds(bound, total), tag=_SIGN1)


def _leave(
    options: argparse.Namespace,
    log: tree.Frontier | None,
    heads: Sequence[Signed],
    verdict: str | None,
    failure: ProvenanceError | None,
) -> int:
    if options.json:
        screen.say_json(_json(log, heads, verdict, failure))
    else:
        screen.say(_lines(log, heads, verdict, failure))
    return DONE if verdict is None else VERDICT_CODES[verdict]


def _lines(
    log: tree.Frontier | None, heads: Sequence[Signed], verdict: str | None, failure: ProvenanceError | None
) -> Iterator[str]:
    if verdict is not None:
        yield "  ".join([verdict, *sorted({each.head.log for each in heads})])
    if failure is not None:
        details = "".join(f", {name} {value}" for name, value in failure.details.items())
        yield f"  {failure.code}: {failure.message}{details}"
    if log is not None:
        yield f"size {log.size}"
        yield f"root {log.root.hex()}"
    for each in heads:
        head = each.head
        says = "agrees" if each.agrees else FEWER if each.rebuilt is None else "DISAGREES"
        when = "undated" if head.signed_at is None else words.moment(head.signed_at)
        yield f"{head.file}  {head.log}  size {head.size}  {when}  {says}"
        yield f"  root {head.root.hex()}"
    if log is not None and heads and log.size > heads[-1].head.size:
        yield f"not checked: {log.size - heads[-1].head.size} entries are under no head"


def _json(
    log: tree.Frontier | None, heads: Sequence[Signed], verdict: str | None, failure: ProvenanceError | None
) -> dict[str, Json]:
    said: dict[str, Json] = {
        "verdict": verdict,
        "size": None if log is None else log.size,
        "root": None if log is None else log.root.hex(),
        "failure": None
        if failure is None
        else {
            "code": failure.code,
            "message": failure.message,
            "metadata": {name: str(value) for name, value in failure.details.items()},
        },
        "heads": [
            {
                "file": each.head.file,
                "log": each.head.log,
                "size": each.head.size,
                "root": each.head.root.hex(),
                "signed_at": each.head.signed_at,
                "agrees": None if each.rebuilt is None else each.agrees,
            }
            for each in heads
        ],
    }
    if isinstance(failure, LogForked):
        said["evidence"] = {"earlier": failure.earlier.hex(), "later": failure.later.hex()}
    return said
