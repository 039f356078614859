-- Many decisions, one after the other, for a server that has all keys. KEYS are the subjects' values; a subject may be there
-- more than once. ARGV[1] has of each decision the index of its head, the length of its figures, and the figures;
-- ARGV[2] and so on are the heads, each with its length. The reply is all replies in one string; that of a decision that
-- failed is 2, a length and the error, and does nothing to the others.
local function take(key, head, offset, figures, pos, value)
  return common(key, head, offset, figures, pos, value) or loops(key, head, figures, pos, value)
end

local all, pos, replies, seen = ARGV[1], 1, {}, {}
local values = redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  local key, value = KEYS[i], values[i]
  local a, b, c, d = byte(all, pos, pos + 3)
  local index = 2 * ((a - 128) * 128 + b - 128)
  local ok, reply = true, nil
  if seen[key] or not value then -- it may be another by now, or of another type
    ok, value = pcall(redis.call, 'GET', key)
    reply = value
  end
  seen[key] = true
  if ok then ok, reply = pcall(take, key, ARGV[index + 2], ARGV[index + 3], all, pos + 4, value) end
  if not ok or type(reply) == 'table' then
    reply = type(reply) == 'table' and reply.err or reply
    reply = encode('<Bd', 2, #reply) .. reply
  end
  replies[i], pos = reply, pos + 4 + (c - 128) * 128 + d - 128
end
return table.concat(replies)
