"""The tool takes bundles of several pages like those of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from monazite_provenance import bundle

from tests.unit.provenance.chains import AT_S, LOG
from tests.unit.provenance.paging import in_pages
from tests.unit.provenance.tool.files import STORY, Files, Tool
from tests.unit.provenance.witnesses import NAMES, cosigned, note, witness_keys

ENDS = (9, 18)


@pytest.fixture
def paged(files: Files) -> Path:
    pages = in_pages(STORY.world, STORY.abroad, STORY.world.items, ENDS)
    assert len(pages) == 3
    return files.new("paged.bundle", b"".join(pages))


def test_verify_and_show_say_the_same_of_it(paged: Path, files: Files, tool: Tool) -> None:
    for command in ("verify", "show"):
        for more in ([], ["--json"]):
            one = tool(command, files.abroad, "--trust", files.trust, "--at", AT_S, *more)
            assert tool(command, paged, "--trust", files.trust, "--at", AT_S, *more) == one
    assert tool("show", paged) == tool("show", files.abroad)
    assert tool("diff", paged, files.abroad).out == "no difference\n"


def test_what_is_not_whole_is_refused_by_its_code(files: Files, tool: Tool) -> None:
    first, second, third = in_pages(STORY.world, STORY.abroad, STORY.world.items, ENDS)
    other = in_pages(STORY.world, STORY.magnets, STORY.world.items, ENDS)
    for pages, code in (
        ((first, second), "PAGES_INCOMPLETE"),
        ((first, third), "PAGE_OUT_OF_ORDER"),
        ((first, other[1], third), "FOREIGN_PAGE"),
    ):
        path = files.new(f"{code}.bundle", b"".join(pages))
        for arguments in (("verify", path, "--trust", files.trust), ("show", path), ("diff", path, files.abroad)):
            said = tool(*arguments)
            assert said.code == 5
            assert code in said.err


def test_redacted_it_has_the_same_pages(paged: Path, files: Files, tool: Tool) -> None:
    out, whole = files.home / "less.bundle", files.home / "whole.bundle"
    assert tool("redact", paged, out).code == 0
    assert tool("redact", files.abroad, whole).code == 0
    assert [page.number for page in _pages(out)] == [1, 2, 3]
    assert list(bundle.read([out.read_bytes()]).pieces) == list(bundle.read([whole.read_bytes()]).pieces)
    verify = ["--trust", files.trust, "--at", AT_S]
    assert tool("verify", out, *verify) == tool("verify", whole, *verify)


def test_what_witnesses_co_signed_goes_into_the_last_page(paged: Path, files: Files, tool: Tool) -> None:
    out = files.home / "witnessed.bundle"
    text = files.new("text", cosigned(note(STORY.world.registers.logs[LOG]), witness_keys(), NAMES[:1]).encode())
    assert tool("witness", paged, out, text).code == 0
    assert [len(page.cosigned) for page in _pages(out)] == [0, 0, 1]
    before, after = paged.read_bytes(), out.read_bytes()
    last = before.rindex(in_pages(STORY.world, STORY.abroad, STORY.world.items, ENDS)[2])
    assert after[:last] == before[:last]
    verify = ["--trust", files.trust, "--at", AT_S]
    assert tool("verify", out, *verify).code == tool("verify", paged, *verify).code
    # What is witnessed has a head of four members, like an item, and is shown all the same.
    witnessed = files.home / "one.bundle"
    assert tool("witness", files.abroad, witnessed, text).code == 0
    assert tool("show", witnessed) == tool("show", files.abroad)


def test_small_pages_go_through_codes(files: Files, tool: Tool) -> None:
    items = STORY.world.items[:3]
    path = files.new("small.bundle", b"".join(in_pages(STORY.world, STORY.mined, items, [1])))
    lines = files.new("lines", tool("qr", path, "--text").out.encode())
    back = files.home / "back.bundle"
    assert tool("qr", lines, "--read", back).code == 0
    assert back.read_bytes() == path.read_bytes()


def _pages(path: Path) -> list[bundle.Page]:
    return list(bundle.read([path.read_bytes()]).pages)
