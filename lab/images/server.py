"""The server's image beside real stores: migrated, ready, spoken to, told to end."""

import base64
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from lab.images.builder import ImageConfig
from lab.images.proofs import HERE, ProofFailed, ended, here, sealed_root, stands, stopped
from lab.images.sealed import Contained, Sealed
from lab.servers.postgres import Postgres
from lab.servers.processes import free_port
from lab.servers.valkey import Valkey
from lab.twilio.webhooks import Answer
from lab.ussd_wires import AfricasTalking, Dialog

SECRETS = "/run/secrets"
ROLE = "khallas_teller"  # who serves: not who owns the tables
ANSWER_MAX_S = 60.0
# what the compose file's `environment` and `.env` give, of a bank that nobody asks here
SETTINGS: Mapping[str, str] = {
    "PUBLIC_URL": "https://pay.example.ma",
    "MAIL_FROM": "till@example.ma",
    "CMI__URL": "https://bank.example.ma/fim/api",
    "CMI__CLIENT_ID": "600001",
    "CMI__NAME": "api",
    "USSD__WIRES": "africastalking",
    "TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO__FROM": "1117",
    "IVR__NUMBER": "+212537000777",
}


@dataclass(frozen=True, slots=True)
class ServerProof:
    """The server's image beside real stores; `folder` holds what is written meanwhile."""

    folder: Path
    root: Path
    image: ImageConfig
    postgres: Postgres
    valkey: Valkey
    gateway_secret: str

    def tried(self) -> Iterator[str]:
        """Each step, in words, once it is done."""
        sealed_root(self._sealed("web"))
        yield "its root is read-only, /tmp apart"
        role_file = f"{SECRETS}/serving_password"
        migrate = (*self.image.entrypoint, "migrate", "--role", ROLE, "--role-password-file", role_file)
        yield f"migrated: {ended(self._sealed('migrate').command(*migrate))}"
        web, worker = free_port(), free_port()
        words = here((*self.image.entrypoint, *self.image.command), web)
        with Contained(self.folder / "web", self._sealed("web"), words, web) as server:
            stands(server, self.image.user)
            yield f"serves by its own command, ready, as {self.image.user} without a capability"
            ended(self._sealed("web").command(*here(self.image.health, web)))
            yield "its own health check is content"
            yield f"a USSD dialog begins: {self._dialled(server.url)}"
            words = (*self.image.entrypoint, "worker", "--metrics-port", str(worker))
            with Contained(self.folder / "worker", self._sealed("web"), words, worker) as jobs:
                stands(jobs, self.image.user)
                yield "works, ready"
                yield f"the worker stops by SIGTERM: {stopped(jobs)}"
            yield f"the server stops by SIGTERM: {stopped(server)}"

    def _sealed(self, service: str) -> Sealed:
        """As the compose file's service of this name: the owner's secret is the migration's alone."""
        return Sealed(
            self.root,
            self.image.user,
            {**self.image.environment, **self._settings(service)},
            binds={self._files(service): SECRETS},
        )

    def _settings(self, service: str) -> dict[str, str]:
        if service == "migrate":
            return {"KHALLAS_DATABASE_URL_FILE": f"{SECRETS}/database_url"}
        files = {f"{name.upper()}_FILE": f"{SECRETS}/{name}" for name in self._secrets(service)}
        return {f"KHALLAS_{name}": value for name, value in {**SETTINGS, **files}.items()}

    def _secrets(self, service: str) -> dict[str, str]:
        password = self.postgres.password
        if service == "migrate":
            return {"database_url": self.postgres.url, "serving_password": password}
        place = self.postgres.url.partition("@")[2]
        return {
            "database_url": f"postgresql://{ROLE}:{quote(password)}@{place}",
            "redis_url": self.valkey.url,
            "secret_keys": secrets.token_urlsafe(32),
            "vault_keys": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "cmi__password": secrets.token_urlsafe(18),
            "twilio__auth_tokens": secrets.token_urlsafe(24),
            "smtp_url": "smtp://127.0.0.1:1",
            "gateway_secrets__africastalking": f"{self.gateway_secret} net:{HERE}",
        }

    def _files(self, service: str) -> Path:
        """The secrets' folder, made once: closed as the documents close it, its files open."""
        folder = self.folder / f"secrets-{service}"
        if not folder.exists():
            folder.mkdir(mode=0o755)
            for name, value in self._secrets(service).items():
                (folder / name).write_text(value)
        return folder

    def _dialled(self, url: str) -> str:
        """The menu that a handset shows, its lines in one."""
        dialog = Dialog("+212600000001", "*1117#")
        ask = AfricasTalking().dial(dialog)
        where = f"{url}{ask.path}?secret={self.gateway_secret}"
        request = Request(where, data=urlencode(ask.fields).encode(), method="POST")  # noqa: S310 - this machine's
        with urlopen(request, timeout=ANSWER_MAX_S) as answer:  # noqa: S310
            said = Answer(answer.status, answer.read(), answer.headers.get_content_type(), None, 0.0)
        text, over = AfricasTalking().read(dialog, said)
        if over or "\n1. " not in text:
            raise ProofFailed(f"the first USSD step: {text[:200]!r}")
        return " / ".join(text.splitlines())


@contextmanager
def server_proof(folder: Path, root: Path, image: ImageConfig) -> Iterator[ServerProof]:
    """The stores run within the block."""
    with Postgres(folder / "postgres", throwaway=True) as postgres, Valkey(folder / "valkey") as valkey:
        yield ServerProof(folder, root, image, postgres, valkey, secrets.token_hex(16))
