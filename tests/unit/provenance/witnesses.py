"""Witnesses of a world of bundles: they co-sign the heads of its logs, and a bundle carries what they signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monazite_provenance import bundle
from monazite_provenance.bundle import Cosigned, Joint
from monazite_provenance.checkpoints import cosign, sign_checkpoint
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import NOW_S, World
from tests.unit.provenance.registers import Register

NAMES = ("w.example/1", "w.example/2", "w.example/3")


def witness_keys() -> dict[str, SoftwareKey]:
    """A key for each witness."""
    return {name: SoftwareKey.generate() for name in NAMES}


def note(register: Register, size: int | None = None) -> str:
    """A head of a log as text, signed by the log alone."""
    head = register.head(NOW_S, size).head
    return sign_checkpoint(head.log, head.size, head.root, register.key)


def cosigned(text: str, keys: Mapping[str, SoftwareKey], names: Iterable[str]) -> str:
    """The text with a line of each of these witnesses; one named twice signs twice."""
    for later, name in enumerate(names):
        text = cosign(text, name, keys[name], timestamp_s=NOW_S + later)
    return text


def joined_to(register: Register, text: str, sizes: Iterable[int], size: int) -> Cosigned:
    """A co-signed checkpoint of `size` entries with the paths from heads of these sizes."""
    joints = (Joint(old, tuple(register.consistency(old, size))) for old in sorted(sizes))
    return Cosigned(text, tuple(joints))


def carrying(world: World, target: Outpoint, witnessed: Sequence[Cosigned]) -> bytes:
    """The bundle with its status and these co-signed checkpoints."""
    items = [*world.items, world.status(target)]
    return b"".join(bundle.write(target, items, world.registers.listings(items, NOW_S), witnessed))
