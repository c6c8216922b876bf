"""The story from beginning to end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from monazite_provenance.trust import TrustFile
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from clients.demo.chapters import (
    c1_quota,
    c2_mine_and_import,
    c3_separation,
    c4_magnets,
    c5_export,
    c6_attacks,
)
from clients.demo.plot import Plot
from clients.demo.stage import Refusal, Stage, StoryError, absent
from clients.demo.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Chapter:
    """A title, how many steps it counts, and how it is told."""

    title: str
    steps: int
    tell: Callable[[Stage, Plot], Awaitable[None]]


CHAPTERS = tuple(
    Chapter(module.TITLE, module.STEPS, module.tell)
    for module in (c1_quota, c2_mine_and_import, c3_separation, c4_magnets, c5_export, c6_attacks)
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a story leaves for whoever goes on: the plot, and every refusal with its error."""

    plot: Plot
    refusals: tuple[Refusal, ...]


async def tell(surroundings: Surroundings, console: Console) -> Told:
    """Tells all chapters on a suite that holds nothing yet of this quota year.

    Raises:
        StoryError: something was not as it must be, or an attack was not refused with its reason.
        CallError: a service refused what it must not refuse.
    """
    if missing := absent(surroundings):
        raise StoryError(f"no certificate for {', '.join(actor.path for actor in missing)}")
    trust = TrustFile.load(surroundings.trust.read_bytes())
    plot = Plot()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("The story", total=sum(chapter.steps for chapter in CHAPTERS))
        stage = Stage(surroundings, console, progress, task, trust)
        try:
            for number, chapter in enumerate(CHAPTERS, start=1):
                progress.update(task, description=f"Chapter {number}")
                stage.chapter(number, chapter.title)
                before = stage.told
                await chapter.tell(stage, plot)
                stage.check(stage.told - before == chapter.steps, f"chapter {number} counts {chapter.steps} steps")
        finally:
            await stage.close()
    return Told(plot, tuple(stage.refusals))
