"""What positions in the logs say of the statements of a bundle: order, and whether each key was good where it signed.

The end of a key, or that an owner signs alone, may stand in a bundle behind what it is about; so the last place at
which each key signed, and at which the registry signed for each owner, is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from monazite_provenance.errors import LogProblem, MissingParent, OwnSignatureOnly
from monazite_provenance.keys import CertifiedKey
from monazite_provenance.names import parse_spiffe
from monazite_provenance.places import Place
from monazite_provenance.verifier import Statement


class Positions:
    """Takes verified statements with their places, in the bundle's order."""

    def __init__(self) -> None:
        self._places: dict[bytes, Place] = {}
        self._awaited: set[bytes] = set()
        # The largest index by log: at which a key signed, and at which the registry signed for an owner.
        self._signed_at: dict[bytes, dict[str, int]] = {}
        self._on_behalf: dict[str, dict[str, int]] = {}
        # By owner, the smallest index by log of a certification after which nobody signs for it.
        self._alone: dict[str, dict[str, int]] = {}

    @property
    def places(self) -> Mapping[bytes, Place]:
        """Where each statement is registered, by its id."""
        return self._places

    def take(self, statement: Statement, key: CertifiedKey, place: Place) -> None:
        """Check one statement by what is known of its key.

        Raises MissingParent for one behind what refers to it, LogProblem for one that stands in its log before what it
        rests on, the KeyProblem family where its key is not good.
        """
        if statement.id in self._awaited:
            raise MissingParent("a statement stands in the bundle behind one that refers to it")
        claims = statement.claims
        for spend in claims.spends:
            self._check_order(spend.statement_id, place)
        for ref in claims.refs:
            self._check_order(ref, place)
        key.check(place)
        _raise_to(self._signed_at.setdefault(key.public.kid, {}), place)
        if claims.on_behalf is not None:
            owner = str(parse_spiffe(claims.actor).owner)
            _raise_to(self._on_behalf.setdefault(owner, {}), place)
            self._check_alone(owner)
        self._places[statement.id] = place

    def _check_order(self, parent: bytes, place: Place) -> None:
        known = self._places.get(parent)
        if known is None:
            self._awaited.add(parent)
        elif known.log == place.log and known.index >= place.index:
            raise LogProblem("a statement stands in its log before one that it rests on", index=place.index)

    def take_key(self, key: CertifiedKey, place: Place, *, begins: bool) -> None:
        """Take what a `keys` statement at this place made of a key: `begins` of a certification.

        Raises the KeyProblem family where the key, or the registry for one that signs alone, signed too late.
        """
        for log, index in self._signed_at.get(key.public.kid, {}).items():
            key.check(Place(log, index))
        if begins and key.own_signature_only:
            since = self._alone.setdefault(key.issuer, {})
            since[place.log] = min(place.index, since.get(place.log, place.index))
            self._check_alone(key.issuer)

    def order_unknown(self, statement_id: bytes, owner: str) -> bool:
        """Whether an owner wants its own signature only by what stands in another log than this statement, so that the
        places do not say which came first.
        """
        logs = self._alone.get(owner, {})
        return bool(logs) and self._places[statement_id].log not in logs

    def _check_alone(self, owner: str) -> None:
        signed = self._on_behalf.get(owner, {})
        for log, since in self._alone.get(owner, {}).items():
            if signed.get(log, -1) > since:
                raise OwnSignatureOnly("signed on behalf of one that had its own signature registered as the only one")


def _raise_to(largest: dict[str, int], place: Place) -> None:
    largest[place.log] = max(place.index, largest.get(place.log, place.index))
