"""Why a goal is missed, by row, as its profile shows (`python -m bench.profile`). Told only while it is missed."""

from collections.abc import Mapping

STEP = (
    "Of a step's time a seventh goes into drawing the new page (a tick changes the words, and with them what fits on a "
    "page), a tenth into reading the key and advancing the journey, a sixth into the one command to Redis that saves, "
    "its way there and back, an eighth into receiving, checking and decoding the request, a twenty-fifth into the "
    "answer; more than a third is the HTTP server's and the event loop's, metrics and the help desk's transcripts "
    "among it. No frame alone takes a twentieth: a step is some five hundred calls, builtin ones among them."
)

BILL = (
    "What is left is statements: each has a process of ours ask (pool, parameters, write, answer, row) "
    "and costs PostgreSQL 0.1 to 0.3 ms, and the four that move money 0.6 to 1.8 ms each once they are planned, two to "
    "three times that at their first run on a connection. The bills that are counted are few for two pools of "
    "connections: some of those runs are first ones."
)

REASONS: Mapping[str, str] = {
    "ussd": (f"{STEP} The bare step draws nothing and checks nothing."),
    "ussd-wait": (
        "Each one's own capacity is measured with 64 requests at once, which share our round trip to Redis; at 70 % of "
        "it fewer share each, a step costs a third to two fifths more, and the server is busier than the bare step at "
        "the same share of its own (both are told below), whose cost hardly depends on company."
    ),
    "peer": (
        "The peer's step is one function between GET and SET: no check of who asks, no page limits, no replay "
        f"protection, no second language. {STEP} What the goal would leave for a step is told below, and what of it "
        "the floor takes: HTTP, a load and a save in Redis, written as ours are, and nothing else."
    ),
    "voice": (
        "The bare step checks no signature, draws nothing and answers a constant. Of a turn's time a seventh goes into "
        "drawing the page, an eighth into the form and its signature, a ninth into receiving and decoding the request, "
        "a fifteenth into reading the key and advancing the journey, a seventh into the one command to Redis that "
        "saves, its way there and back, a thirtieth into TwiML; a third is the HTTP server's and the event loop's."
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
    "journey-call": (
        "A bill is 23 requests, 37 statements of its own (two baskets, that of the dialog and that of the call which "
        "takes its bills over; two messages) beside those of its jobs, and 43 commands to Redis. At "
        "the first measurement PostgreSQL took two fifths, the web worker three eighths and the job worker a sixth; a "
        f"dialog's turns, which became cheaper, are a tenth. {BILL}"
    ),
    "journey-wallet": (
        "At the first measurement PostgreSQL took nearly half, the job worker, which asks the wallet, a third. " + BILL
    ),
    "journey-web": (
        "At the first measurement two thirds of the time were the job worker's, which read the system's certificates "
        f"twice for each mail; now they are read once. {BILL}"
    ),
    "live": "Nothing of a step depends on how many sessions there are: look at how much others took of the cores.",
    "bills": (
        "The session holds the list's digest and a bit a bill, and one page is drawn: what is left is that page's own, "
        "which shows five rows (all, two bills, pay, next) where one bill makes two."
    ),
    "start": (
        "Some two thirds of the start's processor time are the imports of 1,220 modules. They take 87 MiB, libraries' "
        "machine code included (our own rooms 17, psycopg 9, ssl with asyncio 9, "
        "aiohttp with its certificates 8, pydantic with the settings 8, redis-py 6, cryptography 6); connections 6; "
        "the pages kept for the next key take the rest, at about 3 KB each (sessions/page_cache.py)."
    ),
}
