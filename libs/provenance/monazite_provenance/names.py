"""Names: SPIFFE ids of whoever acts, URNs of whatever is spoken about. Parsed once, compared by segments."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from monazite_provenance._frozen import dataclass
from monazite_provenance.errors import BadField

NAME_BYTES_MAX: Final = 255
"""Longest name taken, in bytes of UTF-8."""

IDS_REMEMBERED: Final = 4096
"""Parsed ids kept: the same few parties act in every statement of a chain."""

_DOMAIN: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,126}[a-z0-9])?")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_LOG: Final = re.compile(r"urn:monazite:log:([a-z][a-z_]{0,62}):(0|[1-9][0-9]{0,8})")
_PREFIX: Final = "spiffe://"
# How many segments a path of this kind has, least and most.
_SEGMENTS: Final = {
    "enterprise": (2, 3),
    "officer": (3, 3),
    "customs": (3, 3),
    "service": (2, 2),
    "root": (2, 2),
    "laboratory": (2, 2),
    "witness": (2, 2),
}


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """A SPIFFE id in its parts; two ids are the same when all parts are."""

    domain: str
    segments: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`enterprise`, `officer`, `customs`, `service`, `root`, `laboratory` or `witness`."""
        return self.segments[0]

    @property
    def owner(self) -> SpiffeId:
        """The id without the system that speaks: of an enterprise its first two segments, of all others itself."""
        if self.kind == "enterprise":
            return SpiffeId(self.domain, self.segments[:2])
        return self

    def __str__(self) -> str:
        return f"{_PREFIX}{self.domain}/{'/'.join(self.segments)}"


@lru_cache(maxsize=IDS_REMEMBERED)
def parse_spiffe(uri: str) -> SpiffeId:
    """Parse `spiffe://<domain>/<kind>/<name>[/...]`.

    Raises BadField for anything else: another scheme, empty or dotted segments, percent signs, too many segments.
    """
    if len(uri) > NAME_BYTES_MAX or not uri.startswith(_PREFIX):
        raise BadField("not a SPIFFE id", field="spiffe")
    domain, *segments = uri[len(_PREFIX) :].split("/")
    if not _DOMAIN.fullmatch(domain) or not segments or not all(_SEGMENT.fullmatch(part) for part in segments):
        raise BadField("not a SPIFFE id", field="spiffe")
    least, most = _SEGMENTS.get(segments[0], (0, 0))
    if not least <= len(segments) <= most:
        raise BadField("SPIFFE id of no known shape", field="spiffe")
    return SpiffeId(domain, tuple(segments))


@lru_cache(maxsize=IDS_REMEMBERED)
def parse_enterprise(uri: str) -> SpiffeId:
    """Parse the URI of an enterprise, without a system. Raises BadField."""
    if not is_enterprise(uri):
        raise BadField("not the URI of an enterprise", field="spiffe")
    return parse_spiffe(uri)


@lru_cache(maxsize=IDS_REMEMBERED)
def is_enterprise(uri: str) -> bool:
    """Whether a SPIFFE id is that of an enterprise, without a system. Raises BadField."""
    parsed = parse_spiffe(uri)
    return parsed.kind == "enterprise" and parsed == parsed.owner


@lru_cache(maxsize=IDS_REMEMBERED)
def owner_uri(uri: str) -> str:
    """URI of the party whose system speaks. Raises BadField."""
    return str(parse_spiffe(uri).owner)


@lru_cache(maxsize=IDS_REMEMBERED)
def same_owner(left: str, right: str) -> bool:
    """Whether two URIs name the same party, whatever system of it speaks. Raises BadField."""
    return parse_spiffe(left).owner == parse_spiffe(right).owner


def same_person(one: str, other: str) -> bool:
    """Whether two URIs name one person: the name counts, not the role or the case it is written in. Raises BadField."""
    left, right = parse_spiffe(one), parse_spiffe(other)
    return (left.domain, left.segments[-1].casefold()) == (right.domain, right.segments[-1].casefold())


def enterprise_uri(domain: str, enterprise_id: str) -> str:
    """URI of an enterprise. Raises BadField."""
    return str(parse_spiffe(f"{_PREFIX}{domain}/enterprise/{enterprise_id}"))


def service_uri(domain: str, service: str) -> str:
    """URI of a service: `registry`, `quota`, `export_license`. Raises BadField."""
    return str(parse_spiffe(f"{_PREFIX}{domain}/service/{service}"))


def root_uri(domain: str, kid: bytes) -> str:
    """URI of an offline root key: named by its kid, since a root is nobody but its key."""
    return str(parse_spiffe(f"{_PREFIX}{domain}/root/{kid.hex()}"))


def lot_urn(lot_id: str) -> str:
    """Subject of a statement about a lot."""
    return f"urn:monazite:lot:{lot_id}"


def right_urn(right_id: bytes) -> str:
    """Subject of a statement about a right."""
    return f"urn:monazite:right:{right_id.hex()}"


def account_urn(enterprise_id: str, year: int, quota_kind: int) -> str:
    """Subject of a right: the account of the ledger that it reserves from."""
    return f"urn:monazite:account:{enterprise_id}:{year}:{quota_kind}"


def licence_urn(number: str) -> str:
    """Subject of a licence and of its changes."""
    return f"urn:monazite:licence:{number}"


def key_urn(thumbprint: bytes) -> str:
    """Subject of a `keys` statement."""
    return f"urn:monazite:key:{thumbprint.hex()}"


def roots_urn(domain: str) -> str:
    """Subject of the act that replaces a domain's root keys."""
    return f"urn:monazite:roots:{domain}"


def log_urn(service: str, shard: int = 0) -> str:
    """Name of a log."""
    return f"urn:monazite:log:{service}:{shard}"


def parse_log(urn: str) -> tuple[str, int]:
    """Service and shard of a log's name. Raises BadField for anything that `log_urn` does not write."""
    found = _LOG.fullmatch(urn)
    if found is None:
        raise BadField("not the name of a log", field="log")
    return found[1], int(found[2])
