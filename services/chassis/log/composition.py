"""What a composition root needs of the log, put together."""

from __future__ import annotations

from dataclasses import dataclass

from monazite.transparency.v1 import transparency_pb2 as pb
from monazite.transparency.v1.transparency_pb2_grpc import add_TransparencyServiceServicer_to_server
from monazite_provenance.key_sets import encode_key_set
from monazite_provenance.keys import PublicKey
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.trust import TrustFile

from services.chassis.log.heads import HeadSigner
from services.chassis.log.memory import Memory
from services.chassis.log.reading import Log
from services.chassis.log.receipts import Receipts
from services.chassis.log.servicer import SERVICE, TransparencyServicer
from services.chassis.log.witnesses import QUEUED_MAX, Cosignatures
from services.chassis.sequencer import Sequencer
from services.chassis.server import Mount, Site, mount
from services.chassis.settings import SettingsT
from services.chassis.turns import Turns


@dataclass(frozen=True, slots=True)
class LogParts:
    """The log of a process: who integrates, who waits, and how others read it."""

    sequencer: Sequencer
    receipts: Receipts
    mount: Mount
    log: Log

    def drain(self) -> None:
        """Nobody is kept waiting any longer: to be told when the server drains."""
        self.log.drain()
        self.receipts.close()


async def open_log(
    site: Site[SettingsT], issuer: str, statement_key: PublicKey, keys: LogKeyRing, trust: TrustFile
) -> LogParts:
    """The log of the service `issuer`. `keys` know who may sign its heads, `trust` who may co-sign them.

    Raises SetBack for a database that has less than was signed, BadSettings for a key that the root did not certify,
    ProvenanceError or OSError for one that cannot be read.
    """
    settings = site.settings
    heartbeat_s = settings.log_heartbeat_ms / 1000
    signer = HeadSigner.of(settings, issuer, keys)
    receipts = Receipts(site.database, settings.log_name, wait_s=settings.limits.receipt_wait_ms / 1000)
    sequencer = Sequencer(
        site.database,
        signer,
        Memory(settings.log_memory, settings.log_name),
        site.clock,
        heartbeat_s=heartbeat_s,
        receipts=receipts,
    )
    await sequencer.check()
    log = Log(site.database, settings.log_name, sequencer.published, heartbeat_s=heartbeat_s)
    public = [statement_key, *(key.public for key in signer.all)]
    turns = await site.stack.enter_async_context(Turns(concurrent_max=1, queued_max=QUEUED_MAX))
    cosignatures = Cosignatures(site.database, settings.log_name, keys, trust, turns)
    key_set = pb.KeySet(issuer=issuer, key_set=encode_key_set(public))
    servicer = TransparencyServicer(log, receipts, cosignatures, key_set)
    return LogParts(sequencer, receipts, mount(SERVICE, add_TransparencyServiceServicer_to_server, servicer), log)
