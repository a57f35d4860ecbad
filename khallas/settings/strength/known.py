"""Values and words that pages, examples and factories show. Whoever reads them has them."""

from importlib import resources

# values that stood in our own pages, examples and demo, now or in an earlier release, and makers' own defaults
SHOWN = frozenset(
    {
        "a-long-random-secret",
        "another-gateways-secret",
        "change-me",
        "change-me-too",
        "change-me-three",
        "demo-connector",
        "demo-password",
        "demo-token",
        "demostorekey123",
        "test1234",
        "bitnami",
        "manager",
        "mark1234",  # Asterisk's sample manager.conf
        "mysecret",
        "smppclient1",
        "s3cr3t",
        "kannel",
        # what standards and other makers' pages show
        "123e4567-e89b-12d3-a456-426614174000",
        "550e8400-e29b-41d4-a716-446655440000",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "akiaiosfodnn7example",
        "wjalrxutnfemi/k7mdeng/bpxrficyexamplekey",
        "sk_test_4ec39hqlyjwdarjtt1zdp7dc",
        "your-256-bit-secret",
        "eyjhbgcioijiuzi1niisinr5cci6ikpxvcj9",
        "jbswy3dpehpk3pxp",
    }
)

# what people make secrets of; taken out of a value before it is weighed
WORDS = (
    *("account", "access", "acquirer", "admin", "another", "asterisk", "azerty", "bonjour", "casablanca", "change"),
    *("changeit", "changeme", "client", "connector", "database", "default", "demo", "dummy", "example", "foobar"),
    *("gateway", "guest", "hello", "here", "infobip", "hubtel", "kannel", "khallas", "letmein", "login", "long"),
    *("manager", "maroc", "master", "merchant", "monkey", "morocco", "motdepasse", "mysecret", "nothing"),
    *("operator", "pass", "password", "passw", "please", "postgres", "private", "production", "public", "qwerty"),
    *(
        "rabat",
        "random",
        "redis",
        "root",
        "salam",
        "sample",
        "sendsms",
        "shared",
        "smsc",
        "secret",
        "secure",
        "server",
        "service",
        "short",
    ),
    *("something", "store", "storekey", "supersecret", "system", "telecom", "temp", "test", "token", "twilio"),
    *("user", "valkey", "value", "vault", "very", "voice", "welcome", "your"),
)

MORE = (
    *("deadbeef", "cafebabe", "feedface", "cafed00d", "deadc0de", "badcafe", "dead", "beef", "cafe", "babe", "face"),
    *(
        "31415926535897932384626433",
        "314159",
        "271828",
        "lorem",
        "ipsum",
        "dolor",
        "quick",
        "brown",
        "jumps",
        "over",
        "lazy",
    ),
    *("staple", "horse", "prod", "live", "sandbox", "staging", "2023", "2024", "2025", "2026", "2027", "2028", "2029"),
)

# more of what people write, read where passwords of people are weighed as well
COMMON = frozenset(resources.files("core").joinpath("common_words.txt").read_text("utf-8").split())
WORDS_CHARS_MIN = 4
ALL_WORDS = frozenset(word for word in (*WORDS, *COMMON, *MORE) if len(word) >= WORDS_CHARS_MIN)

KEYBOARDS = (
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", "1234567890"),
    *("1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "zaqxswcdevfrbgtnhymjukilop"),
    *("1aqw2zsx3edc4rfv5tgb6yhn7ujm8ik9olm0p", "aqwzsxedcrfvtgbyhnujikolpm", "ajskdlfmgh", "qpwoeirutyalskdjfhg"),
)
LEET = str.maketrans("@4301!$57", "aaeolisst")

# pairs of letters that make up three quarters of English and French texts and names
_PAIRS = (
    "re er te an es en in on de se nt th le he ha ne st pa ar ou me as at or nd co ce al ed is ll it la ur ch ma ng ec "
    "ve il ie et un el no ri em ac ai ti li ss ay ge ro ca ot us di ra ba ta sa to tr ts id am pe mo lo ic nc qu ns rt "
    "rs io ho ct au ue ea fi ut rd bi ke om ag po be ir da vo ep mi fa si hi ef wh ad pr do ow oi tu ev ez"
)
BIGRAMS = frozenset(_PAIRS.split())
