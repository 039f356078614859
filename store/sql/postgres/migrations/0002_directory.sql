-- Keys, plans, groups and links.

-- The functions of triggers below keep the search_path of this transaction. It must not have
-- "$user", which would be the user that changes a row.
SELECT set_config('search_path', quote_ident(current_schema()), true);

CREATE TABLE ration_keys (
    seq            bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ration_keys_seq) UNIQUE,
    id             text COLLATE "C" NOT NULL PRIMARY KEY,
    name           text COLLATE "C" NOT NULL DEFAULT '',
    description    text NOT NULL DEFAULT '',
    customer_id    text COLLATE "C",
    group_id       text COLLATE "C",
    enabled        boolean NOT NULL DEFAULT false,
    hint           text NOT NULL DEFAULT '',
    digest         bytea CHECK (length(digest) = 32),
    retiring       bytea CHECK (length(retiring) = 32),
    retiring_until timestamptz,
    sealed         bytea,
    expires        timestamptz,
    tags           jsonb,
    stage_keys     jsonb,
    created        timestamptz,
    updated        timestamptz,
    version        bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE ration_keys IS 'API keys. In all texts of these tables, a byte that is NUL or not part of UTF-8 is written as U+FFFD and two hexadecimal digits, and so is each byte of U+FFFD. When you change a row by hand, add 1 to its version.';
COMMENT ON COLUMN ration_keys.seq IS 'numbers the rows in the order of their insertion';
COMMENT ON COLUMN ration_keys.id IS 'identifies the key, and is not secret';
COMMENT ON COLUMN ration_keys.name IS 'for people';
COMMENT ON COLUMN ration_keys.description IS 'for people';
COMMENT ON COLUMN ration_keys.customer_id IS 'the customer that the key belongs to; NULL: none. The index has the first 128 characters: left(customer_id, 128)';
COMMENT ON COLUMN ration_keys.group_id IS 'ration_groups.id; NULL: in no group. Change it through Groups.MoveKey alone';
COMMENT ON COLUMN ration_keys.enabled IS 'whether the key may be used';
COMMENT ON COLUMN ration_keys.hint IS 'the part of the secret that may be shown';
COMMENT ON COLUMN ration_keys.digest IS 'SHA-256 of the secret';
COMMENT ON COLUMN ration_keys.retiring IS 'SHA-256 of the previous secret';
COMMENT ON COLUMN ration_keys.retiring_until IS 'until when the previous secret is good';
COMMENT ON COLUMN ration_keys.sealed IS 'the secret, encrypted by the service; NULL: cannot be shown again';
COMMENT ON COLUMN ration_keys.expires IS 'from when the key may no longer be used; NULL: never';
COMMENT ON COLUMN ration_keys.tags IS 'an object of texts';
COMMENT ON COLUMN ration_keys.stage_keys IS 'an array of API stages, without effect';
COMMENT ON COLUMN ration_keys.created IS 'when the key was created';
COMMENT ON COLUMN ration_keys.updated IS 'when the key was last changed';
COMMENT ON COLUMN ration_keys.version IS 'grows by one with every change';

-- An entry of an index has at most 2,700 bytes, and a customer up to 4,096.
CREATE INDEX ration_keys_customer ON ration_keys (left(customer_id, 128), seq) WHERE customer_id IS NOT NULL;
CREATE INDEX ration_keys_group ON ration_keys (group_id, seq) WHERE group_id IS NOT NULL;

CREATE TABLE ration_digests (
    digest  bytea  NOT NULL PRIMARY KEY,
    key_seq bigint NOT NULL
);
COMMENT ON TABLE ration_digests IS 'The keys by the digests of their secrets. A trigger of ration_keys keeps this table';
COMMENT ON COLUMN ration_digests.digest IS 'ration_keys.digest or ration_keys.retiring';
COMMENT ON COLUMN ration_digests.key_seq IS 'ration_keys.seq';

CREATE TABLE ration_plans (
    seq          bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ration_plans_seq) UNIQUE,
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    name         text NOT NULL DEFAULT '',
    description  text NOT NULL DEFAULT '',
    limits       jsonb NOT NULL DEFAULT '{}',
    stages       jsonb,
    detached     boolean NOT NULL DEFAULT false,
    product_code text NOT NULL DEFAULT '',
    tags         jsonb,
    created      timestamptz,
    updated      timestamptz,
    version      bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE ration_plans IS 'What keys and groups may use';
COMMENT ON COLUMN ration_plans.seq IS 'numbers the rows in the order of their insertion';
COMMENT ON COLUMN ration_plans.id IS 'identifies the plan';
COMMENT ON COLUMN ration_plans.name IS 'for people';
COMMENT ON COLUMN ration_plans.description IS 'for people';
COMMENT ON COLUMN ration_plans.limits IS 'throttle, throttles, quotas, for, routes and stageRoutes, as in the JSON of a plan';
COMMENT ON COLUMN ration_plans.stages IS 'an array of API stages; NULL: every stage';
COMMENT ON COLUMN ration_plans.detached IS 'true: the plan is for no stage';
COMMENT ON COLUMN ration_plans.product_code IS 'of AWS Marketplace, without effect';
COMMENT ON COLUMN ration_plans.tags IS 'an object of texts';
COMMENT ON COLUMN ration_plans.created IS 'when the plan was created';
COMMENT ON COLUMN ration_plans.updated IS 'when the plan was last changed';
COMMENT ON COLUMN ration_plans.version IS 'grows by one with every change';

CREATE TABLE ration_groups (
    seq       bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ration_groups_seq) UNIQUE,
    id        text COLLATE "C" NOT NULL PRIMARY KEY,
    name      text NOT NULL DEFAULT '',
    parent_id text COLLATE "C",
    plan_id   text COLLATE "C",
    limits    jsonb NOT NULL DEFAULT '{}',
    created   timestamptz,
    updated   timestamptz,
    version   bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE ration_groups IS 'Organisations and teams, whose keys share an allowance';
COMMENT ON COLUMN ration_groups.seq IS 'numbers the rows in the order of their insertion';
COMMENT ON COLUMN ration_groups.id IS 'identifies the group';
COMMENT ON COLUMN ration_groups.name IS 'for people';
COMMENT ON COLUMN ration_groups.parent_id IS 'ration_groups.id; NULL: the root of a family';
COMMENT ON COLUMN ration_groups.plan_id IS 'ration_plans.id; NULL: no limits';
COMMENT ON COLUMN ration_groups.limits IS 'throttle, throttles and quotas that replace those of the plan';
COMMENT ON COLUMN ration_groups.created IS 'when the group was created';
COMMENT ON COLUMN ration_groups.updated IS 'when the group was last changed';
COMMENT ON COLUMN ration_groups.version IS 'grows by one with every change';

CREATE INDEX ration_groups_parent ON ration_groups (parent_id, seq) WHERE parent_id IS NOT NULL;
CREATE INDEX ration_groups_plan ON ration_groups (plan_id, seq) WHERE plan_id IS NOT NULL;

CREATE TABLE ration_links (
    seq       bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ration_links_seq) UNIQUE,
    plan_id   text COLLATE "C" NOT NULL,
    key_id    text COLLATE "C" NOT NULL,
    allowance text NOT NULL DEFAULT '',
    limits    jsonb NOT NULL DEFAULT '{}',
    created   timestamptz,
    version   bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (key_id, plan_id)
);
COMMENT ON TABLE ration_links IS 'The plans of keys. A link may outlive its plan and its key, and has no effect then';
COMMENT ON COLUMN ration_links.seq IS 'numbers the rows in the order of their insertion';
COMMENT ON COLUMN ration_links.plan_id IS 'ration_plans.id';
COMMENT ON COLUMN ration_links.key_id IS 'ration_keys.id';
COMMENT ON COLUMN ration_links.allowance IS 'what the counts of the link go by';
COMMENT ON COLUMN ration_links.limits IS 'throttle, throttles and quotas that replace those of the plan';
COMMENT ON COLUMN ration_links.created IS 'when the link was created';
COMMENT ON COLUMN ration_links.version IS 'grows by one with every change';

CREATE INDEX ration_links_plan ON ration_links (plan_id, seq);

-- The Gates of all processes are told of each change, on a channel that has the name of the
-- schema. A message has at most 7,999 bytes. An empty one makes Gates read everything again.
CREATE FUNCTION ration_notify(schema text, id text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify(('ration_' || schema)::name::text, CASE WHEN octet_length(id) < 8000 THEN id ELSE '' END)
$$;

-- The functions find the tables of this schema, whatever the search_path of a session is.
CREATE FUNCTION ration_record_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM ration_notify(TG_TABLE_SCHEMA, NEW.id);
    END IF;
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND OLD.id <> NEW.id THEN
        PERFORM ration_notify(TG_TABLE_SCHEMA, OLD.id);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ration_link_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM ration_notify(TG_TABLE_SCHEMA, NEW.key_id);
    END IF;
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND OLD.key_id <> NEW.key_id THEN
        PERFORM ration_notify(TG_TABLE_SCHEMA, OLD.key_id);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ration_table_truncated() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_TABLE_NAME = 'ration_keys' THEN
        TRUNCATE ration_digests;
    END IF;
    PERFORM ration_notify(TG_TABLE_SCHEMA, '');
    RETURN NULL;
END $$;

CREATE FUNCTION ration_key_digests() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM ration_digests WHERE digest IN (OLD.digest, OLD.retiring) AND key_seq = OLD.seq;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO ration_digests (digest, key_seq)
            SELECT NEW.digest, NEW.seq WHERE NEW.digest IS NOT NULL
            UNION SELECT NEW.retiring, NEW.seq WHERE NEW.retiring IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION ration_notify(text, text) IS 'Tells the Gates of all processes that a record has changed';
COMMENT ON FUNCTION ration_record_changed() IS 'Tells of a changed key, plan or group';
COMMENT ON FUNCTION ration_link_changed() IS 'Tells of the key of a changed link';
COMMENT ON FUNCTION ration_table_truncated() IS 'Tells that anything may have changed, and keeps ration_digests';
COMMENT ON FUNCTION ration_key_digests() IS 'Keeps ration_digests';

CREATE TRIGGER ration_digests AFTER INSERT OR UPDATE OF digest, retiring OR DELETE ON ration_keys
    FOR EACH ROW EXECUTE FUNCTION ration_key_digests();

CREATE TRIGGER ration_changed AFTER INSERT OR UPDATE OR DELETE ON ration_keys
    FOR EACH ROW EXECUTE FUNCTION ration_record_changed();
CREATE TRIGGER ration_truncated AFTER TRUNCATE ON ration_keys
    FOR EACH STATEMENT EXECUTE FUNCTION ration_table_truncated();

CREATE TRIGGER ration_changed AFTER INSERT OR UPDATE OR DELETE ON ration_plans
    FOR EACH ROW EXECUTE FUNCTION ration_record_changed();
CREATE TRIGGER ration_truncated AFTER TRUNCATE ON ration_plans
    FOR EACH STATEMENT EXECUTE FUNCTION ration_table_truncated();

CREATE TRIGGER ration_changed AFTER INSERT OR UPDATE OR DELETE ON ration_groups
    FOR EACH ROW EXECUTE FUNCTION ration_record_changed();
CREATE TRIGGER ration_truncated AFTER TRUNCATE ON ration_groups
    FOR EACH STATEMENT EXECUTE FUNCTION ration_table_truncated();

CREATE TRIGGER ration_changed AFTER INSERT OR UPDATE OR DELETE ON ration_links
    FOR EACH ROW EXECUTE FUNCTION ration_link_changed();
CREATE TRIGGER ration_truncated AFTER TRUNCATE ON ration_links
    FOR EACH STATEMENT EXECUTE FUNCTION ration_table_truncated();
