"""What is told of the way of a request, for whoever looks at traces: a port with nothing behind it by default.

`request_id` goes with the tasks a request begins, with the jobs it leaves behind and with the events of the payments it
moves. Names and values are canonical words, never input.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType
from typing import Protocol

REQUEST_ID_BYTES = 6  # nobody else's within the days that logs are kept

request_id: ContextVar[str] = ContextVar("khallas_request", default="")
about_now: ContextVar[Mapping[str, str]] = ContextVar("khallas_about", default=MappingProxyType({}))


@contextmanager
def request(name: str | None = None) -> Iterator[str]:
    """Marks what happens within the block, and in tasks begun there, as one request's; unless told, a fresh one's."""
    mine = secrets.token_hex(REQUEST_ID_BYTES) if name is None else name
    before = request_id.set(mine)
    try:
        yield mine
    finally:
        request_id.reset(before)


@contextmanager
def about(**names: str) -> Iterator[None]:
    """Log lines within the block, and in tasks begun there, bear these names: request, call."""
    before = about_now.set({**about_now.get(), **names})
    try:
        yield
    finally:
        about_now.reset(before)


class Tracer(Protocol):
    """Makes spans; a span within another's block is its child, also in tasks begun there."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[object]: ...


class NoTracer:
    """Implements Tracer where nobody looks at traces."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[object]:
        return nullcontext()


NO_TRACER = NoTracer()
