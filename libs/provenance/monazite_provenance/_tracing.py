"""Origin shares of what the steps of a bundle make, within a bound: thousands of origins split again make millions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monazite_provenance import origins
from monazite_provenance._descent import are_inputs, shares
from monazite_provenance._opened import Opened
from monazite_provenance.steps import Prior

SHARES_MAX: Final = 1_000_000
"""Most origin shares worked out for one bundle."""


class Tracing:
    """Works out shares until the bound is reached."""

    def __init__(self) -> None:
        self._left = SHARES_MAX

    def shares(self, opened: Opened, prior: Prior | None) -> Sequence[origins.Shares | None]:
        """Of each output; None for all of them past the bound, and for whatever is made of those."""
        if are_inputs(opened.details):
            return [head.shares for head in opened.inputs]
        inputs = [head.shares for head in opened.inputs if head.shares is not None]
        cost = origins.cost(inputs, opened.outputs)
        if len(inputs) < len(opened.inputs) or cost > self._left:
            return [None] * len(opened.outputs)
        self._left -= cost
        return shares(opened.details, inputs, opened.outputs, None if prior is None else prior.details)
