"""Builds bundles in memory: a root, three services, enterprises with keys, and the story mine to export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from monazite_provenance import bundle, lot_ids, trust, uncertainty
from monazite_provenance.chain import verify_bundle
from monazite_provenance.conservation import apportion, combine
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    CustodyModel,
    CustodyState,
    CutDetails,
    Details,
    Draw,
    ElementOrigins,
    ElementRow,
    EndUser,
    ExportedMass,
    ExportIntentDetails,
    ExportLimit,
    ExportVoidDetails,
    Form,
    HoldDetails,
    Imported,
    KeysDetails,
    LicenceAction,
    LicenceChangeDetails,
    LicenceDetails,
    LicenceLine,
    LogRange,
    LotContent,
    MassSource,
    Mined,
    OfferDetails,
    OriginMass,
    QuotaKind,
    RegisterDetails,
    ReleaseDetails,
    RightDetails,
    SettledDetails,
    SplitDetails,
    StatusDetails,
    TransformDetails,
    encode,
)
from monazite_provenance.contents.details import DepositType, MergeDetails
from monazite_provenance.draft import draft
from monazite_provenance.elements import BY_SYMBOL, FACTOR_TABLE
from monazite_provenance.item import Item
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import account_urn, enterprise_uri, licence_urn, log_urn, lot_urn, right_urn, service_uri
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.settings import DEFAULT_SETTINGS
from monazite_provenance.statement import Claims, OnBehalf, Outpoint, parse
from monazite_provenance.statuses import digest_of
from monazite_provenance.steps import accepted_outputs, subject

from tests.unit.provenance.registers import Register, Registers

DOMAIN = "monazite.example"
LOG = log_urn("registry")
SHARD = log_urn("registry", 12)
NOW_S = 1_730_000_000
AT_S = NOW_S + 60
"""When bundles are verified."""
INSPECTOR = f"spiffe://{DOMAIN}/officer/inspector/zhao"
CUSTOMS = f"spiffe://{DOMAIN}/customs/tianjin/li"
OFFICERS = tuple(f"spiffe://{DOMAIN}/officer/licensing/{name}" for name in ("wang", "zhao"))
CONTROL_CODE = "1C902"
SERVICE_LOGS: Mapping[str, Sequence[str]] = {
    "registry": (LOG, SHARD),
    "quota": (log_urn("quota"),),
    "export_license": (log_urn("export_license"),),
}
"""The logs of each service."""
ROOTS = tuple(SoftwareKey.generate() for _ in range(3))
SOURCE = MassSource("assay-1", "ICP-MS")

ORE = {"La": 23_000, "Ce": 50_000, "Pr": 6_000, "Nd": 18_500, "Tb": 100, "Dy": 100}
"""A rock deposit's pattern, milligrams REO in 100 g of oxides; scaled to what a lot needs."""


def enterprise(name: str) -> str:
    """URI of an enterprise of the test domain."""
    return enterprise_uri(DOMAIN, name)


def service(name: str) -> str:
    """URI of a service of the test domain."""
    return service_uri(DOMAIN, name)


def rows(masses: Mapping[str, int], method: str = "ICP-MS") -> tuple[ElementRow, ...]:
    """Element rows of one source with uncertainties from the table."""
    numbered = sorted((BY_SYMBOL[symbol].number, mass) for symbol, mass in masses.items() if mass)
    return uncertainty.assessed(
        [ElementRow(number, mass, 0, 0, 0) for number, mass in numbered], [MassSource("laboratory", method)]
    )


def lot(
    holder: str, form: Form, gross_g: int, masses: Mapping[str, int], model: CustodyModel = CustodyModel.SEGREGATED
) -> LotContent:
    """A held lot, dry, with a fresh id."""
    return LotContent(
        lot_id=lot_ids.new(),
        holder=enterprise(holder),
        site=f"{holder}-1",
        form=form,
        gross_g=gross_g,
        net_g=gross_g,
        moisture_g=0,
        rows=rows(masses),
        sources=(SOURCE,),
        custody_model=model,
        custody_state=CustodyState.HELD,
        factor_table=FACTOR_TABLE,
        home_log=LOG,
    )


def scaled(masses: Mapping[str, int], numerator: int, denominator: int = 1) -> dict[str, int]:
    """Masses times a fraction, rounded down."""
    return {symbol: mass * numerator // denominator for symbol, mass in masses.items()}


@dataclass
class World:
    """Keys, trust, and the items of a bundle so far, in order. `lots` are the contents of every output made."""

    keys: dict[str, SoftwareKey] = field(default_factory=dict[str, SoftwareKey])
    items: list[Item] = field(default_factory=list[Item])
    lots: dict[Outpoint, LotContent] = field(default_factory=dict[Outpoint, LotContent])
    ids: list[bytes] = field(default_factory=list[bytes])
    self_signing: set[str] = field(default_factory=set[str])
    registers: Registers = field(default_factory=Registers)
    trust: trust.TrustFile = field(
        default_factory=lambda: trust.new(DOMAIN, [root.public for root in ROOTS], threshold=2)
    )

    @classmethod
    def new(cls, *self_signing: str, service_logs: Mapping[str, Sequence[str]] = SERVICE_LOGS) -> World:
        """A world whose three services are certified for their logs, and these enterprises too."""
        world = cls()
        for name, logs in service_logs.items():
            world.keys[name] = key = SoftwareKey.generate()
            heads = SoftwareKey.generate()
            spans = [LogRange(log, 0) for log in logs]
            proof = trust.prove_possession(key, service(name))
            details = trust.service_key_details(DOMAIN, name, key.public, proof, spans)
            world.act(details)
            proof = trust.prove_possession(heads, service(name))
            world.act(trust.log_key_details(DOMAIN, name, heads.public, proof, spans))
            world.registers.logs |= {log: Register(log, service(name), heads) for log in logs}
        for name in self_signing:
            world.certify(name)
        return world

    def act(self, details: KeysDetails) -> None:
        """An act by two roots."""
        self.trust = self.trust.with_act(trust.root_act(ROOTS[:2], DOMAIN, details, issued_at=NOW_S))

    def certify(self, name: str, *, own_signature_only: bool = False) -> None:
        """The registry certifies a key of an enterprise, which signs for itself from now on."""
        self.keys[name] = key = SoftwareKey.generate()
        proof = trust.prove_possession(key, enterprise(name))
        details = trust.enterprise_key_details(
            enterprise(name), key.public, proof, own_signature_only=own_signature_only
        )
        registry = self.keys["registry"]
        self.add(
            trust.draft_keys(details, registry=service("registry"), key=registry.public, issued_at=NOW_S).sign(registry)
        )
        self.self_signing.add(name)

    def add(self, item: Item, log: str | None = None) -> bytes:
        """Append an item and register it, in the log of its kind unless another is named; gives its statement id."""
        self.items.append(item)
        self.ids.append(self.registers.add(item, log))
        return self.ids[-1]

    def sign(
        self,
        kind: EventKind,
        subject_urn: str,
        details: Details,
        *,
        signer: str,
        outputs: Sequence[LotContent] = (),
        spends: Sequence[Outpoint] = (),
        refs: Sequence[bytes] = (),
        on_behalf: str | None = None,
        log: str | None = None,
    ) -> tuple[Outpoint, ...]:
        """Sign any statement with a key of this world and append it, in the log of its lots or its kind unless another
        is named; gives its outpoints.
        """
        behalf = None if on_behalf is None else OnBehalf(on_behalf, bytes(32), bytes(16))
        issuer = service(signer) if signer in ("registry", "quota", "export_license") else enterprise(signer)
        claims = Claims(issuer, subject_urn, NOW_S, kind, tuple(spends), tuple(refs), behalf)
        key = self.keys[signer]
        contents = [encode(each) for each in outputs]
        item = draft(claims, contents, encode(details), key.public).sign(key)
        statement_id = self.add(item, log or (outputs[0].home_log if outputs else None))
        outpoints = tuple(Outpoint(statement_id, index) for index in range(len(outputs)))
        self.lots.update(zip(outpoints, outputs, strict=True))
        return outpoints

    def step(
        self,
        kind: EventKind,
        actor: str,
        details: Details,
        outputs: Sequence[LotContent],
        spends: Sequence[Outpoint] = (),
        *,
        refs: Sequence[bytes] = (),
    ) -> tuple[Outpoint, ...]:
        """A custody step by an enterprise: signed by itself when it has a key, else by the registry on its behalf."""
        own = actor in self.self_signing
        inputs = [self.lots[spend] for spend in sorted(spends)]
        return self.sign(
            kind,
            subject(inputs, outputs, details),
            details,
            signer=actor if own else "registry",
            outputs=outputs,
            spends=spends,
            refs=refs,
            on_behalf=None if own else enterprise(actor),
        )

    def right(self, holder: str, kind: QuotaKind, mass_mg: int, signer: str = "quota") -> bytes:
        """A right by quota; gives its id."""
        details = RightDetails(2024, kind, mass_mg, enterprise(holder), f"{holder}-1", LOG, NOW_S + 1_000_000)
        self.sign(EventKind.RIGHT, account_urn(holder, 2024, int(kind)), details, signer=signer)
        return self.ids[-1]

    def settle(self, right_id: bytes, drawing_id: bytes, mass_mg: int, index: int | None = None) -> None:
        """Quota's settlement of a draw, where that is registered unless at another index."""
        place = self.registers.places.get(drawing_id)
        at = index if index is not None else 0 if place is None else place.index
        details = SettledDetails(right_id, drawing_id, mass_mg, mass_mg, at)
        self.sign(EventKind.SETTLED, right_urn(right_id), details, signer="quota", refs=sorted({right_id, drawing_id}))

    def mine(self, actor: str, whole: LotContent, draw_mg: int | None = None, *, settle: bool = True) -> Outpoint:
        """Register a mined lot on a right of just its mass."""
        drawn = whole.reo_mg if draw_mg is None else draw_mg
        right_id = self.right(actor, QuotaKind.MINING_ROCK, drawn)
        origin = Mined("Bayan Obo", "C100", DepositType.ROCK)
        details = RegisterDetails(origin, (Draw(right_id, drawn),))
        (outpoint,) = self.step(EventKind.REGISTER, actor, details, [whole], refs=[right_id])
        if settle:
            self.settle(right_id, outpoint.statement_id, drawn)
        return outpoint

    def bring_in(self, actor: str, whole: LotContent) -> Outpoint:
        """Register an imported lot."""
        details = RegisterDetails(Imported("US", "declaration-7"))
        (outpoint,) = self.step(EventKind.REGISTER, actor, details, [whole])
        return outpoint

    def offer(self, actor: str, spend: Outpoint, receiver: str, export: ExportLimit | None = None) -> Outpoint:
        """Offer one lot."""
        offered = self.lots[spend]._replace(
            custody_state=CustodyState.IN_TRANSIT,
            receiver=receiver,
            remainder_lot_id=lot_ids.new(),
            export=export,
        )
        (outpoint,) = self.step(EventKind.OFFER, actor, OfferDetails("waybill"), [offered], [spend])
        return outpoint

    def accept(self, actor: str, spend: Outpoint, line: AcceptLine | None = None) -> tuple[Outpoint, ...]:
        """Accept one lot, whole or as the line says."""
        offered = self.lots[spend]
        line = line or AcceptLine(offered.gross_g, 0, 0)
        outputs = accepted_outputs(offered, line, f"{actor}-1")
        return self.step(EventKind.ACCEPT, actor, AcceptDetails((line,)), outputs, [spend])

    def hand_over(self, shipper: str, receiver: str, spend: Outpoint) -> Outpoint:
        """Offer and accept, whole."""
        return self.accept(receiver, self.offer(shipper, spend, enterprise(receiver)))[0]

    def split(self, actor: str, spend: Outpoint, *parts_g: int) -> tuple[Outpoint, ...]:
        """Split a lot by gross mass."""
        whole = self.lots[spend]
        parts = [portion.fill(whole)._replace(lot_id=lot_ids.new()) for portion in apportion(whole, parts_g)]
        return self.step(EventKind.SPLIT, actor, SplitDetails(), parts, [spend])

    def merge(self, actor: str, *spends: Outpoint) -> Outpoint:
        """Merge lots."""
        inputs = [self.lots[spend] for spend in sorted(spends)]
        portion, sources = combine(inputs)
        whole = portion.fill(inputs[0])._replace(lot_id=lot_ids.new(), sources=sources)
        return self.step(EventKind.MERGE, actor, MergeDetails(), [whole], spends)[0]

    def licence(self, licensee: str, gross_g: int, **changes: object) -> bytes:
        """A licence by two officers over one line, or with fields of its own; gives its id."""
        details = LicenceDetails(
            number="L-1",
            licensee=enterprise(licensee),
            end_user=EndUser("Motors", "DE", ""),
            destination="DE",
            lines=(LicenceLine(CONTROL_CODE, "", gross_g),),
            expires_at=NOW_S + 1_000_000,
            case_id="case-1",
            rule_set_hash=bytes(32),
            proposer=OFFICERS[0],
            countersigner=OFFICERS[1],
        )
        details = replace(details, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        self.sign(
            EventKind.LICENCE,
            licence_urn(details.number),
            details,
            signer="export_license",
            on_behalf=details.countersigner,
        )
        return self.ids[-1]

    def change_licence(self, licence_id: bytes, action: LicenceAction, **claims: object) -> None:
        """An officer's change of the licence, with claims of its own."""
        officer = OFFICERS[0]
        given = {"signer": "export_license", "refs": [licence_id], "on_behalf": officer, **claims}
        details = LicenceChangeDetails(licence_id, action, "investigation", officer)
        urn = str(given.pop("subject_urn", licence_urn("L-1")))
        self.sign(EventKind.LICENCE_CHANGE, urn, details, **given)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def offer_out(self, exporter: str, spend: Outpoint, licence_id: bytes) -> Outpoint:
        """Offer a lot to customs, all of it."""
        limit = ExportLimit(licence_id, self.lots[spend].gross_g)
        return self.offer(exporter, spend, service("export_license"), limit)

    def intent(
        self,
        licence_id: bytes,
        masses: Mapping[Outpoint, int],
        *,
        act_id: bytes = bytes(16),
        codes: tuple[str, ...] = (CONTROL_CODE,),
        destination: str = "DE",
        number: str = "L-1",
        refs: Sequence[bytes] | None = None,
        on_behalf: str = CUSTOMS,
        log: str | None = None,
    ) -> bytes:
        """Licensing's intent; gives its id."""
        exported = tuple(ExportedMass(head, masses[head], codes) for head in sorted(masses))
        details = ExportIntentDetails(act_id, licence_id, exported, "decl-1", "tianjin", destination)
        about = sorted({licence_id, *(head.statement_id for head in masses)})
        self.sign(
            EventKind.EXPORT_INTENT,
            licence_urn(number),
            details,
            signer="export_license",
            refs=about if refs is None else refs,
            on_behalf=on_behalf,
            log=log,
        )
        return self.ids[-1]

    def void(self, act_id: bytes) -> None:
        """The registry's end of an act without export."""
        details = ExportVoidDetails(act_id, "LOT_HELD")
        self.sign(EventKind.EXPORT_VOID, f"urn:monazite:act:{act_id.hex()}", details, signer="registry")

    def export(
        self, exporter: str, spend: Outpoint, gross_g: int, intent_g: int | None = None, act_id: bytes = bytes(16)
    ) -> tuple[Outpoint, ...]:
        """A licence for all of a lot, offer to customs, intent by licensing, accept by the registry."""
        licence_id = self.licence(exporter, self.lots[spend].gross_g)
        offered = self.offer_out(exporter, spend, licence_id)
        intent = self.intent(licence_id, {offered: gross_g if intent_g is None else intent_g}, act_id=act_id)
        return self.take_out(offered, gross_g, [intent])

    def take_out(self, offered: Outpoint, gross_g: int, refs: Sequence[bytes]) -> tuple[Outpoint, ...]:
        """The registry's acceptance of an export."""
        content = self.lots[offered]
        line = AcceptLine(gross_g, content.gross_g - gross_g, 0, "" if gross_g == content.gross_g else "PART")
        outputs = accepted_outputs(content, line)
        return self.sign(
            EventKind.ACCEPT,
            subject([content], outputs),
            AcceptDetails((line,)),
            signer="registry",
            outputs=outputs,
            spends=[offered],
            refs=refs,
            on_behalf=service("export_license"),
        )

    def hold(self, head: Outpoint, *, on_behalf: str | None = INSPECTOR) -> bytes:
        """The registry's hold on a head; gives its id."""
        lot_id = self.lots[head].lot_id
        details = HoldDetails(head, lot_id, "INSPECTION")
        refs = [head.statement_id]
        self.sign(EventKind.HOLD, lot_urn(lot_id), details, signer="registry", refs=refs, on_behalf=on_behalf)
        return self.ids[-1]

    def release(
        self, head: Outpoint, hold_id: bytes, *, signer: str = "registry", on_behalf: str | None = INSPECTOR
    ) -> bytes:
        """A release of a hold on a head; gives its id."""
        lot_id = self.lots[head].lot_id
        details = ReleaseDetails(head, lot_id, "CLEARED", hold_id)
        refs = sorted({head.statement_id, hold_id})
        self.sign(EventKind.RELEASE, lot_urn(lot_id), details, signer=signer, refs=refs, on_behalf=on_behalf)
        return self.ids[-1]

    def cut(self, head: Outpoint, **changes: object) -> bytes:
        """The registry's cut on a head, with fields of its own; gives its id."""
        whole = self.lots[head]
        origins = tuple(
            ElementOrigins(element, (OriginMass("mine X", mass),)) for element, mass in whole.element_masses().items()
        )
        checkpoint = self.registers.logs[whole.home_log].head(NOW_S).checkpoint()
        details = CutDetails(head, whole, origins, DEFAULT_SETTINGS.policy_hash, checkpoint)
        details = replace(details, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        self.sign(EventKind.CUT, lot_urn(whole.lot_id), details, signer="registry", refs=[head.statement_id])
        return self.ids[-1]

    def status(self, target: Outpoint, *, issued_at: int = NOW_S, **changes: object) -> Item:
        """The registry's status of a target as things stand, with fields of its own."""
        whole = self.lots[target]
        logs = sorted(self.registers.logs, key=lambda log: log != whole.home_log)
        ids = [parse(item.statement).statement_id for item in self.items]
        checkpoints = tuple(self.registers.logs[log].head(NOW_S).checkpoint() for log in logs)
        details = StatusDetails(target, None, (), digest_of(ids), len(ids), checkpoints, NOW_S + 3_600)
        details = replace(details, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        claims = Claims(
            service("registry"), lot_urn(whole.lot_id), issued_at, EventKind.STATUS, (), (target.statement_id,)
        )
        key = self.keys["registry"]
        return draft(claims, (), encode(details), key.public).sign(key)

    def encode(self, target: Outpoint, items: Sequence[Item] | None = None) -> bytes:
        """The bundle for a target, of all items or of these, with receipts of those that were registered."""
        chosen = self.items if items is None else items
        return b"".join(bundle.write(target, chosen, self.registers.listings(chosen, NOW_S)))

    def verify(self, target: Outpoint, items: Sequence[Item] | None = None, *, at: int = AT_S) -> LotReport:
        """Verify the bundle for a target."""
        return verify_bundle([self.encode(target, items)], self.trust, at=at)


@dataclass
class Story:
    """The whole story: outpoints by what they are."""

    world: World
    mined: Outpoint
    imported: Outpoint
    separation: tuple[Outpoint, ...]
    magnets: Outpoint
    abroad: Outpoint
    returned: Outpoint


def tell(world: World | None = None) -> Story:
    """Mine and import, separate, make magnets, export a part. Plant and exporter sign for themselves."""
    world = world or World.new("plant", "exporter")
    ore = lot("mine", Form.ORE_CONCENTRATE, 200_000, scaled(ORE, 1_000))
    mined = world.mine("mine", ore)
    foreign = lot("importer", Form.ORE_CONCENTRATE, 200_000, scaled(ORE, 500))
    imported = world.bring_in("importer", foreign)
    at_plant = [world.hand_over("mine", "plant", mined)]
    in_transit = world.offer("importer", imported, enterprise("plant"))
    at_plant.append(world.accept("plant", in_transit, AcceptLine(190_000, 8_000, 2_000, "WET"))[0])
    oxides = _separate(world, at_plant)
    oxide = world.hand_over("plant", "maker", oxides[0])
    magnets = _magnets(world, oxide)
    at_exporter = world.hand_over("maker", "exporter", magnets)
    whole = world.lots[at_exporter].gross_g
    abroad, returned = world.export("exporter", at_exporter, whole // 4)
    return Story(world, mined, imported, oxides, magnets, abroad, returned)


def _separate(world: World, feed: Sequence[Outpoint]) -> tuple[Outpoint, ...]:
    total: dict[int, int] = {}
    for outpoint in feed:
        for element, mass in world.lots[outpoint].element_masses().items():
            total[element] = total.get(element, 0) + mass
    by_symbol = {symbol: total[BY_SYMBOL[symbol].number] for symbol in ORE}
    product = {symbol: by_symbol[symbol] * 98 // 100 for symbol in ("Pr", "Nd", "Tb", "Dy")}
    light = {symbol: by_symbol[symbol] * 98 // 100 for symbol in ("La", "Ce")}
    residue = {symbol: by_symbol[symbol] * 2 // 100 for symbol in by_symbol}
    model = CustodyModel.CONTROLLED_BLENDING
    outputs = [
        lot("plant", Form.SEPARATED_COMPOUND, sum(product.values()) // 900, product, model),
        lot("plant", Form.SEPARATED_COMPOUND, sum(light.values()) // 900, light, model),
        lot("plant", Form.RESIDUE, 50_000, residue, model),
    ]
    need = sum(product.values()) + sum(light.values())
    right_id = world.right("plant", QuotaKind.SMELTING_SEPARATION, need + 5_000)
    details = TransformDetails("separation-rock", draws=(Draw(right_id, need),))
    made = world.step(EventKind.TRANSFORM, "plant", details, outputs, feed, refs=[right_id])
    world.settle(right_id, made[0].statement_id, need)
    return made


def _magnets(world: World, oxide: Outpoint) -> Outpoint:
    content = world.lots[oxide]
    masses = {
        symbol: content.element_masses()[BY_SYMBOL[symbol].number] * 99 // 100 for symbol in ("Pr", "Nd", "Tb", "Dy")
    }
    magnets = lot("maker", Form.MAGNET, sum(masses.values()) // 300, masses, CustodyModel.CONTROLLED_BLENDING)
    scrap = lot(
        "maker",
        Form.SECONDARY_MATERIAL,
        sum(masses.values()) // 30_000,
        scaled(masses, 1, 100),
        CustodyModel.CONTROLLED_BLENDING,
    )
    return world.step(EventKind.TRANSFORM, "maker", TransformDetails("magnet-making"), [magnets, scrap], [oxide])[0]


def mined(world: World | None = None) -> tuple[World, Outpoint]:
    """keys (registry 0), right (quota 0), register (registry 1), settled (quota 1)."""
    world = world or World.new("mine")
    return world, world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))


def code(report: LotReport) -> tuple[Verdict, str]:
    """Why a bundle failed, and what it comes to."""
    assert report.failure is not None, report.verdict
    return report.verdict, report.failure.code
