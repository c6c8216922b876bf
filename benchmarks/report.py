"""The figures as a flat table of names, as a table for people, and as the page that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.compiled import SUFFIX
from benchmarks.load import CALLS_AT_ONCE, Figures, best_ratio, ratio

AIMS: Final = {
    **{f"verify_vs_{peer}": ("at most", 1.0) for peer in ("pyjwt", "joserfc", "pycose", "scitt_cose")},
    "statement_bytes": ("at most", 450),
    "statement_receipt_bytes": ("at most", 1350),
    "verify_vs_raw": ("at most", 1.45),
    "verify_open_vs_raw": ("at most", 1.9),
    "chain11_vs_raw": ("at most", 1.5),
    "threads2_speedup": ("at least", 1.6),
    "seen_again_us": ("at most", 3),
    "bundle10k_vs_raw": ("at most", 1.8),
    "bundle10k_threads2_vs_raw": ("at most", 1.15),
    "bundle10k_peak_mib": ("at most", 200),
    "tool_startup_ms": ("at most", 150),
    "log_entries_per_s": ("at least", 5_000),
    "receipt_latency_ms_p50": ("at most", 30),
    "register_lot_vs_echo": ("at least", 0.20),
    "reserve_vs_echo": ("at least", 0.20),
    "sign_vs_raw_compiled": ("at most", 1.6),
    "verify_open_vs_raw_compiled": ("at most", 1.6),
    "chain11_vs_raw_compiled": ("at most", 1.5),
    "bundle10k_vs_raw_compiled": ("at most", 1.8),
    "bundle10k_peak_mib_compiled": ("at most", 200),
    "tool_startup_ms_compiled": ("at most", 150),
}
MEANINGS: Final = {
    "verify_vs_raw": "verify a statement, strictly, in bare Ed25519 verifications",
    "verify_item_vs_raw": "the same with the item decoded and every opening checked",
    "verify_open_vs_raw": "the same with both outputs read as typed lots of 17 elements",
    "sign_vs_raw": "draft and sign it, in bare Ed25519 signatures",
    "verify_vs_pyjwt": "verify a statement, in PyJWT decodes of a token of its size",
    "verify_vs_joserfc": "the same, in joserfc decodes",
    "verify_vs_pycose": "the same, in pycose verifications of the same header and payload under EdDSA",
    "verify_vs_scitt_cose": "the same, in scitt-cose verifications of those bytes",
    "verify_vs_cwt": "the same, in decodes by cwt of a CWT of the same claims",
    "raw_vs_peers_raw": "the bare verification here, in those in the process of the other libraries: 1.00 is fair",
    "statement_bytes": "signed bytes of the statement (its Sig_structure)",
    "statement_receipt_bytes": "those and a receipt from a log of 2^20",
    "statement_whole_bytes": "the statement with its signature and envelope",
    "chain11_vs_raw": "11 statements, their openings and receipts under one head, in 12 bare verifications",
    "chain11_judged_vs_raw": "the same with keys by position, the rules of every step and the report",
    "threads2_speedup": "statements with openings, two workers (which are processes) over one, by the time that passes",
    "threads2_raw_speedup": "bare verifications on two threads over one, in the same rounds: what the machine gives",
    "threads2_of_raw": "the one speed-up in the other",
    "seen_again_us": "an item that was verified before, µs",
    "bundle10k_vs_raw": "a bundle of 10 000 statements to its report, in as many bare verifications",
    "bundle10k_threads2_vs_raw": "the same with two workers (processes), by the time that passes, over one thread's",
    "bundle10k_threads2_vs_raw_threads2": "the same, in as many bare verifications on two threads in the same rounds",
    "bundle10k_peak_mib": "most memory of the two processes that verify it, MiB",
    "tool_startup_ms": "start to end of the offline tool's slowest command on the smallest input, CPU ms",
    "log_entries_per_s": "entries integrated a second on PostgreSQL, in batches of 1 000 under one signed head each",
    "receipt_latency_ms_p50": "what waiting for its receipt adds to a RegisterLot under load, median ms",
    "register_lot_vs_echo": "RegisterLot of an import a second, in echoes a second",
    "register_mined_lot_vs_echo": "RegisterLot of a mined lot that draws on a right, in echoes",
    "reserve_vs_echo": "Reserve on one account a second, in echoes a second",
    "register_lot_vs_echo_best": "RegisterLot of an import, its best round over the best round of echoes",
    "reserve_vs_echo_best": "Reserve, its best round over the best round of echoes",
    "register_lot_vs_sql": "RegisterLot a second, in row sets a second sent straight, each in its own transaction",
    "register_lot_vs_sql_grouped": "the same, with 64 row sets in each transaction",
}
COMPILED: Final = (
    "verify_vs_raw",
    "verify_item_vs_raw",
    "verify_open_vs_raw",
    "sign_vs_raw",
    "chain11_vs_raw",
    "chain11_judged_vs_raw",
    "bundle10k_vs_raw",
    "bundle10k_peak_mib",
    "tool_startup_ms",
)
"""What is measured with the compiled library too, where there is one."""
CASES: Final = {
    "echo": "grpc.aio echo of 16 bytes",
    "register_lot": "RegisterLot, imported",
    "register_mined_lot": "RegisterLot, mined, drawing on one right",
    "reserve": "Reserve, one account",
    "sql": "the rows of RegisterLot, one set a transaction",
    "sql_grouped": "the rows of RegisterLot, 64 sets a transaction",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: ratios of statements, figures of services by case, and the machine."""

    statements: Mapping[str, float]
    services: Mapping[str, Figures]
    machine: Mapping[str, str]
    fdatasync_us: float

    def flat(self) -> dict[str, float]:
        """Name to figure. `x_vs_y` of statements is time over time, of services rate over rate."""
        by_name = self.services
        echo, straight, grouped = by_name["echo"], by_name["sql"], by_name["sql_grouped"]
        register = by_name["register_lot"]
        figures = {
            **self.statements,
            "register_lot_vs_echo": ratio(register, echo),
            "register_mined_lot_vs_echo": ratio(by_name["register_mined_lot"], echo),
            "reserve_vs_echo": ratio(by_name["reserve"], echo),
            "register_lot_vs_echo_best": best_ratio(register, echo),
            "reserve_vs_echo_best": best_ratio(by_name["reserve"], echo),
            "register_lot_vs_sql": ratio(register, straight),
            "register_lot_vs_sql_grouped": ratio(register, grouped),
            **{f"{name}_per_s": one.rate for name, one in by_name.items()},
            "fdatasync_us": self.fdatasync_us,
        }
        return {name: round(value, 3) for name, value in figures.items()}


def show(measured: Measured, console: Console) -> None:
    """Print the ratios and the services' rates."""
    flat = measured.flat()
    table = Table(title="Ratios", title_justify="left")
    for column in ("Name", "Figure", "Aim", "What"):
        table.add_column(column, justify="right" if column == "Figure" else "left")
    for name, meaning in _meanings(flat).items():
        table.add_row(name, f"{flat[name]:.2f}", _aim(name, flat[name]), meaning)
    console.print(table)
    table = Table(title=f"Calls, {CALLS_AT_ONCE} at once", title_justify="left")
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "Case" else "right")
    for row in _rows(measured):
        table.add_row(*row)
    console.print(table)


def page(measured: Measured) -> str:
    """RESULTS.md."""
    flat = measured.flat()
    ratios = [
        [f"`{name}`", f"{flat[name]:.2f}", _aim(name, flat[name]), what] for name, what in _meanings(flat).items()
    ]
    machine = [[name, value] for name, value in measured.machine.items()]
    return _PAGE.format(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        ratios=_markdown(["Figure", "", "Aim", "What"], ratios),
        calls=_markdown(_HEADINGS, _rows(measured)),
        machine=_markdown(["", ""], machine),
        raw_verify_us=measured.statements["raw_verify_us"],
        raw_sign_us=measured.statements["raw_sign_us"],
        statement_bytes=measured.statements["statement_whole_bytes"],
        fdatasync_us=measured.fdatasync_us,
        at_once=CALLS_AT_ONCE,
        rounds=len(measured.services["echo"].rates),
    )


def _meanings(flat: Mapping[str, float]) -> dict[str, str]:
    """What was measured of all that is: a machine without a C compiler has no compiled library."""
    compiled = {name + SUFFIX: f"`{name}` with the library compiled" for name in COMPILED}
    return {name: meaning for name, meaning in {**MEANINGS, **compiled}.items() if name in flat}


_HEADINGS: Final = ["Case", "per second", "slowest to fastest round", "p50, ms", "p99, ms", "settled after, ms"]


def _rows(measured: Measured) -> list[list[str]]:
    return [
        [
            CASES[name],
            f"{one.rate:.0f}",
            f"{min(one.rates):.0f} to {max(one.rates):.0f}",
            f"{one.latency_ms(0.5):.1f}",
            f"{one.latency_ms(0.99):.1f}",
            f"{one.settled_ms:.0f}",
        ]
        for name, one in measured.services.items()
    ]


def _aim(name: str, value: float) -> str:
    if name not in AIMS:
        return ""
    word, bound = AIMS[name]
    met = value <= bound if word == "at most" else value >= bound
    return f"{word} {bound:.2f}: {'met' if met else 'MISSED'}"


def _markdown(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_PAGE: Final = """# Results

Written by `python -m benchmarks --record` on {date}. `make bench` measures the same anew and writes `build/bench.json`.
Trust the ratios, which were measured side by side in one run; absolute figures drift by 40 % on a shared machine.

## Ratios

{ratios}

The library is measured as its source stands, as the services, the demo and everybody without a wheel of his platform
run it; only under the names that end in `_compiled` it is that wheel (docs/decisions/0014).

Of statements a ratio is of CPU times: below 1 is faster than the other. Of services it is of calls a second: above 1 is
faster. Figures are medians of the ratios of rounds that follow one another. The two of best rounds are less flattering
and nearer to an idle machine: neighbours disturb a short call more than a long one. A bare Ed25519 verification takes
{raw_verify_us:.0f} µs here, a signature {raw_sign_us:.0f} µs; the statement has {statement_bytes:.0f} bytes.

## Calls

Everything runs on these cores: three services, PostgreSQL, the echo server and the caller. {at_once} calls at once over
one connection with mutual TLS, uvloop on both sides, {rounds} rounds in which every case has its turn; medians.

{calls}

- The echo parses nothing, stores nothing and carries 16 bytes. It is the most that grpc.aio can do here.
- A lot has 17 elements, each assessed against the uncertainty table. Its registration is one signed statement and is
  durable when it is answered. Lot ids are issued beforehand. "Settled after" is the time from the last answer until
  every entry has its index and quota has verified and, for mined lots, settled it; that work also runs, and costs,
  while calls are made.
- The same rows straight to PostgreSQL: {at_once} asyncpg connections, each sending one row set a transaction in one
  round trip (one SQL statement), to a database with the registry's schema, keys and triggers, and the same durability.
  The registry's locks, its look at the request id and the entries' indexes are not in it. The last case sends 64 row
  sets in one transaction from as many connections, as group commit does; nobody can have answered callers one by one.

## Machine

{machine}

An fdatasync of 8 KiB costs {fdatasync_us:.0f} µs here. A disk that really syncs takes 0.5 to 10 ms: group commit
spreads that over all callers that wait, a transaction for each row set pays it each time. Measure on your own disk.
"""
