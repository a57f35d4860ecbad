"""What operations count of the money, the messages and the sessions. Labels are canonical words, never input."""

import re
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from core.refunds.requests import Sign

BANK_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
CODE = re.compile(r"[0-9A-Z-]{2,9}")  # ProcReturnCode, or CMI's own CORE-2508
OTHER = "other"

DESK_CODES = ("code", "code-day")  # limits of second factors, see channels/web/desk/login.py


class PaymentMetrics:
    """Counters of what goes through the ports (khallas/telemetry/metering.py), and gauges of what waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, help_text: str, labels: list[str]) -> Counter:
            return Counter(f"khallas_{name}", help_text, labels, registry=registry)

        def gauge(name: str, help_text: str, labels: list[str]) -> Gauge:
            # every worker that looks sees the same queues: the newest look is the truth
            return Gauge(f"khallas_{name}", help_text, labels, registry=registry, multiprocess_mode="mostrecent")

        self._payments = counter(
            "payments", "Payments that came to a state, with the bank's code", ["state", "code", "acquirer"]
        )
        self._bank = Histogram(
            "khallas_acquirer_seconds",
            "Time the acquirer took",
            ["acquirer", "operation", "outcome"],
            buckets=BANK_BUCKETS_S,
            registry=registry,
        )
        self._circuits = Gauge(
            "khallas_acquirer_circuit_open",
            "1 where a process sends an acquirer nothing, for it was silent too often",
            ["acquirer"],
            registry=registry,
            multiprocess_mode="livemax",  # each worker has a circuit of its own
        )
        self._sessions = counter("sessions", "Dialogs: begun, resumable or lost", ["channel", "event"])
        self._wallets = counter(
            "wallet_attempts", "Attempts to be paid by a wallet, by their ends", ["provider", "outcome"]
        )
        self._segments = counter("sms_segments", "Segments of texts that a way out took", ["priority"])
        self._failed = counter("sms_failed", "Texts that no way out took", ["retryable"])
        self._limits = counter("limits_hit", "Requests turned away by a limit", ["scope", "limit"])
        for sign in (*Sign, *DESK_CODES):  # an alert sees the first of them only where there was a zero before it
            self._limits.labels("desk", sign)
        self._due = gauge("queue_due", "Rows that are due now", ["queue"])
        self._age = gauge("queue_age_seconds", "How long the oldest of them has been due", ["queue"])
        self._equations = gauge("ledger_equation_fails", "Equations of the books that do not hold", ["equation"])
        self._doubts = gauge("ledger_doubts_old", "Payments whose money has been in doubt for a day", [])
        self._checked = gauge("ledger_checked_timestamp_seconds", "When the equations were last looked at", [])
        self._looked = gauge("queue_looked_timestamp_seconds", "When queues were last looked at", [])

    def payment(self, state: str, code: str, acquirer: str) -> None:
        """Counts a payment that moved; `code` is the bank's, empty where it gave none."""
        self._payments.labels(state, code if not code or CODE.fullmatch(code) else OTHER, acquirer).inc()

    def asked(self, acquirer: str, operation: str, outcome: str, spent_s: float) -> None:
        """The acquirer was asked, and what came of it."""
        self._bank.labels(acquirer, operation, outcome).observe(spent_s)

    def circuit(self, acquirer: str, *, shut: bool) -> None:
        """Whether a charge would not be sent there now."""
        self._circuits.labels(acquirer).set(int(shut))

    def wallet(self, provider: str, outcome: str) -> None:
        """Counts an attempt that ended, or is unknown; `provider` is the settings' own word for it."""
        self._wallets.labels(provider, outcome).inc()

    def session(self, channel: str, event: str) -> None:
        """Counts a dialog; event is begun, resumable (a dropped one was found) or lost (in mid-dialog)."""
        self._sessions.labels(channel, event).inc()

    def texted(self, segments: int, *, urgent: bool) -> None:
        """Counts a text that was taken."""
        self._segments.labels("answer" if urgent else "news").inc(segments)

    def not_texted(self, *, retryable: bool) -> None:
        """Counts a text that was not taken."""
        self._failed.labels(str(int(retryable))).inc()

    def limit(self, scope: str, name: str) -> None:
        """Counts a request too many."""
        self._limits.labels(scope, name).inc()

    def queue(self, name: str, due: int, age_s: float) -> None:
        """Records what one look at a queue saw: how much is due, and for how many seconds."""
        self._due.labels(name).set(due)
        self._age.labels(name).set(age_s)
        self._looked.set_to_current_time()

    def books(self, fails: Mapping[str, bool], doubts_old: int) -> None:
        """Records what one look at the ledger's equations saw."""
        for equation, failed in fails.items():
            self._equations.labels(equation).set(int(failed))
        self._doubts.set(doubts_old)
        self._checked.set_to_current_time()
