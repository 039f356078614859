-- What the keys may be used for, and from where.

ALTER TABLE ration_keys ADD COLUMN scopes jsonb, ADD COLUMN networks jsonb;
COMMENT ON COLUMN ration_keys.scopes IS 'an array of the scopes that the key has';
COMMENT ON COLUMN ration_keys.networks IS 'an array of the prefixes of addresses that the key may be used from; NULL: every address';
