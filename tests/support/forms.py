"""A posted form as the tests' own applications read it; Starlette's reader would want another package."""

from urllib.parse import parse_qsl

from starlette.requests import Request


async def posted(request: Request) -> dict[str, str]:
    """The urlencoded fields, empty ones kept; the last of a name wins."""
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
