"""The hostile set: the files are what their generator writes, and each is refused with its own code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from monazite_provenance import CertifiedKey, ProvenanceError, PublicKey, Verifier
from monazite_provenance.chain import verify_bundle
from monazite_provenance.contents import decode_lot
from monazite_provenance.kinds import EventKind
from monazite_provenance.log_keys import LogKey
from monazite_provenance.places import LogSpan
from monazite_provenance.receipts import Head, HeadVerifier
from monazite_provenance.trust import TrustFile

from tests.unit.provenance.examples import Ring
from tests.unit.provenance.logs import LogRing
from tests.vectors import make_hostile_vectors as made
from tests.vectors.published import Json, load, member, number, text

MANIFEST: Final = load(made.MANIFEST)


def rows(part: str) -> list[dict[str, Json]]:
    """The objects of one list of the manifest."""
    found = MANIFEST[part]
    assert isinstance(found, list)
    return [row for row in found if isinstance(row, dict)]


def _public(row: Mapping[str, Json]) -> PublicKey:
    return PublicKey.from_cose_key(bytes.fromhex(text(dict(row), "cose_key")))


def _certified(row: dict[str, Json]) -> CertifiedKey:
    kinds = row["kinds"]
    some = frozenset(EventKind(kind) for kind in kinds if isinstance(kind, int)) if isinstance(kinds, list) else None
    return CertifiedKey(_public(row), text(row, "issuer"), some, certified_by=None)


def _log_key(row: dict[str, Json]) -> LogKey:
    last, compromised = row["last"], row["compromised_from"]
    assert isinstance(last, int | None)
    assert isinstance(compromised, int | None)
    span = LogSpan(number(row, "first"), last, compromised)
    return LogKey(_public(row), text(row, "issuer"), {text(row, "log"): span})


def _leaves(case: dict[str, Json]) -> list[bytes]:
    leaves = case["leaves"]
    assert isinstance(leaves, list)
    return [bytes.fromhex(leaf) for leaf in leaves if isinstance(leaf, str)]


def _old(case: dict[str, Json]) -> Head:
    old = member(case, "old")
    return Head(text(old, "log"), number(old, "size"), bytes.fromhex(text(old, "root")), "x:", 0)


ELSEWHERE: Final = {
    "ATTESTATION_MISMATCH",
    "CHAIN_TOO_LONG",  # a thousand steps
    "CLOCK_PROBLEM",  # of a machine, not of bytes
    "TOO_MANY_PARENTS",  # ten thousand statements
}
"""Codes that no file of the set provokes."""
VERIFIER: Final = Verifier(Ring(*map(_certified, rows("keys"))))
HEADS: Final = HeadVerifier(LogRing(*map(_log_key, rows("log_keys"))))
RUN: Final[Mapping[str, Callable[[bytes, dict[str, Json]], object]]] = {
    "statement": lambda data, _: VERIFIER.verify_statement(data),
    "item": lambda data, _: VERIFIER.verify(data),
    "lot": lambda data, _: decode_lot(data),
    "key": lambda data, _: PublicKey.from_cose_key(data),
    "receipt": lambda data, case: HEADS.verify_receipt(data, bytes.fromhex(text(case, "leaf"))),
    "multi-receipt": lambda data, case: HEADS.verify_multi_receipt(data, _leaves(case)),
    "consistency": lambda data, case: HEADS.verify_consistency(data, _old(case)),
    "checkpoint": lambda data, _: HEADS.verify_checkpoint(data),
    "trust": lambda data, _: TrustFile.load(data),
}


def judged(data: bytes, case: dict[str, Json]) -> str:
    """What comes of a bundle: verdict and code of the failure, or verdict and gaps, or that it is none."""
    trust = TrustFile.load((made.FOLDER / text(case, "trust")).read_bytes())
    try:
        report = verify_bundle([data], trust, at=number(case, "at"))
    except ProvenanceError as error:
        return f"MALFORMED {error.code}"
    codes = sorted(report.gap_codes()) if report.failure is None else [report.failure.code]
    return " ".join([report.verdict.name, *codes])


def answer(case: dict[str, Json]) -> str:
    """What the library says of a case: a code, or "ok"."""
    data = (made.FOLDER / text(case, "file")).read_bytes()
    if case["kind"] == "bundle":
        return judged(data, case)
    try:
        RUN[text(case, "kind")](data, case)
    except ProvenanceError as error:
        return error.code
    return "ok"


def test_the_files_are_what_the_generator_writes() -> None:
    chosen = list(made.cases())
    assert {path: path.read_bytes() for path in made.files()} == {made.file_of(case): case.data for case in chosen}
    assert made.MANIFEST.read_text() == made.manifest(chosen)


@pytest.mark.parametrize("case", rows("cases"), ids=lambda case: text(case, "file"))
def test_it_is_refused_with_its_own_code(case: dict[str, Json]) -> None:
    assert answer(case) == case["expected"]


def test_no_two_attacks_have_one_name_or_one_file() -> None:
    names = Counter((text(case, "kind"), text(case, "name")) for case in rows("cases"))
    assert max(names.values()) == 1
    same = Counter(
        (
            case["kind"],
            (made.FOLDER / text(case, "file")).read_bytes(),
            str({**case, "name": "", "file": "", "attacks": ""}),
        )
        for case in rows("cases")
    )
    assert max(same.values()) == 1


def test_each_kind_is_documented_and_has_good_cases() -> None:
    documented = Path(made.FOLDER / "README.md").read_text()
    for kind in (*RUN, "bundle"):
        assert f"| `{kind}` |" in documented
        assert any(case["expected"] in {"ok", "VERIFIED"} for case in rows("cases") if case["kind"] == kind)


def test_every_code_of_the_library_is_provoked() -> None:
    codes = {kind.code for kind in _leaves_of(ProvenanceError)}
    provoked = {text(case, "expected").split(" ")[-1] for case in rows("cases")}
    assert codes - provoked == ELSEWHERE


def _leaves_of(kind: type[ProvenanceError]) -> list[type[ProvenanceError]]:
    return [leaf for child in kind.__subclasses__() for leaf in _leaves_of(child)] or [kind]
