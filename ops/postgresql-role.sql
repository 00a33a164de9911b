-- The role that Timbre's workers, beat and commands connect as on PostgreSQL: it may do the work, and cannot change the
-- history, the tables, or what is allowed to whom. Migrations are run by the owner of the tables instead.
--
-- As the owner, after the first `timbre migrate` and again after any (it may be repeated):
--
--     psql "$OWNER_URL" -v ON_ERROR_STOP=1 -f ops/postgresql-role.sql
--     psql "$OWNER_URL" -c '\password timbre_worker'
--
-- Then TIMBRE_DATABASE_URL=postgresql+psycopg://timbre_worker:…@host/database for everything but `timbre migrate`.

DO $$
BEGIN
    CREATE ROLE timbre_worker LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- made before, perhaps for another database of this server
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM timbre_worker;
GRANT USAGE ON SCHEMA public TO timbre_worker;
REVOKE CREATE ON SCHEMA public FROM timbre_worker;

-- Nothing is ever deleted, by no verb.
GRANT SELECT, INSERT, UPDATE
    ON accounts_state, acts, batches, creation_requests, creations, emissions, nightly_runs, requests
    TO timbre_worker;

-- Append-only: lines are added and read, whatever the program does (rule 11). Triggers refuse the owner as well.
GRANT SELECT, INSERT ON account_events, creation_events, emission_events, set_aside TO timbre_worker;

-- For `timbre doctor`, which compares the database's revision with the release's.
GRANT SELECT ON alembic_version TO timbre_worker;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO timbre_worker;
