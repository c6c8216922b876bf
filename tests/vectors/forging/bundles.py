"""Hostile bundles: their form, what stands in them and in which order, and where it is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import cbor2
from monazite_provenance import bundle
from monazite_provenance.bundle import Listing
from monazite_provenance.contents import (
    AcceptLine,
    ConsumeDetails,
    CustodyModel,
    Form,
    OfferDetails,
    SplitDetails,
    TransformDetails,
)
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import log_urn
from monazite_provenance.statement import Outpoint, log_leaf, parse
from monazite_provenance.statuses import digest_of

from tests.unit.provenance.chains import AT_S, LOG, NOW_S, ORE, World, enterprise, lot, scaled, tell
from tests.unit.provenance.registers import Register
from tests.vectors.forging.forge import Case, Raw, Value, digest, enc, envelope
from tests.vectors.forging.seeded import seeded

TRUST: Final = {"trust": "trust/good.json", "at": AT_S}
QUOTA_LOG: Final = log_urn("quota")
RUNGS: Final = 40
MALFORMED: Final = "MALFORMED"
# Of the forms that are none: what does not even begin as a bundle does.
_OTHER_FILES: Final = ("empty", "head-missing", "head-of-two", "head-map", "version-true", "tagged", "text")

Built = tuple[World, Outpoint]


def case(name: str, attacks: str, data: bytes, expected: str) -> Case:
    """A bundle under the good trust file."""
    return Case("bundle", name, attacks, data, expected, TRUST)


def sold() -> Built:
    """A mined lot, sold to a plant: keys, right, register, settled, offer, accept. Both sign for themselves."""
    world = World.new("mine", "plant")
    mined = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    return world, world.hand_over("mine", "plant", mined)


def mined() -> Built:
    """A mined lot."""
    world = World.new("mine")
    return world, world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))


def whole(world: World, target: Outpoint) -> bytes:
    """The bundle with its status."""
    return world.encode(target, [*world.items, world.status(target)])


def bare(world: World, target: Outpoint) -> bytes:
    """The bundle without one."""
    return world.encode(target)


def written(world: World, target: Outpoint, items: Sequence[Item], listings: Sequence[Listing]) -> bytes:
    """A bundle of these items with these receipts."""
    return b"".join(bundle.write(target, items, listings))


def cases() -> Iterator[Case]:
    """All of them, the good ones first."""
    for name, attacks, build, expected in (*GOOD, *HISTORIES):
        with seeded():
            yield case(name, attacks, build(), expected)
    with seeded():
        yield from _forms(*sold())
    with seeded():
        yield from _orders(*sold())
    with seeded():
        yield from _receipts(*sold())


# Good ones.


def _ladder() -> bytes:
    world, head = mined()
    for _ in range(RUNGS):
        half = world.lots[head].gross_g // 2
        head = world.merge("mine", *world.split("mine", head, half, world.lots[head].gross_g - half))
    return whole(world, head)


def _exported() -> bytes:
    story = tell()
    return whole(story.world, story.abroad)


GOOD: Final[tuple[tuple[str, str, Callable[[], bytes], str], ...]] = (
    ("good", "nothing: a sold lot and its status", lambda: whole(*sold()), "VERIFIED"),
    ("good-without-status", "nothing: there is no status", lambda: bare(*sold()), "VERIFIED_WITH_GAPS ABSENCE"),
    ("good-ladder", f"nothing but time: {RUNGS} diamonds, 2^{RUNGS} ways to the root", _ladder, "VERIFIED"),
    ("good-exported", "nothing: from mine and import to a magnet abroad", _exported, "VERIFIED"),
)


# Histories that must not pass, though every signature and every receipt holds.


def _offered_twice() -> bytes:
    world, head = mined()
    first = world.offer("mine", head, enterprise("plant"))
    world.offer("mine", head, enterprise("other"))
    return bare(world, first)


def _spent_twice_and_sold() -> bytes:
    world, head = mined()
    kept = world.split("mine", head, 400, 600)
    world.offer("mine", head, enterprise("plant"))
    return bare(world, kept[0])


def _born_twice() -> bytes:
    world, head = mined()
    again = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)._replace(lot_id=world.lots[head].lot_id)
    return bare(world, world.mine("mine", again))


def _sold_by_a_thief() -> bytes:
    world, head = mined()
    world.certify("thief")
    return bare(world, world.offer("thief", head, enterprise("plant")))


def _sold_by_a_thief_hidden() -> bytes:
    world, head = mined()
    world.certify("thief")
    offered = world.offer("thief", head, enterprise("plant"))
    # Whose it was is not shown: then nobody can tell who might sell it.
    items = [
        item.redact(()) if parse(item.statement).statement_id == head.statement_id else item for item in world.items
    ]
    return world.encode(offered, items)


def _accepted_by_another() -> bytes:
    world, head = mined()
    world.certify("thief")
    offered = world.offer("mine", head, enterprise("plant"))
    return bare(world, world.accept("thief", offered)[0])


def _more_than_went_in() -> bytes:
    world, head = mined()
    parts = [world.lots[part] for part in world.split("mine", head, 500, 500)]
    world.items.pop()
    world.ids.pop()
    grown = [part._replace(rows=tuple(row._replace(reo_mg=row.reo_mg * 2) for row in part.rows)) for part in parts]
    return bare(world, world.step(EventKind.SPLIT, "mine", SplitDetails(), grown, [head])[0])


def _right_drawn_beyond() -> bytes:
    world = World.new("mine")
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    return bare(world, world.mine("mine", content, content.reo_mg + 1))


def _impossible() -> bytes:
    world = World.new("mine")
    return bare(world, world.bring_in("mine", lot("mine", Form.ORE_CONCENTRATE, 97, ORE)))


def _lot_id_misspelt() -> bytes:
    world = World.new("mine")
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    wrong = "0" if content.lot_id[-1] != "0" else "1"
    return bare(world, world.bring_in("mine", content._replace(lot_id=content.lot_id[:-1] + wrong)))


def _home_elsewhere() -> bytes:
    world = World.new("mine")
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)._replace(home_log=log_urn("warehouse"))
    return bare(world, world.bring_in("mine", content))


def _not_settled() -> bytes:
    world = World.new("mine")
    return bare(world, world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE), settle=False))


def _settled_more_than_drawn() -> bytes:
    world = World.new("mine")
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    head = world.mine("mine", content, settle=False)
    world.settle(world.ids[1], head.statement_id, content.reo_mg + 1)
    return bare(world, head)


def _consumed_into_lots_hidden() -> bytes:
    world, head = mined()
    made = [lot("mine", Form.ORE_CONCENTRATE, 2_000, scaled(ORE, 2)) for _ in range(2)]
    lots = world.step(EventKind.CONSUME, "mine", ConsumeDetails("use", ""), made, [head])
    items = [*world.items[:-1], world.items[-1].redact((0,))]
    return world.encode(lots[0], items)


def _loss_unexplained() -> bytes:
    world, head = mined()
    half = lot("mine", Form.ORE_CONCENTRATE, 400, scaled(ORE, 1, 2), CustodyModel.CONTROLLED_BLENDING)
    return bare(world, world.step(EventKind.TRANSFORM, "mine", TransformDetails("magnet-making"), [half], [head])[0])


def _model_tightened() -> bytes:
    world, head = mined()
    better = lot("mine", Form.ORE_CONCENTRATE, 900, ORE, CustodyModel.IDENTITY_PRESERVED)
    return bare(world, world.step(EventKind.TRANSFORM, "mine", TransformDetails("magnet-making"), [better], [head])[0])


def _short_without_reason() -> bytes:
    world, head = mined()
    offered = world.offer("mine", head, enterprise("plant"))
    return bare(world, world.accept("plant", offered, AcceptLine(500, 0, 500))[0])


def _offer_changes_the_lot() -> bytes:
    world, head = mined()
    offered = world.lots[world.offer("mine", head, enterprise("plant"))]
    world.items.pop()
    world.ids.pop()
    heavier = offered._replace(gross_g=offered.gross_g + 1)
    return bare(world, world.step(EventKind.OFFER, "mine", OfferDetails("waybill"), [heavier], [head])[0])


def _exported_over_the_licence() -> bytes:
    world, head = mined()
    licence = world.licence("mine", 500)
    offered = world.offer_out("mine", head, licence)
    return bare(world, world.take_out(offered, 1_000, [world.intent(licence, {offered: 1_000})])[0])


def _exported_elsewhere() -> bytes:
    world, head = mined()
    licence = world.licence("mine", 1_000)
    offered = world.offer_out("mine", head, licence)
    intent = world.intent(licence, {offered: 1_000}, destination="US")
    return bare(world, world.take_out(offered, 1_000, [intent])[0])


def _held() -> bytes:
    world, head = sold()
    world.hold(head)
    return whole(world, head)


def _hold_lifted_by_the_holder() -> bytes:
    world, head = sold()
    world.release(head, world.hold(head), signer="plant", on_behalf=None)
    return bare(world, head)


HISTORIES: Final[tuple[tuple[str, str, Callable[[], bytes], str], ...]] = (
    ("double-spend", "offered to two", _offered_twice, "REFUTED DOUBLE_SPEND"),
    ("double-spend-two-heads", "split, and sold whole: two heads", _spent_twice_and_sold, "REFUTED DOUBLE_SPEND"),
    ("lot-born-twice", "one lot id, two births", _born_twice, "REFUTED DOUBLE_SPEND"),
    ("sold-by-a-thief", "offered by one that does not hold it", _sold_by_a_thief, "REFUTED NOT_HOLDER"),
    (
        "sold-by-a-thief-hidden",
        "as sold-by-a-thief, and whose it was is left out",
        _sold_by_a_thief_hidden,
        "CANNOT_TELL UNDISCLOSED",
    ),
    ("accepted-by-another", "accepted by one it was not offered to", _accepted_by_another, "REFUTED NOT_HOLDER"),
    ("mass-grown", "parts with more than the whole", _more_than_went_in, "REFUTED MASS_NOT_CONSERVED"),
    ("right-drawn-beyond", "a draw over the need", _right_drawn_beyond, "REFUTED RIGHT_EXCEEDED"),
    ("more-oxides-than-lot", "element masses over the dry mass", _impossible, "REFUTED PHYSICALLY_IMPOSSIBLE"),
    ("lot-id-check-digit", "a lot id that is none", _lot_id_misspelt, "REFUTED BAD_FIELD"),
    ("home-log-of-nobody", "a home log that no registry keeps", _home_elsewhere, "REFUTED LOG_PROBLEM"),
    (
        "right-not-settled",
        "a draw that quota has not settled",
        _not_settled,
        "VERIFIED_WITH_GAPS ABSENCE UNSETTLED_RIGHT",
    ),
    ("right-settled-otherwise", "more settled than drawn", _settled_more_than_drawn, "REFUTED STEP_NOT_ALLOWED"),
    (
        "consumed-into-lots-hidden",
        "an end in use that makes lots, one of them left out",
        _consumed_into_lots_hidden,
        "REFUTED STEP_NOT_ALLOWED",
    ),
    ("loss-unexplained", "half is lost, and nobody says how", _loss_unexplained, "REFUTED LOSS_WITHOUT_REASON"),
    ("model-tightened", "of blended stock, a segregated lot", _model_tightened, "REFUTED CUSTODY_MODEL_LOOSENED"),
    ("short-without-reason", "half arrives, no reason", _short_without_reason, "REFUTED STEP_NOT_ALLOWED"),
    ("offer-changes-the-lot", "heavier on the way", _offer_changes_the_lot, "REFUTED MASS_NOT_CONSERVED"),
    ("licence-exceeded", "more leaves than the licence bears", _exported_over_the_licence, "REFUTED LICENCE_EXCEEDED"),
    ("licence-of-another-country", "it leaves for elsewhere", _exported_elsewhere, "REFUTED LICENCE_MISMATCH"),
    ("held", "an inspector's hold", _held, "VERIFIED_WITH_GAPS ON_HOLD"),
    (
        "hold-lifted-by-the-holder",
        "a release by whom it holds",
        _hold_lifted_by_the_holder,
        "REFUTED EVENT_NOT_ALLOWED",
    ),
)


# Form.


def _forms(world: World, target: Outpoint) -> Iterator[Case]:
    good = whole(world, target)
    pieces = [item.encode() for item in world.items]
    items = b"".join(pieces)
    named = target.encode()
    attack = "another form than a bundle's"

    def headed(*parts: Value) -> bytes:
        return enc(list(parts)) + items

    for name, data in {
        "empty": b"",
        "head-missing": items,
        "head-of-two": headed(1, named),
        "head-of-four": headed(1, named, [], 0),
        "head-map": enc({1: named}) + items,
        "head-twice": headed(1, named, []) + headed(1, named, []),
        "target-short": headed(1, named[:33], []),
        "target-list": headed(1, [named[:32], 0], []),
        "version-true": headed(True, named, []),
        "listing-empty": headed(1, named, [[b"receipt", []]]),
        "listing-of-one": headed(1, named, [[b"receipt"]]),
        "ordinal-negative": headed(1, named, [[b"receipt", [-1]]]),
        "ordinal-beyond-any-bundle": headed(1, named, [[b"receipt", [10_000]]]),
        "ordinal-true": headed(1, named, [[b"receipt", [True]]]),
        "ordinal-in-two-receipts": headed(1, named, [[b"receipt", [0]], [b"another", [0]]]),
        "tagged": b"\xd9\xd9\xf7" + good,
        "float": headed(1, named, []) + b"\xf9\x3c\x00",
        "cut-short": good[:-1],
        "cut-in-head": good[:40],
        "item-null": headed(1, named, []) + b"\xf6",
        "text": b"{}",
    }.items():
        code = "NOT_A_BUNDLE" if name in _OTHER_FILES else "BAD_FIELD"
        yield case(f"form-{name}", attack, data, f"{MALFORMED} {code}")
    indefinite = b"\x9f" + enc([1, named, []])[1:] + b"\xff" + items
    yield case("form-indefinite-head", "an indefinite length", indefinite, f"{MALFORMED} NOT_A_BUNDLE")
    long_form = enc([Raw(b"\x18\x01"), named, []]) + items
    yield case("form-long-version", "a longer form than needed", long_form, f"{MALFORMED} NOT_DETERMINISTIC")
    yield case("form-version-3", "a version to come", headed(3, named, []), f"{MALFORMED} UNSUPPORTED_VERSION")
    many: list[Value] = [[b"receipt", [n]] for n in range(65)]
    yield case("form-receipts-65", "more logs than a bundle has", headed(1, named, many), f"{MALFORMED} TOO_LARGE")
    huge = enc([1, named, []]) + b"\x84\x5a\x7f\xff\xff\xff"
    yield case("form-item-promised-too-long", "an item of 2 GiB", huge, f"{MALFORMED} TOO_LARGE")
    deep = enc([1, named, []]) + b"\x81" * 5_000 + b"\0"
    yield case("form-deep", "containers within containers", deep, f"{MALFORMED} TOO_DEEP")


# Order, and what stands in it.


def _orders(world: World, target: Outpoint) -> Iterator[Case]:
    def of(items: Sequence[Item]) -> bytes:
        return world.encode(target, items)

    items = list(world.items)
    kinds = [parse(item.statement).claims.kind for item in items]
    register, offer, accept = (kinds.index(kind) for kind in (EventKind.REGISTER, EventKind.OFFER, EventKind.ACCEPT))
    swapped = [*items[:offer], items[accept], items[offer]]
    attack = "parents come first"
    yield case("order-child-first", attack, of(swapped), "REFUTED MISSING_PARENT")
    yield case("order-keys-last", "a key before what it signs", of([*items[2:], *items[:2]]), "CANNOT_TELL UNKNOWN_KEY")
    settled_first = [*items[:register], items[register + 1], items[register], *items[register + 2 :]]
    yield case("order-settled-first", attack, of(settled_first), "REFUTED MISSING_PARENT")
    for name, left_out in {"register": register, "offer": offer, "target": accept}.items():
        rest = [*items[:left_out], *items[left_out + 1 :]]
        yield case(f"{name}-missing", "what is spent is not there", of(rest), "REFUTED MISSING_PARENT")
    without_right = [item for item, kind in zip(items, kinds, strict=True) if kind is not EventKind.RIGHT]
    yield case("right-missing", "a draw on a right that is not there", of(without_right), "REFUTED RIGHT_MISSING")
    without_key = items[1:]
    yield case("key-missing", "a key's certification is left out", of(without_key), "CANNOT_TELL UNKNOWN_KEY")
    twice = written(world, target, [*items, items[-1]], world.registers.listings(items, NOW_S))
    yield case("statement-twice", "one statement, twice", twice, "REFUTED BAD_FIELD")
    spent = world.encode(Outpoint(world.ids[register], 0))
    yield case("target-spent", "a target that is spent further on", spent, "REFUTED DOUBLE_SPEND")
    beyond = world.encode(Outpoint(target.statement_id, 1))
    yield case("target-beyond-outputs", "a target that nobody made", beyond, "REFUTED MISSING_PARENT")
    nowhere = world.encode(Outpoint(digest("nothing"), 0))
    yield case("target-unknown", "a target that nobody made", nowhere, "REFUTED MISSING_PARENT")
    hidden = [items[register].redact(()), *items[register + 1 :]]
    unseen = of([*items[:register], *hidden])
    yield case("spent-output-hidden", "what is spent is not shown", unseen, "CANNOT_TELL UNDISCLOSED")
    unseen = of([*items[:accept], items[accept].redact(())])
    yield case("target-hidden", "what the bundle is about is not shown", unseen, "CANNOT_TELL UNDISCLOSED")
    changed = replace(items[offer], openings=items[register].openings)
    swapped = [*items[:offer], changed, *items[offer + 1 :]]
    yield case("opening-of-another-statement", "a sibling's content", of(swapped), "REFUTED OPENING_MISMATCH")
    forged = replace(items[offer], statement=items[offer].statement[:-1] + b"\0")
    broken = written(
        world, target, [*items[:offer], forged, *items[offer + 1 :]], world.registers.listings(items, NOW_S)
    )
    yield case("signature-forged", "one statement is not signed so", broken, "REFUTED BAD_SIGNATURE")
    known = len(items)
    world.bring_in("stranger", lot("stranger", Form.ORE_CONCENTRATE, 1_000, ORE))
    attack = "a lot that has nothing to do with it"
    yield case("strangers", attack, bare(world, target), "VERIFIED_WITH_GAPS ABSENCE")
    status = world.status(target, digest=digest_of(world.ids[:known]), count=known)
    among = world.encode(target, [*world.items, status])
    yield case("strangers-beside-a-status", attack, among, "VERIFIED_WITH_GAPS INCOMPLETE")


# Registration.


def carrying(item: Item, *receipts: bytes) -> Item:
    """The item with receipts in its unprotected header."""
    protected, _, content, signature = cbor2.loads(item.statement[1:])
    return replace(item, statement=envelope(protected, {394: list(receipts)}, content, signature))


def _receipts(world: World, target: Outpoint) -> Iterator[Case]:
    items = list(world.items)
    registers = world.registers
    good = registers.listings(items, NOW_S)
    (own,) = [each for each in good if _log_of(each, world) == LOG]
    (quota,) = [each for each in good if _log_of(each, world) == QUOTA_LOG]

    def of(*listings: Listing) -> bytes:
        return written(world, target, items, listings)

    untold = "CANNOT_TELL NO_TRUSTED_RECEIPT"
    swapped = replace(own, ordinals=(own.ordinals[1], own.ordinals[0], *own.ordinals[2:]))
    fewer = replace(own, ordinals=own.ordinals[:-1])
    beyond = replace(own, ordinals=(*own.ordinals[:-1], len(items)))
    broken = replace(own, receipt=own.receipt[:-1] + bytes((own.receipt[-1] ^ 1,)))
    strange = Register(LOG, registers.logs[LOG].issuer, registers.logs[QUOTA_LOG].key)
    posing = Register(LOG, registers.logs[LOG].issuer, World.new().keys["registry"])
    for each in (strange, posing):
        for item in items:
            each.append(log_leaf(item.statement))
    places = {ordinal: ordinal for ordinal in own.ordinals}
    for name, attacks, data in (
        ("receipts-none", "nothing is registered", of()),
        ("receipts-of-one-log-only", "quota's statements are registered nowhere", of(own)),
        ("receipt-replayed-for-others", "a receipt of other statements of the log", of(swapped, quota)),
        ("receipt-of-more-than-it-names", "one index, no item", of(fewer, quota)),
        ("receipt-of-an-item-that-is-not-there", "an item beyond the last", of(beyond, quota)),
        ("receipt-broken", "a signature that does not hold", of(broken, quota)),
        ("receipt-by-another-log", "the key of another log", of(strange.listing(places, NOW_S), quota)),
        ("receipt-by-a-stranger", "a key that no root certified", of(posing.listing(places, NOW_S), quota)),
        ("receipt-junk", "bytes that are no receipt", of(Listing(b"receipt", own.ordinals), quota)),
    ):
        yield case(name, attacks, data, untold)
    junk = [carrying(item, b"receipt", b"") for item in items]
    yield case(
        "bad-receipts-aside",
        "bad receipts beside good ones veto nothing",
        written(world, target, junk, good),
        "VERIFIED_WITH_GAPS ABSENCE",
    )
    forked = Register(LOG, registers.logs[LOG].issuer, registers.logs[LOG].key)
    for item in items[::-1]:
        if parse(item.statement).statement_id in {world.ids[ordinal] for ordinal in own.ordinals}:
            forked.append(log_leaf(item.statement))
    last = len(own.ordinals) - 1
    half = registers.logs[LOG].listing({own.ordinals[0]: 0}, NOW_S)
    rest = forked.listing({ordinal: last - place for place, ordinal in enumerate(own.ordinals) if place}, NOW_S)
    yield case("log-forked", "two roots of one log and size", of(half, rest, quota), "REFUTED LOG_FORKED")
    again = registers.logs[LOG].append(log_leaf(items[own.ordinals[0]].statement))
    receipt = registers.logs[LOG].receipt(again, NOW_S)
    registered_twice = [carrying(items[0], registers.logs[LOG].receipt(0, NOW_S), receipt), *items[1:]]
    yield case(
        "registered-twice",
        "one statement at two places of a log",
        written(world, target, registered_twice, [own, quota]),
        "REFUTED LOG_FORKED",
    )
    backwards = forked.listing({ordinal: last - place for place, ordinal in enumerate(own.ordinals)}, NOW_S)
    yield case(
        "registered-backwards",
        "children before their parents in the log",
        of(backwards, quota),
        "REFUTED NOT_YET_CERTIFIED",
    )


def _log_of(listing: Listing, world: World) -> str:
    return world.registers.places[world.ids[listing.ordinals[0]]].log
