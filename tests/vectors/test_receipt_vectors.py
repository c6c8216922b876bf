"""The examples of RFC 9942's draft: their structure, since no key was published with them.

They are not of our profile (ES256, and keys out of order): read leniently here, refused by our reader.
"""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from monazite_provenance import _cose, tree
from monazite_provenance.errors import Malformed, ProofMismatch
from monazite_provenance.receipts import parse_consistency, parse_receipt

from tests.vectors.published import VECTORS

EXAMPLES = VECTORS / "rfc9942-draft-examples" / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="published vectors are not beside the repository")


def example(name: str) -> tuple[bytes, list[Any]]:
    """The file and its four parts."""
    raw = (EXAMPLES / f"{name}-receipt.cbor").read_bytes()
    return raw, cbor2.loads(raw).value


def proof(name: str, kind: int) -> Any:
    """The one proof of an example."""
    _, (_, unprotected, payload, _) = example(name)
    assert payload is None
    (encoded,) = unprotected[396][kind]
    return cbor2.loads(encoded)


def test_both_are_built_as_ours() -> None:
    for name in ("inclusion", "consistency"):
        raw, (protected, unprotected, _, signature) = example(name)
        header = cbor2.loads(protected)
        assert (header[_cose.ALG], header[395], list(unprotected)) == (-7, 1, [396])
        # What is around the parts is what our writer puts there.
        assert _cose.encode_detached(protected, cbor2.dumps(unprotected), signature) == raw


def test_the_two_proofs_speak_of_one_log() -> None:
    size, index, path = proof("inclusion", -1)
    old_size, new_size, joined = proof("consistency", -2)
    assert (size, index, old_size, new_size) == (5, 3, 3, 5)
    # The consistency path holds entry 3 itself and all that its inclusion path holds.
    old_root = tree.node_hash(joined[2], joined[0])
    root = tree.root_of_path(index, size, joined[1], path)
    assert root == tree.root_of_consistency(old_size, old_root, new_size, joined)
    with pytest.raises(ProofMismatch):
        tree.check_consistency(old_size, old_root, new_size, root, joined[:-1])


def test_our_profile_refuses_them() -> None:
    with pytest.raises(Malformed):
        parse_receipt(example("inclusion")[0])
    with pytest.raises(Malformed):
        parse_consistency(example("consistency")[0])
