-- Code generated from lua/dump.lua by go generate. DO NOT EDIT.
local time = redis.call('TIME')
return { redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1]), time, redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]) }
