-- Keys, plans, groups and links.
--
-- seq numbers the rows of a table in the order of their insertion. No number is given twice.
-- Times are texts in UTC, such as 2026-11-30 12:00:00.000000, because SQLite has no type for
-- them. Its functions read them, and they sort as texts. NULL is no time.
-- A byte that is NUL, or that is not part of UTF-8, is written as U+FFFD and two hexadecimal
-- digits in all texts. So is each byte of U+FFFD.
-- When you change a row by hand, add 1 to its version.

CREATE TABLE ration_keys (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT    NOT NULL UNIQUE,
    name           TEXT    NOT NULL DEFAULT '',
    description    TEXT    NOT NULL DEFAULT '',
    customer_id    TEXT,                       -- NULL: no customer
    group_id       TEXT,                       -- ration_groups.id; NULL: in no group
    enabled        INTEGER NOT NULL DEFAULT 0, -- 0 or 1
    hint           TEXT    NOT NULL DEFAULT '',-- the part of the secret that may be shown
    digest         BLOB,                       -- SHA-256 of the secret
    retiring       BLOB,                       -- SHA-256 of the previous secret
    retiring_until TEXT,                       -- until when the previous secret is good
    sealed         BLOB,                       -- the secret, encrypted by the service; NULL: cannot be shown again
    expires        TEXT,                       -- NULL: never
    tags           TEXT,                       -- a JSON object
    stage_keys     TEXT,                       -- a JSON array
    created        TEXT,
    updated        TEXT,
    version        INTEGER NOT NULL DEFAULT 1,
    CHECK (enabled IN (0, 1)),
    CHECK (length(digest) = 32 AND length(retiring) = 32),
    CHECK (json_valid(tags) AND json_valid(stage_keys))
) STRICT;

CREATE INDEX ration_keys_customer ON ration_keys (customer_id, seq) WHERE customer_id IS NOT NULL;
CREATE INDEX ration_keys_group ON ration_keys (group_id, seq) WHERE group_id IS NOT NULL;

-- The keys by the digests of their secrets. Triggers of ration_keys keep this table.
CREATE TABLE ration_digests (
    digest  BLOB    NOT NULL PRIMARY KEY, -- ration_keys.digest or ration_keys.retiring
    key_seq INTEGER NOT NULL              -- ration_keys.seq
) STRICT, WITHOUT ROWID;

CREATE TABLE ration_plans (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL DEFAULT '',
    description  TEXT    NOT NULL DEFAULT '',
    limits       TEXT    NOT NULL DEFAULT '{}', -- JSON: throttle, throttles, quotas, for, routes and stageRoutes of a plan
    stages       TEXT,                          -- a JSON array of API stages; NULL: every stage
    detached     INTEGER NOT NULL DEFAULT 0,    -- 1: the plan is for no stage
    product_code TEXT    NOT NULL DEFAULT '',
    tags         TEXT,                          -- a JSON object
    created      TEXT,
    updated      TEXT,
    version      INTEGER NOT NULL DEFAULT 1,
    CHECK (detached IN (0, 1)),
    CHECK (json_valid(limits) AND json_valid(stages) AND json_valid(tags))
) STRICT;

CREATE TABLE ration_groups (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT    NOT NULL UNIQUE,
    name      TEXT    NOT NULL DEFAULT '',
    parent_id TEXT,                          -- ration_groups.id; NULL: the root of a family
    plan_id   TEXT,                          -- ration_plans.id; NULL: no limits
    limits    TEXT    NOT NULL DEFAULT '{}', -- JSON: throttle, throttles and quotas that replace those of the plan
    created   TEXT,
    updated   TEXT,
    version   INTEGER NOT NULL DEFAULT 1,
    CHECK (json_valid(limits))
) STRICT;

CREATE INDEX ration_groups_parent ON ration_groups (parent_id, seq) WHERE parent_id IS NOT NULL;
CREATE INDEX ration_groups_plan ON ration_groups (plan_id, seq) WHERE plan_id IS NOT NULL;

-- The plans of keys. A link may outlive its plan and its key, and has no effect then.
CREATE TABLE ration_links (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    plan_id   TEXT    NOT NULL,              -- ration_plans.id
    key_id    TEXT    NOT NULL,              -- ration_keys.id
    allowance TEXT    NOT NULL DEFAULT '',   -- what the counts of the link go by
    limits    TEXT    NOT NULL DEFAULT '{}', -- JSON: throttle, throttles and quotas that replace those of the plan
    created   TEXT,
    version   INTEGER NOT NULL DEFAULT 1,
    UNIQUE (key_id, plan_id),
    CHECK (json_valid(limits))
) STRICT;

CREATE INDEX ration_links_plan ON ration_links (plan_id, seq);

-- The latest changes, by which other processes learn of them. Triggers add them, and remove
-- all but the last 10,000.
CREATE TABLE ration_changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id  TEXT NOT NULL -- of a key, plan or group; for a link that of the key
) STRICT;

CREATE TRIGGER ration_changes_bound AFTER INSERT ON ration_changes BEGIN
    DELETE FROM ration_changes WHERE seq <= NEW.seq - 10000;
END;

CREATE TRIGGER ration_keys_inserted AFTER INSERT ON ration_keys BEGIN
    INSERT INTO ration_digests (digest, key_seq)
        SELECT NEW.digest, NEW.seq WHERE NEW.digest IS NOT NULL
        UNION SELECT NEW.retiring, NEW.seq WHERE NEW.retiring IS NOT NULL;
    INSERT INTO ration_changes (id) VALUES (NEW.id);
END;
CREATE TRIGGER ration_keys_digests AFTER UPDATE OF digest, retiring ON ration_keys BEGIN
    DELETE FROM ration_digests WHERE digest IN (OLD.digest, OLD.retiring) AND key_seq = OLD.seq;
    INSERT INTO ration_digests (digest, key_seq)
        SELECT NEW.digest, NEW.seq WHERE NEW.digest IS NOT NULL
        UNION SELECT NEW.retiring, NEW.seq WHERE NEW.retiring IS NOT NULL;
END;
CREATE TRIGGER ration_keys_updated AFTER UPDATE ON ration_keys BEGIN
    INSERT INTO ration_changes (id) VALUES (NEW.id);
    INSERT INTO ration_changes (id) SELECT OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER ration_keys_deleted AFTER DELETE ON ration_keys BEGIN
    DELETE FROM ration_digests WHERE digest IN (OLD.digest, OLD.retiring) AND key_seq = OLD.seq;
    INSERT INTO ration_changes (id) VALUES (OLD.id);
END;

CREATE TRIGGER ration_plans_inserted AFTER INSERT ON ration_plans BEGIN
    INSERT INTO ration_changes (id) VALUES (NEW.id);
END;
CREATE TRIGGER ration_plans_updated AFTER UPDATE ON ration_plans BEGIN
    INSERT INTO ration_changes (id) VALUES (NEW.id);
    INSERT INTO ration_changes (id) SELECT OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER ration_plans_deleted AFTER DELETE ON ration_plans BEGIN
    INSERT INTO ration_changes (id) VALUES (OLD.id);
END;

CREATE TRIGGER ration_groups_inserted AFTER INSERT ON ration_groups BEGIN
    INSERT INTO ration_changes (id) VALUES (NEW.id);
END;
CREATE TRIGGER ration_groups_updated AFTER UPDATE ON ration_groups BEGIN
    INSERT INTO ration_changes (id) VALUES (NEW.id);
    INSERT INTO ration_changes (id) SELECT OLD.id WHERE OLD.id <> NEW.id;
END;
CREATE TRIGGER ration_groups_deleted AFTER DELETE ON ration_groups BEGIN
    INSERT INTO ration_changes (id) VALUES (OLD.id);
END;

CREATE TRIGGER ration_links_inserted AFTER INSERT ON ration_links BEGIN
    INSERT INTO ration_changes (id) VALUES (NEW.key_id);
END;
CREATE TRIGGER ration_links_updated AFTER UPDATE ON ration_links BEGIN
    INSERT INTO ration_changes (id) VALUES (NEW.key_id);
    INSERT INTO ration_changes (id) SELECT OLD.key_id WHERE OLD.key_id <> NEW.key_id;
END;
CREATE TRIGGER ration_links_deleted AFTER DELETE ON ration_links BEGIN
    INSERT INTO ration_changes (id) VALUES (OLD.key_id);
END;
