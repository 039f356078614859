-- A page of a listing, newest first. KEYS: the last number given, the order, the records. ARGV: where to begin, how many
-- records to look at and to return, what their names have before the members of the order, how a key's name must begin, and
-- whose it must be.
-- The reply: the last number, the number below which the next page begins or nothing, and the records.
local from, look, limit, before, prefix, customer = unpack(ARGV)

-- The text at pos, after its length, and where it ends.
local function text(record, pos)
  local a, b, c, d = string.byte(record, pos, pos + 3)
  if not d then return '', pos end
  local stop = pos + 4 + ((a * 256 + b) * 256 + c) * 256 + d
  return string.sub(record, pos + 4, stop - 1), stop
end

-- Whether a record is wanted: its name and its customer follow the head and the digests. The caller judges other layouts.
local function wanted(record)
  if prefix .. customer == '' or string.byte(record, 1, 1) ~= 1 or #record < 77 then return true end
  local name, stop = text(record, 74)
  return string.sub(name, 1, #prefix) == prefix and (customer == '' or text(record, stop) == customer)
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
