"""The committed gRPC stubs are what the protos give."""

from __future__ import annotations

from pathlib import Path

from tests.tidy.sources import ROOT
from tools.generate_stubs import generate


def test_the_committed_stubs_are_fresh(tmp_path: Path) -> None:
    generated = {path.relative_to(tmp_path): path.read_bytes() for path in generate(tmp_path)}
    protos = ROOT / "protos"
    committed = {
        path.relative_to(protos): path.read_bytes() for path in protos.rglob("*_pb2*.py*") if path.suffix != ".pyc"
    }
    assert committed.keys() == generated.keys()
    assert [str(path) for path in generated if generated[path] != committed[path]] == []
