"""Lots and names that the tests of this directory start from."""

from __future__ import annotations

from monazite_provenance import lot_ids
from monazite_provenance.contents import CustodyModel, ElementRow, Form, Imported, LotContent, MassSource
from monazite_provenance.names import log_urn
from monazite_provenance.statement import Outpoint

from services.registry.domain.commands import NewLot, RegisterLot
from services.registry.domain.drafting import draft

DOMAIN = "spiffe://monazite.example"
A, B = f"{DOMAIN}/enterprise/a", f"{DOMAIN}/enterprise/b"
LICENSING = f"{DOMAIN}/service/export_license"
LOG = log_urn("registry")
HEAD = Outpoint(b"p" * 32, 0)


def lot_id(number: int) -> str:
    """A lot id with its check character."""
    return lot_ids.new(lambda size: number.to_bytes(size, "big"))


def new_lot(number: int, reo_mg: int = 1_000, *, form: Form = Form.ORE_CONCENTRATE, gross_g: int = 1_000) -> NewLot:
    """A lot of neodymium without uncertainties."""
    return NewLot(
        lot_id(number),
        "site",
        form,
        gross_g,
        gross_g,
        0,
        (ElementRow(60, reo_mg, 0, 0, 0),),
        (MassSource("lab", "ICP-MS"),),
        CustodyModel.SEGREGATED,
    )


def born(form: Form = Form.ORE_CONCENTRATE) -> LotContent:
    """A lot of A."""
    return draft(RegisterLot(Imported("US", "D"), (new_lot(1, form=form),), ()), {}, holder=A, home_log=LOG).outputs[0]
