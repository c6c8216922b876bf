"""Builds the platform wheel, whose `modules` are compiled by mypyc from the very source that stands beside them.

Hatchling calls it only when asked (`HATCH_BUILD_HOOK_ENABLE_CUSTOM=true`, as `make wheel` does); why and what for:
docs/decisions/0014.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE: Final = "monazite_provenance"
# More makes the C compiler work twice as long for a difference that cannot be measured: the time goes to calls.
OPTIMIZATION: Final = "1"
DEBUG: Final = "0"


class CompiledModules(BuildHookInterface[Any]):
    """Adds an extension module beside each compiled module, and the one that holds the code of them all."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; the wheel is then of this platform and this Python. Raises what the C compiler ends with."""
        del version
        self._kept = TemporaryDirectory(prefix="monazite-compiled-")  # until the wheel is written
        root, built = Path(self.root), Path(self._kept.name)
        sources = [f"{PACKAGE}/{module}.py" for module in self.config["modules"]]
        _compile(root, built, sources)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        for extension in built.glob("lib/**/*.*"):
            build_data["force_include"][str(extension)] = str(extension.relative_to(built / "lib"))


def _compile(root: Path, built: Path, sources: list[str]) -> None:
    from mypyc.build import mypycify  # noqa: PLC0415 - a pure wheel and an sdist are built without it
    from setuptools import Distribution  # type: ignore[import-untyped]  # noqa: PLC0415 - as above; it has no stubs

    # mypy wants paths that are those of the imports.
    before = Path.cwd()
    os.chdir(root)
    try:
        extensions = mypycify(
            ["--python-version=3.11", "--explicit-package-bases", f"--cache-dir={built / 'types'}", *sources],
            opt_level=OPTIMIZATION,
            debug_level=DEBUG,
            multi_file=True,
            group_name=PACKAGE,
            target_dir=str(built / "c"),
        )
        distribution = Distribution({"ext_modules": extensions, "packages": []})
        command: Any = distribution.get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(built / "lib"), str(built / "objects")
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
