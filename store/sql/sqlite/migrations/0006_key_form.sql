-- Which releases may read a key.

ALTER TABLE ration_keys ADD COLUMN form INTEGER NOT NULL DEFAULT 0; -- more than 0: the key has a restriction that older releases do not know, and they refuse it
