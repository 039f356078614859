-- When the secret of a key replaced another one.

ALTER TABLE ration_keys ADD COLUMN rotated TEXT; -- NULL: it is the first, or older than this column
