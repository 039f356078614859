-- The audit log: who changed which key, plan, group, link or allowance.

CREATE TABLE ration_history (
    seq          bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ration_history_seq) PRIMARY KEY,
    at           timestamptz NOT NULL,
    actor_kind   text COLLATE "C" NOT NULL DEFAULT '',
    actor_name   text COLLATE "C" NOT NULL DEFAULT '',
    action       text COLLATE "C" NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    state_before json,
    state_after  json
);
COMMENT ON TABLE ration_history IS 'The audit log. Adding an entry removes the oldest ones';
COMMENT ON COLUMN ration_history.seq IS 'numbers the entries in the order in which they were added';
COMMENT ON COLUMN ration_history.at IS 'when the change was recorded';
COMMENT ON COLUMN ration_history.actor_kind IS 'where actor_name is from, such as aws';
COMMENT ON COLUMN ration_history.actor_name IS 'who made the change';
COMMENT ON COLUMN ration_history.action IS 'such as rotate';
COMMENT ON COLUMN ration_history.kind IS 'key, plan, group, link or allowance';
COMMENT ON COLUMN ration_history.id IS 'an ID, or several with / between them';
COMMENT ON COLUMN ration_history.state_before IS 'the thing before the change; NULL: it was created';
COMMENT ON COLUMN ration_history.state_after IS 'the thing after the change; NULL: it was deleted';

CREATE INDEX ration_history_at ON ration_history (at);
