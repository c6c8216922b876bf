"""Processes that check signatures for this one, each over two pipes of its own.

They are help and no more: whoever asks never waits for one, and checks by itself what none has found to hold. So a
process that ends, hangs, cannot be started or answers what nobody asked costs time, and no verdict.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from monazite_provenance._checker_process import BATCH, ENTRY, HOLDS, HOLDS_NOT, READY
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.verifier import Begun, Statement

if TYPE_CHECKING:
    import subprocess

ASKED_MAX: Final = 32
"""Signatures that are with one process and not answered yet."""
_ANSWERS_BYTES: Final = 4 * ASKED_MAX
_PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; from monazite_provenance._checker_process import main; main()"
)


class Task:
    """An item that was begun, or `outcome`: what came of it at once.

    `is_answered`: no process will say more of its signature; `is_signed`: one said that it holds.
    """

    __slots__ = ("begun", "is_answered", "is_signed", "outcome")

    def __init__(self, begun: Begun | None, outcome: Statement | ProvenanceError | None) -> None:
        self.begun = begun
        self.outcome = outcome
        self.is_answered = False
        self.is_signed = False


class Checker:
    """A process that checks signatures. It ends with `close`, or with this process."""

    def __init__(self) -> None:
        self._asked: deque[Task] = deque()
        self._unwritten = b""
        self._is_ready = False
        self._process = _start()

    @property
    def room(self) -> int:
        """How many signatures it takes now."""
        return ASKED_MAX - len(self._asked) if self._is_ready else 0

    def ask(self, tasks: Iterable[Task]) -> None:
        """Have the signatures of these checked, for which there is room."""
        parts: list[bytes] = []
        for task in tasks:
            assert task.begun is not None  # noqa: S101 - of others there is nothing to ask
            found, cose_key = task.begun.unverified, task.begun.key.public.cose_key
            signature, message = found.signature, found.signing_input
            parts += (ENTRY.pack(len(cose_key), len(signature), len(message)), cose_key, signature, message)
            self._asked.append(task)
        batch = b"".join(parts)
        self._unwritten += BATCH.pack(len(batch)) + batch

    def exchange(self) -> None:
        """Give it what it takes and take what it has answered; never waits."""
        if self._process is None:
            return
        questions, answers_from = self._process.stdin, self._process.stdout
        assert questions is not None  # noqa: S101 - both are pipes
        assert answers_from is not None  # noqa: S101
        try:
            if self._unwritten:
                self._unwritten = self._unwritten[questions.write(self._unwritten) or 0 :]
            answers = answers_from.read(_ANSWERS_BYTES)
        except OSError:
            answers = b""
        if answers is None:
            return
        if not answers:
            self.close()
        for answer in answers:
            self._take(answer)

    def _take(self, answer: int) -> None:
        if answer == READY and not self._is_ready:
            self._is_ready = True
        elif self._asked and answer in (HOLDS, HOLDS_NOT):
            task = self._asked.popleft()
            task.is_answered, task.is_signed = True, answer == HOLDS
        else:
            self.close()

    def close(self) -> None:
        """End it: what it was asked and has not answered stays unchecked."""
        self._is_ready = False
        for task in self._asked:
            task.is_answered = True
        self._asked.clear()
        process, self._process = self._process, None
        if process is not None:
            with process:
                process.kill()


def _start() -> subprocess.Popen[bytes] | None:
    """None where there is no interpreter to start, or no pipe that can be asked without waiting.

    Where modules of ours are found by a hook of `site` and in no path, it finds none and ends at once.
    """
    if os.name != "posix" or not sys.executable or getattr(sys, "frozen", False):
        return None
    import subprocess  # noqa: PLC0415 - only long bundles need it, and it takes as long as thirty signatures

    # Isolated: modules come from where this process has its own, and from nowhere else. Ctrl-C is for this process.
    flags = ("-I", "-S", *(("-B",) if sys.dont_write_bytecode else ()))
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and a program of our own
            [sys.executable, *flags, "-c", _PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            process_group=0,
        )
    except OSError:
        return None
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None  # noqa: S101 - both were asked for
        os.set_blocking(pipe.fileno(), False)
    return process
