"""`witness BUNDLE OUT CHECKPOINT...`: a bundle with what witnesses co-signed since. Nothing in it is signed again."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Final

from monazite_provenance import bundle
from monazite_provenance._tool import checkpoint_files, files, screen
from monazite_provenance._tool.leaving import DONE, WrongUse
from monazite_provenance.checkpoints import CHECKPOINT_BYTES_MAX, Checkpoint, parse_checkpoint_text
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.receipts import parse_consistency
from monazite_provenance.witnessing import add_cosignatures

_SIGN1: Final = b"\xd2"
_CONSISTENCY_BYTES_MAX: Final = 8_192
"""Largest receipt of consistency read, bytes; the library refuses a longer one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.description = (
        "Nothing is verified here: `verify` says whether the co-signatures are of heads that the bundle rests on."
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="the bundle, or - for standard input")
    parser.add_argument("out", metavar="OUT", help="the new file, or - for standard output")
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="a co-signed checkpoint, as text (C2SP)")
    parser.add_argument(
        "--consistency",
        action="append",
        default=[],
        metavar="FILE",
        help="a receipt of consistency (COSE) from a head of the bundle to a co-signed one; repeatable",
    )


def run(options: argparse.Namespace) -> int:
    """Write the bundle with the checkpoints in its head, say what they are of."""
    texts = [_text(path) for path in options.checkpoints]
    paths = [_path(path) for path in options.consistency]
    with files.named(options.bundle):
        pieces = list(add_cosignatures(files.chunks(options.bundle), texts, paths))
    files.write(options.out, pieces)
    if options.out == files.STANDARD:
        return DONE
    _sheets, cosigned = bundle.sheets(bundle.read(pieces))
    found = list(_readable(each.checkpoint for each in cosigned))
    unreadable = len(cosigned) - len(found)
    said = [(each.origin, each.size, sorted({line.name for line in each.signatures})) for each in found]
    if options.json:
        rows = [{"log": log, "size": size, "in_name_of": names} for log, size, names in said]
        screen.say_json({"cosigned": rows, "unreadable": unreadable})
    else:
        screen.say(f"{log}  size {size}  signed in the name of {', '.join(names)}" for log, size, names in said)
        screen.say(["cannot be read, and counts for nothing"] * unreadable)
    return DONE


def _readable(texts: Iterable[str]) -> Iterator[Checkpoint]:
    """What the bundle's sender put there need be no checkpoint."""
    for text in texts:
        try:
            yield parse_checkpoint_text(text)
        except ProvenanceError:
            continue


def _text(path: str) -> str:
    """A file's checkpoint. Raises the Malformed family, OSError."""
    with files.named(path):
        raw = files.start_of(path, CHECKPOINT_BYTES_MAX)
        if raw.startswith(_SIGN1):
            raise WrongUse(f"{path} is a checkpoint in COSE: witnesses sign the text (C2SP tlog-checkpoint)")
        return checkpoint_files.text(raw)


def _path(path: str) -> bytes:
    """A file's receipt of consistency. Raises the Malformed and Unsupported families, ProofMismatch, OSError."""
    with files.named(path):
        receipt = files.start_of(path, _CONSISTENCY_BYTES_MAX)
        parse_consistency(receipt)
    return receipt
