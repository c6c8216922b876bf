"""Asks a peer again and again for what it may have new, and bears that it is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from services.chassis import errors
from services.chassis.database import SERIALIZATION
from services.chassis.log.peers import LogProblem

# Of a peer that is away or cannot answer just now.
INTERVAL_S_MAX: Final = 60.0

_log = logging.getLogger(__name__)


async def ask_on(step: Callable[[], Awaitable[object]], *, what: str, interval_s: float) -> NoReturn:
    """A step every `interval_s` seconds, until cancelled; `what` it takes in, in the plural, is named where one fails.

    A failure is logged, and tried again after twice the time. Raises LogProblem: then nothing was taken in.
    """
    pause_s = interval_s
    while True:
        try:
            await step()
            pause_s = interval_s
        except LogProblem:
            raise
        except (errors.Error, *SERIALIZATION) as error:
            pause_s = min(2 * pause_s, INTERVAL_S_MAX)
            _log.warning("%s were not taken in: %s", what, error)
        except Exception:
            pause_s = min(2 * pause_s, INTERVAL_S_MAX)
            _log.exception("%s were not taken in", what)
        await asyncio.sleep(pause_s)
