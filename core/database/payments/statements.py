"""The statements of core/database/payments/repository.py, written out.

Jobs that wake a worker are written by the statement that gives it work (core/database/wake.py names them). Values are
bound by the server; a statement names every state it starts from, by the table of core/payments/table.py. ONLY: the
live tables, for what moved to a month is over (core/database/archive/months.py).
"""

from core.database.archive.months import with_months

GET = """
SELECT p.*, r.year, r.sequence, r.token
FROM ONLY payments p LEFT JOIN ONLY receipts r ON r.payment_id = p.id
WHERE p.id = %(id)s
"""

BY_KEY = """
SELECT p.*, r.year, r.sequence, r.token
FROM ONLY payments p LEFT JOIN ONLY receipts r ON r.payment_id = p.id
WHERE p.idempotency_key = %(key)s
"""

RECEIPT = """
SELECT p.*, r.year, r.sequence, r.token
FROM ONLY receipts r JOIN ONLY payments p ON p.id = r.payment_id
WHERE r.token = %(token)s AND r.revoked_at IS NULL
"""

# Declined ones too, for a while: the customer calls back with another card.
BY_REFERENCE = """
SELECT p.*, r.year, r.sequence, r.token
FROM ONLY payments p LEFT JOIN ONLY receipts r ON r.payment_id = p.id
WHERE p.reference = %(reference)s
  AND (p.state IN ('sending', 'challenge', 'unknown')
       OR p.state IN ('created', 'declined') AND p.expires_at > %(now)s)
ORDER BY p.state = 'declined', p.created_at DESC
LIMIT 1
"""

OPEN_OF = """
SELECT p.*, r.year, r.sequence, r.token
FROM ONLY payments p LEFT JOIN ONLY receipts r ON r.payment_id = p.id
WHERE p.payer_msisdn = %(msisdn)s
  AND (p.state IN ('sending', 'challenge', 'unknown') OR p.state = 'created' AND p.expires_at > %(now)s)
ORDER BY p.created_at DESC
LIMIT 1
"""

HAS_PAID = """
SELECT 1 AS paid FROM ONLY payments
WHERE payer_msisdn = %(msisdn)s AND service = %(service)s AND line_reference = %(reference)s
  AND state IN ('captured', 'voiding', 'voided', 'refunding', 'refunded')
LIMIT 1
"""

# Of a basket that was never sent nothing can have been charged: whoever comes next may have its bills. Its own SEND
# guards the same row, so that one of the two comes first. No basket is ended in vain: not while another of these bills
# is held by a payment that was sent.
_HOLDERS = """
WITH holders AS (
    SELECT p.id, p.state FROM ONLY payments p JOIN ONLY payment_lines l ON l.payment_id = p.id
    WHERE l.active AND l.service = %(service)s AND l.line_reference = %(line_reference)s
      AND l.invoice_number = ANY(%(numbers)s) AND p.id <> %(id)s
), ended AS (
    UPDATE ONLY payments SET state = 'expired', due_at = NULL
    WHERE state = 'created'
      AND id IN (SELECT id FROM ONLY payments WHERE id IN (SELECT id FROM holders) ORDER BY id FOR UPDATE)
      AND NOT EXISTS (SELECT 1 FROM holders WHERE state <> 'created')
    RETURNING id, state, payer_msisdn AS payer
), unlocked AS (
    UPDATE ONLY payment_lines l SET active = false FROM ended e WHERE l.payment_id = e.id RETURNING l.payment_id
), story AS (
    INSERT INTO payment_events (payment_id, at, event, state, detail, request)
    SELECT id, %(now)s, 'expire', state, CASE WHEN payer = %(payer)s THEN 'started over' ELSE 'another payer came' END,
           NULLIF(%(request)s::text, '')
    FROM ended
    RETURNING payment_id
)"""

RELEASE = f"{_HOLDERS} TABLE story"

# With what it takes over, in one: the count of `unlocked` has the bills let go before they are locked again. Nothing is
# ended where nothing can be added: a repeated key undoes both.
_ADDED = """, added AS (
    INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
        email, email_typed, language, channel, bills, amount_centimes, currency, created_at, expires_at, due_at)
    SELECT %(id)s, %(key)s, %(fingerprint)s, %(reference)s, 'created', %(service)s, %(line_reference)s, %(payer)s,
        %(email)s, %(email_typed)s, %(language)s, %(channel)s, %(bills)s, %(amount)s, %(currency)s, %(now)s,
        %(expires_at)s, %(expires_at)s
    WHERE (SELECT count(*) FROM unlocked) >= 0 AND NOT EXISTS (SELECT 1 FROM holders WHERE state <> 'created')
    RETURNING id, created_at, service, line_reference, channel
), locked AS (
    INSERT INTO payment_lines (payment_id, service, line_reference, invoice_number, amount_centimes, active)
    SELECT added.id, added.service, added.line_reference, bill.number, bill.amount, true
    FROM added, unnest(%(numbers)s::text[], %(amounts)s::bigint[]) AS bill (number, amount)
), agreed AS (
    INSERT INTO consents (msisdn, version, language, channel, given_at, service, line_reference, payment_id)
    SELECT given.msisdn, given.version, given.language, given.channel, given.given_at, added.service,
           added.line_reference, added.id
    FROM added CROSS JOIN LATERAL (
        SELECT msisdn, version, language, channel, given_at FROM consents
        WHERE msisdn = %(payer)s ORDER BY id DESC LIMIT 1
    ) given
    WHERE added.channel = 'web'  -- whose payer has a name of this browser at this line alone
)
INSERT INTO payment_events (payment_id, at, event, state, detail, request)
SELECT id, created_at, 'create', 'created', channel, NULLIF(%(request)s::text, '') FROM added
"""
ADD = _HOLDERS + _ADDED

HELD = """
SELECT l.invoice_number, p.state
FROM ONLY payment_lines l JOIN ONLY payments p ON p.id = l.payment_id
WHERE l.active AND l.service = %(service)s AND l.line_reference = %(reference)s
  AND p.state <> 'created'
"""

# What billing was told, or may have been, it is told back once the whole went back: later where a telling may still be
# on its way.
MOVED = """
WITH moved AS (
    UPDATE ONLY payments SET
        state = %(state)s, due_at = %(due_at)s,
        attempts = attempts + %(sends)s, sent_at = CASE WHEN %(sends)s = 1 THEN %(now)s ELSE sent_at END,
        declines = declines + %(declines)s, decline_kind = COALESCE(%(decline_kind)s, decline_kind),
        challenge_id = %(challenge_id)s, challenge_length = %(challenge_length)s,
        challenge_attempts_left = %(challenge_attempts_left)s, challenge_expires_at = %(challenge_expires_at)s,
        card_brand = COALESCE(%(card_brand)s, card_brand), card_last4 = COALESCE(%(card_last4)s, card_last4),
        auth_code = COALESCE(%(auth_code)s, auth_code),
        transaction_number = COALESCE(%(transaction_number)s, transaction_number),
        approved_centimes = COALESCE(%(approved)s, approved_centimes),
        expires_at = GREATEST(expires_at, %(extend_to)s), page_until = %(page_until)s, by_hand = %(by_hand)s,
        dispute_facts = COALESCE(%(facts)s, dispute_facts),
        wallet = CASE WHEN %(names_tender)s THEN %(wallet)s ELSE wallet END,
        wallet_payer = CASE WHEN %(names_tender)s THEN %(wallet_payer)s ELSE wallet_payer END,
        acquirer = COALESCE(%(acquirer)s, acquirer),
        acquirer_free = %(frees)s OR (state = 'created' OR acquirer_free)
            AND CASE WHEN %(names_tender)s THEN %(wallet)s ELSE wallet END IS NOT NULL
    WHERE id = %(id)s AND state = ANY(%(sources)s) AND attempts = COALESCE(%(attempt)s, attempts)
      AND acquirer = COALESCE(%(asked)s, acquirer)
      AND (state = 'created' OR acquirer_free OR acquirer = COALESCE(%(acquirer)s, acquirer))
    RETURNING *
), noted AS (
    INSERT INTO payment_events (payment_id, at, event, state, detail, request)
    SELECT id, %(now)s, %(event)s, state, %(detail)s, NULLIF(%(request)s::text, '') FROM moved
), locks AS (
    UPDATE ONLY payment_lines l SET active = COALESCE(%(holds)s, active),
        posting = CASE WHEN %(ended)s AND posting = 'refused' THEN 'credited' ELSE posting END,
        posting_due_at = CASE WHEN %(ended)s AND posting = 'refused' THEN NULL ELSE posting_due_at END
    FROM moved m WHERE l.payment_id = m.id AND (l.active <> %(holds)s OR %(ended)s)
    RETURNING l.payment_id, l.invoice_number, l.posting, l.posting_attempts,
              l.amount_centimes - l.returned_centimes AS rest
), back AS (
    INSERT INTO refunds (payment_id, invoice_number, amount_centimes, state, due_at, created_at)
    SELECT payment_id, invoice_number, rest, 'credited',
           CASE posting WHEN 'posted' THEN %(now)s ELSE %(now)s + %(told_within)s END, %(now)s
    FROM locks
    WHERE %(ended)s AND rest > 0 AND (posting = 'posted' OR posting = 'pending' AND posting_attempts > 0)
    ON CONFLICT DO NOTHING
    RETURNING payment_id
), queued AS (
    INSERT INTO messages (reference, kind, payment_id, recipient, status, due_at, created_at, updated_at)
    SELECT m.id || '-' || k.kind || '-' || m.attempts, k.kind, m.id, who.recipient, 'queued',
           %(now)s, %(now)s, %(now)s
    FROM moved m
    CROSS JOIN unnest(%(messages)s::text[]) AS k (kind)
    CROSS JOIN LATERAL (SELECT CASE k.kind WHEN 'receipt_mail' THEN m.email ELSE m.payer_msisdn END) AS who (recipient)
    WHERE k.kind = 'receipt_mail' AND who.recipient <> '' OR starts_with(who.recipient, '+')
    ON CONFLICT (reference) DO NOTHING
    RETURNING reference
), jobs AS (
    SELECT 'khallas.deliver' AS task, reference AS key FROM queued
    UNION ALL SELECT 'khallas.attend', id FROM moved WHERE due_at <= %(now)s
    UNION ALL SELECT DISTINCT 'khallas.refund', payment_id FROM back
), woken AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW(CASE task WHEN 'khallas.deliver' THEN 'texts' ELSE 'default' END,
            task, 0, NULL, NULL, jsonb_build_object('key', key, 'request', %(request)s::text), NULL
        )::procrastinate_job_to_defer_v1
    )) AS ids
    FROM jobs HAVING count(*) > 0
)"""
_ITS_ROW = """
SELECT m.*, r.year, r.sequence, r.token, (SELECT ids FROM woken) AS jobs
FROM moved m LEFT JOIN ONLY receipts r ON r.payment_id = m.id
"""
MOVE = MOVED + _ITS_ROW

# MOVE with the receipt: the counter row is touched last and only when the guard let the payment pass.
CAPTURED = """
WITH moved AS (
    UPDATE ONLY payments SET
        state = %(state)s, due_at = %(due_at)s, paid_at = %(now)s, decline_kind = NULL, by_hand = NULL,
        challenge_id = NULL, challenge_length = NULL, challenge_attempts_left = NULL, challenge_expires_at = NULL,
        card_brand = COALESCE(%(card_brand)s, CASE WHEN NOT %(card_unsure)s THEN card_brand END),
        card_last4 = COALESCE(%(card_last4)s, CASE WHEN NOT %(card_unsure)s THEN card_last4 END),
        auth_code = %(auth_code)s, transaction_number = %(transaction_number)s,
        approved_centimes = COALESCE(%(approved)s, amount_centimes),
        dispute_facts = COALESCE(%(facts)s, dispute_facts), wallet = %(wallet)s, wallet_payer = %(wallet_payer)s
    WHERE id = %(id)s AND state = ANY(%(sources)s) AND acquirer = COALESCE(%(asked)s, acquirer)
    RETURNING *
), noted AS (
    INSERT INTO payment_events (payment_id, at, event, state, detail, request)
    SELECT id, %(now)s, %(event)s, state, %(detail)s, NULLIF(%(request)s::text, '') FROM moved
), locks AS (
    UPDATE ONLY payment_lines l SET active = true, posting = 'pending', posting_due_at = %(now)s
    FROM moved m WHERE l.payment_id = m.id
), queued AS (
    INSERT INTO messages (reference, kind, payment_id, recipient, status, due_at, created_at, updated_at)
    SELECT m.id || '-' || k.kind || '-' || m.attempts, k.kind, m.id, who.recipient, 'queued',
           %(now)s, %(now)s, %(now)s
    FROM moved m
    CROSS JOIN unnest(%(messages)s::text[]) AS k (kind)
    CROSS JOIN LATERAL (SELECT CASE k.kind WHEN 'receipt_mail' THEN m.email ELSE m.payer_msisdn END) AS who (recipient)
    WHERE k.kind = 'receipt_mail' AND who.recipient <> '' OR starts_with(who.recipient, '+')
    ON CONFLICT (reference) DO NOTHING
    RETURNING reference
), counted AS (
    INSERT INTO receipt_counters AS c (year, value)
    SELECT %(year)s, 1 FROM moved
    ON CONFLICT (year) DO UPDATE SET value = c.value + 1
    RETURNING c.value
), issued AS (
    INSERT INTO receipts (payment_id, year, sequence, token, created_at)
    SELECT m.id, %(year)s, counted.value, %(token)s, %(now)s FROM moved m, counted
    RETURNING payment_id, year, sequence, token
), jobs AS (
    SELECT 'khallas.deliver' AS task, reference AS key FROM queued
    UNION ALL SELECT 'khallas.attend', id FROM moved WHERE due_at <= %(now)s
    UNION ALL SELECT 'khallas.post', id FROM moved
), woken AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW(CASE task WHEN 'khallas.deliver' THEN 'texts' ELSE 'default' END,
            task, 0, NULL, NULL, jsonb_build_object('key', key, 'request', %(request)s::text), NULL
        )::procrastinate_job_to_defer_v1
    )) AS ids
    FROM jobs HAVING count(*) > 0
)"""
_WITH_RECEIPT = """
SELECT m.*, i.year, i.sequence, i.token, (SELECT ids FROM woken) AS jobs
FROM moved m JOIN issued i ON i.payment_id = m.id
"""
CAPTURE = CAPTURED + _WITH_RECEIPT

# Whether the last thing that happened to a payment is this very change: by whom, when to the microsecond, and what.
OURS = """
SELECT p.*, r.year, r.sequence, r.token
FROM ONLY payments p LEFT JOIN ONLY receipts r ON r.payment_id = p.id
CROSS JOIN LATERAL (
    SELECT at, event, request FROM ONLY payment_events WHERE payment_id = p.id ORDER BY id DESC LIMIT 1
) last
WHERE p.id = %(id)s AND p.state = %(state)s AND last.at = %(now)s AND last.event = %(event)s
  AND last.request IS NOT DISTINCT FROM NULLIF(%(request)s::text, '')
"""

FREE = """
WITH freed AS (
    UPDATE ONLY payments SET acquirer_free = true
    WHERE id = %(id)s AND state = 'declined' AND attempts = %(attempt)s
    RETURNING *
)
SELECT f.*, r.year, r.sequence, r.token
FROM freed f LEFT JOIN ONLY receipts r ON r.payment_id = f.id
"""

LOOK_AGAIN = "UPDATE ONLY payments SET due_at = %(due_at)s WHERE id = %(id)s AND state = %(state)s"

# Whoever is told that it is due meanwhile looks at expires_at again; a declined one is due for its inquiries.
WAIT_UNTIL = """
WITH changed AS (
    UPDATE ONLY payments SET expires_at = GREATEST(expires_at, %(until)s),
        due_at = CASE state WHEN 'created' THEN GREATEST(due_at, %(until)s) ELSE due_at END
    WHERE id = %(id)s AND state IN ('created', 'declined') AND expires_at > %(now)s
    RETURNING *
)
SELECT c.*, r.year, r.sequence, r.token
FROM changed c LEFT JOIN ONLY receipts r ON r.payment_id = c.id
"""

CLAIM = "UPDATE ONLY payments SET due_at = %(until)s WHERE id = %(id)s AND due_at <= %(now)s"

HANGING = """
SELECT id FROM ONLY payments WHERE state = 'sending' AND page_until IS NULL AND wallet IS NULL
ORDER BY id DESC LIMIT %(limit)s
"""

# An array of them: a plan for any values takes a limit for a tenth of the table, and would read the whole.
CLAIM_DUE = """
UPDATE ONLY payments SET due_at = %(until)s
WHERE id = ANY(ARRAY(SELECT id FROM ONLY payments WHERE due_at <= %(now)s ORDER BY due_at LIMIT %(limit)s
                     FOR UPDATE SKIP LOCKED))
RETURNING id
"""

# What is asked where the live tables have no answer.
WITH_MONTHS = {statement: with_months(statement) for statement in (GET, BY_KEY, RECEIPT, HAS_PAID)}
