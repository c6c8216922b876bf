"""What an operator asks of a service's database: does everything that has to agree still agree?

A service offers its own as `python -m services.<name>.check`, with the settings that it runs with, also while it runs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.server import EXIT_SETTINGS
from services.chassis.settings import BadSettings, Settings, SettingsT, load

Check: TypeAlias = Callable[[Database], Awaitable[Sequence[str]]]
"""Gives one sentence for each fault. It only reads."""
# Not 1, with which Python leaves after an exception that nobody caught: that is no finding.
EXIT_FAULTS: Final = 2


def run(kind: type[SettingsT], check: Check) -> int:
    """Prints a line a fault, else "sound". Returns the exit status: 0 sound, 2 faults, 75 the database is away (try
    again), 78 the settings are bad."""
    try:
        faults = asyncio.run(_faults(load(kind), check))
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_SETTINGS
    except Error as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_TEMPFAIL
    sys.stdout.write("".join(f"{fault}\n" for fault in faults) or "sound\n")
    return EXIT_FAULTS if faults else os.EX_OK


async def _faults(settings: Settings, check: Check) -> Sequence[str]:
    async with Database(settings.database_url, connections_max=1) as database:
        return await check(database)
