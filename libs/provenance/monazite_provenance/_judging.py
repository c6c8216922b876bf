"""Judging a bundle item by item: keys, places, the history of its lots; and the report on what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monazite_provenance._custody import CustodyChain
from monazite_provenance._evidence import Evidence
from monazite_provenance._history import History
from monazite_provenance._holds import ON_HOLD, hold_gap
from monazite_provenance._positions import Positions
from monazite_provenance._registration import Registration
from monazite_provenance._vouching import check_cut, check_word
from monazite_provenance.bundle import Cosigned, Listing
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import CutDetails, KeyAction, StatusDetails, decode_details
from monazite_provenance.errors import (
    BadField,
    ChainTooLong,
    EventNotAllowed,
    IssuerMismatch,
    LogProblem,
    Malformed,
    NoTrustedReceipt,
    ProvenanceError,
    StaleHead,
    Undisclosed,
    UnknownKey,
    Unsupported,
)
from monazite_provenance.item import Item
from monazite_provenance.key_book import KeyBook
from monazite_provenance.kinds import CUSTODY_KINDS, EventKind
from monazite_provenance.names import parse_spiffe, service_uri
from monazite_provenance.places import Place
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.report import Failure, Gap, LotReport, StepFinding, Verdict, WitnessedHead
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint, log_leaf, parse
from monazite_provenance.statuses import Judged, judge
from monazite_provenance.trust import TrustFile, read_keys
from monazite_provenance.verifier import Statement
from monazite_provenance.witnessing import judge as judge_witnesses

_HELD_BY_STATUS: Final = "on hold, by the registry's status; for what, the hold says that a bundle got anew has"
_CANNOT_TELL: Final = (Undisclosed, ChainTooLong, Unsupported, UnknownKey, NoTrustedReceipt, StaleHead)


def _verdict(error: ProvenanceError) -> Verdict:
    """Cannot tell: a key or a receipt is missing, or the status too old, or something is not shown, or there is more of
    it than this verifier looks at.
    """
    return Verdict.CANNOT_TELL if isinstance(error, _CANNOT_TELL) else Verdict.REFUTED


class Run:
    """One verification: the keys as they become known, the evidence beside the lots, and the lots' history.

    It may go on with another bundle that begins with the same items: `resume`.
    """

    def __init__(self, trust: TrustFile, settings: RuleSettings, listings: Sequence[Listing]) -> None:
        self._registry = service_uri(trust.domain, "registry")
        self._trust = trust
        self.keys: KeyBook = trust.keyring()
        self._heads = HeadVerifier(self.keys)
        self._registration = Registration(listings, self._heads)
        self._positions = Positions()
        self._evidence = Evidence()
        self._custody = CustodyChain(self._evidence, self._registry, settings)
        self._status: tuple[Statement, StatusDetails] | None = None
        self._failure: tuple[ProvenanceError, bytes | None] | None = None
        self._judges_places = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more of the bundle can change what is wrong with it.

        A failure that rests on where statements are registered stands if the receipts in the page's head hold.
        """
        return self._failure is not None and not self._judges_places and not isinstance(self._failure[0], LogProblem)

    def take(self, ordinal: int, piece: bytes, outcome: Statement | ProvenanceError) -> None:
        """Take the next item and what verifying it gave. Raises the Malformed family for one that holds no statement.

        What failed is remembered for the report; of what follows only the leaves count.
        """
        if self._failure is None:
            try:
                self._take(ordinal, outcome)
            except ProvenanceError as error:
                self._failure = error, _statement_id(piece)
            else:
                return
        # The receipts may still show that this was said of a place where nothing stands.
        self._registration.see(ordinal, log_leaf(Item.decode(piece).statement))

    def end_page(self) -> None:
        """All of a page was taken: its receipts are proven, and what was concluded from the places that they claim.

        After a failure there is nothing more to be taken.
        """
        if self.is_over:
            return
        try:
            self._registration.settle()
        except ProvenanceError as error:
            self._failure = error, self._registration.blamed

    def turn(self, listings: Sequence[Listing]) -> None:
        """Go on with the next page of the same bundle."""
        self._registration.turn(listings)

    @property
    def has_status(self) -> bool:
        """Whether the registry's status was taken, behind which nothing stands."""
        return self._status is not None

    @property
    def stands(self) -> bool:
        """Whether nothing that was taken, and no receipt, failed."""
        return self._failure is None

    def places_again(self, registration: Registration, ordinal: int, statement: Statement) -> bool:
        """Whether a statement that was taken stands, by another bundle's receipts, where it stood by the last one's."""
        try:
            return registration.take(ordinal, statement) == self._positions.places[statement.id]
        except ProvenanceError:
            return False

    def registration(self, listings: Sequence[Listing]) -> Registration:
        """For another bundle: its receipts, held against all heads that were verified before."""
        return Registration(listings, self._heads, self._registration.heads)

    def resume(self, registration: Registration) -> None:
        """Go on with another bundle, all items of which up to here were taken and stand where they stood."""
        self._registration = registration
        self._status = None

    def _take(self, ordinal: int, outcome: Statement | ProvenanceError) -> None:
        if isinstance(outcome, ProvenanceError):
            raise outcome
        statement = outcome
        claims = statement.claims
        behalf = claims.on_behalf
        if behalf is not None and parse_spiffe(behalf.principal).domain != parse_spiffe(claims.issuer).domain:
            raise IssuerMismatch("signed on behalf of a principal of another domain")
        if self._status is not None:
            raise BadField("a status is the last of a bundle", field="bundle")
        if statement.id in self._positions.places:
            raise BadField("a statement stands in a bundle once", field="bundle")
        if claims.kind is EventKind.STATUS:
            self._take_status(statement)
            return
        place = self._placed(ordinal, statement)
        if claims.kind in CUSTODY_KINDS:
            self._custody.take(statement, place)
        elif claims.kind is EventKind.CUT:
            self._take_cut(statement, place)
        elif claims.kind is not EventKind.KEYS:
            self._evidence.take(statement, place)

    def _placed(self, ordinal: int, statement: Statement) -> Place:
        """Where a statement stands, once its order, its key and what it says of other keys were judged by that."""
        place = self._registration.take(ordinal, statement)
        self._judges_places = True
        # Verified ahead, by what was known of the key then: what counts is what is known of it now.
        key = self.keys.find(statement.key.public.kid)
        self._positions.take(statement, key or statement.key, place)
        if statement.claims.kind is EventKind.KEYS:
            self._take_keys(statement, place)
        self._judges_places = False
        return place

    def _take_keys(self, statement: Statement, place: Place) -> None:
        if statement.claims.issuer != self._registry:
            raise EventNotAllowed("in a bundle only the registry certifies keys; root acts stand in the trust file")
        details = read_keys(statement)
        key = self.keys.apply(details, statement.id, by_root=False, place=place)
        self._positions.take_key(key, place, begins=details.action is KeyAction.CERTIFY)

    def _take_cut(self, statement: Statement, place: Place) -> None:
        details = decode_details(EventKind.CUT, _details(statement))
        assert isinstance(details, CutDetails)  # noqa: S101 - decode_details was told the kind
        check_word(statement, details, self._registry)
        size = check_cut(statement, details, place, self._heads, self._registration.heads)
        self._custody.vouch(statement, details, size)

    def _take_status(self, statement: Statement) -> None:
        details = decode_details(EventKind.STATUS, _details(statement))
        assert isinstance(details, StatusDetails)  # noqa: S101 - decode_details was told the kind
        check_word(statement, details, self._registry)
        self._status = statement, details

    def report(self, target: Outpoint, cosigned: Sequence[Cosigned], at: int) -> LotReport:
        """The report on a bundle whose last page has ended, or that failed. `at` is in Unix seconds."""
        if self._failure is not None:
            return self._failed(target)
        try:
            self._custody.finish(target, self._positions.places)
            history = self._custody.history(target, self._order_unknown)
            status = self._judged(history, target, at)
            witnessed = self._witnessed(cosigned, status)
        except ProvenanceError as error:
            self._failure = error, None
            return self._failed(target)
        return self._passed(target, history, status, witnessed)

    def _order_unknown(self, statement_id: bytes, actor: str) -> bool:
        return self._positions.order_unknown(statement_id, str(parse_spiffe(actor).owner))

    def _judged(self, history: History, target: Outpoint, at: int) -> Judged | None:
        if self._status is None:
            return None
        statement, details = self._status
        if details.outpoint != target:
            raise BadField("the status of another outpoint than the target", field="status.outpoint")
        return judge(
            statement,
            details,
            lot=history.lot,
            known=self._positions.places.keys(),
            heads=self._registration.heads,
            verifier=self._heads,
            at=at,
        )

    def _witnessed(
        self, cosigned: Sequence[Cosigned], status: Judged | None
    ) -> tuple[tuple[WitnessedHead, ...], tuple[Gap, ...]]:
        """Who co-signed the heads that the bundle rests on, that of its status among them."""
        heads = self._registration.heads
        of_status = () if status is None else status.view.heads[:1]
        resting = {(head.log, head.size): head for head in (*heads.used, *of_status)}
        return judge_witnesses(
            cosigned,
            self._trust.witnesses,
            self._trust.witness_threshold,
            wanted=resting.values(),
            heads=heads,
            keys=self.keys,
        )

    def _failed(self, target: Outpoint) -> LotReport:
        assert self._failure is not None  # noqa: S101 - every caller has one
        error, statement_id = self._failure
        return LotReport(
            verdict=_verdict(error),
            outpoint=target,
            target=None,
            failure=Failure.of(error, statement_id),
            findings=tuple(self._custody.findings),
            not_checked=(),
            steps=tuple(self._custody.steps.values()),
            origins={},
            statements=len(self._positions.places),
            heads=self._registration.heads.used,
        )

    def _passed(
        self,
        target: Outpoint,
        history: History,
        status: Judged | None,
        witnessed: tuple[tuple[WitnessedHead, ...], tuple[Gap, ...]],
    ) -> LotReport:
        held = self._held(history)
        absence = Gap("ABSENCE", "a bundle cannot show what it leaves out: unspent, not on hold, not revoked")
        said = (absence,) if status is None else status.gaps
        gaps = (*said, *witnessed[1], *history.gaps, *(hold_gap(each.statement_id) for each in held))
        return LotReport(
            verdict=Verdict.VERIFIED_WITH_GAPS if gaps else Verdict.VERIFIED,
            outpoint=target,
            target=history.lot,
            failure=None,
            findings=(*history.findings, *held),
            not_checked=gaps,
            steps=history.steps,
            origins=history.origins,
            statements=len(self._positions.places) + (status is not None),
            registered=dict(self._positions.places),
            heads=self._registration.heads.used,
            vouched=history.vouched,
            status=None if status is None else status.view,
            withheld=self._custody.withheld,
            witnessed=witnessed[0],
        )

    def _held(self, history: History) -> list[StepFinding]:
        """Holds that the status names and the bundle does not show."""
        if self._status is None:
            return []
        shown = {each.statement_id for each in history.findings if each.finding.code == ON_HOLD}
        return [
            StepFinding(hold_id, Finding(ON_HOLD, _HELD_BY_STATUS, {"lot_id": history.lot.lot_id}))
            for hold_id in self._status[1].holds
            if hold_id not in shown
        ]


def _details(statement: Statement) -> bytes:
    if statement.details is None:
        raise Undisclosed("details of a statement that the lot rests on")
    return statement.details


def _statement_id(piece: bytes) -> bytes | None:
    """The id of a statement that failed. Raises the Malformed family for what is none."""
    item = Item.decode(piece)
    try:
        return parse(item.statement).statement_id
    except Malformed:
        raise
    except ProvenanceError:
        return None
