"""`redact BUNDLE OUT`: a bundle for a reader who need not see everything. No statement goes, only what it discloses."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from monazite_provenance import bundle
from monazite_provenance._tool import files, screen
from monazite_provenance._tool.leaving import DONE
from monazite_provenance.errors import BadField
from monazite_provenance.item import Item
from monazite_provenance.redaction import Omission, omit, unneeded
from monazite_provenance.statement import STATEMENT_ID_BYTES, parse

_DETAILS = "details"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.description = (
        "What is left verifies with gaps at best: rules that ask for what is hidden are not checked, and say so."
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="the bundle, or - for standard input")
    parser.add_argument("out", metavar="OUT", help="the new file, or - for standard output")
    parser.add_argument(
        "--hide",
        type=_named,
        action="append",
        default=[],
        metavar="ID[:WHAT]",
        help="hide this too: of the statement with this id all, an output by its number, or `details`; repeatable",
    )
    parser.add_argument("--only", action="store_true", help="hide what --hide names, and nothing else")


def run(options: argparse.Namespace) -> int:
    """Write the redacted bundle, say what was left out."""
    opened = bundle.read(files.chunks(options.bundle))
    items = list(opened.items)
    omissions = set(_asked_for(options.hide, items))
    if not options.only:
        omissions |= unneeded(opened.target, items)
    files.write(options.out, bundle.write(opened.target, omit(items, omissions), opened.listings, opened.cosigned))
    if options.out == files.STANDARD:
        return DONE
    left_out = [_words(each) for each in sorted(omissions, key=_words)]
    if options.json:
        screen.say_json({"left_out": left_out})
    else:
        screen.say([f"left out: {len(left_out)} contents", *screen.indented(left_out)])
    return DONE


def _named(text: str) -> tuple[bytes, str]:
    """An id, and what of it. Raises ArgumentTypeError, which argparse makes a usage error of."""
    statement_id, _, what = text.partition(":")
    if what and what != _DETAILS and not (what.isascii() and what.isdigit()):
        raise argparse.ArgumentTypeError(f"after the colon the number of an output, or {_DETAILS}")
    try:
        found = bytes.fromhex(statement_id)
    except ValueError:
        found = b""
    if len(found) != STATEMENT_ID_BYTES:
        raise argparse.ArgumentTypeError("an id is given in full, as 64 hexadecimal digits")
    return found, what


def _asked_for(named: Sequence[tuple[bytes, str]], items: Sequence[Item]) -> Iterator[Omission]:
    by_id = {parse(item.statement).statement_id: item for item in items}
    for statement_id, what in named:
        if statement_id not in by_id:
            raise BadField("a statement to be redacted is not in the bundle", field="hide")
        item = by_id[statement_id]
        if what.isdigit():
            yield Omission(statement_id, int(what))
        if what == _DETAILS or (not what and item.details is not None):
            yield Omission(statement_id, None)
        if not what:
            yield from (Omission(statement_id, output) for output in item.openings)


def _words(omission: Omission) -> str:
    return f"{omission.statement_id.hex()}:{_DETAILS if omission.output is None else omission.output}"
