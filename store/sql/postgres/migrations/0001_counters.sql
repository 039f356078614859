CREATE TABLE ration_schema (
    version integer PRIMARY KEY,
    name    text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ration_schema IS 'The versions of the schema that this database has had, one row for each.';
COMMENT ON COLUMN ration_schema.name IS 'The name of the migration.';
COMMENT ON COLUMN ration_schema.applied IS 'When the migration was applied.';

CREATE TABLE ration_subjects (
    subject      text COLLATE "C" PRIMARY KEY CHECK (subject <> ''),
    moved_to     text COLLATE "C" CHECK (moved_to <> '' AND moved_to <> subject),
    closed_until bigint,
    CHECK ((moved_to IS NULL) = (closed_until IS NULL))
);
CREATE INDEX ration_subjects_closed_until ON ration_subjects (closed_until) WHERE closed_until IS NOT NULL;
COMMENT ON TABLE ration_subjects IS 'Who is charged: keys, groups and clients. A charge locks the rows of its subjects. To forget what a subject has used, delete its row.';
COMMENT ON COLUMN ration_subjects.subject IS 'The name. A backslash, a NUL and a byte that is not UTF-8 are written as a backslash and two hexadecimal digits.';
COMMENT ON COLUMN ration_subjects.moved_to IS 'The subject that has the state of this one, which is closed. Null: this subject is open.';
COMMENT ON COLUMN ration_subjects.closed_until IS 'Unix seconds. A closed subject may be forgotten afterwards.';

CREATE TABLE ration_buckets (
    subject text COLLATE "C" NOT NULL REFERENCES ration_subjects ON UPDATE CASCADE ON DELETE CASCADE,
    name    text COLLATE "C" NOT NULL CHECK (name <> ''),
    tokens  bigint NOT NULL CHECK (tokens BETWEEN 0 AND 9007199254740991),
    part    bigint NOT NULL CHECK (part >= 0 AND part < per),
    per     bigint NOT NULL CHECK (per BETWEEN 1 AND 9007199254740991),
    updated bigint NOT NULL CHECK (updated BETWEEN -9007199254740991 AND 9007199254740991),
    full_by bigint,
    PRIMARY KEY (subject, name)
) WITH (fillfactor = 80);
CREATE INDEX ration_buckets_full_by ON ration_buckets (full_by);
COMMENT ON TABLE ration_buckets IS 'Token buckets: throttles, and the IDs of requests. A bucket that has no row is full.';
COMMENT ON COLUMN ration_buckets.subject IS 'Who is charged.';
COMMENT ON COLUMN ration_buckets.name IS 'The name of the meter.';
COMMENT ON COLUMN ration_buckets.tokens IS 'Whole tokens at the instant updated.';
COMMENT ON COLUMN ration_buckets.part IS 'The bucket has part/per of another token.';
COMMENT ON COLUMN ration_buckets.per IS 'The denominator of the fraction.';
COMMENT ON COLUMN ration_buckets.updated IS 'Unix microseconds, by the clock of this server.';
COMMENT ON COLUMN ration_buckets.full_by IS 'Unix seconds, rounded up by an hour at most. The bucket is full then, and the row is of no use. Null: nothing refills it.';

CREATE TABLE ration_windows (
    subject    text COLLATE "C" NOT NULL REFERENCES ration_subjects ON UPDATE CASCADE ON DELETE CASCADE,
    name       text COLLATE "C" NOT NULL CHECK (name <> ''),
    start      bigint NOT NULL,
    ends       bigint NOT NULL,
    used       bigint NOT NULL CHECK (used BETWEEN 0 AND 9007199254740991),
    extra      bigint NOT NULL CHECK (extra BETWEEN -9007199254740991 AND 9007199254740991),
    last_span  bigint NOT NULL CHECK (last_span BETWEEN 0 AND 2047),
    kept_until bigint NOT NULL,
    PRIMARY KEY (subject, name, start),
    CHECK (start < ends)
) WITH (fillfactor = 80);
CREATE INDEX ration_windows_kept_until ON ration_windows (kept_until);
COMMENT ON TABLE ration_windows IS 'Windows of time: quotas and usage records. A window that has no row is unused.';
COMMENT ON COLUMN ration_windows.subject IS 'Who is charged.';
COMMENT ON COLUMN ration_windows.name IS 'The name of the meter.';
COMMENT ON COLUMN ration_windows.start IS 'Unix seconds. The window begins with this second.';
COMMENT ON COLUMN ration_windows.ends IS 'Unix seconds. The window ends before this second.';
COMMENT ON COLUMN ration_windows.used IS 'Units that were used.';
COMMENT ON COLUMN ration_windows.extra IS 'Units that were added to the allowance of this window. Negative: the allowance was cut.';
COMMENT ON COLUMN ration_windows.last_span IS 'The span of the window in which units were last taken, counted from 1. Zero: never. See the view.';
COMMENT ON COLUMN ration_windows.kept_until IS 'Unix seconds. The row is of no use afterwards.';

-- ration_time returns a timestamp, or infinity for a time that no timestamp can have.
CREATE FUNCTION ration_time(seconds double precision) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT CASE WHEN seconds > 9e12 THEN 'infinity'
                WHEN seconds < -2e11 THEN '-infinity'
                ELSE to_timestamp(seconds) END
$$;
COMMENT ON FUNCTION ration_time IS 'The timestamp of Unix seconds.';

CREATE VIEW ration_windows_readable AS
SELECT subject, name, ration_time(start) AS start, ration_time(ends) AS ends, used, extra,
       -- A span is a minute, or as many as it takes for 2047 spans to cover the window.
       CASE WHEN last_span > 0 THEN ration_time(start + (last_span - 1) * 60 *
           CASE WHEN ends - start <= 2047 * 60 THEN 1 ELSE (ends - start - 1) / 60 / 2047 + 1 END)
       END AS last_taken,
       ration_time(kept_until) AS kept_until
FROM ration_windows;
COMMENT ON VIEW ration_windows_readable IS 'The table ration_windows with timestamps.';
COMMENT ON COLUMN ration_windows_readable.last_taken IS 'The start of the span in which units were last taken. Null: never.';

CREATE VIEW ration_buckets_readable AS
SELECT subject, name, tokens + part::double precision / per AS tokens,
       ration_time(updated / 1e6) AS updated, ration_time(full_by) AS full_by
FROM ration_buckets;
COMMENT ON VIEW ration_buckets_readable IS 'The table ration_buckets with timestamps, and with tokens as one number.';

-- ration_clock returns the clock by which buckets refill, in Unix microseconds.
CREATE FUNCTION ration_clock() RETURNS bigint
    LANGUAGE sql VOLATILE
AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;
COMMENT ON FUNCTION ration_clock IS 'The clock by which buckets refill, in Unix microseconds.';

-- ration_take decides a batch of charges, one after the other. The program that calls it
-- decides them again from what the function returns, so the function and store.Charge.Decide
-- must do the same arithmetic.
--
-- A state is a bucket (tokens, part, updated, per) or a window (used, extra, last_span, 0).
-- States are numbered from 1, buckets first. A term is a state with the figures of a meter.
-- The array charges has for each charge: its operation (0: spend, 1: set what remains), the
-- number of its parts, the number of its meters, the index of each part's subject, and for
-- each meter the index of its term and the units. Subjects are numbered through locks and
-- reads.
--
-- A row of ration_subjects is locked by all charges that change the subject's state, in the
-- order of the names. So two batches never wait for each other. The rows of the states need
-- no locks of their own.
CREATE FUNCTION ration_take(
    locks           text[],   -- subjects that a charge may change, in their order
    reads           text[],   -- the other subjects
    bucket_subjects text[],
    bucket_names    text[],
    window_subjects text[],
    window_names    text[],
    window_starts   bigint[],
    term_states     bigint[],
    term_max        bigint[],
    term_soft       bigint[], -- 1: the meter never refuses
    term_rate       bigint[], -- tokens every term_per microseconds
    term_per        bigint[], -- 0: a window
    term_span       bigint[], -- the span of the window in which the charge is
    term_ends       bigint[],
    term_kept_until bigint[],
    charges         bigint[],
    charge_count    integer,
    OUT clock       bigint,
    OUT closed      text[],   -- of each closed subject: its name, and where it has moved
    OUT held        bigint[], -- the states before the batch: all first figures, all second ...
    OUT decided     bigint[]  -- of each charge: 1 if it was applied, 2 if a subject is closed
)
    LANGUAGE plpgsql VOLATILE
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
AS $$
DECLARE
    most_units CONSTANT bigint := 9007199254740991;
    buckets    CONSTANT integer := cardinality(bucket_subjects);
    states     CONSTANT integer := buckets + cardinality(window_subjects);
    terms      CONSTANT integer := cardinality(term_states);
    size       CONSTANT integer := cardinality(charges);

    a bigint[]; b bigint[]; c bigint[]; d bigint[];       -- the states
    version bigint[] := array_fill(1::bigint, ARRAY[states]);
    writer  bigint[] := array_fill(0::bigint, ARRAY[states]); -- the term that changed a state last

    -- The bucket of a term, refilled up to now. It is right while seen is the state's version.
    tokens bigint[] := array_fill(0::bigint, ARRAY[terms]);
    part   bigint[] := tokens;
    seen   bigint[] := tokens;

    fresh text[] := '{}'; -- the subjects whose rows this batch has made
    shut  boolean[];      -- whether a subject is closed

    changed_buckets boolean := false;
    changed_windows boolean := false;
    r record;
    i integer := 1; decision integer := 0; first integer; after integer; setting boolean; fits boolean;
    t bigint; n bigint; s bigint; most bigint; per bigint; x bigint; y bigint; due bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE 'transaction_isolation: %: want read committed', current_setting('transaction_isolation')
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Set default_transaction_isolation for the role of the pool, or in its connection string.';
    END IF;

    closed := '{}';
    decided := array_fill(0::bigint, ARRAY[charge_count]);
    FOR r IN
        INSERT INTO ration_subjects AS o (subject) SELECT unnest(locks)
        ON CONFLICT (subject) DO UPDATE SET subject = o.subject WHERE o.moved_to IS NOT NULL
        RETURNING o.subject, o.moved_to
    LOOP
        IF r.moved_to IS NULL THEN
            fresh := fresh || r.subject;
        ELSE
            closed := closed || r.subject || r.moved_to;
        END IF;
    END LOOP;

    -- One statement, so that the states of subjects without a lock are of one instant.
    clock := ration_clock();
    SELECT array_agg(v.a), array_agg(v.b), array_agg(v.c), array_agg(v.d) INTO a, b, c, d FROM (
        SELECT k.i, coalesce(o.tokens, 0) AS a, coalesce(o.part, 0) AS b, coalesce(o.updated, 0) AS c, coalesce(o.per, 0) AS d
        FROM unnest(bucket_subjects, bucket_names) WITH ORDINALITY AS k (subject, name, i)
        LEFT JOIN ration_buckets AS o ON o.subject = k.subject AND o.name = k.name
        UNION ALL
        SELECT buckets + k.i, coalesce(o.used, 0), coalesce(o.extra, 0), coalesce(o.last_span, 0), 0
        FROM unnest(window_subjects, window_names, window_starts) WITH ORDINALITY AS k (subject, name, start, i)
        LEFT JOIN ration_windows AS o ON o.subject = k.subject AND o.name = k.name AND o.start = k.start
        ORDER BY 1
    ) AS v;
    held := a || b || c || d;

    -- A subject without a lock may be moved at any time. If it is open after the states were
    -- read, it was open when they were read.
    IF cardinality(reads) > 0 THEN
        FOR r IN SELECT o.subject, o.moved_to FROM unnest(reads) AS k (subject)
            JOIN ration_subjects AS o ON o.subject = k.subject WHERE o.moved_to IS NOT NULL
        LOOP
            closed := closed || r.subject || r.moved_to;
        END LOOP;
    END IF;
    IF cardinality(closed) > 0 THEN
        SELECT array_agg(k.subject IN (SELECT closed[j] FROM generate_series(1, cardinality(closed), 2) AS j) ORDER BY k.i)
        INTO shut FROM unnest(locks || reads) WITH ORDINALITY AS k (subject, i);
    END IF;

    WHILE i <= size LOOP
        decision := decision + 1;
        setting := charges[i] = 1;
        first := i + 3 + charges[i + 1];
        after := first + 2 * charges[i + 2];
        fits := true;

        IF shut IS NOT NULL THEN
            FOR j IN i + 3 .. first - 1 LOOP
                IF shut[charges[j]] THEN
                    fits := false;
                    decided[decision] := 2;
                END IF;
            END LOOP;
            IF NOT fits THEN
                i := after;
                CONTINUE;
            END IF;
        END IF;

        FOR j IN first .. after - 1 BY 2 LOOP
            t := charges[j];
            n := charges[j + 1];
            s := term_states[t];
            IF term_per[t] > 0 THEN
                IF seen[t] <> version[s] THEN
                    most := term_max[t];
                    per := term_per[t];
                    x := a[s];
                    y := b[s];
                    IF d[s] = 0 OR x >= most THEN
                        x := most;
                        y := 0;
                    ELSE
                        IF d[s] <> per THEN
                            y := least(floor(y::float8 / d[s]::float8 * per::float8)::bigint, per - 1);
                        END IF;
                        IF term_rate[t] > 0 AND clock > c[s] THEN
                            due := ((most - x) * per - y - 1) / term_rate[t] + 1; -- until it is full
                            IF clock - c[s] >= due THEN
                                x := most;
                                y := 0;
                            ELSE
                                y := (clock - c[s]) * term_rate[t] + y;
                                x := x + y / per;
                                y := y % per;
                            END IF;
                        END IF;
                    END IF;
                    tokens[t] := x;
                    part[t] := y;
                    seen[t] := version[s];
                END IF;
                fits := n <= tokens[t];
            ELSIF n > 0 THEN
                IF term_max[t] >= most_units THEN
                    fits := n <= most_units - a[s];
                ELSE
                    fits := n <= least(greatest(term_max[t] + b[s], 0), most_units) - a[s];
                END IF;
            END IF;
            fits := fits OR setting OR term_soft[t] = 1;
            EXIT WHEN NOT fits;
        END LOOP;
        IF NOT fits THEN
            i := after;
            CONTINUE;
        END IF;

        decided[decision] := 1;
        FOR j IN first .. after - 1 BY 2 LOOP
            t := charges[j];
            n := charges[j + 1];
            CONTINUE WHEN n = 0 AND NOT setting;
            s := term_states[t];
            IF term_per[t] > 0 THEN
                most := term_max[t];
                x := tokens[t];
                IF setting THEN
                    x := least(greatest(n, 0), most);
                    part[t] := 0;
                ELSIF n < x - most THEN
                    x := most;
                ELSIF n <= x THEN
                    x := x - n;
                END IF; -- otherwise the meter is soft, and keeps its tokens
                IF x = most THEN
                    part[t] := 0;
                END IF;
                tokens[t] := x;
                a[s] := x;
                b[s] := part[t];
                c[s] := greatest(c[s], clock);
                d[s] := term_per[t];
                version[s] := version[s] + 1;
                seen[t] := version[s];
                changed_buckets := true;
            ELSE
                IF setting THEN
                    CONTINUE WHEN term_max[t] >= most_units;
                    b[s] := least(greatest(n, 0), most_units - a[s]) + a[s] - term_max[t];
                ELSIF n > 0 THEN
                    a[s] := a[s] + least(n, most_units - a[s]); -- a soft window counts on above its limit
                    IF term_span[t] > c[s] THEN
                        c[s] := term_span[t];
                    END IF;
                ELSE
                    a[s] := greatest(a[s] + n, 0);
                END IF;
                changed_windows := true;
            END IF;
            writer[s] := t;
        END LOOP;
        i := after;
    END LOOP;

    IF changed_buckets THEN
        INSERT INTO ration_buckets AS o (subject, name, tokens, part, per, updated, full_by)
        SELECT k.subject, k.name, k.a, k.b, k.d, k.c, CASE
            WHEN k.a >= term_max[k.t] THEN k.c / 3600000000 * 3600 + 3600
            WHEN term_rate[k.t] > 0 THEN (k.c + ((term_max[k.t] - k.a) * k.d - k.b - 1) / term_rate[k.t] + 1) / 3600000000 * 3600 + 3600
            END
        FROM unnest(bucket_subjects, bucket_names, a[:buckets], b[:buckets], c[:buckets], d[:buckets], writer[:buckets])
            AS k (subject, name, a, b, c, d, t)
        WHERE k.t > 0
        ON CONFLICT (subject, name) DO UPDATE
        SET tokens = excluded.tokens, part = excluded.part, per = excluded.per, updated = excluded.updated, full_by = excluded.full_by;
    END IF;
    IF changed_windows THEN
        INSERT INTO ration_windows AS o (subject, name, start, ends, used, extra, last_span, kept_until)
        SELECT k.subject, k.name, k.start, term_ends[k.t], k.a, k.b, k.c, term_kept_until[k.t]
        FROM unnest(window_subjects, window_names, window_starts, a[buckets + 1:], b[buckets + 1:], c[buckets + 1:], writer[buckets + 1:])
            AS k (subject, name, start, a, b, c, t)
        WHERE k.t > 0
        ON CONFLICT (subject, name, start) DO UPDATE
        SET ends = excluded.ends, used = excluded.used, extra = excluded.extra, last_span = excluded.last_span,
            kept_until = greatest(o.kept_until, excluded.kept_until);
    END IF;

    -- Reads and refusals make no subject, and do not wait for the disk.
    IF cardinality(fresh) > 0 THEN
        DELETE FROM ration_subjects AS o WHERE o.subject = ANY (fresh)
            AND NOT EXISTS (SELECT FROM ration_buckets AS k WHERE k.subject = o.subject)
            AND NOT EXISTS (SELECT FROM ration_windows AS k WHERE k.subject = o.subject);
    END IF;
    IF NOT changed_buckets AND NOT changed_windows THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
END
$$;
COMMENT ON FUNCTION ration_take IS 'Decides a batch of charges in one transaction.';

-- ration_move closes a subject and gives its state to another.
CREATE FUNCTION ration_move(
    source      text,
    target      text,
    at          bigint,   -- the clock of the caller, in Unix microseconds
    life        bigint,   -- how long the source stays closed, in seconds
    grace       bigint,   -- how long after its end a state counts, in seconds
    OUT outcome text,     -- moved, closed (another), or used (the target)
    OUT other   text      -- where the source has moved already
)
    LANGUAGE plpgsql VOLATILE
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET jit = off
AS $$
DECLARE
    clock  bigint;
    before bigint;
    fresh  text[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE 'transaction_isolation: %: want read committed', current_setting('transaction_isolation')
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Set default_transaction_isolation for the role of the pool, or in its connection string.';
    END IF;
    WITH made AS (
        INSERT INTO ration_subjects AS o (subject)
        SELECT k.subject FROM unnest(ARRAY[source, target]) AS k (subject) ORDER BY k.subject COLLATE "C"
        ON CONFLICT (subject) DO UPDATE SET subject = o.subject WHERE false
        RETURNING o.subject
    ) SELECT array_agg(subject) INTO fresh FROM made;

    SELECT moved_to INTO other FROM ration_subjects WHERE subject = source;
    IF other IS NOT NULL THEN
        outcome := CASE WHEN other = target THEN 'moved' ELSE 'closed' END;
    ELSE
        clock := ration_clock();
        before := least(clock, at) / 1000000 - grace;
        DELETE FROM ration_buckets WHERE subject = target AND full_by < before;
        DELETE FROM ration_windows WHERE subject = target AND kept_until < before;
        IF EXISTS (SELECT FROM ration_buckets WHERE subject = target)
            OR EXISTS (SELECT FROM ration_windows WHERE subject = target) THEN
            outcome := 'used';
        END IF;
    END IF;
    IF outcome IS NOT NULL THEN
        DELETE FROM ration_subjects WHERE subject = ANY (fresh);
        RETURN;
    END IF;

    outcome := 'moved';
    UPDATE ration_buckets SET subject = target WHERE subject = source;
    UPDATE ration_windows SET subject = target WHERE subject = source;
    UPDATE ration_subjects SET moved_to = NULL, closed_until = NULL WHERE subject = target;
    UPDATE ration_subjects SET moved_to = target, closed_until = greatest(clock, at) / 1000000 + life + 1 WHERE subject = source;

    -- Without a state, nothing would ever have Prune delete the row of the target.
    DELETE FROM ration_subjects AS o WHERE o.subject = target
        AND NOT EXISTS (SELECT FROM ration_buckets AS k WHERE k.subject = o.subject)
        AND NOT EXISTS (SELECT FROM ration_windows AS k WHERE k.subject = o.subject);
END
$$;
COMMENT ON FUNCTION ration_move IS 'Closes a subject and gives its state to another.';

-- ration_prune deletes up to limit_rows rows of each table that are of no use since some
-- time. It locks their subjects first, as a charge does.
CREATE FUNCTION ration_prune(before bigint, limit_rows integer, OUT deleted bigint)
    LANGUAGE plpgsql VOLATILE
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
AS $$
DECLARE
    due    text[];
    locked text[];
    n      bigint;
BEGIN
    SELECT array_agg(DISTINCT k.subject) INTO due FROM (
        (SELECT subject FROM ration_windows WHERE kept_until < before ORDER BY kept_until LIMIT limit_rows)
        UNION ALL
        (SELECT subject FROM ration_buckets WHERE full_by < before ORDER BY full_by LIMIT limit_rows)
        UNION ALL
        (SELECT subject FROM ration_subjects WHERE closed_until < before ORDER BY closed_until LIMIT limit_rows)
    ) AS k;
    SELECT array_agg(k.subject) INTO locked FROM (
        SELECT o.subject FROM ration_subjects AS o WHERE o.subject = ANY (due) ORDER BY o.subject FOR UPDATE
    ) AS k;

    DELETE FROM ration_windows AS o USING (
        SELECT k.subject, k.name, k.start FROM ration_windows AS k WHERE k.kept_until < before ORDER BY k.kept_until LIMIT limit_rows
    ) AS k
    WHERE o.subject = k.subject AND o.name = k.name AND o.start = k.start AND o.kept_until < before AND o.subject = ANY (locked);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    DELETE FROM ration_buckets AS o USING (
        SELECT k.subject, k.name FROM ration_buckets AS k WHERE k.full_by < before ORDER BY k.full_by LIMIT limit_rows
    ) AS k
    WHERE o.subject = k.subject AND o.name = k.name AND o.full_by < before AND o.subject = ANY (locked);
    GET DIAGNOSTICS n = ROW_COUNT;
    deleted := deleted + n;

    -- The rows of subjects that have no state any more, and of subjects that may open again.
    DELETE FROM ration_subjects AS o WHERE o.subject = ANY (locked) AND (o.moved_to IS NULL OR o.closed_until < before)
        AND NOT EXISTS (SELECT FROM ration_buckets AS k WHERE k.subject = o.subject)
        AND NOT EXISTS (SELECT FROM ration_windows AS k WHERE k.subject = o.subject);
    GET DIAGNOSTICS n = ROW_COUNT;
    deleted := deleted + n;
END
$$;
COMMENT ON FUNCTION ration_prune IS 'Deletes rows that are of no use, in one small transaction.';
