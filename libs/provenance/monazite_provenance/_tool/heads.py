"""What signed heads of a log and its entries prove, of each other and of the log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final

from monazite_provenance.errors import LogForked, ProofMismatch, ProvenanceError

if TYPE_CHECKING:
    from monazite_provenance._tool.checkpoint_files import SignedHead

# The names of `report.Verdict`: to import it would load all rules.
VERIFIED: Final = "VERIFIED"
REFUTED: Final = "REFUTED"
CANNOT_TELL: Final = "CANNOT_TELL"
VERIFIED_WITH_GAPS: Final = "VERIFIED_WITH_GAPS"
FEWER: Final = "fewer entries than the head has"


class Signed:
    """A verified head, and the root that the entries have at its size, if they go so far."""

    def __init__(self, head: SignedHead) -> None:
        self.head = head
        self.rebuilt: bytes | None = None

    @property
    def agrees(self) -> bool:
        """Whether the entries add up to it."""
        return self.rebuilt == self.head.root


def judged(size: int, heads: Sequence[Signed]) -> tuple[str, ProvenanceError | None]:
    """Refuted: the log forked, or these are not its entries. Heads of more entries than there are decide nothing."""
    fork = next((pair for pair in combinations(heads, 2) if _contradict(*pair)), None)
    if fork is not None:
        earlier, later = fork
        forked = LogForked(
            "two signed heads that no log has both of",
            earlier=earlier.head.raw,
            later=later.head.raw,
            size=earlier.head.size,
            later_size=later.head.size,
        )
        return REFUTED, forked
    wrong = next((each for each in heads if each.rebuilt is not None and not each.agrees), None)
    if wrong is not None:
        message = "the entries do not add up to what this log signed: they are others, or another log's"
        return REFUTED, ProofMismatch(message, log=wrong.head.log, size=wrong.head.size)
    last = heads[-1]
    if last.rebuilt is None:
        return CANNOT_TELL, ProofMismatch(FEWER, entries=size, size=last.head.size)
    return (VERIFIED if last.head.size == size else VERIFIED_WITH_GAPS), None


def _contradict(earlier: Signed, later: Signed) -> bool:
    """Two roots of one size; or the later is what the entries add up to, and the earlier is not on their way."""
    if earlier.head.size == later.head.size:
        return earlier.head.root != later.head.root
    return later.agrees and not earlier.agrees
