"""Writes the hostile set into tests/vectors/hostile; README.md there explains it.

Deterministic: `python -m tests.vectors.make_hostile_vectors` gives the same files again. Keys are fixed and known to
everybody, signatures are deterministic (RFC 8032, RFC 6979), salts are digests of names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from tests.vectors.forging import (
    bundle_amendments,
    bundle_keys,
    bundle_licences,
    bundle_pages,
    bundle_rights,
    bundle_witnesses,
    bundle_words,
    bundles,
    items,
    keys,
    lots,
    receipts,
    statement_bytes,
    statement_words,
    trusts,
)
from tests.vectors.forging.forge import KEYS, LOG, LOG_KEYS, Case

FOLDER: Final = Path(__file__).parent / "hostile"
MANIFEST: Final = FOLDER / "manifest.json"
SOURCES: Final = (
    statement_bytes,
    statement_words,
    items,
    lots,
    keys,
    receipts,
    trusts,
    bundles,
    bundle_words,
    bundle_keys,
    bundle_witnesses,
    bundle_rights,
    bundle_amendments,
    bundle_licences,
    bundle_pages,
)

SUFFIXES: Final = {"trust": ".json", "bundle": ".bundle"}


def files() -> set[Path]:
    """The files of cases that are there."""
    return {path for path in FOLDER.glob("*/*") if path.is_file()}


def cases() -> Iterator[Case]:
    """Every case of the set."""
    return chain.from_iterable(source.cases() for source in SOURCES)


def file_of(case: Case) -> Path:
    """Where a case stands."""
    return FOLDER / case.kind / f"{case.name}{SUFFIXES.get(case.kind, '.cbor')}"


def manifest(chosen: Iterable[Case]) -> str:
    """The text of the manifest of these cases: one a line, so that a change shows as what it is."""
    return "".join(
        (
            '{"keys": [\n',
            ",\n".join(
                json.dumps({"cose_key": key.cose_key.hex(), "issuer": key.issuer, "kinds": key.kinds}) for key in KEYS
            ),
            '\n],\n"log_keys": [\n',
            ",\n".join(
                json.dumps({"cose_key": key.cose_key.hex(), "issuer": key.issuer, "log": LOG, **span})
                for key, span in LOG_KEYS
            ),
            '\n],\n"cases": [\n',
            ",\n".join(json.dumps(_row(case)) for case in chosen),
            "\n]}\n",
        )
    )


def _row(case: Case) -> dict[str, object]:
    return {
        "kind": case.kind,
        "name": case.name,
        "file": str(file_of(case).relative_to(FOLDER)),
        "attacks": case.attacks,
        "expected": case.expected,
        **case.given,
    }


def main() -> None:
    """Write all files, and take away those that are no more of the set."""
    chosen = list(cases())
    wanted = {file_of(case): case.data for case in chosen}
    for path in files() - wanted.keys():
        path.unlink()
    for path, data in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    MANIFEST.write_text(manifest(chosen))


if __name__ == "__main__":
    main()
