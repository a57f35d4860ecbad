"""A sending ties a payment to its acquirer, whoever writes it.

The version before several acquirers sends without saying so: a payment that was free when it did would have stayed
free, and m0029's trigger would have let it go on to another acquirer while it may be charged.
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# What a wallet is asked says nothing of the acquirer.
TIED = """
CREATE FUNCTION khallas_acquirer_tied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.acquirer_free := false;
    RETURN NEW;
END;
$$;
CREATE TRIGGER payments_acquirer_tied BEFORE UPDATE OF attempts ON payments
    FOR EACH ROW WHEN (NEW.attempts > OLD.attempts AND NEW.acquirer_free AND NEW.wallet IS NULL)
    EXECUTE FUNCTION khallas_acquirer_tied();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TIED, execution_options={"no_parameters": True})
