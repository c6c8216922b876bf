"""Hypothesis strategies for every content."""

from __future__ import annotations

from hypothesis import strategies as st
from monazite_provenance import contents as c
from monazite_provenance import lot_ids
from monazite_provenance.contents import CustodyState
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint

MASS_MAX = 2**63 - 1
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=12)
texts_or_empty = st.one_of(st.just(""), texts)
ids = st.binary(min_size=32, max_size=32)
acts = st.binary(min_size=16, max_size=16)
masses = st.integers(0, MASS_MAX)
positives = st.integers(1, MASS_MAX)
elements = st.sampled_from(sorted(ATOMIC_NUMBERS))
names = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)
enterprises = names.map(lambda name: f"spiffe://monazite.example/enterprise/{name}")
officers = names.map(lambda name: f"spiffe://monazite.example/officer/export/{name}")
countries = st.sampled_from(["US", "DE", "JP", "AU"])
outpoints = st.builds(Outpoint, ids, st.integers(0, 127))
issued_ids = st.binary(min_size=8, max_size=8).map(lambda random: lot_ids.new(lambda _size: random))
blobs = st.binary(min_size=1, max_size=64)
log_sizes = st.integers(0, 2**62)
log_ranges = st.builds(c.LogRange, texts, log_sizes, st.one_of(st.none(), log_sizes))

sources = st.builds(c.MassSource, texts, texts, st.one_of(st.none(), ids))


@st.composite
def lots(draw: st.DrawFn) -> c.LotContent:
    """Any lot that the codec takes; not necessarily one that the rule book would."""
    listed = draw(st.lists(sources, min_size=1, max_size=2, unique=True))
    keys = draw(st.sets(st.tuples(elements, st.integers(0, len(listed) - 1)), min_size=1, max_size=6))
    rows = tuple(
        c.ElementRow(element, draw(positives), draw(masses), draw(masses), source) for element, source in sorted(keys)
    )
    moisture, net, gross = sorted(draw(st.lists(positives, min_size=3, max_size=3)))
    state = draw(st.sampled_from(CustodyState))
    in_transit = state is CustodyState.IN_TRANSIT
    limit = st.builds(c.ExportLimit, ids, st.integers(1, gross))
    return c.LotContent(
        lot_id=draw(issued_ids),
        holder=draw(enterprises),
        site=draw(texts),
        form=draw(st.sampled_from(c.Form)),
        gross_g=gross,
        net_g=net,
        moisture_g=moisture,
        rows=rows,
        sources=tuple(listed),
        custody_model=draw(st.sampled_from(c.CustodyModel)),
        custody_state=state,
        factor_table=draw(texts),
        home_log=draw(texts),
        receiver=draw(enterprises) if in_transit else None,
        remainder_lot_id=draw(issued_ids) if in_transit else None,
        export=draw(st.one_of(st.none(), limit)) if in_transit else None,
    )


draws = st.dictionaries(ids, positives, max_size=4).map(
    lambda each: tuple(c.Draw(right, mass) for right, mass in sorted(each.items()))
)
losses = st.dictionaries(elements, positives, max_size=5).map(
    lambda each: tuple(c.Loss(element, mass) for element, mass in sorted(each.items()))
)
origins = st.one_of(
    st.builds(c.Mined, texts, texts, st.sampled_from(c.DepositType)),
    st.builds(c.Imported, countries, texts),
    st.builds(c.Recycled, texts),
    st.builds(c.OpeningInventory, texts),
)


@st.composite
def cuts(draw: st.DrawFn) -> c.CutDetails:
    """A cut whose origins add up to its lot, or are left out."""
    lot = draw(lots())
    shares: list[c.ElementOrigins] = []
    for element, mass in sorted(lot.element_masses().items()) if draw(st.booleans()) else ():
        named = sorted(draw(st.sets(texts, min_size=1, max_size=min(3, mass))))
        parts = [*(1 for _ in named[1:]), mass - len(named) + 1]
        if parts[-1] > MASS_MAX:
            return c.CutDetails(draw(outpoints), lot, (), draw(ids), draw(blobs))
        shares.append(c.ElementOrigins(element, tuple(map(c.OriginMass, named, parts))))
    found = tuple(sorted(draw(st.sets(texts, max_size=3))))
    return c.CutDetails(draw(outpoints), lot, tuple(shares), draw(ids), draw(blobs), found)


def several(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    """Up to four, as a tuple."""
    return st.lists(of, max_size=4).map(tuple)


lines = st.builds(c.AcceptLine, masses, masses, masses, texts_or_empty)
kinds = st.sets(st.sampled_from(sorted(int(kind) for kind in EventKind))).map(lambda each: tuple(sorted(each)))
control_codes = st.sets(texts, min_size=1, max_size=3).map(lambda each: tuple(sorted(each)))
lot_fields = st.sets(st.sampled_from(c.LotField), min_size=1).map(lambda each: tuple(sorted(each)))
assay_rows = st.dictionaries(elements, st.tuples(masses, masses, masses), min_size=1, max_size=4).map(
    lambda each: tuple(c.AssayRow(element, *row) for element, row in sorted(each.items()))
)
bases = st.one_of(st.builds(c.Attested, ids), st.builds(c.Stocktake, texts), st.builds(c.Corrected, ids))

details: dict[EventKind, st.SearchStrategy[c.Details]] = {
    EventKind.REGISTER: st.builds(c.RegisterDetails, origins, draws),
    EventKind.RETURN: st.builds(c.ReturnDetails, positives, texts, texts),
    EventKind.SPLIT: st.builds(c.SplitDetails),
    EventKind.MERGE: st.builds(c.MergeDetails),
    EventKind.TRANSFORM: st.builds(c.TransformDetails, texts, losses, draws, st.one_of(st.none(), texts)),
    EventKind.OFFER: st.builds(c.OfferDetails, texts_or_empty),
    EventKind.CANCEL: st.builds(c.CancelDetails),
    EventKind.ACCEPT: st.builds(c.AcceptDetails, several(lines)),
    EventKind.DIVERT: st.builds(c.DivertDetails, texts, texts_or_empty),
    EventKind.ADJUST: st.builds(c.AdjustDetails, bases, st.one_of(st.none(), texts)),
    EventKind.CONSUME: st.builds(c.ConsumeDetails, texts, texts_or_empty),
    EventKind.ANNUL: st.builds(c.AnnulDetails, ids, texts),
    EventKind.CORRECT: st.builds(c.CorrectDetails, outpoints, lot_fields, texts, draws, st.one_of(st.none(), lots())),
    EventKind.EXPORT_INTENT: st.builds(
        c.ExportIntentDetails,
        acts,
        ids,
        st.dictionaries(outpoints, st.tuples(masses, control_codes), min_size=1, max_size=3)
        .map(lambda each: tuple(c.ExportedMass(head, *mass) for head, mass in each.items()))
        .filter(lambda each: any(mass.gross_g for mass in each)),
        texts,
        texts,
        countries,
    ),
    EventKind.EXPORT_LOCK: st.builds(c.ExportLockDetails, acts, ids, several(outpoints)),
    EventKind.EXPORT_VOID: st.builds(c.ExportVoidDetails, acts, texts),
    EventKind.ATTEST: st.builds(
        c.AttestDetails,
        issued_ids,
        texts,
        texts,
        texts,
        masses,
        positives,
        assay_rows,
        st.one_of(st.none(), outpoints),
    ),
    EventKind.HOLD: st.builds(c.HoldDetails, outpoints, issued_ids, texts),
    EventKind.RELEASE: st.builds(c.ReleaseDetails, outpoints, issued_ids, texts, ids),
    EventKind.STATUS: st.builds(
        c.StatusDetails,
        outpoints,
        st.one_of(st.none(), ids),
        st.sets(ids, max_size=3).map(lambda each: tuple(sorted(each))),
        ids,
        positives,
        st.lists(blobs, min_size=1, max_size=3).map(tuple),
        masses,
    ),
    EventKind.CUT: cuts(),
    EventKind.RIGHT_CLOSED: st.builds(c.RightClosedDetails, ids, masses, texts),
    EventKind.RIGHT: st.builds(
        c.RightDetails,
        st.integers(2000, 2999),
        st.sampled_from(c.QuotaKind),
        positives,
        enterprises,
        texts,
        texts,
        masses,
    ),
    EventKind.SETTLED: st.builds(c.SettledDetails, ids, ids, positives, positives, masses),
    EventKind.LICENCE: st.builds(
        c.LicenceDetails,
        texts,
        enterprises,
        st.builds(c.EndUser, texts, countries, texts_or_empty),
        countries,
        several(st.builds(c.LicenceLine, texts, texts_or_empty, positives)),
        masses,
        texts,
        ids,
        officers,
        officers,
    ),
    EventKind.LICENCE_CHANGE: st.builds(c.LicenceChangeDetails, ids, st.sampled_from(c.LicenceAction), texts, officers),
    EventKind.KEYS: st.one_of(
        st.builds(
            c.KeysDetails,
            st.sampled_from(c.KeyAction),
            enterprises,
            blobs,
            kinds,
            st.one_of(st.none(), blobs),
            st.booleans(),
            st.lists(log_ranges, max_size=3, unique_by=lambda span: span.log).map(
                lambda spans: tuple(sorted(spans, key=lambda span: span.log))
            ),
        ),
        st.builds(
            c.RootsDetails,
            st.integers(1, 16),
            st.lists(st.builds(c.NewRoot, blobs, blobs), min_size=1, max_size=16).map(tuple),
        ),
    ),
}
