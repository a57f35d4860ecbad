"""Why a goal is missed, by row, as its profile shows (`python -m bench.profile`). Told only while it is missed."""

from collections.abc import Mapping

STEP = (
    "Of a step's time a sixth goes into drawing the new page (a tick changes the words, and with them what fits on a "
    "page), a sixth into reading the key and advancing the journey, a sixth into the two shared round trips to Redis, "
    "a sixth into receiving and decoding the request, an eighth into sending the answer, a tenth into metrics and the "
    "help desk's transcripts, and the rest is the event loop's."
)

REASONS: Mapping[str, str] = {
    "ussd": (f"{STEP} The bare step draws nothing and checks nothing."),
    "ussd-wait": (
        "Each one's own capacity is measured with 64 requests at once, which share our round trips to Redis; at 70 % "
        "of it fewer share each, a step costs a third more, and the server is busier than the bare step at the same "
        "share of its own (both are told below), whose cost hardly depends on company. At one and the same load the "
        "two are close; how close is told below too."
    ),
    "peer": (
        "The peer's step is one function between GET and SET: no check of who asks, no page limits, no replay "
        f"protection, no second language. {STEP} The goal would leave for a step what is told below; the floor (HTTP "
        "and the two round trips to Redis, written as ours are, and nothing else) takes half of it, and the rest is "
        "about what drawing one page and reading one request take in Python."
    ),
    "sms": (
        "Statements and Redis commands are shared with whoever texts in the same moment: three statements (language, "
        "lines with their codes, log entry) are a sixth of the time, three commands (the message's id claimed, limits "
        "spent, the answer remembered) a fifth, the signature a tenth, and what is left is the HTTP server's."
    ),
    "payment": (
        "Every statement is a round trip of its own through the pool; the bare payment keeps its connection and "
        "commits once."
    ),
    "live": "Nothing of a step depends on how many sessions there are: look at how much others took of the cores.",
    "bills": (
        "The session holds the list's digest and a bit a bill, and one page is drawn: what is left is that page's own, "
        "which shows five rows (all, two bills, pay, next) where one bill makes two."
    ),
    "start": (
        "Imports alone take 87 MiB, libraries' machine code included (our own rooms 17, psycopg 9, ssl with asyncio 9, "
        "aiohttp with its certificates 8, pydantic with the settings 8, redis-py 6, cryptography 6); connections 6; "
        "the pages kept for the next key take the rest, at about 3 KB each (sessions/page_cache.py)."
    ),
}
