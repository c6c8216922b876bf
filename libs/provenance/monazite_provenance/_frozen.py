"""`dataclass(frozen=True, slots=True)` in a tenth of the time: of the same use, equality, hash, text and errors.

The standard one compiles six methods for each class, and importing it alone costs as much as checking ten signatures
does. For the hundred classes here that is half of what the offline tool takes to start. This one compiles a constructor
when the class is first called, which most of them never are in one run, and shares the rest. To `dataclasses` its
classes are dataclasses, whose fields are described when somebody asks: a standard one may inherit from them.

Otherwise than there, an attribute annotated as Final is no field, a default that can change is not refused, and all
fields take part in everything: there is no `KW_ONLY`, no `InitVar`, and no option but those of `dataclass` and `field`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    # To type checkers they are the standard ones.
    from dataclasses import dataclass, field, replace
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """The decorator. Raises TypeError for what it does not do: classes that change, or inherit, standard fields."""
        if not frozen or not slots:
            raise TypeError("made for classes that are frozen and have slots")
        return _made

    def field(*, default_factory: Callable[[], object]) -> object:
        """A field whose default is made anew for each value."""
        return _Fresh(default_factory)

    def replace(value: Any, /, **changes: object) -> object:
        """The same value but for these fields."""
        for name in value.__match_args__:
            if name not in changes:
                changes[name] = getattr(value, name)
        return type(value)(**changes)


__all__ = ["dataclass", "field", "replace"]

_Method = Callable[..., object]


class _Missing:
    """Stands for an argument that is not given; shown in signatures as the standard library shows it."""

    def __repr__(self) -> str:
        return "<factory>"


_MISSING: Any = _Missing()
_NOT_FIELDS = ("ClassVar", "Final")
_NOT_COPIED = ("__dict__", "__weakref__")


class _Fresh:
    """Makes the default of a field."""

    __slots__ = ("factory",)

    def __init__(self, factory: Callable[[], object]) -> None:
        self.factory = factory


class _Later:
    """An attribute of a class that is worked out each time somebody asks, as few do; a class may have inherited it."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Callable[[type], object]) -> None:
        self._answer = answer

    def __get__(self, _value: object, owner: type) -> object:
        return self._answer(owner)


def _made(plain: type) -> type:
    """The class with slots, which have to be there when it is made."""
    if plain.__bases__ != (object,):
        raise TypeError("a class that inherits")
    types: dict[str, str] = {
        name: kind
        for name, kind in plain.__dict__.get("__annotations__", {}).items()  # noqa: RUF063 - `inspect` is slow to import
        if not kind.startswith(_NOT_FIELDS)
    }
    defaults = {name: plain.__dict__[name] for name in types if name in plain.__dict__}
    if any(type(each).__module__ == "dataclasses" for each in defaults.values()):
        raise TypeError("a field of the standard kind")
    names = tuple(types)
    if any(name in defaults for name in names[: len(names) - len(defaults)]):
        raise TypeError("a field without a default behind one that has one")
    own = {name: each for name, each in plain.__dict__.items() if name not in defaults and name not in _NOT_COPIED}
    if "__eq__" in own and own["__hash__"] is None:
        # Python's own mark beside an `__eq__`; what does not change may be hashed all the same.
        del own["__hash__"]
    values = _getter(names)
    made = type(
        plain.__name__,
        (),
        {
            **_shown_and_compared(names, values),
            "__setattr__": _refuse_to_assign,
            "__delattr__": _refuse_to_delete,
            "__getstate__": _state,
            "__setstate__": _set_state,
            "__replace__": replace,
            "__match_args__": names,
            "__slots__": names,
            "__dataclass_fields__": _Later(lambda _: _described(types, defaults).__dataclass_fields__),
            "__dataclass_params__": _PARAMETERS,
            **own,
        },
    )
    made.__qualname__ = plain.__qualname__
    if "__init__" not in own:
        made.__init__ = _first_call(made, types, defaults)  # type: ignore[misc]  # it is a class of our own making
        made.__signature__ = _Later(lambda owner: _signature(made, owner, types, defaults))  # type: ignore[attr-defined]  # as above
    return made


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[object, ...]]:
    match names:
        case ():
            return lambda _: ()
        case (name,):
            return lambda value: (getattr(value, name),)
        case _:
            return attrgetter(*names)


def _shown_and_compared(names: tuple[str, ...], values: Callable[[Any], tuple[object, ...]]) -> dict[str, _Method]:
    def as_text(value: Any) -> str:
        named = ", ".join([f"{name}={each!r}" for name, each in zip(names, values(value), strict=True)])
        return f"{type(value).__qualname__}({named})"

    def equal(value: Any, other: object) -> bool:
        return values(value) == values(other) if type(other) is type(value) else NotImplemented

    def hashed(value: Any) -> int:
        return hash(values(value))

    return {"__repr__": as_text, "__eq__": equal, "__hash__": hashed}


def _state(value: Any) -> tuple[object, ...]:
    """For pickle and copy, which else would assign; the names are those of the class that inherited, if one did."""
    return tuple([getattr(value, name) for name in value.__match_args__])


def _set_state(value: Any, state: tuple[object, ...]) -> None:
    for name, each in zip(value.__match_args__, state, strict=True):
        object.__setattr__(value, name, each)


def _first_call(made: type, types: Mapping[str, str], defaults: Mapping[str, object]) -> _Method:
    def construct(value: object, *given: object, **named: object) -> None:
        init = _init(made, types, defaults)
        made.__init__ = init  # type: ignore[misc]  # from now on it is called in place of this
        init(value, *given, **named)

    construct.__annotations__ = {**types, "return": None}
    return construct


def _init(made: type, types: Mapping[str, str], defaults: Mapping[str, object]) -> _Method:
    """The constructor: sets each slot by itself, since assigning is refused; then `__post_init__`, if there is one."""
    names: dict[str, Any] = {"missing": _MISSING}
    parameters = ["self"]
    lines: list[str] = []
    for place, name in enumerate(types):
        names[f"set{place}"] = made.__dict__[name].__set__
        default = defaults.get(name, _MISSING)
        if isinstance(default, _Fresh):
            names[f"factory{place}"] = default.factory
            lines.append(f"if {name} is missing: {name} = factory{place}()")
            default = _MISSING
        names[f"default{place}"] = default
        parameters.append(f"{name}=default{place}" if name in defaults else name)
        lines.append(f"set{place}(self, {name})")
    lines.append("self.__post_init__()" if hasattr(made, "__post_init__") else "return")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines), names)  # noqa: S102 - as dataclasses does
    init: Callable[..., None] = names["__init__"]
    init.__annotations__ = {**types, "return": None}
    init.__qualname__ = f"{made.__qualname__}.__init__"
    init.__module__ = made.__module__
    return init


def _signature(made: type, owner: type, types: Mapping[str, str], defaults: Mapping[str, object]) -> object:
    if owner.__init__ is not made.__init__:  # type: ignore[misc]  # compared, and called on nothing
        raise AttributeError("a constructor of its own")
    import inspect  # noqa: PLC0415 - for documentation and interactive use: see above

    found = inspect.signature(_init(made, types, defaults))
    return found.replace(parameters=list(found.parameters.values())[1:])


def _described(types: Mapping[str, str], defaults: Mapping[str, object]) -> Any:
    """A standard class of these fields."""
    import dataclasses  # noqa: PLC0415 - as above

    shown = {
        name: dataclasses.field(default_factory=each.factory) if isinstance(each, _Fresh) else each
        for name, each in defaults.items()
    }
    return dataclasses.dataclass(frozen=True, slots=True)(
        type("Described", (), {"__annotations__": dict(types), **shown})
    )


_PARAMETERS = _Later(lambda _: _described({}, {}).__dataclass_params__)


def _refuse_to_assign(_self: object, name: str, _value: object) -> NoReturn:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 - as above

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> NoReturn:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 - as above

    raise FrozenInstanceError(f"cannot delete field {name!r}")
