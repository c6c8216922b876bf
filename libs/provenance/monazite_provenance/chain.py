"""Verifying a bundle: every statement by itself, then the history of the lot as a whole. No network, no service.

Items come as a stream, parents first; each is looked at once. The first thing wrong ends it: what refutes gives
REFUTED, what cannot be judged here gives CANNOT_TELL. What rests on where a statement is registered waits for the end
of the page, when the receipts in its head are proven.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain

from monazite_provenance import bundle
from monazite_provenance._judging import Run
from monazite_provenance.bundle import Bundle, Cosigned, Page
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.many import attempts
from monazite_provenance.remembering import RememberingVerifier
from monazite_provenance.report import LotReport
from monazite_provenance.settings import DEFAULT_SETTINGS, RuleSettings
from monazite_provenance.trust import TrustFile
from monazite_provenance.verifier import Statement, Verifier

__all__ = ["BundleVerifier", "verify_bundle"]

Attempt = tuple[int, tuple[bytes, Statement | ProvenanceError]]
"""An item of a page, by its place there, and what verifying it gave."""


def verify_bundle(
    chunks: Iterable[bytes],
    trust: TrustFile,
    *,
    at: int,
    settings: RuleSettings = DEFAULT_SETTINGS,
    workers: int = 1,
) -> LotReport:
    """Verify a bundle, in pieces cut anywhere, against a trust file. Gives a LotReport, whatever the verdict.

    `at`: the moment by which the registry's status is fresh or not, Unix seconds; nothing else asks for the time.
    `workers`: how many work on it, this thread and processes that check signatures for it (`many`); two are enough,
    since all but the signatures is this thread's, and a short bundle keeps to it altogether. Raises the Malformed
    family, UnsupportedVersion or TooManyParents when the bytes are no bundle of this format; what a statement says, who
    signed it and what is wrong with its openings is the report's matter.
    """
    opened = bundle.read(chunks)
    run = Run(trust, settings, opened.first.listings)
    verifier = Verifier(run.keys)

    def attempted(page: Page) -> Generator[Attempt]:
        with closing(attempts(page.pieces, verifier, workers=workers)) as tried:
            yield from enumerate(tried)

    return _judge(run, opened, attempted, at)


def _judge(run: Run, opened: Bundle, attempted: Callable[[Page], Generator[Attempt]], at: int) -> LotReport:
    """The report on a bundle whose first page the run was begun with; page by page, up to one that fails."""
    cosigned: Sequence[Cosigned] = ()
    for page in opened.pages:
        if page.number > 1:
            run.turn(page.listings)
        with closing(attempted(page)) as tried:
            for ordinal, (piece, outcome) in tried:
                run.take(ordinal, piece, outcome)
                if run.is_over:
                    break
        run.end_page()
        if not run.stands:
            break
        cosigned = page.cosigned
    return run.report(opened.target, cosigned, at)


class BundleVerifier:
    """Verifies bundles one after the other against one trust file, and goes on from the last.

    A bundle of one page that begins with the items of the last such one that stood, all registered where they were,
    costs what it adds. Of any other, statements seen before cost no signature, as far as they are remembered: of
    several pages nothing else is kept. The reports are those of `verify_bundle`. Not to be shared between threads.
    """

    def __init__(self, trust: TrustFile, *, settings: RuleSettings = DEFAULT_SETTINGS, workers: int = 1) -> None:
        self._trust = trust
        self._settings = settings
        self._workers = workers
        self._remembered = RememberingVerifier(trust.keyring())
        self._run: Run | None = None
        self._taken: list[tuple[bytes, Statement]] = []

    def verify(self, chunks: Iterable[bytes], *, at: int) -> LotReport:
        """As `verify_bundle`, of the next bundle."""
        opened = bundle.read(chunks)
        goes_on = opened.first.of == 1
        run, first, rest = self._begin(opened.first, self._run if goes_on else None)
        # Until the end it is not known whether anything can go on from here.
        self._run = None
        verifier = self._remembered.with_keys(run.keys)

        def attempted(page: Page) -> Generator[Attempt]:
            pieces, start = (rest, first) if page.number == 1 else (page.pieces, 0)
            with closing(attempts(pieces, verifier, workers=self._workers)) as tried:
                for ordinal, attempt in enumerate(tried, start=start):
                    yield ordinal, attempt
                    piece, outcome = attempt
                    if goes_on and isinstance(outcome, Statement) and not run.has_status:
                        self._taken.append((piece, outcome))

        report = _judge(run, opened, attempted, at)
        if goes_on and run.stands:
            self._run = run
        return report

    def _begin(self, page: Page, run: Run | None) -> tuple[Run, int, Iterator[bytes]]:
        """The run to go on with, how many items of the first page it has taken, and the others."""
        taken = self._taken
        if run is not None:
            registration = run.registration(page.listings)
            for ordinal, (known, statement) in enumerate(taken):
                piece = next(page.pieces, None)
                if piece != known or not run.places_again(registration, ordinal, statement):
                    begun = [earlier for earlier, _statement in taken[:ordinal]]
                    self._taken = []
                    fresh = Run(self._trust, self._settings, page.listings)
                    return fresh, 0, chain(begun, () if piece is None else (piece,), page.pieces)
            run.resume(registration)
            return run, len(taken), page.pieces
        self._taken = []
        return Run(self._trust, self._settings, page.listings), 0, page.pieces
