"""The journey's picture, drawn from the return annotations of each screen's `on`: `python -m sessions.screens.diagram`.

docs/ARCHITECTURE.md holds what this prints; a test compares the two.
"""

import sys
import types
from collections.abc import Iterator
from typing import Union, get_args, get_origin, get_type_hints

from sessions.screens import choosing, opening, paying
from sessions.screens import menu as screen
from sessions.screens.journey import Shown
from sessions.screens.menu import Again, Home, Launched, Noted
from sessions.screens.opening import Opening
from sessions.turn import effects

_MODULES = (screen, effects, paying, choosing, opening)


def moves(kind: type) -> tuple[str, ...]:
    """The screens that a screen can lead to, by name, in the order of its annotation."""
    names: dict[str, None] = {}
    for part in results_of(kind):
        if part in get_args(Shown):
            names[part.__name__] = None
        elif part is Home:
            names["Service"] = None
    return tuple(names)


def results_of(kind: type) -> tuple[type, ...]:
    """The classes of everything that a screen can answer an event with: screens, effects, and Home."""
    return tuple(_parts(get_type_hints(kind.on, _names())["return"]))  # type: ignore[attr-defined]  # each screen has on


def mermaid() -> str:
    """A Mermaid state diagram of all screens."""
    lines = ["stateDiagram-v2", "    [*] --> Opening"]
    for kind in (Opening, *get_args(Shown)):
        following = [name for name in moves(kind) if name != kind.__name__]
        lines += [f"    {kind.__name__} --> {name}" for name in following]
        if not following:
            lines.append(f"    {kind.__name__} --> [*]")
    return "\n".join(lines)


def _parts(annotation: object) -> Iterator[type]:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        for inner in get_args(annotation):
            yield from _parts(inner)
    elif origin in (Noted, Launched):
        yield from _parts(get_args(annotation)[-1])
    elif isinstance(annotation, type) and annotation is not Again:
        yield annotation


def _names() -> dict[str, object]:
    return {name: value for module in _MODULES for name, value in vars(module).items()}


if __name__ == "__main__":
    sys.stdout.write(mermaid() + "\n")
