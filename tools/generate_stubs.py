"""Generate the committed gRPC stubs under `protos/` (or another root, so that a test can compare).

Run `python tools/generate_stubs.py`. The output runs on protobuf 6 and 7 (docs/decisions/0005).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

MYPY_PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
PROTO_ROOT = Path(__file__).resolve().parent.parent / "protos"


def generate(out: Path) -> list[Path]:
    """Write stubs of every .proto below `PROTO_ROOT` into `out`; returns the files written."""
    protos = sorted(PROTO_ROOT.rglob("*.proto"))
    arguments = [f"-I{PROTO_ROOT}"]
    arguments += [f"--{kind}_out={out}" for kind in ("python", "grpc_python")]
    arguments += [f"--{kind}_out=quiet:{out}" for kind in ("mypy", "mypy_grpc")]
    # The plugins sit beside this interpreter, which need not be on PATH.
    arguments += [f"--plugin={name}={Path(sys.executable).parent / name}" for name in MYPY_PLUGINS]
    # It finds the well-known protos by itself.
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments, *map(str, protos)], check=True)
    for package in {out / proto.relative_to(PROTO_ROOT).parent for proto in protos}:
        (package / "__init__.py").touch()
        (package / "py.typed").touch()
    return sorted(out.rglob("*_pb2*.py*"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PROTO_ROOT)
    for path in generate(parser.parse_args().out):
        sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
