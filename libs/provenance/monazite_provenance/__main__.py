"""`python -m monazite_provenance verify BUNDLE --trust FILE [--json]`: check a lot with no network and no service.

Exit codes: 0 verified; 1 refuted; 2 cannot tell; 3 verified with gaps; 4 usage, or a file that cannot be read; 5
malformed bundle or trust file; 70 a fault of this tool; 141 whoever read its output has gone. Python itself leaves with
1 when it cannot start the tool: a verdict is also printed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn

from monazite_provenance._render import render
from monazite_provenance.chain import Policy, verify_bundle
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.report import Verdict
from monazite_provenance.trust import TRUST_FILE_BYTES_MAX, TrustFile

EXIT_CODES: Final = {
    Verdict.VERIFIED: 0,
    Verdict.REFUTED: 1,
    Verdict.CANNOT_TELL: 2,
    Verdict.VERIFIED_WITH_GAPS: 3,
}
EXIT_USAGE: Final = 4
EXIT_MALFORMED: Final = 5
EXIT_FAULT: Final = 70
"""EX_SOFTWARE of sysexits.h."""
EXIT_PIPE: Final = 141
"""What a shell says of a process that SIGPIPE ended."""
_CHUNK_BYTES: Final = 64 * 1024


class _Parser(argparse.ArgumentParser):
    """Its usage errors leave with our code, not with argparse's 2, which is CANNOT_TELL here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Gives the exit code; raises SystemExit with it for wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        return _verify(options.bundle, options.trust, as_json=options.json)
    except BrokenPipeError:
        # Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE
    except Exception:  # whatever it is: left to Python, it would leave with 1, which says REFUTED
        traceback.print_exc()
        return EXIT_FAULT


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="monazite_provenance", description="Check the provenance of rare-earth lots offline.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser(
        "verify",
        help="verify a bundle against a trust file",
        epilog="exit codes: 0 verified; 1 refuted; 2 cannot tell; 3 verified with gaps; 4 usage; 5 malformed; 70 fault",
    )
    verify.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle, or - for standard input")
    verify.add_argument("--trust", type=Path, required=True, metavar="FILE", help="the trust file with the root keys")
    verify.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def _verify(bundle: Path, trust_file: Path, *, as_json: bool) -> int:
    try:
        trust = TrustFile.load(_start_of(trust_file, TRUST_FILE_BYTES_MAX + 1))
        report = verify_bundle(_chunks(bundle), trust, Policy.WITHOUT_RECEIPTS)
    except OSError as error:
        _complain(f"cannot read {error.filename}: {error.strerror}")
        return EXIT_USAGE
    except ProvenanceError as error:
        if as_json:
            failure = {"code": error.code, "message": error.message, "details": dict(error.details)}
            _print(json.dumps({"error": failure}, indent=2))
        _complain(f"malformed: {error.code}: {error.message}")
        return EXIT_MALFORMED
    _print(json.dumps(report.as_json(), indent=2) if as_json else render(report))
    return EXIT_CODES[report.verdict]


def _start_of(path: Path, bytes_max: int) -> bytes:
    """Enough of a file to see that it is too long: a device or a mistaken disk image is not read into memory."""
    with path.open("rb") as file:
        return file.read(bytes_max)


def _chunks(bundle: Path) -> Iterator[bytes]:
    if str(bundle) == "-":
        while chunk := sys.stdin.buffer.read(_CHUNK_BYTES):
            yield chunk
        return
    with bundle.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _print(text: str) -> None:
    # A name that the terminal cannot show is escaped: there is a verdict to give.
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(f"monazite_provenance: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
