"""The two published wheels build, hold what they should, and work alone: without the other, the services, or gRPC."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tidy.sources import ROOT

# Run without site-packages' .pth files, so that the editable tree cannot stand in for what a wheel forgot.
ALONE = "import sys; sys.path[:0] = sys.argv[1:3]; sys.modules.update(dict.fromkeys({absent!r})); {code}"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both wheels, built from the tree, by distribution name."""
    target = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    sources = [str(ROOT / "libs" / "provenance"), str(ROOT / "protos")]
    subprocess.run(
        [*pip, "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(target), *sources],
        check=True,
        capture_output=True,
    )
    return {path.name.split("-")[0]: path for path in target.glob("*.whl")}


def _run_alone(wheel: Path, tmp_path: Path, code: str, absent: list[str]) -> str:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(tmp_path), str(wheel)], check=True, capture_output=True)
    dependencies = Path(pytest.__file__).parents[1]
    script = ALONE.format(absent=absent, code=code)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(tmp_path), str(dependencies)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_library_works_without_grpc_and_sql(wheels: dict[str, Path], tmp_path: Path) -> None:
    code = (
        "import monazite_provenance.__main__, monazite_provenance.chain, monazite_provenance.contents as c; "
        "import monazite_provenance.elements, monazite_provenance.uncertainty; print(c.__file__)"
    )
    absent = [
        "grpc",
        "google",
        "google.protobuf",
        "sqlalchemy",
        "sqlmodel",
        "asyncpg",
        "pydantic",
        "services",
        "monazite",
    ]
    assert str(tmp_path) in _run_alone(wheels["monazite_provenance"], tmp_path, code, absent)


def test_the_library_carries_its_data_schemas_and_types(wheels: dict[str, Path]) -> None:
    names = zipfile.ZipFile(wheels["monazite_provenance"]).namelist()
    assert "monazite_provenance/py.typed" in names
    assert any(name.endswith(".csv") for name in names)
    assert any(name.endswith(".cddl") for name in names)


def test_the_protos_work_without_our_library_and_services(wheels: dict[str, Path], tmp_path: Path) -> None:
    code = (
        "from monazite.registry.v1 import registry_pb2, registry_pb2_grpc; "
        "from monazite.quota.v1 import quota_pb2_grpc; "
        "from monazite.export_license.v1 import export_license_pb2_grpc; print(registry_pb2.__file__)"
    )
    absent = ["monazite_provenance", "services", "sqlalchemy", "cbor2", "pydantic"]
    assert str(tmp_path) in _run_alone(wheels["monazite_protos"], tmp_path, code, absent)


def test_the_protos_carry_their_sources_and_types(wheels: dict[str, Path]) -> None:
    names = zipfile.ZipFile(wheels["monazite_protos"]).namelist()
    for package in ("type", "registry", "quota", "export_license"):
        assert f"monazite/{package}/v1/py.typed" in names
    assert "monazite/registry/v1/registry.proto" in names
    assert "monazite/registry/v1/registry_pb2_grpc.pyi" in names
