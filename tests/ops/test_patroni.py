"""deploy/patroni is what `./run chaos --only failover` measured: the same times, the same questions."""

from pathlib import Path

import yaml

from lab.servers.patroni.node import LOOP_S, RETRY_S, TTL_S
from lab.servers.patroni.proxies import PRIMARY

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "patroni"


def test_its_times_are_those_that_were_measured() -> None:
    dcs = yaml.safe_load((DEPLOY / "patroni.yml").read_text())["bootstrap"]["dcs"]
    assert (dcs["ttl"], dcs["loop_wait"], dcs["retry_timeout"]) == (TTL_S, LOOP_S, RETRY_S)
    assert (dcs["primary_start_timeout"], dcs["synchronous_mode"]) == (0, True)


def test_its_balancer_asks_as_the_measured_one() -> None:
    lines = (DEPLOY / "haproxy.cfg").read_text().splitlines()
    begin = lines.index("listen khallas_primary")
    asked = [line.strip() for line in PRIMARY.splitlines() if not line.strip().startswith(("listen", "bind"))]
    assert [line.strip() for line in lines[begin + 2 : begin + 2 + len(asked)]] == asked
