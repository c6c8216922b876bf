"""The quick dataclass against the standard one."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from monazite_provenance import Item, Opening, _frozen

ITEM = Item(b"statement", {0: Opening(bytes(16), b"\xa0")}, (), None)
QUICK: Callable[..., Any] = vars(_frozen)["dataclass"]
QUICK_FIELD: Callable[..., Any] = vars(_frozen)["field"]
STANDARD: Callable[..., Any] = dataclasses.dataclass


def several(decorator: Callable[..., Any]) -> Any:
    """A class of fields with and without defaults, something of its own, a method, and a check."""

    made_anew = QUICK_FIELD if decorator is QUICK else dataclasses.field

    class Several:
        """Several fields."""

        KIND: ClassVar = 7
        name: str
        mass: int = 3
        seen: dict[str, int] = made_anew(default_factory=dict[str, int])

        def __post_init__(self) -> None:
            if self.mass < 0:
                raise ValueError("a negative mass")

        @property
        def double(self) -> int:
            """Twice the mass."""
            return 2 * self.mass

    return decorator(frozen=True, slots=True)(Several)


def one(decorator: Callable[..., Any]) -> Any:
    """A class of one field."""

    class One:
        """One field."""

        name: str

    return decorator(frozen=True, slots=True)(One)


def bare(decorator: Callable[..., Any]) -> Any:
    """A class of no fields that shows itself in its own way."""

    class Bare:
        """No fields."""

        def __repr__(self) -> str:
            return "nothing"

    return decorator(frozen=True, slots=True)(Bare)


GIVEN: list[tuple[Callable[..., Any], list[Any]]] = [
    (several, [("a",), ("a", 4), ("b", 3), ("a", 3, {})]),
    (one, [("a",), ("b",)]),
    (bare, [()]),
]


@pytest.mark.parametrize(("make", "given"), GIVEN)
def test_values_are_shown_and_equal_as_those_of_the_standard_one(make: Any, given: list[Any]) -> None:
    quick, standard = make(QUICK), make(STANDARD)
    for mine in given:
        assert repr(quick(*mine)) == repr(standard(*mine))
        assert quick(*mine) != standard(*mine)
        for other in given:
            assert (quick(*mine) == quick(*other)) == (standard(*mine) == standard(*other))
    for name in ("__slots__", "__match_args__", "__doc__", "__qualname__"):
        assert getattr(quick, name) == getattr(standard, name)


def test_equal_values_have_one_hash() -> None:
    quick, standard = one(QUICK), one(STANDARD)
    assert hash(quick("a")) == hash(quick("a")) == hash(standard("a"))
    assert len({quick("a"), quick("a"), quick("b")}) == 2
    with pytest.raises(TypeError):
        hash(several(QUICK)("a"))


def test_nothing_changes() -> None:
    quick = several(QUICK)
    value = quick("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.mass = 4
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.other = 4
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.mass
    assert value == quick("a", 3, {})


@pytest.mark.parametrize("decorator", [QUICK, STANDARD])
def test_defaults_are_fresh_and_the_check_runs(decorator: Callable[..., Any]) -> None:
    made = several(decorator)
    assert made("a").seen is not made("a").seen
    assert made(name="a", mass=5).double == 10
    assert made.KIND == 7
    with pytest.raises(ValueError, match="negative"):
        made("a", -1)
    with pytest.raises(TypeError):
        made()
    with pytest.raises(TypeError):
        made("a", 1, {}, 2)


def test_it_is_a_dataclass_to_the_standard_library() -> None:
    assert dataclasses.is_dataclass(ITEM)
    assert dataclasses.replace(ITEM, statement=b"other") == Item(b"other", ITEM.openings, (), None)
    assert [field.name for field in dataclasses.fields(ITEM)] == ["statement", "openings", "nodes", "details"]
    replaced = vars(_frozen)["replace"](ITEM, statement=b"other")
    assert replaced == dataclasses.replace(ITEM, statement=b"other") != ITEM
    match ITEM:
        case Item(statement, _, nodes):
            assert (statement, nodes) == (b"statement", ())


def test_it_is_copied_and_pickled() -> None:
    assert copy.copy(ITEM) == copy.deepcopy(ITEM) == ITEM
    assert pickle.loads(pickle.dumps(ITEM)) == ITEM  # noqa: S301 - our own bytes


@pytest.mark.parametrize("make", [several, one, bare])
def test_a_class_is_described_as_the_standard_one_is(make: Any) -> None:
    quick, standard = make(QUICK), make(STANDARD)
    assert str(inspect.signature(quick)) == str(inspect.signature(standard))
    given = [
        [(field.name, field.type, field.default, field.default_factory) for field in dataclasses.fields(each)]
        for each in (quick, standard)
    ]
    assert given[0] == given[1]


@pytest.mark.parametrize("make", [several, one, bare])
@pytest.mark.parametrize("slots", [True, False])
def test_a_standard_one_inherits_from_it_as_from_a_standard_one(make: Any, slots: bool) -> None:
    def heir(decorator: Callable[..., Any]) -> Any:
        body = {"__annotations__": {"added": "int"}, "added": 7, "__module__": __name__}
        return STANDARD(frozen=True, slots=slots)(type("Heir", (make(decorator),), body))

    quick, standard = heir(QUICK), heir(STANDARD)
    assert inspect.signature(quick) == inspect.signature(standard)
    assert [field.name for field in dataclasses.fields(quick)] == [field.name for field in dataclasses.fields(standard)]
    given = () if make is bare else ("a",)
    value = quick(*given, added=8)
    assert repr(value) == repr(standard(*given, added=8))
    for other in (copy.copy(value), copy.deepcopy(value)):
        assert (other, other.added) == (value, 8)
    assert dataclasses.replace(value, added=9) == quick(*given, added=9)
    with pytest.raises(TypeError, match="frozen"):
        STANDARD(type("Changing", (make(QUICK),), {}))


def test_a_class_that_inherits_may_have_a_constructor_of_its_own() -> None:
    quick = one(QUICK)

    def from_number(self: Any, number: int) -> None:
        quick.__init__(self, str(number))

    own: Any = type("Own", (quick,), {"__slots__": (), "__init__": from_number})
    same: Any = type("Same", (quick,), {"__slots__": ()})
    assert str(inspect.signature(own)) == "(number: 'int') -> 'None'"
    assert own(7).name == "7"
    assert inspect.signature(same) == inspect.signature(one(STANDARD))


@pytest.mark.parametrize("make", [several, one, bare])
def test_it_says_what_it_was_made_with(make: Any) -> None:
    quick, standard = make(QUICK), make(STANDARD)
    assert repr(quick.__dataclass_params__) == repr(standard.__dataclass_params__)


def test_copy_replace_of_later_pythons() -> None:
    value = several(QUICK)("a")
    replaced = value.__replace__(mass=4)
    assert (replaced.name, replaced.mass, value.mass) == ("a", 4, 3)


@pytest.mark.parametrize("decorator", [QUICK, STANDARD])
@pytest.mark.parametrize("hashed", [None, 7])
def test_an_equality_of_its_own_leaves_the_hash(decorator: Callable[..., Any], hashed: int | None) -> None:
    class Folded:
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self)) and self.name.lower() == other.name.lower()

        if hashed is not None:

            def __hash__(self) -> int:
                return hashed or 0

    made: Any = decorator(frozen=True, slots=True)(Folded)
    assert made("a") == made("A")
    assert hash(made("a")) == (hash(("a",)) if hashed is None else hashed)


@pytest.mark.parametrize("decorator", [QUICK, STANDARD])
def test_a_field_without_a_default_stands_before_those_with_one(decorator: Callable[..., Any]) -> None:
    class Behind:
        first: int = 1
        second: int

    with pytest.raises(TypeError):
        decorator(frozen=True, slots=True)(Behind)


def test_what_it_does_not_do_is_refused() -> None:
    class Special:
        name: str = dataclasses.field(default="a")

    class Heir(Item):
        name: str

    for refused in (Special, Heir):
        with pytest.raises(TypeError):
            QUICK(frozen=True, slots=True)(refused)


@pytest.mark.parametrize(("frozen", "slots"), [(False, True), (True, False)])
def test_it_makes_frozen_classes_with_slots_alone(frozen: bool, slots: bool) -> None:
    with pytest.raises(TypeError):
        QUICK(frozen=frozen, slots=slots)
