"""Processes that check signatures: what they do, and that nothing they do or leave undone makes a verdict."""

from __future__ import annotations

import fcntl
import gc
import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from monazite_provenance import (
    Item,
    ProvenanceError,
    Statement,
    Verdict,
    Verifier,
    _checker_process,
    _checkers,
    many,
    parse,
    verify_bundle,
)
from monazite_provenance._checkers import ASKED_MAX, Checker, Task
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.many import AHEAD_MAX, BATCH_MAX, attempts
from monazite_provenance.verifier import Begun

from benchmarks.fixtures import make_bundle
from tests.unit.provenance.examples import RING, Ring, an_item, certified

GOOD = [an_item(outputs=count).encode() for count in range(4)]
FORGED = [item[:150] + bytes((item[150] ^ 1,)) + item[151:] for item in GOOD]
MANY = (GOOD * 99)[: 3 * AHEAD_MAX]
"""Enough for a process to be started, none of them forged."""
MIXED = [*MANY[:AHEAD_MAX], FORGED[0], *MANY[:AHEAD_MAX], FORGED[1], b"", *MANY[:9]]
WAIT_S = 60


class Waiting(Checker):
    """A checker that is waited for, so that the tests do not depend on who is faster."""

    made: list[Waiting]

    def __init__(self) -> None:
        super().__init__()
        self.made.append(self)
        assert self._process is not None
        self.process = self._process
        self.signed = 0
        self.before: Callable[[Waiting], object] = lambda _checker: None
        self.patience_s: float | None = WAIT_S
        self.exchange()

    def exchange(self) -> None:
        """Until all is answered, or it has ended."""
        self.before(self)
        super().exchange()
        while self._process is not None and (self._asked or not self._is_ready):
            assert self._process.stdout is not None
            there, _, _ = select.select([self._process.stdout], [], [], self.patience_s)
            assert there or self.patience_s == 0, "the process says nothing"
            if not there:
                return
            super().exchange()

    def _take(self, answer: int) -> None:
        self.signed += answer == _checker_process.HOLDS
        super()._take(answer)

    @property
    def unwritten_bytes(self) -> int:
        """What the pipe has not taken yet."""
        return len(self._unwritten)

    @property
    def is_reaped(self) -> bool:
        """Whether it has ended and nothing is left of it."""
        return self.process.returncode is not None


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Waiting]]:
    """The checkers that a test made; none of them outlives it."""
    found: list[Waiting] = []
    monkeypatch.setattr(Waiting, "made", found, raising=False)
    monkeypatch.setattr(many, "Checker", Waiting)
    yield found
    assert all(checker.is_reaped for checker in found)


def codes(items: list[bytes], workers: int) -> list[str]:
    outcomes = attempts(items, Verifier(RING), workers=workers)
    return [each.code if isinstance(each, ProvenanceError) else each.id.hex() for _item, each in outcomes]


@pytest.mark.parametrize("workers", [2, 3])
def test_what_it_found_to_hold_is_not_checked_here(
    workers: int, made: list[Waiting], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = codes(MIXED, 1)
    here: list[bool] = []
    real = Verifier.complete

    def counted(self: Verifier, begun: Begun, *, dangerously_signed: bool = False) -> Statement:
        here.append(not dangerously_signed)
        return real(self, begun, dangerously_signed=dangerously_signed)

    monkeypatch.setattr(Verifier, "complete", counted)
    assert codes(MIXED, workers) == alone
    assert len(made) == workers - 1
    assert sum(checker.signed for checker in made) == len(here) - sum(here) > AHEAD_MAX
    # What it found not to hold is checked here once more: the error is this process's own.
    assert sum(here) == len(here) - sum(checker.signed for checker in made) >= len(FORGED[:2])


def test_a_few_statements_start_no_process(made: list[Waiting]) -> None:
    few = GOOD * (many.WORTH_A_START // len(GOOD) - 1)
    assert codes(few, 2) == codes(few, 1)
    assert made == []


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_algorithm(algorithm: Algorithm) -> None:
    key = SoftwareKey.generate(algorithm)
    good = an_item(key=key).encode()
    verifier = Verifier(Ring(certified(key)))
    items = [good, good[:-40] + bytes((good[-40] ^ 1,)) + good[-39:]]
    tasks = [Task(begun, None) for begun in map(verifier.begin, items)]
    # The last bytes of an item are not the signature's, so that of the second is broken by hand.
    forged = tasks[1].begun
    assert forged is not None
    tasks[1].begun = forged._replace(unverified=forged.unverified._replace(signature=bytes(len(key.sign(b"")))))
    checker = Waiting()
    checker.ask(tasks)
    assert checker.room == ASKED_MAX - 2
    checker.exchange()
    assert [(task.is_answered, task.is_signed) for task in tasks] == [(True, True), (True, False)]
    checker.close()


def test_a_long_bundle_has_the_report_that_it_has_alone(made: list[Waiting]) -> None:
    page = make_bundle.history(2 * AHEAD_MAX)
    forged = page.raw.replace(parse(Item.decode(page.items[AHEAD_MAX + 40]).statement).signature, bytes(64))
    for raw, verdict in ((page.raw, Verdict.VERIFIED), (forged, Verdict.REFUTED)):
        made.clear()
        report = verify_bundle([raw], page.trust, at=page.at, workers=2)
        assert report == verify_bundle([raw], page.trust, at=page.at)
        assert report.verdict is verdict
        assert made[0].signed > BATCH_MAX
        assert made[0].is_reaped


# One that ends, hangs or makes no sense.


def kill(checker: Waiting) -> None:
    os.kill(checker.process.pid, signal.SIGKILL)
    checker.process.wait()


def stop(checker: Waiting) -> None:
    os.kill(checker.process.pid, signal.SIGSTOP)
    checker.patience_s = 0


@pytest.mark.parametrize("harm", [kill, stop])
@pytest.mark.parametrize("after", [0, 1, 7, 20])
def test_one_that_ends_or_hangs_in_the_middle(harm: Callable[[Waiting], None], after: int, made: list[Waiting]) -> None:
    alone = codes(MIXED, 1)
    found: list[str] = []
    outcomes = attempts(MIXED, Verifier(RING), workers=2)
    for place, (_item, outcome) in enumerate(outcomes):
        if place == after:
            # Between what it was asked and what it would have answered.
            made[0].before = lambda checker: harm(checker) if checker.room < ASKED_MAX and not checker.is_reaped else 0
        found.append(outcome.code if isinstance(outcome, ProvenanceError) else outcome.id.hex())
    assert found == alone


ODD = {
    "ends at once": "pass",
    "answers before it is asked": "os.write(1, b'\\2' + b'\\1' * 99); os.read(0, 1)",
    "is ready twice": "os.write(1, b'\\2\\2'); os.read(0, 1)",
    "answers with another word": "os.write(1, b'\\2'); os.read(0, 9); os.write(1, b'\\7' * 16); os.read(0, 1)",
    "ends when it is asked": "os.write(1, b'\\2'); os.read(0, 1)",
    "ends within its answer": "os.write(1, b'\\2'); os.read(0, 9); os.write(1, b'\\0\\0\\0')",
}
ONE_PAGE_BYTES = 4096


def begun(items: list[bytes]) -> list[Task]:
    return [Task(Verifier(RING).begin(item), None) for item in items]


@pytest.mark.parametrize("program", ODD.values(), ids=ODD.keys())
def test_one_that_makes_no_sense_is_ended(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_checkers, "_PROGRAM", f"import os; {program}")
    checker = Waiting()
    tasks = begun(MANY[:ASKED_MAX])
    if checker.room:
        checker.ask(tasks)
        checker.exchange()
        assert [(task.is_answered, task.is_signed) for task in tasks] == [(True, False)] * ASKED_MAX
    assert checker.is_reaped
    assert checker.room == 0
    assert codes(MIXED, 2) == codes(MIXED, 1)


def test_one_that_finds_nothing_to_hold_is_not_believed(made: list[Waiting], monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import monazite_provenance._checker_process as found; found._answer = lambda entry: 0; found.main()"
    monkeypatch.setattr(_checkers, "_PROGRAM", f"import sys; sys.path[:] = sys.argv[1:]; {program}")
    assert codes(MIXED, 2) == codes(MIXED, 1)
    assert made[0].signed == 0


@pytest.mark.parametrize("program", ["sys.stdin.read(1); os.read(0, 1)", "os.write(1, b'\\2'); signal.pause()"])
def test_one_that_says_nothing_is_not_waited_for(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_checkers, "_PROGRAM", f"import os, signal, sys; {program}")
    monkeypatch.setattr(many, "Checker", Checker)
    assert codes(MIXED, 2) == codes(MIXED, 1)


def test_what_does_not_fit_into_the_pipe_goes_when_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    checker = Waiting()
    assert checker.process.stdin is not None
    fcntl.fcntl(checker.process.stdin, fcntl.F_SETPIPE_SZ, ONE_PAGE_BYTES)
    tasks = begun(MANY[:ASKED_MAX])
    monkeypatch.setattr(checker, "patience_s", 0)
    os.kill(checker.process.pid, signal.SIGSTOP)
    checker.ask(tasks)
    checker.exchange()
    assert checker.unwritten_bytes > ONE_PAGE_BYTES
    os.kill(checker.process.pid, signal.SIGCONT)
    while not all(task.is_answered for task in tasks):
        checker.exchange()
    assert all(task.is_signed for task in tasks)
    checker.close()


@pytest.mark.parametrize("executable", ["", None, "/nonexistent/python"])
def test_where_none_can_be_started(executable: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "Checker", Checker)
    monkeypatch.setattr(sys, "executable", executable)
    assert codes(MIXED, 2) == codes(MIXED, 1)


# None is left behind.


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, GeneratorExit])
def test_none_is_left_by_what_interrupts(error: type[BaseException], made: list[Waiting]) -> None:
    several = attempts(MANY, Verifier(RING), workers=3)
    next(several)
    assert [checker.process.poll() for checker in made] == [None, None]
    with pytest.raises(error):
        several.throw(error)
    assert [checker.is_reaped for checker in made] == [True, True]


def test_none_is_left_by_who_has_seen_enough(made: list[Waiting]) -> None:
    several = attempts(MANY, Verifier(RING), workers=2)
    next(several)
    del several
    gc.collect()
    assert [checker.is_reaped for checker in made] == [True]


PARENT = """
import os, sys
from monazite_provenance._checkers import Checker
checker = Checker()
print(checker._process.pid, flush=True)
sys.stdin.read()
"""


def test_it_ends_with_the_process_that_asks() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    ended, _, _ = select.select([child], [], [], WAIT_S)
    os.close(child)
    assert ended


# The program of the process.


def served(batches: bytes) -> bytes:
    answers = io.BytesIO()
    _checker_process.serve(io.BytesIO(batches), answers)
    return answers.getvalue()


def test_a_batch_that_is_cut_off_is_not_answered() -> None:
    ready = bytes((_checker_process.READY,))
    assert served(b"") == served(b"\0\0") == served(b"\0\0\0\x09\0\0") == ready


def test_a_key_that_is_none_holds_nothing() -> None:
    entry = _checker_process.ENTRY.pack(1, 1, 1) + b"\xa0\0\0"
    answers = served(_checker_process.BATCH.pack(len(entry)) + entry)
    assert answers == bytes((_checker_process.READY, _checker_process.HOLDS_NOT))
