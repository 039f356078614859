-- All that is kept of a subject. KEYS are its value and its two hashes. The reply has the
-- value, the milliseconds until it expires, the server's time, and the fields of the hashes.
local time = redis.call('TIME')
return { redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1]), time, redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]) }
