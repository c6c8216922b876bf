"""`qr FILE`: a statement or a small bundle as QR codes, on the terminal or in files; `--read` takes them back.

Reading a picture is a scanner's work: what it gives, line by line, is read here.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from monazite_provenance._tool import files, qr_drawing, qr_parts, reading, screen
from monazite_provenance._tool.leaving import DONE
from monazite_provenance.statement import parse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="a statement, item or bundle; with --read what a scanner read, a line each code; - for standard input",
    )
    parser.add_argument(
        "--part-bytes",
        type=_part_bytes,
        default=qr_parts.PART_BYTES,
        metavar="N",
        help=f"bytes in a code; small codes are easier to scan (default {qr_parts.PART_BYTES})",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--text", action="store_true", help="print the text of the codes, and draw nothing")
    how.add_argument("--svg", metavar="OUT", help="draw into new files")
    how.add_argument("--png", metavar="OUT", help="draw into new files")
    how.add_argument("--read", metavar="OUT", help="put the lines of FILE together again, into a new file")


def run(options: argparse.Namespace) -> int:
    """Write codes, or read them."""
    if options.read is not None:
        return _read(options)
    with files.named(options.file):
        whole = files.start_of(options.file, qr_parts.PARTS_MAX * options.part_bytes)
        lines = qr_parts.cut(whole, options.part_bytes)
        # A code is made of provenance alone: nobody hangs up a file taken by mistake, a private key for one.
        for item in reading.items([whole])[1]:
            parse(item.statement)
    drawn = options.svg or options.png
    written = _draw(lines, drawn, "svg" if options.svg else "png") if drawn else []
    if options.json:
        screen.say_json({"parts": lines, "files": written})
    elif options.text:
        screen.say(lines)
    elif drawn:
        # On standard output the drawing itself went.
        screen.say(f"{path}  {number} of {len(lines)}" for number, path in enumerate(written, start=1))
    else:
        _print(lines)
    return DONE


def _part_bytes(text: str) -> int:
    size = int(text)
    if not qr_parts.PART_BYTES_MIN <= size <= qr_parts.PART_BYTES_MAX:
        raise ValueError("out of bounds")
    return size


def _read(options: argparse.Namespace) -> int:
    with files.named(options.file):
        raw = files.start_of(options.file, qr_parts.PARTS_MAX * (qr_parts.LINE_CHARACTERS_MAX + 2))
        whole = qr_parts.join(raw.decode("ascii", "replace").split("\n"))
    files.write(options.read, [whole])
    if options.json and options.read != files.STANDARD:
        screen.say_json({"bytes": len(whole)})
    return DONE


def _draw(lines: Sequence[str], out: str, kind: str) -> list[str]:
    """The files that were written."""
    stem, ending = os.path.splitext(out)
    count = len(lines)
    paths = [out] if count == 1 else [f"{stem}-{number}of{count}{ending}" for number in range(1, count + 1)]
    for path, line in zip(paths, lines, strict=True):
        files.write(path, [qr_drawing.image(qr_drawing.make(line), kind)])
    return [path for path in paths if path != files.STANDARD]


def _print(lines: Sequence[str]) -> None:
    encoding, colours = sys.stdout.encoding or "ascii", sys.stdout.isatty()
    for number, line in enumerate(lines, start=1):
        for drawn in qr_drawing.drawn(qr_drawing.make(line), encoding=encoding, colours=colours):
            sys.stdout.write(f"{drawn}\n")
        screen.say([f"{number} of {len(lines)}"])
