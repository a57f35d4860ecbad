"""The statements of core/database/wallets/repository.py, written out. An attempt's payment is locked before it."""

from core.database.payments.statements import CAPTURED, MOVED

RECORD = """
SELECT a.*, p.reference AS payment_reference, p.language
FROM wallet_attempts a JOIN payments p ON p.id = a.payment_id
"""

GET = f"{RECORD} WHERE a.reference = %(reference)s"
OF = f"{RECORD} WHERE a.payment_id = %(payment_id)s ORDER BY a.n DESC"

# The payment's SEND and its attempt. Its job leaves with the commit, to run when the dialog is over.
_BEGUN = """, begun AS (
    INSERT INTO wallet_attempts (reference, payment_id, n, payment_attempt, provider, payer, amount_centimes, currency,
        state, sent_at, due_at)
    SELECT %(reference)s, m.id, (SELECT count(*) + 1 FROM wallet_attempts WHERE payment_id = m.id),
           m.attempts, %(provider)s, %(payer)s, %(amount)s, %(currency)s, 'waiting', %(now)s, %(leaves_at)s
    FROM moved m
    RETURNING reference, due_at
), asked AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('default', 'khallas.wallet', 0, NULL, NULL,
            jsonb_build_object('key', reference::text, 'request', %(request)s::text), due_at
        )::procrastinate_job_to_defer_v1)) AS ids
    FROM begun HAVING count(*) > 0
)
SELECT m.*, r.year, r.sequence, r.token, (SELECT ids FROM woken) AS jobs, (SELECT ids FROM asked) AS asked
FROM moved m LEFT JOIN ONLY receipts r ON r.payment_id = m.id
"""
BEGIN = MOVED + _BEGUN

# Its first job finds nothing to do later.
LEAVE = """
WITH left_early AS (
    UPDATE wallet_attempts SET due_at = %(due_at)s
    WHERE payment_id = %(payment_id)s AND state = 'waiting' AND due_at > %(due_at)s
    RETURNING reference
)
SELECT procrastinate_defer_jobs_v1(array_agg(
    ROW('default', 'khallas.wallet', 0, NULL, NULL,
        jsonb_build_object('key', reference::text, 'request', %(request)s::text), %(due_at)s
    )::procrastinate_job_to_defer_v1)) AS ids
FROM left_early HAVING count(*) > 0
"""

PROVIDER_OF = """
SELECT provider FROM wallet_attempts WHERE payer = %(payer)s AND state IN ('paid', 'surplus', 'returned')
ORDER BY sent_at DESC LIMIT 1
"""

PROMPTS = "SELECT count(*) AS prompts FROM wallet_attempts WHERE payer = %(payer)s AND sent_at > %(since)s"

CLAIM = """
WITH claimed AS (
    UPDATE wallet_attempts SET due_at = %(until)s WHERE reference = %(reference)s AND due_at <= %(now)s RETURNING *
)
SELECT a.*, p.reference AS payment_reference, p.language FROM claimed a JOIN payments p ON p.id = a.payment_id
"""

CLAIM_DUE = """
WITH claimed AS (
    UPDATE wallet_attempts SET due_at = %(until)s
    WHERE reference = ANY(ARRAY(
        SELECT reference FROM wallet_attempts WHERE due_at <= %(now)s ORDER BY due_at LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED))
    RETURNING *
)
SELECT a.*, p.reference AS payment_reference, p.language FROM claimed a JOIN payments p ON p.id = a.payment_id
"""

ASKING = """
UPDATE wallet_attempts SET state = 'asking', asked_at = %(now)s, due_at = %(due_at)s
WHERE reference = %(reference)s AND state = 'waiting'
"""

LOCK = "SELECT id FROM payments WHERE id = %(payment_id)s FOR NO KEY UPDATE"

PAYMENT = """
SELECT p.*, r.year, r.sequence, r.token
FROM payments p LEFT JOIN receipts r ON r.payment_id = p.id
WHERE p.id = %(payment_id)s FOR NO KEY UPDATE OF p
"""

# A callback may have brought the handle meanwhile: the wallet's own answer comes over it.
UPDATE = """
UPDATE wallet_attempts SET state = %(state)s, due_at = %(due_at)s, handle = COALESCE(%(handle)s, handle),
    expires_at = COALESCE(%(expires_at)s, expires_at), accepted = accepted OR %(accepted)s,
    decline_kind = COALESCE(%(decline_kind)s, decline_kind), decline_code = COALESCE(%(decline_code)s, decline_code),
    receipt = COALESCE(%(receipt)s, receipt), taken_centimes = COALESCE(%(taken)s, taken_centimes),
    by_hand = CASE WHEN %(state)s IN ('unknown', 'surplus') THEN COALESCE(%(by_hand)s, by_hand) END
WHERE reference = %(reference)s AND state = %(was)s
"""

# An open attempt and one that was refused may both turn out paid; an earlier look may have said so already.
LAND = """
UPDATE wallet_attempts SET state = %(state)s, due_at = %(due_at)s, receipt = %(receipt)s, taken_centimes = %(taken)s,
    by_hand = NULL
WHERE reference = %(reference)s AND state IN ('waiting', 'asking', 'asked', 'unknown', 'declined')
"""

# LAND of its latest sending's success and its capture, neither without the other: nothing comes of it else.
_LANDED = """, landed AS (
    UPDATE wallet_attempts a SET state = 'paid', due_at = NULL, receipt = %(receipt)s, taken_centimes = %(taken)s,
        by_hand = NULL
    FROM moved m
    WHERE a.reference = %(reference)s AND a.state IN ('waiting', 'asking', 'asked', 'unknown', 'declined')
      AND a.payment_attempt = m.attempts AND m.amount_centimes = %(taken)s
    RETURNING a.reference
)
SELECT m.*, i.year, i.sequence, i.token, (SELECT ids FROM woken) AS jobs
FROM moved m JOIN issued i ON i.payment_id = m.id
WHERE EXISTS (SELECT FROM landed)
"""
LAND_AND_CAPTURE = CAPTURED + _LANDED

NOTE = """
INSERT INTO payment_events (payment_id, at, event, state, detail, request)
SELECT id, %(now)s, %(event)s, state, %(detail)s, NULLIF(%(request)s::text, '') FROM payments WHERE id = %(payment_id)s
"""

TO_PEOPLE = """
UPDATE wallet_attempts SET by_hand = %(why)s WHERE reference = %(reference)s AND by_hand IS NULL
  AND state IN ('waiting', 'asking', 'asked', 'unknown', 'declined')
"""
PAYMENT_TO_PEOPLE = """
UPDATE payments SET by_hand = %(why)s WHERE id = %(payment_id)s AND state IN ('sending', 'unknown')
  AND wallet = %(provider)s AND attempts = %(payment_attempt)s
"""

LEARN = """
WITH learnt AS (
    UPDATE wallet_attempts a SET
        handle = CASE WHEN a.handle IS NULL AND NOT EXISTS (
            SELECT FROM wallet_attempts o WHERE o.provider = a.provider AND o.handle = %(handle)s
        ) THEN %(handle)s ELSE a.handle END,
        due_at = CASE WHEN state IN ('asking', 'asked', 'unknown', 'declined') THEN %(now)s ELSE due_at END
    WHERE reference = %(reference)s AND provider = %(provider)s
    RETURNING reference, state
), woken AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('default', 'khallas.wallet', 0, NULL, NULL,
            jsonb_build_object('key', reference::text, 'request', %(request)s::text), NULL
        )::procrastinate_job_to_defer_v1)) AS ids
    FROM learnt WHERE state IN ('asking', 'asked', 'unknown', 'declined') HAVING count(*) > 0
)
SELECT l.reference, (SELECT ids FROM woken) AS ids FROM learnt l
"""

REVERSAL = "SELECT * FROM wallet_reversals WHERE attempt = %(attempt)s AND state = 'asking'"

# Together never more than was taken; the attempt's row is locked, so that two of them see one another.
REVERSING = """
INSERT INTO wallet_reversals (reference, attempt, amount_centimes, state, asked_at)
SELECT %(fresh)s, a.reference, %(amount)s, 'asking', %(now)s FROM wallet_attempts a
WHERE a.reference = %(attempt)s AND a.state IN ('paid', 'surplus') AND %(amount)s <= a.taken_centimes - (
    SELECT COALESCE(sum(r.amount_centimes), 0) FROM wallet_reversals r
    WHERE r.attempt = a.reference AND r.state <> 'refused')
RETURNING *
"""
LOCK_ATTEMPT = "SELECT reference FROM wallet_attempts WHERE reference = %(attempt)s FOR UPDATE"

REVERSED = """
UPDATE wallet_reversals SET state = %(state)s, detail = %(detail)s, ended_at = %(now)s
WHERE reference = %(reference)s AND state = 'asking'
RETURNING attempt
"""

RETURNED = """
UPDATE wallet_attempts a SET state = 'returned', due_at = NULL, by_hand = NULL
WHERE reference = %(attempt)s AND state = 'surplus' AND taken_centimes <= (
    SELECT COALESCE(sum(r.amount_centimes), 0) FROM wallet_reversals r
    WHERE r.attempt = a.reference AND r.state = 'done')
RETURNING payment_id, provider || ' w' || n AS detail
"""

PAID_BY = """
SELECT a.*, p.reference AS payment_reference, p.language,
       (SELECT COALESCE(sum(r.amount_centimes), 0) FROM wallet_reversals r
        WHERE r.attempt = a.reference AND r.state = 'done')::bigint AS back_centimes,
       (SELECT COALESCE(sum(r.amount_centimes), 0) FROM wallet_reversals r
        WHERE r.attempt = a.reference AND r.state = 'asking')::bigint AS under_way_centimes
FROM wallet_attempts a JOIN payments p ON p.id = a.payment_id
WHERE a.payment_id = %(payment_id)s AND a.state = 'paid'
"""

# Money that a wallet keeps though it is no payment's, and what people say of it; not while a reversal is under way.
KEPT_SURPLUSES = """
SELECT 'w' || n AS subject, state, taken_centimes AS centimes, sent_at AS since FROM wallet_attempts
WHERE payment_id = %(id)s AND state = 'surplus' AND by_hand IS NOT NULL ORDER BY n
"""
SURPLUS_BACK = """
WITH back AS (
    UPDATE wallet_attempts a SET state = 'returned', due_at = NULL, by_hand = NULL
    WHERE payment_id = %(id)s AND 'w' || n = %(subject)s AND state = 'surplus' AND by_hand IS NOT NULL
      AND NOT EXISTS (SELECT FROM wallet_reversals r WHERE r.attempt = a.reference AND r.state = 'asking')
    RETURNING payment_id, provider || ' w' || n AS detail
)
INSERT INTO payment_events (payment_id, at, event, state, detail)
SELECT p.id, %(now)s, 'wallet_returned', p.state, b.detail FROM back b JOIN payments p ON p.id = b.payment_id
RETURNING payment_id
"""

# What two people said of a payment is said of the attempt that its end hung on; the wallet is asked once more later.
END_BY_HAND = """
UPDATE wallet_attempts a SET state = CASE WHEN %(charged)s THEN 'paid' ELSE 'declined' END, by_hand = NULL,
    due_at = CASE WHEN %(charged)s THEN NULL ELSE %(look_at)s::timestamptz END,
    receipt = CASE WHEN %(charged)s THEN %(receipt)s ELSE receipt END,
    taken_centimes = CASE WHEN %(charged)s THEN %(taken)s::bigint END
FROM payments p
WHERE a.payment_id = %(payment_id)s AND p.id = a.payment_id AND p.wallet = a.provider
  AND p.attempts = a.payment_attempt AND p.state IN ('unknown', 'declined', 'expired')
  AND (a.state IN ('asking', 'asked', 'unknown') OR a.state = 'declined' AND %(charged)s)
"""
