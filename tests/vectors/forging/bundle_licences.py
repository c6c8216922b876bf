"""Hostile bundles by where licensing speaks: a service with two logs, which says of one licence a word in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from monazite_provenance.contents import LicenceAction
from monazite_provenance.names import log_urn
from monazite_provenance.trust import TrustFile

from tests.unit.provenance.chains import AT_S, SERVICE_LOGS, World, mined
from tests.vectors.forging.forge import Case
from tests.vectors.forging.seeded import seeded

TRUST: Final = "trust/two-licensing-logs.json"
FIRST, SECOND = log_urn("export_license"), log_urn("export_license", 1)


def _world() -> World:
    return World.new("mine", service_logs={**SERVICE_LOGS, "export_license": (FIRST, SECOND)})


def trusts() -> Mapping[str, TrustFile]:
    """The trust file that the cases name."""
    with seeded():
        return {TRUST: _world().trust}


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (attacks, build, expected) in BUNDLES.items():
        with seeded():
            yield Case("bundle", f"licence-{name}", attacks, build(), expected, {"trust": TRUST, "at": AT_S})


def _exported(*, revoked_in: str | None, intended_in: str) -> Callable[[], bytes]:
    def build() -> bytes:
        world, head = mined(_world())
        licence_id = world.licence("mine", 1_000)
        offered = world.offer_out("mine", head, licence_id)
        if revoked_in is not None:
            world.change_licence(licence_id, LicenceAction.REVOKE, log=revoked_in)
        intent = world.intent(licence_id, {offered: 1_000}, log=intended_in)
        return world.encode(world.take_out(offered, 1_000, [intent])[0])

    return build


BUNDLES: Final[dict[str, tuple[str, Callable[[], bytes], str]]] = {
    "good-of-two-logs": (
        "nothing: a service with two logs, all words of the licence in one",
        _exported(revoked_in=None, intended_in=FIRST),
        "VERIFIED_WITH_GAPS ABSENCE",
    ),
    "revoked-in-another-log": (
        "the licence ended in another log than its intent's, where nothing says which came first",
        _exported(revoked_in=SECOND, intended_in=FIRST),
        "REFUTED LOG_PROBLEM",
    ),
    "intent-in-another-log": (
        "an intent in another log than its licence",
        _exported(revoked_in=None, intended_in=SECOND),
        "REFUTED LOG_PROBLEM",
    ),
}
