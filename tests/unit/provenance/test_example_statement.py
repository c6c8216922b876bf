"""The example of docs/STATEMENTS.md is what the library makes and reads."""

from __future__ import annotations

from pathlib import Path

from monazite_provenance import CertifiedKey, EventKind, Item, Verifier, log_leaf, parse
from monazite_provenance.contents import decode_lot

from benchmarks.fixtures import make_statement as fixture
from tests.unit.provenance.examples import Ring

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "STATEMENTS.md"


def test_the_fixture_is_what_its_generator_makes() -> None:
    assert fixture.make().encode() == fixture.ITEM_FILE.read_bytes()


def test_the_document_shows_the_fixtures_values() -> None:
    item = Item.decode(fixture.ITEM_FILE.read_bytes())
    unverified = parse(item.statement)
    public = fixture.key().public
    text = DOCUMENT.read_text()
    for value in (
        public.cose_key,
        public.thumbprint,
        unverified.statement_id,
        log_leaf(item.statement),
        unverified.outputs_root,
        item.openings[0].leaf,
        unverified.details_digest,
        *item.redact([1]).nodes,
    ):
        assert f"`{value.hex()}`" in text


def test_the_fixture_verifies() -> None:
    key = CertifiedKey(fixture.key().public, fixture.HOLDER, frozenset({EventKind.TRANSFORM}), certified_by=None)
    statement = Verifier(Ring(key)).verify(fixture.ITEM_FILE.read_bytes())
    lots = [decode_lot(content) for content in statement.outputs.values()]
    assert [lot.lot_id for lot in lots] == list(fixture.LOT_IDS)
    assert all(len(lot.rows) == 17 for lot in lots)
