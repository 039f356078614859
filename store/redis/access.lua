-- All that is known of one key, at one instant. text.lua and groups.lua follow this text.
--
-- KEYS: the digests, the keys, the links, the plans. ARGV: what the key is found by, digest or id; that; how the names of the
-- directory begin. The reply: nothing, or these parts:
--
--   the record of the key
--   for each of its links, oldest first: the record of the link and that of its plan
--   only if the key is in a group, a list: for its group, and each one above, the record of the group and that of its plan
--
-- Nothing stands in place of a plan that does not exist or that is in the reply already.
local by, name, directory = unpack(ARGV)
if by == 'digest' then name = redis.call('HGET', KEYS[1], name) end
local record = name and redis.call('HGET', KEYS[2], name)
if not record then return false end

-- Returns the error of a command whose key is not among the KEYS. While a Cluster moves the slot, that key may be elsewhere.
local function failure(reply)
  if not string.find(reply.err, 'non local key', 1, true) then return reply end
  return redis.error_reply('TRYAGAIN the slot of the directory is being moved')
end

-- The name depends on what was found, so it cannot be among the KEYS.
local plans = redis.pcall('ZRANGE', directory .. 'links-of-key:' .. name, 0, -1)
if plans.err then return failure(plans) end
local reply = { record }
for _, plan in ipairs(plans) do
  reply[#reply + 1] = redis.call('HGET', KEYS[3], #plan .. ':' .. plan .. name) or ''
  reply[#reply + 1] = redis.call('HGET', KEYS[4], plan)
end

-- The length of the group's id follows the head and the digests. Most keys are in no group, and are done here.
if string.sub(record, 74, 77) == '\0\0\0\0' then return reply end
