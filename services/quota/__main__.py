"""`python -m services.quota`: settings from MONAZITE_CONFIG."""

from __future__ import annotations

import sys

from services.chassis.server import run
from services.quota.server import MIGRATIONS, build
from services.quota.settings import QuotaSettings

if __name__ == "__main__":
    sys.exit(run("quota", QuotaSettings, build, MIGRATIONS))
