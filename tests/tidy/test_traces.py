"""Nothing of any one machine is in the repository: no home, no scratch directory, no registry's address."""

from __future__ import annotations

import re
import tomllib
from typing import Final

from tests.tidy.sources import ROOT, tracked_files

# Put together here, so that this file does not find itself.
FORBIDDEN: Final = re.compile(
    "|".join(
        [
            r"(?<![\w.}])/(?:root|home/\w+|work|Users/\w+)/" + r"[\w.]",
            "/" + r"tmp/\w",
            r"files\." + "pythonhosted",
            r"pypi\." + "org/simple",
            r"deb\." + "debian",
            "extra-" + "index-url",
        ]
    )
)


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    found: list[str] = []
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in FORBIDDEN.finditer(text)]
    assert found == []


def test_the_locks_pin_everything_that_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    development = project["optional-dependencies"]["dev"]
    for lock, wanted in (
        ("requirements.lock", [*project["dependencies"], *development]),
        ("deploy/runtime.lock", project["dependencies"]),
    ):
        pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
        names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in wanted}
        assert names - pinned == set(), lock


def test_every_pin_of_the_locks_has_a_hash_and_no_address() -> None:
    for lock in [ROOT / "requirements.lock", *(ROOT / "deploy").glob("*.lock")]:
        pins = [
            block for block in lock.read_text().replace("\\\n", " ").splitlines() if block.strip() and block[0] != "#"
        ]
        assert [
            pin for pin in pins if not re.fullmatch(r"[\w.-]+==\S+(?: ;.*?)?(?:\s+--hash=sha256:\w{64})+\s*", pin)
        ] == []
