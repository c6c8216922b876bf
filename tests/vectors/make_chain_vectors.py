"""Writes the chain vectors into tests/vectors/monazite/chains: good bundles, their trust file, and the reports on them.

Deterministic: `python -m tests.vectors.make_chain_vectors` gives the same files again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from monazite_provenance.chain import verify_bundle
from monazite_provenance.kinds import EventKind
from monazite_provenance.redaction import omit, unneeded
from monazite_provenance.statement import parse

from tests.unit.provenance.chains import AT_S, World, tell
from tests.unit.provenance.paging import in_pages
from tests.unit.provenance.taken_back import from_cuts, taken_back
from tests.vectors.forging.bundles import RUNGS, mined, sold
from tests.vectors.forging.seeded import seeded

FOLDER: Final = Path(__file__).parent / "monazite" / "chains"
TRUST: Final = FOLDER / "trust.json"


def exported() -> bytes:
    """A mine's ore and an importer's, separated, made into magnets, a part of them exported; with a status."""
    story = tell()
    return story.world.encode(story.abroad, [*story.world.items, story.world.status(story.abroad)])


def returned() -> bytes:
    """The same story, of the magnets that stayed; without a status."""
    story = tell()
    return story.world.encode(story.returned)


def redacted() -> bytes:
    """The same as `exported`, without the openings of what the target does not come from."""
    story = tell()
    items = omit(story.world.items, unneeded(story.abroad, story.world.items))
    return story.world.encode(story.abroad, [*items, story.world.status(story.abroad)])


def sale() -> bytes:
    """A mined lot, sold; both parties sign for themselves. With a status."""
    world, target = sold()
    return world.encode(target, [*world.items, world.status(target)])


def cut() -> bytes:
    """A lot sold on from a cut, which stands for all that was before."""
    world, head = mined()
    known = len(world.items)
    world.cut(head)
    target = world.hand_over("mine", "plant", head)
    keys = [item for item in world.items[:known] if parse(item.statement).claims.kind is EventKind.KEYS]
    return world.encode(target, [*keys, *world.items[known:]])


def pages() -> bytes:
    """The same as `exported`, in three pages."""
    story = tell()
    items = [*story.world.items, story.world.status(story.abroad)]
    return b"".join(in_pages(story.world, story.abroad, items, (9, 18)))


def cuts() -> bytes:
    """A lot that was cut, sold, and came back to be cut again, merged with the part that came back before."""
    world, heads = taken_back()
    return world.encode(heads.merged, from_cuts(world, heads))


def ladder() -> bytes:
    """A lot split in two and merged again, forty times."""
    world, head = mined()
    for _ in range(RUNGS):
        half = world.lots[head].gross_g // 2
        head = world.merge("mine", *world.split("mine", head, half, world.lots[head].gross_g - half))
    return world.encode(head)


CHAINS: Final[tuple[Callable[[], bytes], ...]] = (sale, exported, returned, redacted, cut, cuts, ladder, pages)


def files() -> dict[Path, bytes]:
    """Every file of the set, by its path."""
    with seeded():
        trust = World.new().trust
    found = {TRUST: trust.dump()}
    for build in CHAINS:
        with seeded():
            raw = build()
        report = verify_bundle([raw], trust, at=AT_S).as_json()
        found[FOLDER / f"{build.__name__}.bundle"] = raw
        found[FOLDER / f"{build.__name__}.json"] = (json.dumps(report, indent=1) + "\n").encode()
    return found


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    for path, data in files().items():
        path.write_bytes(data)


if __name__ == "__main__":
    main()
