"""What quota a step needs, and what its draws cover (Order 71 art. 2; domain.md, "Metering point")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from monazite_provenance._frozen import dataclass
from monazite_provenance.contents import DepositType, Draw, Form, LotContent, Origin, QuotaKind, RightDetails
from monazite_provenance.contents.details import Mined
from monazite_provenance.errors import NotHolder, RightExceeded, RightMissing, StepNotAllowed
from monazite_provenance.names import same_owner
from monazite_provenance.settings import RuleSettings

MINING_KINDS: Final = {
    DepositType.ROCK: QuotaKind.MINING_ROCK,
    DepositType.IONIC: QuotaKind.MINING_IONIC,
}


@dataclass(frozen=True, slots=True)
class QuotaNeed:
    """Quota that a step needs: kind and milligrams REO."""

    kind: QuotaKind
    reo_mg: int


def register_need(origin: Origin, outputs: Sequence[LotContent]) -> tuple[QuotaNeed, ...]:
    """Mining is charged on the REO of the registered mineral product, by deposit type; no other origin is."""
    if not isinstance(origin, Mined):
        return ()
    return (QuotaNeed(MINING_KINDS[origin.deposit_type], sum(lot.reo_mg for lot in outputs)),)


def transform_need(
    inputs: Sequence[LotContent], outputs: Sequence[LotContent], settings: RuleSettings
) -> tuple[QuotaNeed, ...]:
    """Smelting-separation is charged once per gram, at the first step from mineral product, on output REO.

    What is still mineral product or residue is left aside until it becomes something else. Where mineral product and
    other feed go in together, each element's output is charged in the proportion of its input, rounded up; what no
    input holds is charged whole.
    """
    if not any(lot.form in settings.metered_feeds for lot in inputs):
        return ()
    made = _sums(lot for lot in outputs if lot.form not in settings.metered_feeds)
    fed = _sums(inputs)
    mineral = _sums(lot for lot in inputs if lot.form in settings.metered_feeds)
    charged = sum(
        -(-mass * mineral.get(element, 0) // fed[element]) if fed.get(element) else mass
        for element, mass in made.items()
    )
    return (QuotaNeed(QuotaKind.SMELTING_SEPARATION, charged),) if charged else ()


def cover(
    required: Sequence[QuotaNeed], draws: Sequence[Draw], charged_mg: int = 0
) -> tuple[int, tuple[QuotaNeed, ...]]:
    """What the draws add up to, and what of the need they leave uncovered. A step needs one kind at most.

    `charged_mg`: of a correction what stays charged, see `still_charged`. Raises StepNotAllowed for draws where nothing
    is needed, RightExceeded for more than is needed.
    """
    drawn_mg = sum(draw.reo_mg for draw in draws)
    if drawn_mg > charged_mg and not required:
        raise StepNotAllowed("draws on rights in a step that needs no quota", drawn_mg=drawn_mg)
    needed_mg = sum(need.reo_mg for need in required)
    if drawn_mg > max(needed_mg, charged_mg):
        raise RightExceeded("more drawn than the step needs", drawn_mg=drawn_mg, needed_mg=needed_mg)
    if drawn_mg >= needed_mg:
        return drawn_mg, ()
    return drawn_mg, (QuotaNeed(required[0].kind, needed_mg - drawn_mg),)


def still_charged(drawn_mg: int, before: Sequence[QuotaNeed], after: Sequence[QuotaNeed], *, spent: bool) -> int:
    """What of `drawn_mg` a correction does not give back: milligrams REO that its draws add up to at least.

    `before` and `after`: what the corrected statement needs without the correction and with it. `spent`: whether the
    corrected output was spent: then its mass lives on in what came of it, whatever its record says, and a right that
    bore it again would bear it twice. Of an unspent one the right bears again just what is needed less.
    """
    needed_mg, need_before_mg = (sum(need.reo_mg for need in needs) for needs in (after, before))
    freed_mg = 0 if spent else max(0, need_before_mg - needed_mg)
    return max(drawn_mg - freed_mg, min(drawn_mg, needed_mg))


def check_rights(
    required: Sequence[QuotaNeed],
    draws: Sequence[Draw],
    rights: Mapping[bytes, RightDetails],
    *,
    actor: str,
    outputs: Sequence[LotContent],
    whole: bool = True,
) -> None:
    """Check the rights that a step draws on: there, of the kind needed, the actor's own, good at the home log and the
    site of all outputs but residue, big enough.

    `whole`: whether `outputs` are all of the step's, or those that are shown. What was drawn before is for who keeps
    count. Raises RightMissing, StepNotAllowed, NotHolder, RightExceeded.
    """
    kinds = {need.kind for need in required}
    logs = {lot.home_log for lot in outputs}
    sites = {lot.site for lot in outputs if lot.form is not Form.RESIDUE}
    for draw in draws:
        right = rights.get(draw.right_id)
        if right is None:
            raise RightMissing("a draw on a right that is not there")
        if right.quota_kind not in kinds:
            raise StepNotAllowed("a right of another kind than the step needs", quota_kind=int(right.quota_kind))
        if not same_owner(right.holder, actor):
            raise NotHolder("a right of another enterprise")
        if logs != {right.registry_log} and (whole or logs):
            raise StepNotAllowed("a right that is good at another registry")
        if sites != {right.site} and (whole or sites):
            raise StepNotAllowed("a right that is good at another site")
        if draw.reo_mg > right.mass_mg:
            raise RightExceeded("more drawn than the right bears", drawn_mg=draw.reo_mg, mass_mg=right.mass_mg)


def _sums(lots: Iterable[LotContent]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for lot in lots:
        for row in lot.rows:
            sums[row.element] = sums.get(row.element, 0) + row.reo_mg
    return sums
