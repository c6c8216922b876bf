"""What it costs to verify chains and bundles, in multiples of as many bare Ed25519 verifications.

    python -m benchmarks.chains

Bundles are verified from their bytes to the report: signatures, openings, receipts, keys by position, the rules of
every step, origins, and a status at the end. Of one worker CPU time counts, of two the time that passes: of two
processes here, beside bare verifications on two threads in the same rounds, which is what this machine gives just then.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import Final

from monazite_provenance import EventKind, Item, Verdict, Verifier, verify_bundle
from monazite_provenance.bundle import read
from monazite_provenance.key_book import KeyBook
from monazite_provenance.many import verify_many
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.remembering import RememberingVerifier
from monazite_provenance.statement import parse
from monazite_provenance.trust import TrustFile, read_keys

from benchmarks.fixtures import make_bundle
from benchmarks.fixtures import make_statement as fixture
from benchmarks.fixtures.make_bundle import MadeBundle

CHAIN: Final = 11
"""Statements of the short chain; its head is the twelfth signature."""
PAGE: Final = 10_000
ROUNDS: Final = 5
SHORT_ROUNDS: Final = 100
WORKERS: Final = 2
CHUNK_BYTES: Final = 64 * 1024

Clock = Callable[[], int]


def raw_verifications(count: int) -> Callable[[], None]:
    """That many bare verifications of the fixture's signature."""
    unverified = parse(Item.decode(fixture.ITEM_FILE.read_bytes()).statement)
    public, signature, message = fixture.private_key().public_key(), unverified.signature, unverified.signing_input

    def run() -> None:
        for _ in range(count):
            public.verify(signature, message)

    return run


def ratio(case: Callable[[], object], raw: Callable[[], None], clock: Clock, rounds: int) -> float:
    """The median over rounds of a case's time in that of the bare verifications beside it."""
    case()
    found: list[float] = []
    for _ in range(rounds):
        gc.collect()
        began = clock()
        raw()
        between = clock()
        case()
        found.append((clock() - between) / (between - began))
    return statistics.median(found)


def on_two_threads(count: int) -> Callable[[], None]:
    """That many bare verifications, half of them in another thread: they hold up nobody, and nothing holds them up."""
    half = raw_verifications(count // 2)

    def run() -> None:
        other = Thread(target=half)
        other.start()
        half()
        other.join()

    return run


def elapsed(cases: Mapping[str, Callable[[], object]]) -> list[dict[str, int]]:
    """The time that passes in each case, nanoseconds, by round; in a round they follow one another."""
    for case in cases.values():
        case()
    rounds: list[dict[str, int]] = []
    for _ in range(ROUNDS):
        took: dict[str, int] = {}
        for name, case in cases.items():
            gc.collect()
            began = time.perf_counter_ns()
            case()
            took[name] = time.perf_counter_ns() - began
        rounds.append(took)
    return rounds


def chunks(raw: bytes) -> Iterator[bytes]:
    """The bytes as they come over a network."""
    return (raw[start : start + CHUNK_BYTES] for start in range(0, len(raw), CHUNK_BYTES))


def judge(made: MadeBundle, workers: int) -> None:
    """Verify a bundle as a whole."""
    report = verify_bundle(chunks(made.raw), made.trust, at=made.at, workers=workers)
    assert report.verdict is Verdict.VERIFIED, report.failure or report.not_checked


def prove(made: MadeBundle) -> None:
    """Verify every statement of a bundle, its openings and its receipt under the one head, and no history."""
    opened = read(chunks(made.raw))
    book = made.trust.keyring()
    verifier = Verifier(book)
    statements = [verifier.verify_unplaced(piece) for piece in opened.pieces]
    (listing,) = opened.listings
    leaves = [statements[ordinal].leaf for ordinal in listing.ordinals]
    HeadVerifier(book).verify_multi_receipt(listing.receipt, leaves)


def without_status(made: MadeBundle) -> MadeBundle:
    """The bundle as a chain of statements alone."""
    status = list(read([made.raw]).pieces)[-1]
    return MadeBundle(made.raw[: -len(status)], made.items, made.trust, made.at, made.statements)


def keys_of(made: MadeBundle) -> KeyBook:
    """The keys that the statements of a bundle are signed with."""
    book = made.trust.keyring()
    for item in made.items:
        if parse(Item.decode(item).statement).claims.kind is EventKind.KEYS:
            statement = Verifier(book).verify_unplaced(item)
            book.apply(read_keys(statement), statement.id, by_root=False)
    return book


def many(made: MadeBundle, book: KeyBook, workers: int) -> Callable[[], None]:
    """Verify the statements of a bundle and their openings with so many workers."""

    def run() -> None:
        for _ in verify_many(made.items, Verifier(book), workers=workers):
            pass

    return run


def seen_again_us(made: MadeBundle) -> float:
    """Median CPU time of verifying an item that was verified before, microseconds."""
    verifier = RememberingVerifier(keys_of(made))
    items = made.items[:1000]
    times: list[float] = []
    for _ in range(SHORT_ROUNDS):
        again = [bytes(bytearray(item)) for item in items]
        began = time.process_time_ns()
        for item in again:
            verifier.verify_unplaced(item)
        times.append((time.process_time_ns() - began) / len(items) / 1000)
    return statistics.median(times[1:])


def peak_mib(made: MadeBundle) -> float:
    """Most memory of a process that does nothing but verify the bundle, and of the one that it starts for it, MiB."""
    with tempfile.TemporaryDirectory(prefix="monazite-bench-") as scratch:
        bundle, trust = Path(scratch) / "bundle", Path(scratch) / "trust"
        bundle.write_bytes(made.raw)
        trust.write_bytes(made.trust.dump())
        arguments = [sys.executable, "-m", "benchmarks.chains", str(bundle), str(trust), str(made.at)]
        return float(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def two_workers(page: MadeBundle, book: KeyBook) -> dict[str, float]:
    """What a second worker is worth, and what a second thread is to bare verifications in the same rounds."""
    count = page.statements + 1
    rounds = elapsed(
        {
            "raw": raw_verifications(count),
            "raw2": on_two_threads(count),
            "alone": many(page, book, 1),
            "together": many(page, book, WORKERS),
            "bundle": lambda: judge(page, WORKERS),
        }
    )

    def median(figure: Callable[[dict[str, int]], float]) -> float:
        return statistics.median(map(figure, rounds))

    return {
        "threads2_speedup": median(lambda took: took["alone"] / took["together"]),
        "threads2_raw_speedup": median(lambda took: took["raw"] / took["raw2"]),
        "threads2_of_raw": median(lambda took: took["alone"] / took["together"] / (took["raw"] / took["raw2"])),
        "bundle10k_threads2_vs_raw": median(lambda took: took["bundle"] / took["raw"]),
        "bundle10k_threads2_vs_raw_threads2": median(lambda took: took["bundle"] / took["raw2"]),
    }


def measure() -> dict[str, float]:
    """Figures by name."""
    short, page = make_bundle.chain(CHAIN), make_bundle.history(PAGE)
    proven = without_status(short)
    twelve, all_of = raw_verifications(CHAIN + 1), raw_verifications(page.statements + 1)
    return {
        "chain11_vs_raw": ratio(lambda: prove(proven), twelve, time.process_time_ns, SHORT_ROUNDS),
        "chain11_judged_vs_raw": ratio(lambda: judge_only(proven), twelve, time.process_time_ns, SHORT_ROUNDS),
        "seen_again_us": seen_again_us(page),
        "bundle10k_statements": float(page.statements + 1),
        "bundle10k_vs_raw": ratio(lambda: judge(page, 1), all_of, time.process_time_ns, ROUNDS),
        **two_workers(page, keys_of(page)),
        "bundle10k_peak_mib": peak_mib(page),
    }


def judge_only(made: MadeBundle) -> None:
    """Verify a bundle without a status as a whole."""
    report = verify_bundle(chunks(made.raw), made.trust, at=made.at)
    assert report.gap_codes() == {"ABSENCE"}, report.failure


def _peak(bundle: Path, trust: Path, at: int) -> None:
    helpers: list[int] = []

    def file_chunks() -> Iterator[bytes]:
        with bundle.open("rb") as file:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")
        # Now it has read all, and the other process is at work.
        helpers.extend(map(_most_kib, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))

    report = verify_bundle(file_chunks(), TrustFile.load(trust.read_bytes()), at=at, workers=WORKERS)
    assert report.verdict is Verdict.VERIFIED
    assert len(helpers) == WORKERS - 1
    print((_most_kib("self") + sum(helpers)) / 1024)


def _most_kib(process: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _peak(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps({name: round(value, 3) for name, value in measure().items()}, indent=2))
