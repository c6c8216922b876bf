"""Reads the rows that changes need, or locks them: table by table and in key order, so that two processes never wait
in a ring.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from asyncpg import Record
from monazite_provenance.contents import CustodyState, QuotaKind
from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection
from services.registry.domain.change import (
    ActChange,
    Attest,
    CertifyKey,
    Change,
    FreezeRight,
    HeadChange,
    IssueNames,
    PlaceCut,
    ReleaseHold,
    RightChange,
    Step,
)
from services.registry.domain.records import (
    ActRow,
    ActState,
    EnterpriseRow,
    HeadRow,
    HoldRow,
    NameRow,
    NameState,
    RightRow,
    RightState,
    RightTerms,
    Rows,
)

_ENTERPRISES = """
    SELECT enterprise_id, activities, own_signature_only FROM enterprise
    WHERE enterprise_id = ANY($1::text[]) ORDER BY enterprise_id
"""
_NAMES = """
    SELECT lot_id, enterprise_id, state, statement_id, output_index FROM lot
    WHERE lot_id = ANY($1::text[]) ORDER BY lot_id
"""
_HEADS = """
    SELECT o.statement_id, o.output_index, o.lot_id, o.holder, o.receiver, o.custody_state, o.spent_by, o.holds,
    o.act_id
    FROM unnest($1::bytea[], $2::smallint[]) AS wanted (statement_id, output_index)
    JOIN output o USING (statement_id, output_index) ORDER BY o.statement_id, o.output_index
"""
_HOLDS = """
    SELECT hold_id, statement_id, output_index, reason_code, released_by FROM hold
    WHERE hold_id = ANY($1::bytea[]) ORDER BY hold_id
"""
_CUTS = """
    SELECT c.cut_id, c.statement_id, c.output_index
    FROM unnest($1::bytea[], $2::smallint[]) AS wanted (statement_id, output_index)
    JOIN cut c USING (statement_id, output_index)
"""
_RIGHTS = """
    SELECT right_id, state, drawn_mg, kind, mass_mg, holder, site, registry_log, expires_at, closed_by FROM quota_right
    WHERE right_id = ANY($1::bytea[]) ORDER BY right_id
"""
_ACTS = """
    SELECT act_id, state, licence_id, lock_id, ended_by, intent_id FROM export_act
    WHERE act_id = ANY($1::bytea[]) ORDER BY act_id
"""
_LINES = """
    SELECT act_id, statement_id, output_index FROM export_line
    WHERE act_id = ANY($1::bytea[]) ORDER BY act_id, statement_id, output_index
"""
_FIRST_SEEN = """
    INSERT INTO quota_right (right_id, state, drawn_mg, kind, mass_mg, holder, site, registry_log, expires_at)
    SELECT * FROM unnest($1::bytea[], $2::smallint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::text[],
    $7::text[],
        $8::text[], $9::bigint[])
    ON CONFLICT DO NOTHING
"""


@dataclass(slots=True)
class Needs:
    """Keys of the rows that changes read. `presented`: rights to create if they were never seen; None of a
    tombstone. `closing_behalf`: an enterprise ends signatures on its behalf, so nobody may be about to add one.
    """

    enterprises: set[str] = field(default_factory=set[str])
    names: set[str] = field(default_factory=set[str])
    heads: set[Outpoint] = field(default_factory=set[Outpoint])
    holds: set[bytes] = field(default_factory=set[bytes])
    cuts: set[Outpoint] = field(default_factory=set[Outpoint])
    rights: set[bytes] = field(default_factory=set[bytes])
    acts: set[bytes] = field(default_factory=set[bytes])
    presented: dict[bytes, RightTerms | None] = field(default_factory=dict[bytes, "RightTerms | None"])
    closing_behalf: bool = False

    @property
    def enterprise_lock(self) -> str:
        """How enterprises are locked. Steps share them; who ends signatures on behalf waits for such steps."""
        return " FOR NO KEY UPDATE" if self.closing_behalf else " FOR SHARE"

    @classmethod
    def of(cls, changes: Iterable[Change]) -> Needs:
        """What these changes need."""
        needs = cls()
        for change in changes:
            needs._add(change)
        return needs

    def _add(self, change: Change) -> None:
        if isinstance(change, Step):
            self._add_step(change)
        elif isinstance(change, HeadChange):
            self._add_head(change)
        elif isinstance(change, RightChange):
            self.rights.add(change.right_id)
            if isinstance(change, FreezeRight):
                self.presented.setdefault(change.right_id, None)
        elif isinstance(change, ActChange):
            self.acts.add(change.act_id)
            self.heads.update(change.heads)
        else:
            self.enterprises.add(change.enterprise_id)
            if isinstance(change, IssueNames):
                self.names.update(change.lot_ids)
            self.closing_behalf |= isinstance(change, CertifyKey) and change.own_signature_only

    def _add_head(self, change: HeadChange) -> None:
        if isinstance(change, Attest):
            # A head that was found once is there for good.
            return
        self.heads.add(change.outpoint)
        if isinstance(change, ReleaseHold):
            self.holds.add(change.hold_id)
        elif isinstance(change, PlaceCut):
            self.cuts.add(change.outpoint)

    def _add_step(self, step: Step) -> None:
        if step.act is None:
            self.enterprises.add(step.enterprise_id)
            self.enterprises.update(receiver.segments[1] for _, receiver in step.receivers)
        else:
            self.acts.add(step.act.act_id)
        self.names.update(name.lot_id for name in step.names)
        self.heads.update(spend.outpoint for spend in step.spends)
        for draw in step.draws:
            self.rights.add(draw.right_id)
            if draw.presented is not None:
                self.presented[draw.right_id] = draw.presented


async def load(connection: Connection, needs: Needs) -> Rows:
    """The rows as they stand, without locks."""
    return await _read(connection, needs, lock=False)


async def lock(connection: Connection, needs: Needs) -> Rows:
    """The rows, locked until the transaction ends. Rights that were presented and never seen get their rows here."""
    rows = await _read(connection, needs, lock=True)
    unseen = {right_id: terms for right_id, terms in needs.presented.items() if right_id not in rows.rights}
    if unseen:
        await _create_rights(connection, unseen)
        created = await connection.fetch(_RIGHTS + " FOR UPDATE", sorted(unseen))
        rows.rights.update((row["right_id"], right_row(row)) for row in created)
    return rows


async def _read(connection: Connection, needs: Needs, *, lock: bool) -> Rows:
    exclusive, shared = (" FOR UPDATE", needs.enterprise_lock) if lock else ("", "")
    rows = Rows()
    if needs.enterprises:
        for row in await connection.fetch(_ENTERPRISES + shared, sorted(needs.enterprises)):
            rows.enterprises[row["enterprise_id"]] = EnterpriseRow(
                row["enterprise_id"], frozenset(row["activities"]), row["own_signature_only"]
            )
    if needs.names:
        for row in await connection.fetch(_NAMES + exclusive, sorted(needs.names)):
            rows.names[row["lot_id"]] = _name_row(row)
    if needs.heads:
        await _read_heads(connection, needs, rows, " FOR UPDATE OF o" if lock else "")
    if needs.rights:
        for row in await connection.fetch(_RIGHTS + exclusive, sorted(needs.rights)):
            rows.rights[row["right_id"]] = right_row(row)
    if needs.acts:
        await _read_acts(connection, needs, rows, exclusive)
    if needs.holds:
        await _read_holds(connection, needs, rows, exclusive)
    return rows


async def _read_heads(connection: Connection, needs: Needs, rows: Rows, locking: str) -> None:
    wanted = sorted(needs.heads)
    found = await connection.fetch(
        _HEADS + locking, [one.statement_id for one in wanted], [one.index for one in wanted]
    )
    for row in found:
        head = head_row(row)
        rows.heads[head.outpoint] = head
    if needs.cuts:
        await _read_cuts(connection, needs, rows)


async def _read_holds(connection: Connection, needs: Needs, rows: Rows, locking: str) -> None:
    for row in await connection.fetch(_HOLDS + locking, sorted(needs.holds)):
        head = Outpoint(row["statement_id"], row["output_index"])
        rows.holds[row["hold_id"]] = HoldRow(row["hold_id"], head, row["reason_code"], row["released_by"])


async def _read_cuts(connection: Connection, needs: Needs, rows: Rows) -> None:
    """Under the locks of their heads, without which nobody makes one."""
    wanted = sorted(needs.cuts)
    found = await connection.fetch(_CUTS, [one.statement_id for one in wanted], [one.index for one in wanted])
    for row in found:
        rows.cuts[Outpoint(row["statement_id"], row["output_index"])] = row["cut_id"]


async def _read_acts(connection: Connection, needs: Needs, rows: Rows, locking: str) -> None:
    wanted = sorted(needs.acts)
    acts = await connection.fetch(_ACTS + locking, wanted)
    heads: dict[bytes, list[Outpoint]] = {}
    for act_id, statement_id, index in await connection.fetch(_LINES, wanted):
        heads.setdefault(act_id, []).append(Outpoint(statement_id, index))
    for row in acts:
        act_id = row["act_id"]
        rows.acts[act_id] = ActRow(
            act_id=act_id,
            state=ActState(row["state"]),
            licence_id=row["licence_id"],
            heads=tuple(heads.get(act_id, ())),
            lock_id=row["lock_id"],
            ended_by=row["ended_by"],
            intent_id=row["intent_id"],
        )


async def _create_rights(connection: Connection, unseen: dict[bytes, RightTerms | None]) -> None:
    ids = sorted(unseen)
    terms = [unseen[right_id] for right_id in ids]
    await connection.execute(
        _FIRST_SEEN,
        ids,
        [int(RightState.CLOSING if each is None else RightState.OPEN) for each in terms],
        [0] * len(ids),
        [each and int(each.kind) for each in terms],
        [each and each.mass_mg for each in terms],
        [each and each.holder for each in terms],
        [each and each.site for each in terms],
        [each and each.registry_log for each in terms],
        [each and each.expires_at for each in terms],
    )


def _name_row(row: Record) -> NameRow:
    head = None if row["statement_id"] is None else Outpoint(row["statement_id"], row["output_index"])
    return NameRow(row["lot_id"], row["enterprise_id"], NameState(row["state"]), head)


def head_row(row: Record) -> HeadRow:
    """One row of `output`."""
    return HeadRow(
        outpoint=Outpoint(row["statement_id"], row["output_index"]),
        lot_id=row["lot_id"],
        holder=row["holder"],
        receiver=row["receiver"],
        state=CustodyState(row["custody_state"]),
        spent_by=row["spent_by"],
        holds=tuple(row["holds"]),
        act_id=row["act_id"],
    )


def right_row(row: Record) -> RightRow:
    """One row of `quota_right`."""
    terms = None
    if row["mass_mg"] is not None:
        terms = RightTerms(
            right_id=row["right_id"],
            kind=QuotaKind(row["kind"]),
            mass_mg=row["mass_mg"],
            holder=row["holder"],
            site=row["site"],
            registry_log=row["registry_log"],
            expires_at=row["expires_at"],
        )
    return RightRow(row["right_id"], RightState(row["state"]), row["drawn_mg"], terms, row["closed_by"])
