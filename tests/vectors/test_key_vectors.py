"""Thumbprints against RFC 9679 section 6."""

from __future__ import annotations

import pytest
from monazite_provenance import PublicKey

from tests.vectors.published import VECTORS, load, text

VECTOR = VECTORS / "rfc-values" / "rfc9679-thumbprint.json"


@pytest.mark.skipif(not VECTOR.is_file(), reason="published vectors are not beside the repository")
def test_thumbprint() -> None:
    vector = load(VECTOR)
    key = PublicKey.from_cose_key(bytes.fromhex(text(vector, "canonical_form")))
    assert key.cose_key.hex() == text(vector, "canonical_form")
    assert key.thumbprint.hex() == text(vector, "thumbprint")
    assert key.kid.hex() == text(vector, "thumbprint")[:32]
