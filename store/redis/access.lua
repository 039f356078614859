-- All that is known of one key, at one instant. KEYS: the digests, the keys, the links, the plans. ARGV: what the key is found
-- by, digest or id; that; how the name of the plans that a key is linked to begins, which is in the slot of the others.
-- The reply: nothing, or the record of the key, and for each of its links, oldest first, the record of the link and that of its
-- plan, or nothing where there is no such plan.
local by, name, order = unpack(ARGV)
if by == 'digest' then name = redis.call('HGET', KEYS[1], name) end
local record = name and redis.call('HGET', KEYS[2], name)
if not record then return false end
-- That name depends on what was found, so it cannot be among the KEYS. While a Cluster moves the slot it may be elsewhere.
local plans = redis.pcall('ZRANGE', order .. name, 0, -1)
if plans.err then
  if not string.find(plans.err, 'non local key', 1, true) then return plans end
  return redis.error_reply('TRYAGAIN the slot of the directory is being moved')
end
local reply = { record }
for _, plan in ipairs(plans) do
  reply[#reply + 1] = redis.call('HGET', KEYS[3], #plan .. ':' .. plan .. name) or ''
  reply[#reply + 1] = redis.call('HGET', KEYS[4], plan)
end
return reply
