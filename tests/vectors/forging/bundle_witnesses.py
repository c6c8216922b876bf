"""Hostile bundles by what their heads say that witnesses co-signed, under a trust file that demands two of three."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from monazite_provenance.bundle import Cosigned, Joint
from monazite_provenance.checkpoints import sign_checkpoint
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.statement import Outpoint
from monazite_provenance.trust import TrustFile

from tests.unit.provenance.chains import AT_S, LOG, World
from tests.unit.provenance.registers import Register
from tests.unit.provenance.witnesses import NAMES, carrying, cosigned, joined_to, note
from tests.vectors.forging.bundles import QUOTA_LOG, sold
from tests.vectors.forging.forge import Case, digest
from tests.vectors.forging.seeded import keys, seeded

TRUST: Final = "trust/witnessed.json"
NOT_WITNESSED: Final = "VERIFIED_WITH_GAPS NOT_WITNESSED"
_FRESH: Final = keys("witness")
KEYS: Final = {name: _FRESH() for name in (*NAMES, "stranger.example")}
TWO: Final = NAMES[:2]


def trusts() -> Mapping[str, TrustFile]:
    """The trust file that the cases name."""
    with seeded():
        demanding = World.new().trust.with_witnesses({name: KEYS[name].public for name in NAMES}, 2)
    return {TRUST: demanding}


def cases() -> Iterator[Case]:
    """All of them. But for what is attacked, two witnesses co-signed the heads of both logs."""
    for name, (attacks, build, expected) in WITNESSED.items():
        with seeded():
            data = build(*sold())
        yield Case("bundle", f"witness-{name}", attacks, data, expected, {"trust": TRUST, "at": AT_S})


def _signed(register: Register, *names: str) -> Cosigned:
    return Cosigned(cosigned(note(register), KEYS, names))


def _with(world: World, target: Outpoint, *of_registry: Cosigned) -> bytes:
    """The bundle with quota's head co-signed, and of the registry's what is given."""
    return carrying(world, target, [*of_registry, _signed(world.registers.logs[QUOTA_LOG], *TWO)])


def _by(*names: str) -> Callable[[World, Outpoint], bytes]:
    return lambda world, target: _with(world, target, _signed(world.registers.logs[LOG], *names))


def _by_one_for_two(world: World, target: Outpoint) -> bytes:
    same = {**KEYS, NAMES[1]: KEYS[NAMES[0]]}
    return _with(world, target, Cosigned(cosigned(note(world.registers.logs[LOG]), same, TWO)))


def _of_the_head_before(world: World, target: Outpoint) -> bytes:
    register = world.registers.logs[LOG]
    return _with(world, target, Cosigned(cosigned(note(register, register.size - 1), KEYS, TWO)))


def _lines_of_the_head_before(world: World, target: Outpoint) -> bytes:
    register = world.registers.logs[LOG]
    other = cosigned(note(register, register.size - 1), KEYS, TWO).splitlines(keepends=True)
    return _with(world, target, Cosigned(note(register) + "".join(other[-len(TWO) :])))


def _of_another_log(world: World, target: Outpoint) -> bytes:
    quota = world.registers.logs[QUOTA_LOG]
    return _with(world, target, _signed(quota, *NAMES))


def _of_a_fork(key: Callable[[Register], SoftwareKey]) -> Callable[[World, Outpoint], bytes]:
    def build(world: World, target: Outpoint) -> bytes:
        register = world.registers.logs[LOG]
        text = sign_checkpoint(LOG, register.size, digest("another root"), key(register))
        return _with(world, target, Cosigned(cosigned(text, KEYS, TWO)))

    return build


def _log_key(register: Register) -> SoftwareKey:
    assert isinstance(register.key, SoftwareKey)
    return register.key


def _later(*, spoil: bool = False, joined: bool = True) -> Callable[[World, Outpoint], bytes]:
    def build(world: World, target: Outpoint) -> bytes:
        register = world.registers.logs[LOG]
        later = Register(LOG, register.issuer, register.key)
        for index in range(register.size):
            later.append(register.leaf(index))
        for number in range(5):
            later.append(digest(f"later entry {number}"))
        sizes = [register.size] if joined else []
        made = joined_to(later, cosigned(note(later), KEYS, TWO), sizes, later.size)
        if spoil:
            made = Cosigned(made.checkpoint, (Joint(register.size, tuple(reversed(made.joints[0].path))),))
        return _with(world, target, made)

    return build


def _unreadable(world: World, target: Outpoint) -> bytes:
    text = cosigned(note(world.registers.logs[LOG]), KEYS, TWO)
    return _with(world, target, Cosigned(text.replace("\n\n", "\nextension\n\n")))


WITNESSED: Final[dict[str, tuple[str, Callable[[World, Outpoint], bytes], str]]] = {
    "good": ("nothing: two of three witnesses co-signed each head", _by(*TWO), "VERIFIED"),
    "good-all": ("nothing: all three, and one that nobody knows", _by(*NAMES, "stranger.example"), "VERIFIED"),
    "good-later": ("nothing: a later head, and the path to it", _later(), "VERIFIED"),
    "none": ("the head as its log alone signed it", _by(), NOT_WITNESSED),
    "one": ("one witness of the two that it takes", _by(NAMES[0]), NOT_WITNESSED),
    "one-twice": ("one witness, who signed twice", _by(NAMES[0], NAMES[0]), NOT_WITNESSED),
    "one-for-two": (
        "one witness, who signs in another's name too",
        _by_one_for_two,
        NOT_WITNESSED,
    ),
    "stranger": ("one witness, and one that nobody knows", _by(NAMES[0], "stranger.example"), NOT_WITNESSED),
    "of-the-head-before": ("co-signatures of a smaller head", _of_the_head_before, NOT_WITNESSED),
    "of-another-log": ("co-signatures of quota's head for the registry's", _of_another_log, NOT_WITNESSED),
    "lines-of-the-head-before": (
        "lines that were made for a smaller head, under this one",
        _lines_of_the_head_before,
        "VERIFIED_WITH_GAPS BAD_COSIGNATURE NOT_WITNESSED",
    ),
    "later-without-path": ("a later head that nothing joins to the bundle's", _later(joined=False), NOT_WITNESSED),
    "later-path-wrong": ("a path that does not lead to the later head", _later(spoil=True), NOT_WITNESSED),
    "of-a-fork": ("another root of the same size, which the log signed", _of_a_fork(_log_key), "REFUTED LOG_FORKED"),
    "of-an-invented-fork": (
        "another root of the same size, which the log did not sign",
        _of_a_fork(lambda _: KEYS["stranger.example"]),
        NOT_WITNESSED,
    ),
    "unreadable": ("a checkpoint with an extension line", _unreadable, NOT_WITNESSED),
}
