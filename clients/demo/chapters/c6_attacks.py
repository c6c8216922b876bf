"""Chapter 6: attacks, each with the exact error. One that is not refused as it must be fails the story."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from google.protobuf.message import Message
from monazite.export_license.v1.export_license_pb2 import (
    CancelExportRequest,
    ExportAct,
    GetLicenceRequest,
    RejectProposalRequest,
    WriteOffExportRequest,
    WrittenOffLot,
)
from monazite.quota.v1.quota_pb2 import GetBalanceRequest, Right
from monazite.registry.v1.registry_pb2 import CancelOfferRequest, NewLot, Part, SplitLotRequest, TransformLotsRequest
from monazite.type.v1.material_pb2 import QUOTA_KIND_MINING_ROCK, QUOTA_KIND_SMELTING_SEPARATION
from monazite_provenance import bundle
from monazite_provenance.contents import CustodyModel, Form
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item, Opening
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint, parse

from clients.demo import assay, tables
from clients.demo.actors import (
    CUSTOMS,
    EXPORTER,
    LICENSING_FIRST,
    LICENSING_SECOND,
    MINE,
    PLANT,
    SICHUAN,
    Desk,
    request_id,
)
from clients.demo.chapters.c2_mine_and_import import concentrate, mined_lot, reserve
from clients.demo.chapters.c3_separation import LABORATORY, PURITY, SITE, spend_of
from clients.demo.chapters.c5_export import (
    application,
    countersignature,
    declaration,
    offer_to_customs,
    propose,
)
from clients.demo.own_signature import OwnSignature
from clients.demo.plot import Plot
from clients.demo.stage import Refusal, Stage, StoryError
from clients.masses import MG_PER_TONNE

TITLE = "Attacks: what is refused, and how"
STEPS = 19

UNREGISTERED = (
    "Cannot tell: every signature holds, yet no receipt shows that the registry took this in. "
    "Signed is not registered: until a receipt is shown, nobody should rely on it."
)
REPLAYED = "A status speaks of one output of one statement, and of this lot it says nothing."
SPENT = "Whoever is offered a lot has the registry sign its status now: that names the statement that spent the lot."

SMALL_RIGHT_MG = 10 * MG_PER_TONNE
SMALL_LOT_G = 20_000_000


async def tell(stage: Stage, plot: Plot) -> None:
    """All attacks, on what the first five chapters left."""
    await _forged_statement(stage, plot)
    _parent_removed(stage, plot)
    await _receipt_swapped(stage, plot)
    await _status_replayed(stage, plot)
    await _opening_altered(stage, plot)
    await _dysprosium_from_nothing(stage, plot)
    await _right_exceeded(stage)
    await _right_closed(stage, plot)
    await _spent_twice(stage, plot)
    await _write_off_over_licence(stage, plot)
    await _one_officer(stage, plot)
    await _anothers_quota(stage)


# --- offline ----------------------------------------------------------------------------------------------------------


def _refuted(stage: Stage, title: str, forged: bytes, *codes: str, meaning: str = "") -> None:
    """The library believes a bundle not, with one of `codes`; shows what it says, and what that means."""
    try:
        report = stage.verify(forged)
    except ProvenanceError as error:
        code, verdict, message, details = error.code, "no bundle", error.message, dict(error.details)
    else:
        if report.failure is None:
            raise StoryError(f"{title}: {report.verdict.value}, it should have been refuted")
        code, verdict = report.failure.code, report.verdict.value
        message, details = report.failure.message, dict(report.failure.details)
        if report.verdict not in (Verdict.REFUTED, Verdict.CANNOT_TELL):
            raise StoryError(f"{title}: {verdict}")
    if code not in codes:
        raise StoryError(f"{title}: {code} ({message}), expected {' or '.join(codes)}")
    metadata = {key: str(value) for key, value in details.items()}
    stage.show_refusal(Refusal(f"{title} (offline)", verdict, code, message, metadata, meaning))


def _rewritten(saved: bytes, change: Callable[[Item], Item | None]) -> bytes:
    """The bundle with every item changed, or left out where `change` gives None."""
    opened = bundle.read([saved])
    items = [changed for item in opened.items if (changed := change(item)) is not None]
    return b"".join(bundle.write(opened.target, items, opened.listings))


def _item(saved: bytes, kind: EventKind, issuer: str) -> Item:
    """The first statement of this kind that `issuer` signed."""
    for item in bundle.read([saved]).items:
        claims = parse(item.statement).claims
        if claims.kind is kind and claims.issuer == issuer:
            return item
    raise StoryError(f"the bundle has no {kind.name} by {issuer}")


async def _forged_statement(stage: Stage, plot: Plot) -> None:
    plant = stage.desk(PLANT)
    genuine = _item(plot.bundle, EventKind.TRANSFORM, stage.uri(PLANT))
    # One bit of the signature, which are the statement's last 64 bytes.
    raw = genuine.statement[:-1] + bytes([genuine.statement[-1] ^ 1])
    forged = replace(genuine, statement=raw)
    _refuted(
        stage,
        "A forged statement",
        _rewritten(plot.bundle, lambda item: forged if item.statement == genuine.statement else item),
        "BAD_SIGNATURE",
    )
    signer = OwnSignature(plant, plot.plant_key)
    await stage.refused("A forged statement", signer.submit(forged), "BAD_SIGNATURE")
    thief = OwnSignature(plant, SoftwareKey.generate(Algorithm.ED25519))
    whole = await spend_of(stage, plant, plot.products["La oxide"])
    ids = await stage.issue(plant, 2)
    stolen = thief.split(whole, [(ids[0], 1), (ids[1], whole.lot.gross_g - 1)])
    await stage.refused("A statement under a key that nobody certified", thief.submit(stolen), "UNKNOWN_KEY")


def _parent_removed(stage: Stage, plot: Plot) -> None:
    transform = _item(plot.bundle, EventKind.TRANSFORM, stage.uri(PLANT))
    forged = _rewritten(plot.bundle, lambda item: None if item.statement == transform.statement else item)
    _refuted(stage, "A bundle with a parent removed", forged, "MISSING_PARENT")


async def _receipt_swapped(stage: Stage, plot: Plot) -> None:
    plant = stage.desk(PLANT)
    other = bundle.read([await stage.bundle(plant, stage.heads[plot.products["La oxide"]])])
    opened = bundle.read([plot.bundle])
    forged = b"".join(bundle.write(opened.target, opened.items, other.listings))
    _refuted(stage, "A receipt of another lot's bundle", forged, "NO_TRUSTED_RECEIPT", meaning=UNREGISTERED)


async def _status_replayed(stage: Stage, plot: Plot) -> None:
    exporter = stage.desk(EXPORTER)
    returned = bundle.read([await stage.bundle(exporter, stage.heads[plot.returned_lot])])
    *_, status = bundle.read([plot.bundle]).items
    *items, _ = returned.items
    forged = b"".join(bundle.write(returned.target, [*items, status], returned.listings))
    _refuted(stage, "The status of another lot", forged, "BAD_FIELD", meaning=REPLAYED)


async def _opening_altered(stage: Stage, plot: Plot) -> None:
    genuine = _item(plot.bundle, EventKind.TRANSFORM, stage.uri(PLANT))
    index, opening = min(genuine.openings.items())
    altered = Opening(opening.salt, opening.content[:-1] + bytes([opening.content[-1] ^ 1]))
    forged = replace(genuine, openings={**genuine.openings, index: altered})
    _refuted(
        stage,
        "An opening altered",
        _rewritten(plot.bundle, lambda item: forged if item.statement == genuine.statement else item),
        "OPENING_MISMATCH",
    )
    signer = OwnSignature(stage.desk(PLANT), plot.plant_key)
    await stage.refused("An opening altered", signer.submit(forged), "OPENING_MISMATCH")


# --- matter and rights ------------------------------------------------------------------------------------------------


async def _dysprosium_from_nothing(stage: Stage, plot: Plot) -> None:
    plant = stage.desk(PLANT)
    lanthanum = plot.products["La oxide"]
    masses = assay.of_material((await stage.lot(plant, lanthanum)).material)
    (lot_id,) = await stage.issue(plant, 1)
    made = {"La": masses["La"] - 1_000_000_000, "Dy": 1_000_000_000}
    gross_g = assay.gross_for(sum(made.values()), PURITY)
    material = assay.material(Form.SEPARATED_COMPOUND, gross_g, made, LABORATORY, CustodyModel.CONTROLLED_BLENDING)
    request = TransformLotsRequest(
        request_id=request_id(),
        spends=[stage.heads[lanthanum]],
        outputs=[NewLot(lot_id=lot_id, site=SITE, material=material)],
        process="separation-rock",
    )
    attempt = plant.ask(plant.lots.TransformLots, request)
    await stage.refused("Dysprosium out of nothing", attempt, "MASS_NOT_CONSERVED")


async def _right_exceeded(stage: Stage) -> None:
    mine = stage.desk(MINE)
    right = await reserve(stage, mine, QUOTA_KIND_MINING_ROCK, SMALL_RIGHT_MG, "bayan-obo")
    await stage.refused("A right drawn beyond its mass", _register(stage, mine, right, SMALL_LOT_G), "RIGHT_EXCEEDED")


async def _right_closed(stage: Stage, plot: Plot) -> None:
    await stage.refused(
        "A right used after CloseRight",
        _register(stage, stage.desk(MINE), plot.mining_right, SMALL_LOT_G),
        "RIGHT_CLOSED",
    )


async def _register(stage: Stage, mine: Desk, right: Right, gross_g: int) -> Message:
    (lot_id,) = await stage.issue(mine, 1)
    material = concentrate(gross_g, tables.BAYAN_OBO, "baotou-assay-1")
    reo_mg = sum(each.reo_mg for each in material.elements)
    request = mined_lot(lot_id, material, right.statement, right.right_id, reo_mg)
    return await mine.ask(mine.lots.RegisterLot, request)


# --- twice ------------------------------------------------------------------------------------------------------------


async def _spent_twice(stage: Stage, plot: Plot) -> None:
    plant = stage.desk(PLANT)
    signer = OwnSignature(plant, plot.plant_key)
    cerium = plot.products["Ce oxide"]
    whole = await spend_of(stage, plant, cerium)
    before = await stage.bundle(plant, stage.heads[cerium], with_status=False)
    ids = await stage.issue(plant, 4)
    half_g = whole.lot.gross_g // 2
    first = signer.split(whole, [(ids[0], half_g), (ids[1], whole.lot.gross_g - half_g)])
    second = signer.split(whole, [(ids[2], half_g), (ids[3], whole.lot.gross_g - half_g)])
    stage.record(await signer.submit(first))
    await stage.refused("A lot spent twice, by its own signature", signer.submit(second), "STALE", "DOUBLE_SPEND")
    again = SplitLotRequest(
        request_id=request_id(),
        spend=stage.heads[cerium],
        parts=[Part(lot_id=ids[2], gross_g=half_g), Part(lot_id=ids[3], gross_g=whole.lot.gross_g - half_g)],
    )
    attempt = plant.ask(plant.lots.SplitLot, again)
    await stage.refused("A lot spent twice, through the registry", attempt, "STALE", "DOUBLE_SPEND")
    forged = _with_more(before, second)
    _refuted(stage, "The second use, shown to somebody", forged, "NO_TRUSTED_RECEIPT", meaning=UNREGISTERED)
    spent = await stage.bundle(plant, stage.heads[cerium])
    _refuted(stage, "The lot that was used, shown as if it were still there", spent, "HEAD_SPENT", meaning=SPENT)


def _with_more(saved: bytes, more: Item) -> bytes:
    """The bundle with one more item behind, speaking for its output 0."""
    opened = bundle.read([saved])
    target = Outpoint(parse(more.statement).statement_id, 0)
    return b"".join(bundle.write(target, [*opened.items, more], opened.listings))


# --- export and offices -----------------------------------------------------------------------------------------------


async def _write_off_over_licence(stage: Stage, plot: Plot) -> None:
    exporter, customs = stage.desk(EXPORTER), stage.desk(CUSTOMS)
    licence = await exporter.ask(exporter.licences.GetLicence, GetLicenceRequest(licence_id=plot.licence.licence_id))
    left_g = licence.lines[0].available_g
    returned_g = (await stage.lot(exporter, plot.returned_lot)).material.gross_g
    await offer_to_customs(stage, exporter, plot, plot.returned_lot, returned_g)
    over = declaration(stage, plot, plot.returned_lot, returned_g)
    attempt = customs.ask(customs.customs.DeclareExport, over)
    await stage.refused("A declaration over the licence", attempt, "LICENCE_EXCEEDED")
    request = declaration(stage, plot, plot.returned_lot, left_g)
    await customs.ask(customs.customs.DeclareExport, request)
    write_off = WriteOffExportRequest(
        act_id=request.act_id, lots=[WrittenOffLot(head=stage.heads[plot.returned_lot], gross_g=left_g + 1)]
    )
    attempt = customs.ask(customs.customs.WriteOffExport, write_off)
    await stage.refused("A write-off over the licence", attempt, "LICENCE_EXCEEDED")
    cancelled = await customs.ask(
        customs.customs.CancelExport, CancelExportRequest(act_id=request.act_id, reason_code="DECLARED_IN_ERROR")
    )
    stage.check(cancelled.state == ExportAct.STATE_VOID, f"cancelled, but {ExportAct.State.Name(cancelled.state)}")
    back = CancelOfferRequest(request_id=request_id(), spends=[stage.heads[plot.returned_lot]])
    stage.record(await exporter.ask(exporter.lots.CancelOffer, back))


async def _one_officer(stage: Stage, plot: Plot) -> None:
    exporter = stage.desk(EXPORTER)
    case = await exporter.ask(exporter.cases.SubmitCase, application(stage, plot.returned_lot, 1_000_000))
    proposed = await propose(stage, case)
    first, second = stage.desk(LICENSING_FIRST), stage.desk(LICENSING_SECOND)
    attempt = first.ask(first.cases.CountersignDecision, countersignature(proposed))
    await stage.refused("One officer doing both signatures", attempt, "SAME_OFFICER")
    await second.ask(
        second.cases.RejectProposal,
        RejectProposalRequest(
            request_id=request_id(),
            case_id=case.case_id,
            reason="the end user is to be visited first",
            etag=proposed.etag,
        ),
    )


async def _anothers_quota(stage: Stage) -> None:
    plant = stage.desk(PLANT)
    request = GetBalanceRequest(enterprise_id=SICHUAN.id, year=stage.year, kind=QUOTA_KIND_SMELTING_SEPARATION)
    attempt = plant.ask(plant.ledger.GetBalance, request)
    await stage.refused("An enterprise reading another's quota", attempt, "NOT_FOUND", "ACCESS_DENIED")
