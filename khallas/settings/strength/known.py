"""Values and words that pages, examples and factories show. Whoever reads them has them."""

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

KEYBOARDS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", "1234567890")
LEET = str.maketrans("@4301!$57", "aaeolisst")
