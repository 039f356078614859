-- The versions of the schema that this file has had, one row for each.
CREATE TABLE ration_schema (
    version INTEGER PRIMARY KEY,             -- 1, 2, ...
    name    TEXT NOT NULL,                   -- of the migration
    applied TEXT NOT NULL DEFAULT (datetime('now')) -- UTC
) STRICT;

-- Windows of time: quotas and usage records.
--
-- Subjects and names are any bytes, so they are BLOBs. Compare them with
-- CAST('key-1/gold' AS BLOB), or look at the view ration_windows_readable.
CREATE TABLE ration_windows (
    subject    BLOB    NOT NULL, -- the key, group or client that is charged
    name       BLOB    NOT NULL, -- of the meter
    start      INTEGER NOT NULL, -- Unix seconds; the window begins with this second
    ends       INTEGER NOT NULL, -- Unix seconds; the window ends before this second
    used       INTEGER NOT NULL, -- units
    extra      INTEGER NOT NULL, -- units added to the allowance of this window; negative: cut
    last_span  INTEGER NOT NULL, -- the span in which units were last taken, from 1; 0: never
    kept_until INTEGER NOT NULL, -- Unix seconds; the row is of no use afterwards
    PRIMARY KEY (subject, name, start),
    CHECK (length(subject) BETWEEN 1 AND 512),
    CHECK (length(name) BETWEEN 1 AND 192),
    CHECK (start < ends),
    CHECK (used BETWEEN 0 AND 9007199254740991),
    CHECK (extra BETWEEN -9007199254740991 AND 9007199254740991),
    CHECK (last_span BETWEEN 0 AND 2047)
) STRICT, WITHOUT ROWID;

CREATE INDEX ration_windows_kept_until ON ration_windows (kept_until);

-- Token buckets: throttles, and the IDs of requests.
CREATE TABLE ration_buckets (
    subject BLOB    NOT NULL, -- the key, group or client that is charged
    name    BLOB    NOT NULL, -- of the meter
    tokens  INTEGER NOT NULL, -- whole tokens at the instant updated
    part    INTEGER NOT NULL, -- and part/per of another token
    per     INTEGER NOT NULL,
    updated INTEGER NOT NULL, -- Unix microseconds
    full_by INTEGER NOT NULL, -- Unix seconds; the bucket is full then, and the row is of no use
    PRIMARY KEY (subject, name),
    CHECK (length(subject) BETWEEN 1 AND 512),
    CHECK (length(name) BETWEEN 1 AND 192),
    CHECK (tokens BETWEEN 0 AND 9007199254740991),
    CHECK (per BETWEEN 1 AND 9007199254740991),
    CHECK (part BETWEEN 0 AND per - 1)
) STRICT, WITHOUT ROWID;

CREATE INDEX ration_buckets_full_by ON ration_buckets (full_by);

-- Subjects that are closed because they were moved.
CREATE TABLE ration_moves (
    subject      BLOB    NOT NULL PRIMARY KEY, -- the closed one
    moved_to     BLOB    NOT NULL,             -- the subject that has its state
    closed_until INTEGER NOT NULL,             -- Unix seconds
    CHECK (length(subject) BETWEEN 1 AND 512),
    CHECK (length(moved_to) BETWEEN 1 AND 512)
) STRICT, WITHOUT ROWID;

CREATE INDEX ration_moves_closed_until ON ration_moves (closed_until);

-- The same with texts and UTC times. A time outside the years 0 to 9999 is NULL.
CREATE VIEW ration_windows_readable AS
SELECT CAST(subject AS TEXT)           AS subject,
       CAST(name AS TEXT)              AS name,
       datetime(start, 'unixepoch')    AS start,
       datetime(ends, 'unixepoch')     AS ends,
       used,
       extra,
       -- A span is a minute, or as many as it takes for 2047 spans to cover the window.
       CASE WHEN last_span > 0 THEN datetime(start + (last_span - 1) * 60 *
           max(1, ((ends - start - 1) / 60) / 2047 + 1), 'unixepoch')
       END                             AS last_taken,
       datetime(kept_until, 'unixepoch') AS kept_until
FROM ration_windows;

CREATE VIEW ration_buckets_readable AS
SELECT CAST(subject AS TEXT)                         AS subject,
       CAST(name AS TEXT)                            AS name,
       tokens + CAST(part AS REAL) / per             AS tokens,
       datetime(updated / 1000000.0, 'unixepoch', 'subsec') AS updated,
       datetime(full_by, 'unixepoch')                AS full_by
FROM ration_buckets;

CREATE VIEW ration_moves_readable AS
SELECT CAST(subject AS TEXT)              AS subject,
       CAST(moved_to AS TEXT)             AS moved_to,
       datetime(closed_until, 'unixepoch') AS closed_until
FROM ration_moves;
