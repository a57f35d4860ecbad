"""The Kubernetes chart: rendered and linted by Helm's own code, checked against Kubernetes' schemas, and what it names
is there. It has never run on a cluster (deploy/chart/README.md).
"""

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from core import VERSION
from khallas.bootstrap.production import PROXIES, require_production
from khallas.bootstrap.relay import account_of, require_relay
from khallas.cli.main import app
from khallas.cli.serve import stop_max_s
from khallas.settings.model import FILE, Settings, known_names, load

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/chart"
OLDEST, NEWEST = "1.27", "1.37"
OPERATORS = {"ServiceMonitor", "PrometheusRule"}  # kinds of the Prometheus operator, which no schema here knows
RELAY: dict[str, Any] = {
    "enabled": True,
    "settings": {
        "KHALLAS_RELAY__BROKERS": "kafka-1.example.ma:9093",
        "KHALLAS_RELAY__TLS": True,
        "KHALLAS_RELAY__SASL": "SCRAM-SHA-512",
        "KHALLAS_RELAY__USERNAME": "khallas",
    },
    "keys": ["database_url", "relay__password"],
}
SOME: dict[str, Any] = {"ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls"}}
ALL: dict[str, Any] = {
    **SOME,
    "relay": RELAY,
    "monitoring": {"enabled": True, "labels": {"release": "kube"}},
    "fastagi": {"enabled": True, "from": ["10.1.0.0/16"]},
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["registry"]},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "pay", "operator": "Exists"}],
    "podAnnotations": {"who": "us"},
}
NONE: dict[str, Any] = {
    "networkPolicy": {"enabled": False},
    "web": {"autoscaling": {"turnP95Milliseconds": 0}},
    "migrate": {"rolePasswordKey": ""},
}


def rendered(values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    with helm.Chart.load(CHART) as chart:
        files = chart.render(values=values or {}, name="kh", namespace="pay")
    return [each for text in files.values() for each in yaml.safe_load_all(text) if each]


def of_kind(kind: str, found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def pods(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pod of each workload."""
    return {each["metadata"]["name"]: each["spec"]["template"] for each in found if "template" in each.get("spec", {})}


def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["spec"]["containers"]
    return dict(only)


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


@pytest.mark.parametrize("values", [ALL, NONE])
def test_helm_lints_it_and_kubernetes_takes_each_object(values: dict[str, Any]) -> None:
    report = helm.lint(CHART, values, strict=True)
    assert report["errors"] == []
    assert [told for told in report["messages"] if told["severity"] > 1] == []
    for each in rendered(values):
        if each["kind"] not in OPERATORS:
            for version in (OLDEST, NEWEST):
                kubernetes_validate.validate(each, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_would_be_found() -> None:
    (web,) = (each for each in rendered() if each["metadata"]["name"] == "kh-web" and each["kind"] == "Deployment")
    web["spec"]["template"]["spec"]["terminationGracePeriod"] = 5
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(web, NEWEST, strict=True)


@pytest.mark.parametrize(
    "values",
    [
        {"settings": {"KHALLAS_DATABASE_URL": "postgresql://a:b@c/d"}},
        {"settings": {"KHALLAS_CMI__PASSWORD": "secret"}},
        {"settings": {"KHALLAS_SECRET_KEYS_FILE": "/a"}},
        {"settings": {"khallas_short_code": "1117"}},
        {"web": {"replicas": 2}},
        {"web": {"autoscaling": {"minReplicas": 1}}},
        {"ingress": {"paths": ["/desk"]}},
        {"networkPolicy": {"postgres": {"cidrs": []}}},
        {"image": {"digest": "sha256:short"}},
        {"relay": {"settings": {"KHALLAS_RELAY__PASSWORD": "secret"}}},
        {"relay": {"settings": {"KHALLAS_CMI__NAME": "api"}}},
        {"settings": {"KHALLAS_RELAY__SASL": "PLAIN"}},
    ],
)
def test_values_that_would_harm_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(helm.HelmError):
        rendered(values)


def test_its_version_is_ours_and_it_says_that_it_never_ran() -> None:
    told = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert told["appVersion"] == VERSION
    assert "has never run" in (CHART / "README.md").read_text()
    assert container(pods(rendered())["kh-web"])["image"] == f"khallas:{VERSION}"
    assert container(pods(rendered(ALL))["kh-web"])["image"].startswith("khallas@sha256:")


def test_every_command_is_one_of_ours() -> None:
    for pod in pods(rendered(ALL)).values():
        command = container(pod)["args"]
        said = CliRunner().invoke(app, [*command, "--help"])
        assert said.exit_code == 0
        assert all(word in said.output for word in command if word.startswith("--"))


def test_the_settings_it_gives_let_the_server_start(tmp_path: Path) -> None:
    """What the pods of a filled-in release would read, with files where the Secret is mounted."""
    own = {
        "KHALLAS_PUBLIC_URL": "https://pay.example.ma",
        "KHALLAS_MAIL_FROM": "till@example.ma",
        "KHALLAS_CMI__URL": "https://bank.example.ma/fim/api",
        "KHALLAS_CMI__CLIENT_ID": "600001",
        "KHALLAS_CMI__NAME": "api",
        "KHALLAS_USSD__WIRES": "hubtel",
        "KHALLAS_SMS__WIRES": "",
        "KHALLAS_IVR__WIRES": "",
        "KHALLAS_IVR__CALLER": "callfile",
    }
    key = base64.b64encode(os.urandom(32)).decode()
    secret = {
        "database_url": "postgresql://khallas:w8vXq2LmZ9tR4cYb7NdK@10.0.0.5/khallas?sslmode=verify-full",
        "redis_url": "rediss://:p3TgJ6hWk1QzXv8MbR5n@10.0.0.6:6379/0",
        "vault_url": "rediss://:Yt7LkQ2vXc9WmN4pZr8b@10.0.0.7:6379/0",
        "vault_keys": f"k1:{key}",
        "secret_keys": "mJ4xVt9QbL2wZ8cRk6YpN3dH7sFgT1uE",
        "smtp_url": "smtps://till:Wq5NzR8kTb3LxV7mC2Yp@mail.example.ma:465",
        "cmi__password": "Vb6KtZ9xRw3QmL8pN2Yc",
        "gateway_secrets__hubtel": "Hn4XvR7tLq9ZkW2bM6Ys net:192.0.2.0/28",
    }
    found = rendered({"settings": own, "secrets": {"keys": list(secret)}})
    settings = of_kind("ConfigMap", found)["kh-settings"]["data"]
    for name in ("kh-web", "kh-worker"):
        pod = pods(found)[name]
        (volume,) = (each["secret"] for each in pod["spec"]["volumes"] if "secret" in each)
        (mount,) = (each["mountPath"] for each in container(pod)["volumeMounts"] if each["name"] == "secrets")
        for item in volume["items"]:
            (tmp_path / item["path"]).write_text(secret[item["key"]])
        environ = {each["name"]: each["value"].replace(mount, str(tmp_path)) for each in container(pod)["env"]}
        require_production(load(settings | environ), environ)


def test_the_relay_is_off_by_default_and_starts_with_what_it_is_given_and_no_key(tmp_path: Path) -> None:
    assert [each for each in rendered() if each["metadata"]["name"] == "kh-relay"] == []
    secret = {
        "database_url": "postgresql://khallas:w8vXq2LmZ9tR4cYb7NdK@10.0.0.5/khallas?sslmode=verify-full",
        "relay__password": "Rk7VtX2mQ9LbZ4pW8cYn",
    }
    found = rendered(ALL)
    deployment = of_kind("Deployment", found)["kh-relay"]["spec"]
    assert deployment["replicas"] > 1  # one works, the other stands by
    pod = deployment["template"]
    (volume,) = (each["secret"] for each in pod["spec"]["volumes"] if "secret" in each)
    assert {each["key"] for each in volume["items"]} == {*secret}
    for name, value in secret.items():
        (tmp_path / name).write_text(value)
    (mount,) = (each["mountPath"] for each in container(pod)["volumeMounts"] if each["name"] == "secrets")
    environ = {each["name"]: each["value"].replace(mount, str(tmp_path)) for each in container(pod)["env"]}
    (source,) = (each["configMapRef"]["name"] for each in container(pod)["envFrom"])
    settings = load(of_kind("ConfigMap", found)[source]["data"] | environ)
    require_relay(settings)
    account = account_of(settings)
    assert account.tls
    assert account.source == yaml.safe_load((CHART / "values.yaml").read_text())["settings"]["KHALLAS_PUBLIC_URL"]
    assert not settings.vault_keys
    (shown,) = re.findall(r"```yaml\n(relay:.*?)```", (CHART / "README.md").read_text(), re.DOTALL)
    assert rendered(yaml.safe_load(shown))
    ports = [
        port["port"] for rule in of_kind("NetworkPolicy", found)["kh-relay"]["spec"]["egress"] for port in rule["ports"]
    ]
    assert ports == [53, 53, 5432, 9093]


def test_settings_and_secrets_by_default_are_settings() -> None:
    names = known_names()
    found = rendered(ALL)
    told = set().union(*(each["data"] for each in of_kind("ConfigMap", found).values()))
    for pod in pods(found).values():
        told |= {each["name"] for each in container(pod)["env"]} - {PROXIES}
    for name in told:
        assert name in names or names[name.removesuffix(FILE)], name


def test_the_owner_s_secret_is_mounted_by_the_migration_alone() -> None:
    mounted = {
        name: {each["secret"]["secretName"] for each in pod["spec"]["volumes"] if "secret" in each}
        for name, pod in pods(rendered(ALL)).items()
    }
    assert mounted.pop("kh-relay") == {"khallas"}
    assert mounted == {"kh-migrate": {"khallas-owner"}, "kh-web": {"khallas"}, "kh-worker": {"khallas"}}


def test_the_migration_runs_before_and_leans_on_nothing_that_comes_after() -> None:
    found = rendered(ALL)
    job = of_kind("Job", found)["kh-migrate"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    named = yaml.safe_dump(job["spec"])
    assert "configMap" not in named
    assert "serviceAccountName" not in named
    hooks = [each["kind"] for each in found if "helm.sh/hook" in (each["metadata"].get("annotations") or {})]
    assert hooks == ["Job"]


def test_pods_are_nobody_special_and_write_nowhere() -> None:
    for pod in pods(rendered(ALL)).values():
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert f"USER {pod['spec']['securityContext']['runAsUser']}:" in (ROOT / "Dockerfile").read_text()
        own = container(pod)["securityContext"]
        assert own["readOnlyRootFilesystem"] is True
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container(pod)["resources"]["limits"]


def test_a_stop_has_the_time_it_may_take() -> None:
    web = pods(rendered())["kh-web"]["spec"]
    slept = int(web["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    calls = Settings.model_validate({"ivr": {"wires": "fastagi"}})
    assert web["terminationGracePeriodSeconds"] > slept + stop_max_s(calls)
    for name in ("worker", "relay"):
        unit = (ROOT / f"deploy/systemd/khallas-{name}.service").read_text()
        (waited,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
        assert pods(rendered(ALL))[f"kh-{name}"]["spec"]["terminationGracePeriodSeconds"] >= int(waited)


def test_services_monitors_budgets_and_policies_find_their_pods() -> None:
    found = rendered(ALL)
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(found).items()}
    ports = {name: {each["name"] for each in container(pod).get("ports", [])} for name, pod in pods(found).items()}
    services = of_kind("Service", found)
    for service in services.values():
        (pod,) = (name for name, each in labels.items() if selects(service["spec"]["selector"], each))
        assert {each["targetPort"] for each in service["spec"]["ports"]} <= ports[pod]
    for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        chosen = [
            [name for name, each in labels.items() if selects(one["spec"][field]["matchLabels"], each)]
            for one in of_kind(kind, found).values()
        ]
        assert all(len(names) == 1 for names in chosen), kind
    for monitor in of_kind("ServiceMonitor", found).values():
        own = [
            each
            for each in services.values()
            if selects(monitor["spec"]["selector"]["matchLabels"], each["metadata"]["labels"])
        ]
        assert len(own) == 1
        assert monitor["spec"]["endpoints"][0]["port"] in {each["name"] for each in own[0]["spec"]["ports"]}


def test_alerts_find_the_jobs_they_name_and_are_the_ones_of_prometheus() -> None:
    found = rendered(ALL)
    (rule,) = of_kind("PrometheusRule", found).values()
    text = (ROOT / "deploy/prometheus/rules.yml").read_text()
    alerts, scaling = rule["spec"]["groups"]
    assert [alerts] == yaml.safe_load(text)["groups"]
    jobs = set(re.findall(r'job="([^"]+)"', text + yaml.safe_dump(scaling)))
    (label,) = {each["spec"]["jobLabel"] for each in of_kind("ServiceMonitor", found).values()}
    assert jobs <= {each["metadata"]["labels"].get(label) for each in of_kind("Service", found).values()}


def test_the_autoscaler_goes_by_the_time_of_a_turn() -> None:
    found = rendered(ALL)
    web = of_kind("HorizontalPodAutoscaler", found)["kh-web"]["spec"]
    assert web["scaleTargetRef"]["name"] in of_kind("Deployment", found)
    (pod,) = (each["pods"] for each in web["metrics"] if each["type"] == "Pods")
    adapter = re.search(r"```yaml\n(.*?)```", (CHART / "README.md").read_text(), re.DOTALL)
    assert adapter
    (handed,) = yaml.safe_load(adapter[1])["rules"]["custom"]
    assert handed["name"]["as"] == pod["metric"]["name"]
    (rule,) = of_kind("PrometheusRule", found).values()
    assert handed["seriesQuery"].startswith(rule["spec"]["groups"][1]["rules"][0]["record"] + "{")
    assert len(of_kind("HorizontalPodAutoscaler", rendered(NONE))["kh-web"]["spec"]["metrics"]) == 1
    assert "replicas" not in of_kind("Deployment", found)["kh-web"]["spec"]


def test_nobody_but_the_named_comes_in_and_the_migration_reaches_the_database_alone() -> None:
    policies = of_kind("NetworkPolicy", rendered())
    assert {name for name, each in policies.items() if each["spec"]["policyTypes"] == ["Ingress", "Egress"]} == set(
        policies
    )
    assert policies["kh-migrate"]["spec"]["ingress"] == []
    ports = [port["port"] for rule in policies["kh-migrate"]["spec"]["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 5432]
    for name in ("kh-web", "kh-worker"):
        for rule in policies[name]["spec"]["ingress"]:
            assert all("namespaceSelector" in each and each["namespaceSelector"] for each in rule["from"])
    assert of_kind("NetworkPolicy", rendered(NONE)) == {}


def test_the_ingress_leads_to_every_public_door_and_to_no_other() -> None:
    (ingress,) = of_kind("Ingress", rendered(SOME)).values()
    led = {each["path"] for rule in ingress["spec"]["rules"] for each in rule["http"]["paths"]}
    doors = set(re.findall(r"^\| `(/[a-z]*)", (ROOT / "docs/reference/http.md").read_text(), re.MULTILINE))
    inside = {"/desk", "/ops", "/hub", "/metrics", "/healthz", "/readyz", "/openapi"}
    assert led == (doors - inside) | {"/static"}
