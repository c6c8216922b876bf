"""`witness BUNDLE OUT CHECKPOINT...`: a bundle with what witnesses co-signed since. Nothing in it is signed again."""

from __future__ import annotations

import argparse
from typing import Final

from monazite_provenance import bundle
from monazite_provenance._tool import files, screen
from monazite_provenance._tool.leaving import DONE
from monazite_provenance.checkpoints import CHECKPOINT_BYTES_MAX, parse_checkpoint_text
from monazite_provenance.errors import BadField
from monazite_provenance.witnessing import add_cosignatures

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
    paths = [files.start_of(path, _CONSISTENCY_BYTES_MAX) for path in options.consistency]
    with files.named(options.bundle):
        pieces = list(add_cosignatures(files.chunks(options.bundle), texts, paths))
    files.write(options.out, pieces)
    if options.out == files.STANDARD:
        return DONE
    found = [parse_checkpoint_text(each.checkpoint) for each in bundle.read(pieces).cosigned]
    said = [(each.origin, each.size, sorted({line.name for line in each.signatures})) for each in found]
    if options.json:
        screen.say_json({"cosigned": [{"log": log, "size": size, "in_name_of": names} for log, size, names in said]})
    else:
        screen.say(f"{log}  size {size}  signed in the name of {', '.join(names)}" for log, size, names in said)
    return DONE


def _text(path: str) -> str:
    """A file's text. Raises BadField for what is none, OSError."""
    try:
        return files.start_of(path, CHECKPOINT_BYTES_MAX).decode()
    except UnicodeDecodeError:
        raise BadField("a checkpoint is text in UTF-8", file=path, field="checkpoint") from None
