"""A gateway's door in the router: with and without a slash at its end, for no gateway follows a redirect."""

from collections.abc import Sequence
from typing import Any

from starlette.routing import Route


def gateway(path: str, endpoint: Any, methods: Sequence[str]) -> list[Route]:
    """The routes of one door."""
    return [Route(path, endpoint, methods=list(methods)), Route(path + "/", endpoint, methods=list(methods))]
