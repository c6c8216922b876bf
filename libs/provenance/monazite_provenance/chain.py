"""Verifying a bundle: every statement by itself, then the history of the lot as a whole. No network, no service.

Items come as a stream, parents first; each is looked at once. The first thing wrong ends it: what refutes gives
REFUTED, what cannot be judged here gives CANNOT_TELL. What rests on where a statement is registered waits for the end
of the stream, when the receipts in the bundle's head are proven.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from monazite_provenance import bundle
from monazite_provenance._judging import Run
from monazite_provenance.bundle import Bundle
from monazite_provenance.many import attempts
from monazite_provenance.remembering import RememberingVerifier
from monazite_provenance.report import LotReport
from monazite_provenance.settings import DEFAULT_SETTINGS, RuleSettings
from monazite_provenance.trust import TrustFile
from monazite_provenance.verifier import Statement, Verifier

__all__ = ["BundleVerifier", "verify_bundle"]


def verify_bundle(
    chunks: Iterable[bytes],
    trust: TrustFile,
    *,
    at: int,
    settings: RuleSettings = DEFAULT_SETTINGS,
    threads: int = 1,
) -> LotReport:
    """Verify a bundle, in pieces cut anywhere, against a trust file. Gives a LotReport, whatever the verdict.

    `at`: the moment by which the registry's status is fresh or not, Unix seconds; nothing else asks for the time.
    `threads`: over how many in all the signatures are checked. Raises the Malformed family, UnsupportedVersion or
    TooManyParents when the bytes are no bundle of this format; what a statement says, who signed it and what is wrong
    with its openings is the report's matter.
    """
    opened = bundle.read(chunks)
    run = Run(trust, settings, opened.listings)
    for ordinal, (piece, outcome) in enumerate(attempts(opened.pieces, Verifier(run.keys), threads=threads)):
        run.take(ordinal, piece, outcome)
        if run.is_over:
            break
    return run.report(opened, at)


class BundleVerifier:
    """Verifies bundles one after the other against one trust file, and goes on from the last.

    A bundle that begins with the items of the last one that stood, all registered where they were, costs what it adds.
    Of any other, statements seen before cost no signature. The reports are those of `verify_bundle`. Not to be shared
    between threads.
    """

    def __init__(self, trust: TrustFile, *, settings: RuleSettings = DEFAULT_SETTINGS, threads: int = 1) -> None:
        self._trust = trust
        self._settings = settings
        self._threads = threads
        self._remembered = RememberingVerifier(trust.keyring())
        self._run: Run | None = None
        self._taken: list[tuple[bytes, Statement]] = []

    def verify(self, chunks: Iterable[bytes], *, at: int) -> LotReport:
        """As `verify_bundle`, of the next bundle."""
        opened = bundle.read(chunks)
        run, first, pieces = self._begin(opened)
        # Until the end it is not known whether anything can go on from here.
        self._run = None
        verifier = self._remembered.with_keys(run.keys)
        for ordinal, (piece, outcome) in enumerate(attempts(pieces, verifier, threads=self._threads), start=first):
            run.take(ordinal, piece, outcome)
            if run.is_over:
                break
            if isinstance(outcome, Statement) and not run.has_status:
                self._taken.append((piece, outcome))
        report = run.report(opened, at)
        if run.stands:
            self._run = run
        return report

    def _begin(self, opened: Bundle) -> tuple[Run, int, Iterator[bytes]]:
        """The run to go on with, how many items of the bundle it has taken, and the others."""
        run, taken = self._run, self._taken
        if run is not None:
            registration = run.registration(opened.listings)
            for ordinal, (known, statement) in enumerate(taken):
                piece = next(opened.pieces, None)
                if piece != known or not run.places_again(registration, ordinal, statement):
                    begun = [earlier for earlier, _statement in taken[:ordinal]]
                    self._taken = []
                    fresh = Run(self._trust, self._settings, opened.listings)
                    return fresh, 0, chain(begun, () if piece is None else (piece,), opened.pieces)
            run.resume(registration)
            return run, len(taken), opened.pieces
        self._taken = []
        return Run(self._trust, self._settings, opened.listings), 0, opened.pieces
