-- The audit log: who changed which key, plan, group, link or allowance.
--
-- seq numbers the entries in the order in which they were added. Texts and times are as in
-- the tables of keys and plans. Adding an entry removes the oldest ones.

CREATE TABLE ration_history (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    at           TEXT NOT NULL,            -- when the change was recorded
    actor_kind   TEXT NOT NULL DEFAULT '', -- where actor_name is from, such as aws
    actor_name   TEXT NOT NULL DEFAULT '',
    action       TEXT NOT NULL,            -- such as rotate
    kind         TEXT NOT NULL,            -- key, plan, group, link or allowance
    id           TEXT NOT NULL,            -- an ID, or several with '/' between them
    state_before TEXT,                     -- JSON; NULL: the thing was created
    state_after  TEXT,                     -- JSON; NULL: the thing was deleted
    CHECK (json_valid(state_before) AND json_valid(state_after))
) STRICT;

CREATE INDEX ration_history_at ON ration_history (at);
