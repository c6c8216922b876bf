"""The published wheels build, hold what they should, and work alone: without the other, the services, or gRPC. The
compiled one answers as the source does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from monazite_provenance.__main__ import COMMANDS
from packaging.requirements import Requirement

from tests.tidy import answers
from tests.tidy.sources import ROOT
from tests.unit.provenance import readme

# Run without site-packages' .pth files, so that the editable tree cannot stand in for what a wheel forgot.
ALONE = "import sys; sys.path[:0] = sys.argv[1:3]; sys.modules.update(dict.fromkeys({absent!r})); {code}"


COMPILES = shutil.which("cc") is not None and (Path(sysconfig.get_path("include")) / "Python.h").is_file()
needs_a_compiler = pytest.mark.skipif(not COMPILES, reason="no C compiler, or no headers of Python")
# The hostile set with all other vectors, both readers of every form against each other, and what most else rests on.
SAME_ANSWERS = (
    "tests/vectors",
    *(f"tests/unit/provenance/test_{module}.py" for module in ("forms", "many", "statement", "tree", "verifier")),
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels, as `make wheel` builds them, by distribution name; that of this platform as `compiled`."""
    target = tmp_path_factory.mktemp("wheels")
    # With the interpreter at hand: the environment that make would set up first is not what is tried here.
    make = ["make", "wheel", f"BIN={Path(sys.executable).parent}", "READY=", f"WHEELS={target}"]
    subprocess.run(make, cwd=ROOT, check=True, capture_output=True)
    return {
        path.name.split("-")[0] if path.name.endswith("-none-any.whl") else "compiled": path
        for path in target.glob("*.whl")
    }


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


def test_the_library_and_its_tool_work_with_what_they_require_and_nothing_else(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    python = _fresh_environment(tmp_path / "venv", wheels["monazite_provenance"])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([python, "-I", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    made = run("-c", readme.example())
    assert made.returncode == 0, made.stderr
    for arguments, code in readme.commands():
        done = run("-m", "monazite_provenance", *arguments)
        assert done.returncode == code, done.stderr
    assert run("-m", "monazite_provenance", "redact", "lot.bundle", "less.bundle").returncode == 0
    for command in COMMANDS:
        assert run("-m", "monazite_provenance", command, "--help").returncode == 0
    assert (
        subprocess.run([python.with_name("monazite-provenance"), "--help"], capture_output=True, check=False).returncode
        == 0
    )
    drawn = run("-m", "monazite_provenance", "qr", "lot.bundle")
    assert (drawn.returncode, "pip install segno" in drawn.stderr) == (4, True)


def _fresh_environment(home: Path, wheel: Path) -> Path:
    """An interpreter that sees the wheel, what it requires without extras, and no other package."""
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(wheel)], check=True, capture_output=True)
    (packages,) = home.glob("lib/python3*/site-packages")
    waiting, copied = ["cbor2", "cryptography"], set[str]()
    while waiting:
        distribution = metadata.distribution(waiting.pop())
        if distribution.name in copied:
            continue
        copied.add(distribution.name)
        required = map(Requirement, distribution.requires or ())
        waiting += [each.name for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]
        for file in distribution.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), packages / file)
    return python


def test_the_wheel_is_named_as_the_readme_installs_it(wheels: dict[str, Path]) -> None:
    (named,) = re.findall(r"^\$ pip install build/wheels/(\S+)$", readme.README.read_text(), re.MULTILINE)
    assert wheels["monazite_provenance"].name == named


def test_the_library_requires_what_the_fresh_environment_has(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["monazite_provenance"]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        required = re.findall(r"^Requires-Dist: (\S+?)[<>=]\S*$", wheel.read(name).decode(), re.MULTILINE)
    assert sorted(required) == ["cbor2", "cryptography"]


def test_the_library_carries_its_data_schemas_and_types(wheels: dict[str, Path]) -> None:
    names = zipfile.ZipFile(wheels["monazite_provenance"]).namelist()
    assert "monazite_provenance/py.typed" in names
    assert any(name.endswith(".csv") for name in names)
    assert any(name.endswith(".cddl") for name in names)


@pytest.fixture(scope="module")
def compiled(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the compiled library is found before the source."""
    library = tmp_path_factory.mktemp("compiled") / "library"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(library), str(wheels["compiled"])], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(library), str(ROOT), str(ROOT / "protos")))}
    found = _output(environment, "-c", "import monazite_provenance._cbor as cbor; print(cbor.__file__)").strip()
    assert found.startswith(str(library))
    assert found.endswith(sysconfig.get_config_var("EXT_SUFFIX"))
    return environment


def _output(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_a_compiler
def test_the_compiled_library_passes_the_tests_of_the_source(compiled: dict[str, str], tmp_path: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inner'}")
    assert " passed" in _output(compiled, "-m", "pytest", *options, *SAME_ANSWERS)


@needs_a_compiler
def test_the_compiled_library_answers_as_the_source_does_to_what_is_a_little_wrong(compiled: dict[str, str]) -> None:
    asked = ("-m", "tests.tidy.answers", "2026", "1")
    of_source, of_compiled = (_output(environment, *asked).splitlines() for environment in ({**os.environ}, compiled))
    assert len(of_source) > sum(answers.COUNTS.values())
    assert [pair for pair in zip(of_source, of_compiled, strict=True) if pair[0] != pair[1]] == []
    assert [line for line in of_source if answers.ESCAPED in line] == []


def test_both_wheels_hold_the_same_source(wheels: dict[str, Path]) -> None:
    if "compiled" not in wheels:
        assert not COMPILES
        return
    pure, compiled = (
        {
            name: wheel.read(name)
            for wheel in (zipfile.ZipFile(wheels[kind]),)
            for name in wheel.namelist()
            if name.startswith("monazite_provenance/") and not name.endswith(".so")
        }
        for kind in ("monazite_provenance", "compiled")
    )
    assert pure == compiled


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
