"""`redact BUNDLE OUT`: a bundle for a reader who need not see everything. No statement goes, only what it discloses."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from monazite_provenance import bundle
from monazite_provenance._tool import files, ids, screen
from monazite_provenance._tool.leaving import DONE, WrongUse
from monazite_provenance.item import Item
from monazite_provenance.redaction import Omission, omit, unneeded
from monazite_provenance.statement import OUTPUTS_MAX, Outpoint, parse

_DETAILS = "details"
_OUTPUT_DIGITS_MAX = len(str(OUTPUTS_MAX))


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
        help="hide too, of the statement whose id begins so: all, an output by its number, or `details`; repeatable",
    )
    parser.add_argument("--only", action="store_true", help="hide what --hide names, and nothing else")


def run(options: argparse.Namespace) -> int:
    """Write the redacted bundle, say what was left out."""
    with files.named(options.bundle):
        opened = bundle.read(files.chunks(options.bundle))
        sheets, cosigned = bundle.sheets(opened)
        items = [Item.decode(piece) for sheet in sheets for piece in sheet.pieces]
        omissions = set(_asked_for(options.hide, items))
        if not options.only:
            omissions |= unneeded(opened.target, items)
        left = omit(items, omissions)
        pages = [bundle.Sheet([next(left).encode() for _ in sheet.pieces], sheet.listings) for sheet in sheets]
        # Past the last item it says what was to be left out and is not there.
        next(left, None)
        pieces = list(bundle.write_pages(opened.target, pages, cosigned))
    warnings = list(_warnings(opened.target, items, omissions))
    files.write(options.out, pieces)
    if options.out == files.STANDARD or not options.json:
        screen.warn(warnings)
    if options.out == files.STANDARD:
        return DONE
    left_out = [_words(each) for each in sorted(omissions, key=_words)]
    if options.json:
        screen.say_json({"left_out": left_out, "warnings": warnings})
    else:
        screen.say([f"left out: {len(left_out)} contents", *screen.indented(left_out)])
    return DONE


def _named(text: str) -> tuple[str, str]:
    """The beginning of an id, and what of it. Raises ArgumentTypeError, which argparse makes a usage error of."""
    start, _, what = text.partition(":")
    # What is longer is the number of no output; and of digits without end Python makes no number.
    is_number = what.isascii() and what.isdigit() and len(what) <= _OUTPUT_DIGITS_MAX
    if what and what != _DETAILS and not is_number:
        raise argparse.ArgumentTypeError(f"after the colon the number of an output, or {_DETAILS}")
    return start, what


def _asked_for(named: Sequence[tuple[str, str]], items: Sequence[Item]) -> Iterator[Omission]:
    """What the arguments name. Raises WrongUse for a statement or an output that is not there to be hidden."""
    by_id = {parse(item.statement).statement_id: item for item in items}
    for start, what in named:
        statement_id = ids.the_one(start, by_id)
        item = by_id[statement_id]
        if what.isdigit():
            if int(what) not in item.openings:
                raise WrongUse(f"output {what} of {statement_id.hex()} is not disclosed in the bundle")
            yield Omission(statement_id, int(what))
        if what == _DETAILS and item.details is None:
            raise WrongUse(f"the details of {statement_id.hex()} are not disclosed in the bundle")
        if what == _DETAILS or (not what and item.details is not None):
            yield Omission(statement_id, None)
        if not what:
            yield from (Omission(statement_id, output) for output in item.openings)


def _warnings(target: Outpoint, items: Sequence[Item], omissions: AbstractSet[Omission]) -> Iterator[str]:
    """What is hidden of the target and its history: without it nobody can judge the bundle."""
    needed = {each for each in omissions - unneeded(target, items) if each.output is not None}
    if Omission(*target) in needed:
        yield f"{target.text} is the target: with it hidden the bundle does not verify (CANNOT_TELL)"
    for each in sorted(needed - {Omission(*target)}, key=_words):
        yield f"{_words(each)} is what the target was made of: with it hidden the bundle may not verify (CANNOT_TELL)"


def _words(omission: Omission) -> str:
    return f"{omission.statement_id.hex()}:{_DETAILS if omission.output is None else omission.output}"
