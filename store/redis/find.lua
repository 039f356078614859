-- The record of the key that has a digest, or nothing. KEYS: the digests, the keys. ARGV: the digest.
local name = redis.call('HGET', KEYS[1], ARGV[1])
return name and redis.call('HGET', KEYS[2], name)
