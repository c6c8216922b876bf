"""Who plays in the story, and each one's desk: stubs to the services under its own certificate."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Final, TypeVar

from grpc import aio

from clients.connection import Identity, ask, open_channel
from clients.demo.surroundings import Surroundings
from clients.stubs import Stubs

Q = TypeVar("Q")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody with a certificate: the path of its SPIFFE id and who it is."""

    path: str
    title: str
    activities: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Last segment: an enterprise's id, an officer's name."""
        return self.path.rpartition("/")[2]


QUOTA_OFFICER: Final = Actor("officer/quota/li", "national quota officer")
REGISTRAR: Final = Actor("officer/registrar/zhao", "registrar of enterprises")
LICENSING_FIRST: Final = Actor("officer/licensing/chen", "licensing officer, proposes")
LICENSING_SECOND: Final = Actor("officer/licensing/wu", "licensing officer, countersigns")
INSPECTOR: Final = Actor("officer/inspector/sun", "inspector")
CUSTOMS: Final = Actor("customs/tianjin/hu", "customs officer at Tianjin")

NORTHERN: Final = Actor("enterprise/china-northern", "China Northern Rare Earth (group)", ("SEPARATE",))
RARE_EARTH_GROUP: Final = Actor("enterprise/china-rare-earth", "China Rare Earth Group (group)", ("SEPARATE",))
MINE: Final = Actor("enterprise/northern-bayan-obo", "Bayan Obo mine, subsidiary of Northern", ("MINE",))
PLANT: Final = Actor("enterprise/northern-huamei", "separation plant, subsidiary of Northern", ("SEPARATE",))
SICHUAN: Final = Actor("enterprise/creg-sichuan", "rock mine and plant, subsidiary of the Group", ("MINE", "SEPARATE"))
GANZHOU: Final = Actor(
    "enterprise/creg-ganzhou", "ionic mines and plant, subsidiary of the Group", ("MINE", "SEPARATE")
)
IMPORTER: Final = Actor("enterprise/shenghe-import", "importer of Mountain Pass concentrate", ("IMPORT",))
MAKER: Final = Actor("enterprise/ningbo-magnets", "metal and magnet maker", ("SMELT_METAL", "MAKE_MAGNETS"))
EXPORTER: Final = Actor("enterprise/tianjin-export", "exporter", ("EXPORT",))

GROUPS: Final = {"China Northern Rare Earth": NORTHERN, "China Rare Earth Group": RARE_EARTH_GROUP}
"""Actors by the group's name in `quotas_by_group.csv`."""
ENTERPRISES: Final = (NORTHERN, RARE_EARTH_GROUP, MINE, PLANT, SICHUAN, GANZHOU, IMPORTER, MAKER, EXPORTER)
OFFICERS: Final = (QUOTA_OFFICER, REGISTRAR, LICENSING_FIRST, LICENSING_SECOND, INSPECTOR, CUSTOMS)
BY_HAND: Final = (*OFFICERS, MINE)
"""Whose configuration files are made for going on by hand: the officers, and one enterprise for example."""
EVERYBODY: Final = (*OFFICERS, *ENTERPRISES)


def request_id() -> str:
    """A fresh request id."""
    return str(uuid.uuid4())


@dataclass
class Desk(Stubs):
    """An actor at work: its own connections and stubs."""

    actor: Actor
    uri: str
    identity: Identity
    _channels: dict[str, aio.Channel] = field(default_factory=dict[str, aio.Channel])

    @classmethod
    def open(cls, actor: Actor, surroundings: Surroundings) -> Desk:
        """Channels to all services under the actor's certificate."""
        identity = surroundings.identities[actor.path]
        channels = {service: open_channel(address, identity) for service, address in surroundings.addresses.items()}
        return cls(actor, surroundings.uri(actor.path), identity, channels)

    async def ask(self, method: aio.UnaryUnaryMultiCallable[Q, R], request: Q) -> R:
        """Calls with a deadline; raises CallError."""
        return await ask(method, request, wait_for_ready=True)
