-- What the keys may be used for, and from where.

ALTER TABLE ration_keys ADD COLUMN scopes TEXT CHECK (json_valid(scopes));     -- a JSON array of scopes
ALTER TABLE ration_keys ADD COLUMN networks TEXT CHECK (json_valid(networks)); -- a JSON array of prefixes of addresses; NULL: every address
