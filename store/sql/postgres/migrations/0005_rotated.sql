-- When the secret of a key replaced another one.

ALTER TABLE ration_keys ADD COLUMN rotated timestamptz;
COMMENT ON COLUMN ration_keys.rotated IS 'when the secret replaced another one; NULL: it is the first, or older than this column';
