-- The records of all links of a key, oldest first. KEYS: the plans that it is linked to, the links. ARGV: the key's id.
local reply = redis.call('ZRANGE', KEYS[1], 0, -1)
for i, plan in ipairs(reply) do
  reply[i] = redis.call('HGET', KEYS[2], #plan .. ':' .. plan .. ARGV[1]) or ''
end
return reply
