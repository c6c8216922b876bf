"""Statements as they come, for commands that look without judging.

Form, bounds and openings are checked, so that what is shown is what was committed to; no key, no rule is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from monazite_provenance._tool import screen, words
from monazite_provenance._tool.plain import outline, plain, record
from monazite_provenance._tool.screen import Json
from monazite_provenance.contents import Details, LotContent, decode_details, decode_lot
from monazite_provenance.elements import symbol
from monazite_provenance.item import Item, check_openings
from monazite_provenance.kinds import CUSTODY_KINDS
from monazite_provenance.statement import Unverified, parse


class Shown(NamedTuple):
    """A statement with what its item discloses: the lots by output index, the details."""

    statement: Unverified
    lots: dict[int, LotContent]
    details: Details | None

    @property
    def id(self) -> bytes:
        """The statement id."""
        return self.statement.statement_id

    @property
    def is_step(self) -> bool:
        """Whether it is a step of custody."""
        return self.statement.claims.kind in CUSTODY_KINDS

    def lot_line(self, index: int) -> str:
        """A disclosed lot in one line."""
        return lot_line(self.lots[index])


def look(item: Item) -> Shown:
    """What an item shows. Raises ProvenanceError where it is malformed or opens what was not committed to."""
    statement = parse(item.statement)
    if item.openings or item.nodes or item.details:  # else it is a bare statement, of which nothing is disclosed
        check_openings(item, statement)
    kind = statement.claims.kind
    details = None if item.details is None else decode_details(kind, item.details.content)
    return Shown(statement, {index: decode_lot(opening.content) for index, opening in item.openings.items()}, details)


def headline(shown: Shown) -> str:
    """Who says that it did what, in one line."""
    claims = shown.statement.claims
    how = "self-signed" if claims.on_behalf is None else f"signed by {claims.issuer}"
    says = words.moment(claims.issued_at)
    return f"{words.short(shown.id)}  {claims.kind.name}  {claims.actor}  ({how}; says {says})"


def lines(shown: Shown) -> Iterator[str]:
    """All of a statement: what it says, its details, its lots with their tables of element masses."""
    described = as_json(shown)
    details, _lots = described.pop("details"), described.pop("lots")
    yield from outline(described)
    if shown.details is None:
        yield "details not disclosed"
    elif details:
        yield "details"
        yield from screen.indented(outline(details))
    for index, lot in shown.lots.items():
        yield f"output {index}"
        yield from screen.indented(lot_lines(lot))


def lot_line(lot: LotContent) -> str:
    """A lot in one line."""
    return words.lot_line(lot.lot_id, lot.form.name, lot.gross_g, lot.element_masses())


def lot_lines(lot: LotContent) -> Iterator[str]:
    """A lot, and its element masses with their uncertainties and who measured them."""
    described = record(lot._replace(rows=(), sources=()))
    yield from outline(described)
    yield from screen.table(
        ("element", "kg REO", "u random, kg", "u common, kg", "measured by"),
        (
            (
                symbol(row.element),
                *map(words.kilograms, (row.reo_mg, row.u_random_mg, row.u_common_mg)),
                ", ".join(lot.sources[row.source_index][:2]),
            )
            for row in lot.rows
        ),
        right=" rrr",
    )


def as_json(shown: Shown) -> dict[str, Json]:
    """A statement as plain values."""
    statement, claims = shown.statement, shown.statement.claims
    return {
        "statement_id": shown.id.hex(),
        "kind": claims.kind.name,
        "actor": claims.actor,
        "issuer": claims.issuer,
        "subject": claims.subject,
        "issued_at": claims.issued_at,
        "algorithm": statement.algorithm.name,
        "kid": statement.kid.hex(),
        "spends": [spend.text for spend in claims.spends],
        "refs": [ref.hex() for ref in claims.refs],
        "receipts": len(statement.receipts),
        "outputs": statement.outputs_count,
        "disclosed": list(shown.lots),
        "details": plain(shown.details),
        "lots": {str(index): plain(lot) for index, lot in shown.lots.items()},
    }
