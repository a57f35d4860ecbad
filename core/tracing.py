"""What is told of the way of a request, for whoever looks at traces: a port with nothing behind it by default.

`request_id` goes with the tasks a request begins, and with the jobs it leaves behind. Names and values are canonical
words, never input.
"""

from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Protocol

request_id: ContextVar[str] = ContextVar("khallas_request", default="")


class Tracer(Protocol):
    """Makes spans; a span within another's block is its child, also in tasks begun there."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[object]: ...


class NoTracer:
    """Nobody looks."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[object]:
        return nullcontext()


NO_TRACER = NoTracer()
