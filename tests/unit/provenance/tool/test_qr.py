"""`qr`: what is drawn is what a reader of another make reads, and what it reads gives the file back."""

from __future__ import annotations

import io
import re
import sys
import zlib
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import zxingcpp
from monazite_provenance._tool import qr_drawing, qr_parts

from tests.unit.provenance.tool.files import STORY, Files, Tool

QR_CODE = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
ITEM = STORY.world.items[-1].encode()


def scanned(modules: list[list[int]], scale: int = 3) -> str:
    """What another implementation reads off modules, 1 for dark."""
    lines = [bytes(0 if module else 255 for module in row for _ in range(scale)) for row in modules]
    rows = [line for line in lines for _ in range(scale)]
    picture = memoryview(b"".join(rows)).cast("B", (len(rows), len(rows[0])))
    (found,) = zxingcpp.read_barcodes(picture, formats=QR_CODE, text_mode=zxingcpp.TextMode.Plain)
    return str(found.text)


def png_modules(png: bytes, scale: int) -> list[list[int]]:
    """The modules of a PNG as segno writes it: one bit a pixel, 0 for black, lines as they are or as the one above."""
    size = int.from_bytes(png[16:20], "big")
    assert png[24:26] == b"\x01\x00"
    data, at = b"", 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    raw, stride = zlib.decompress(data), 1 + -(-size // 8)
    lines: list[bytes] = []
    for start in range(0, len(raw), stride):
        kind, line = raw[start], raw[start + 1 : start + stride]
        assert kind == 0 or (kind == 2 and not any(line))
        lines.append(line if kind == 0 else lines[-1])
    return [[1 - (line[x // 8] >> (7 - x % 8) & 1) for x in range(0, size, scale)] for line in lines[::scale]]


def text_modules(lines: list[str]) -> list[list[int]]:
    """The modules of a drawing in half blocks or in `##`."""
    if set("".join(lines)) <= {"#", " "}:
        return [[int(line[x] == "#") for x in range(0, len(line), 2)] for line in lines]
    upper, lower = "\u2580\u2588", "\u2584\u2588"
    return [[int(letter in half) for letter in line] for line in lines for half in (upper, lower)]


def drawings(out: str) -> list[list[str]]:
    """The drawings of several codes, each followed by its number."""
    found: list[list[str]] = [[]]
    for line in out.splitlines():
        if re.fullmatch(r"\d+ of \d+", line):
            found.append([])
        else:
            found[-1].append(line)
    return found[:-1]


def test_a_code_on_the_terminal_is_read_by_another_implementation(files: Files, tool: Tool) -> None:
    path = files.new("one.item", ITEM)
    said = tool("qr", path)
    assert said.code == 0
    lines = [scanned(text_modules(drawing)) for drawing in drawings(said.out)]
    assert lines == tool("qr", path, "--text").out.splitlines()
    assert qr_parts.join(lines) == ITEM


def test_a_bundle_in_several_codes(files: Files, tool: Tool) -> None:
    said = tool("qr", files.magnets)
    lines = [scanned(text_modules(drawing)) for drawing in drawings(said.out)]
    assert len(lines) > 10
    back = files.new("back.bundle")
    assert tool("qr", files.new("lines.txt", "\n".join(reversed(lines)).encode()), "--read", back).code == 0
    assert back.read_bytes() == files.magnets.read_bytes()


def test_files_of_pictures(files: Files, tool: Tool) -> None:
    path = files.new("one.item", ITEM)
    assert tool("qr", path, "--png", files.new("code.png"), "--part-bytes", "2800").code == 0
    assert qr_parts.join([scanned(png_modules(files.new("code.png").read_bytes(), 4))]) == ITEM
    again = tool("qr", path, "--png", files.new("code.png"), "--part-bytes", "2800")
    assert (again.code, "name another file" in again.err) == (4, True)
    found = tool("qr", path, "--png", files.new("other.png"), "--part-bytes", "2800", "--json").json
    assert found["files"] == [str(files.new("other.png"))]
    said = tool("qr", path, "--svg", files.new("part.svg"), "--part-bytes", "300")
    pictures = sorted(files.home.glob("part-*.svg"))
    count = len(pictures)
    named = {f"{files.home}/part-{number}of{count}.svg  {number} of {count}" for number in range(1, count + 1)}
    assert (said.code, set(said.out.splitlines())) == (0, named)
    assert len(pictures) == len(tool("qr", path, "--json", "--part-bytes", "300").json["parts"])
    assert all(b"<svg" in picture.read_bytes() for picture in pictures)


def test_the_largest_part_can_be_drawn(files: Files, tool: Tool) -> None:
    line = tool("qr", files.magnets, "--text", "--part-bytes", str(qr_parts.PART_BYTES_MAX)).out.splitlines()[0]
    rows = [list(row) for row in qr_drawing.make(line).matrix_iter(border=qr_drawing.QUIET_ZONE)]
    assert scanned(rows) == line


def test_a_terminal_without_blocks(files: Files, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.new("one.item", ITEM)
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", terminal)
        assert tool("qr", path).code == 0
    terminal.seek(0)
    lines = [scanned(text_modules(drawing)) for drawing in drawings(terminal.read())]
    assert qr_parts.join(lines) == ITEM


def test_colours_on_a_terminal_alone() -> None:
    code = qr_drawing.make("MONAZITE1")
    plain = list(qr_drawing.drawn(code, encoding="utf-8", colours=False))
    coloured = list(qr_drawing.drawn(code, encoding="utf-8", colours=True))
    assert not any("\x1b" in line for line in plain)
    assert coloured == [f"\x1b[30;107m{line}\x1b[0m" for line in plain]
    assert all(len(one) == len(other) for one, other in pairwise(plain))


def test_only_provenance_becomes_a_code(files: Files, tool: Tool) -> None:
    pem = STORY.world.keys["plant"].to_pem()
    for content in (pem, ITEM[:-1], ITEM + b"\x00", files.trust.read_bytes(), b"\xd2" + ITEM):
        said = tool("qr", files.new("taken.by.mistake", content))
        assert (said.code, said.out) == (5, "")
    assert tool("qr", files.abroad, "--part-bytes", "60").code == 5


def test_without_segno_there_is_still_text(files: Files, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    absent: ModuleType | None = None
    monkeypatch.setitem(sys.modules, "segno", absent)
    path = files.new("one.item", ITEM)
    said = tool("qr", path)
    assert (said.code, said.out) == (4, "")
    assert "pip install segno" in said.err
    text = tool("qr", path, "--text")
    assert text.code == 0
    read = tool("qr", files.new("lines.txt", text.out.encode()), "--read", files.new("back.item"), "--json")
    assert (read.code, read.json) == (0, {"bytes": len(ITEM)})


def test_lines_that_do_not_add_up(files: Files, tool: Tool) -> None:
    lines = tool("qr", files.magnets, "--text").out.splitlines()
    for content in ("\n".join(lines[1:]), lines[0][:-2], "hello", "\x1b[2J", "\u5305"):
        said = tool("qr", files.new("lines.txt", content.encode()), "--read", files.new("back"))
        assert (said.code, "BAD_FIELD" in said.err) == (5, True)
        assert "\x1b" not in said.err
    assert not files.new("back").exists()


@pytest.mark.parametrize("size", ["59", "2801", "many", "1e2"])
def test_sizes_that_make_no_code(files: Files, tool: Tool, size: str) -> None:
    assert tool("qr", files.magnets, "--part-bytes", size).code == 4


def test_what_is_no_text_does_not_reach_a_terminal(files: Files, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = files.new("lines.txt", tool("qr", files.new("one.item", ITEM), "--text").out.encode())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = tool("qr", text, "--read", Path("-"))
    assert (said.code, said.out) == (4, "")
    assert "a terminal is not sent" in said.err
