"""Who is let in by address alone, and what goes to another machine in clear."""

import pytest

from khallas.settings.model import load
from khallas.settings.strength.ways import gateway_faults, near, way_faults, way_warnings

SECRET = "vD8s3kQp0XzW1mNb7Ty4"
SLASH_4S = "net:" + ",".join(f"{n}.0.0.0/4" for n in range(0, 224, 16))


@pytest.mark.parametrize(
    ("wire", "rule", "fault"),
    [
        ("kannel", "net:10.0.0.0/15", "more than a /16"),
        ("kannel", "net:10.0.0.0/16,10.1.0.0/32", "more than a /16"),
        ("kannel", SLASH_4S, "more than a /16"),
        ("kannel", f"{SECRET} net:0.0.0.0/0", "more than a /16"),
        ("kannel", "net:2001::/16", "more than a /16"),
        ("kannel", "net:::/0", "more than a /16"),
        ("kannel", "net:127.0.0.1/32", "proxy's own"),
        ("kannel", "net:::ffff:127.0.0.1/128", "proxy's own"),
        ("kannel", "net:::ffff:0:0/96", "more than a /16"),
        ("kannel", "net:::ffff:10.0.0.0/111", "more than a /16"),
        ("kannel", "net:127.0.0.0/24", "proxy's own"),
        ("comviva", "net:::1/128", "proxy's own"),
        ("comviva", "net:172.18.0.1", "proxy's own"),
        ("comviva", "net:172.18.0.0/24", "proxy's own"),
        ("africastalking", "net:192.0.2.0/28", "together"),
        ("hubtel", "net:192.0.2.0/28", "together"),
        ("infobip", SECRET, "together"),
    ],
)
def test_an_address_that_guards_nothing(wire: str, rule: str, fault: str) -> None:
    told = list(gateway_faults(wire, rule, ("127.0.0.1", "172.18.0.0/24")))
    assert any(fault in line for line in told), told


@pytest.mark.parametrize(
    ("wire", "rule"),
    [
        ("kannel", "net:10.20.0.0/16"),
        ("kannel", "net:10.20.0.0/17,10.20.128.0/17,10.20.3.0/24"),  # the same addresses count once
        ("kannel", f"{SECRET} net:127.0.0.1"),
        ("kannel", SECRET),
        ("fastagi", "net:127.0.0.1/32"),  # no proxy stands there
        ("hubtel", f"{SECRET} net:192.0.2.0/28"),
        ("comviva", "net:2001:db8::/32"),
    ],
)
def test_an_address_that_guards(wire: str, rule: str) -> None:
    assert list(gateway_faults(wire, rule, ("127.0.0.1",))) == []


@pytest.mark.parametrize(
    ("name", "url", "fault"),
    [
        ("REDIS_URL", "redis://:pw@cache.operator.ma:6379/0", "in clear"),
        ("REDIS_URL", "redis://:pw@10.0.0.5:6379/0", "in clear"),
        ("REDIS_URL", "redis://10.0.0.5:6379/0", "no password"),
        ("REDIS_URL", "rediss://cache.operator.ma/0", "no password"),
        ("REDIS_URL", "redis+cluster://:pw@10.0.0.5:6379", "in clear"),
        ("REDIS_URL", "redis+sentinel://:pw@127.0.0.1:26379,10.0.0.5:26379/khallas/0", "in clear"),
        ("REDIS_URL", "redis://:pw@[2001:db8::5]:6379/0", "in clear"),
        ("DATABASE_URL", "postgresql://khallas:pw@db.operator.ma/khallas", "in clear"),
        ("DATABASE_URL", "postgresql://khallas:pw@db.operator.ma/khallas?sslmode=prefer", "in clear"),
        ("DATABASE_URL", "postgresql://khallas@10.0.0.5/khallas?sslmode=verify-full", "no password"),
        ("DATABASE_URL", "postgresql:///khallas?host=10.0.0.5", "in clear"),
        ("ASTERISK__AMI_URL", "ami://khallas:pw@10.0.0.5:5038", "in clear"),
        ("SMPP__BINDS", "smpp://khallas:pw@10.0.0.5:2775/atlas", "in clear"),
        ("KANNEL__URL", "http://10.0.0.5:13013/cgi-bin/sendsms", "in clear"),
        ("BILLING__URL", "http://billing.operator.ma/tmf-api", "in clear"),
        ("BILLING__URL", "https://billing.operator.ma/tmf-api", "no password"),
    ],
)
def test_another_machine_wants_tls_and_a_login(name: str, url: str, fault: str) -> None:
    told = list(way_faults(load({f"KHALLAS_{name}": url})))
    assert any(line.startswith(name) and fault in line for line in told), told


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("REDIS_URL", "redis://127.0.0.1:6379/0"),
        ("REDIS_URL", "unix:///run/valkey.sock"),
        ("REDIS_URL", "rediss://:pw@cache.operator.ma/0"),
        ("REDIS_URL", "redis://:pw@10.1.2.3:6379/0"),  # named below
        ("REDIS_URL", "redis://:pw@valkey:6379/0"),  # one segment's own name; a warning
        ("DATABASE_URL", "postgresql://khallas:pw@127.0.0.1/khallas"),
        ("DATABASE_URL", "postgresql:///khallas"),
        ("DATABASE_URL", "postgresql:///khallas?host=/run/postgresql"),
        ("DATABASE_URL", "postgresql://khallas:pw@a.ma,b.ma/khallas?sslmode=verify-full"),
        ("SMPP__BINDS", "smpps://khallas:pw@smsc.operator.ma/atlas"),
        ("SMPP__BINDS", "smpp://khallas:pw@smsc.operator.ma/atlas"),
    ],
)
def test_what_stays_or_is_sealed_or_named_passes(name: str, url: str) -> None:
    assert list(way_faults(load({f"KHALLAS_{name}": url, "KHALLAS_PLAIN_HOSTS": "10.1.2.0/24,smsc.operator.ma"}))) == []


@pytest.mark.parametrize(
    ("url", "hosts", "passes"),
    [
        ("smtp://relay.example.net:25", "", False),
        ("smtp://user@relay.example.net:25", "", False),  # a name alone asks for no certificate
        ("smtp://10.0.0.9", "", False),
        ("smtp://[2001:db8::9]", "", False),
        ("smtp://relay.example.net", "relay.example.net", True),
        ("smtp://10.0.0.9", "10.0.0.0/24", True),
        ("smtp://user:pw@relay.example.net", "", True),  # STARTTLS or nothing
        ("smtps://relay.example.net", "", True),
        ("smtp://127.0.0.1:25", "", True),
    ],
)
def test_mail_leaves_this_machine_under_tls(url: str, hosts: str, passes: bool) -> None:
    faults = list(way_faults(load({"KHALLAS_SMTP_URL": url, "KHALLAS_PLAIN_HOSTS": hosts})))
    assert (faults == []) is passes, faults
    assert all(fault.startswith("SMTP_URL goes to another machine in clear") for fault in faults)


def test_what_passes_in_clear_is_said_all_the_same() -> None:
    told = list(way_warnings(load({"KHALLAS_REDIS_URL": "redis://:pw@valkey:6379", "KHALLAS_SMTP_URL": "smtp://mail"})))
    assert [line.partition(" ")[0].rstrip(":") for line in told] == ["REDIS_URL", "SMTP_URL"]
    (near_by,) = way_warnings(load({"KHALLAS_REDIS_URL": "redis://127.0.0.1"}))
    assert near_by.startswith("REDIS_URL: no password")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost", "LOCALHOST", "/run/pg", ""])
def test_this_machine(host: str) -> None:
    assert near(host)
    assert not any(near(other) for other in ("10.0.0.1", "db", "localhost.evil.example", "127.0.0.1.evil.example"))
