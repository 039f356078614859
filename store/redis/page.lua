-- A page of a listing, newest first. text.lua stands before this text.
--
-- KEYS: the last number given, the order, the records. ARGV: where to begin, how many records to look at and to return, what
-- their names have before the members of the order, where the texts of a record begin. Then what is wanted of each text: any,
-- or = and all of it, or ^ and how it begins. Without a filter there are none of these.
-- The reply: the last number, the number below which the next page begins or nothing, and the records.
local from, look, limit, before, texts = unpack(ARGV)

local first, filter = tonumber(texts), {}
for i = 6, #ARGV do filter[i - 5] = { how = string.sub(ARGV[i], 1, 1), text = string.sub(ARGV[i], 2) } end

-- Whether the filter selects a record. The caller judges other layouts, and records that are cut.
local function wanted(record)
  if string.byte(record, 1, 1) ~= 1 then return true end
  local value, stop = nil, first
  for _, want in ipairs(filter) do
    value, stop = text(record, stop)
    if not value then return true end
    if want.how == '^' then value = string.sub(value, 1, #want.text) end
    if want.how ~= '' and value ~= want.text then return false end
  end
  return true
end

local items = redis.call('ZREVRANGEBYSCORE', KEYS[2], from, '-inf', 'WITHSCORES', 'LIMIT', 0, look + 1)
local reply = { redis.call('GET', KEYS[1]) or '0', '' }
for i = 1, #items, 2 do
  if i > 2 * look or #reply == limit + 2 then
    reply[2] = items[i - 1]
    break
  end
  local record = redis.call('HGET', KEYS[3], before .. items[i]) or ''
  if wanted(record) then reply[#reply + 1] = record end
end
return reply
