"""Statements of other services that are presented here: registered in a log of the service that owns their kind."""

from __future__ import annotations

from monazite_provenance.errors import NoTrustedReceipt, ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.key_book import HOME_SERVICES, KeyBook
from monazite_provenance.names import parse_log
from monazite_provenance.places import Place
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.verifier import Statement, Verifier


class PresentedVerifier:
    """Verifies items that carry their receipt in the statement's unprotected header. Safe to share between threads as
    long as one at a time verifies."""

    def __init__(self, keys: KeyBook) -> None:
        self._verifier = Verifier(keys)
        self._heads = HeadVerifier(keys)

    def verify(self, item: bytes | Item) -> Statement:
        """The statement, whose key was good where it is registered.

        Raises ProvenanceError: NoTrustedReceipt without a receipt of a log in which such a statement belongs. A bad
        receipt beside a good one vetoes nothing.
        """
        statement = self._verifier.verify_unplaced(item)
        statement.key.check(self.place(statement))
        return statement

    def place(self, statement: Statement) -> Place:
        """Where its receipts show it to be registered. Raises NoTrustedReceipt."""
        service, leaf = HOME_SERVICES.get(statement.claims.kind), statement.leaf
        for receipt in statement.receipts:
            try:
                found = self._heads.verify_receipt(receipt, leaf)
                if parse_log(found.head.log)[0] == service:
                    return Place(found.head.log, found.index)
            except ProvenanceError:
                continue
        raise NoTrustedReceipt("no receipt of a trusted log in which such a statement is registered")
