"""`python -m services.quota.check`: is every gram still there? See `storage.checks` and `chassis.check`."""

from __future__ import annotations

import sys

from services.chassis import check
from services.quota.settings import QuotaSettings
from services.quota.storage.checks import faults

if __name__ == "__main__":
    sys.exit(check.run(QuotaSettings, faults))
