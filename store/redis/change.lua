-- One change of one record of the directory, with its indexes and its message: all of it, or nothing. directory.go
-- describes the keys, record.go the records.
--
-- KEYS: the last number given, the records, the digests, then the orders that list the record. ARGV: the verb, the channel
-- and what to say there, the record's name, the version that an update wants to find, or a deletion if it is not 0, the new
-- record, how many bytes of digests a record has, then the record's member in each order. The reply: OK, EXISTS, NOTFOUND or
-- CONFLICT.
local verb, channel, message, name, version, record, width = unpack(ARGV)
local LAYOUT, HEAD, ANY, NONE = 1, 9, string.rep('\0', 8), string.rep('\0', 32)

-- What can fail comes before the first write.
for i, key in ipairs(KEYS) do
  local is, wanted = redis.call('TYPE', key).ok, ({ 'string', 'hash', 'hash' })[i] or 'zset'
  if is ~= wanted and is ~= 'none' then
    return redis.error_reply('WRONGTYPE of ' .. key .. ': a ' .. is .. ': want a ' .. wanted)
  end
end

local stored = redis.call('HGET', KEYS[2], name)
if verb == 'insert' then
  if stored then return 'EXISTS' end
  stored = ''
elseif not stored then
  return 'NOTFOUND'
elseif string.byte(stored, 1, 1) ~= LAYOUT or #stored < HEAD + width then
  return redis.error_reply('LAYOUT of the record: not one that this version of the store changes')
elseif string.sub(stored, 2, HEAD) ~= version and (verb == 'update' or version ~= ANY) then
  return 'CONFLICT'
end

-- The digests in the head of a record, without those that are zero.
local function digests(of)
  local list = {}
  for i = HEAD + 1, HEAD + width, 32 do
    local digest = string.sub(of, i, i + 31)
    if digest ~= '' and digest ~= NONE then list[#list + 1] = digest end
  end
  return list
end

for _, digest in ipairs(digests(record)) do
  local owner = redis.call('HGET', KEYS[3], digest)
  if owner and owner ~= name then return 'EXISTS' end
end

-- The message comes first because a user may lack the right to the channel alone. Nobody reads before the script has ended.
redis.call('PUBLISH', channel, message)
if verb == 'insert' then
  local number = string.format('%.0f', redis.call('INCR', KEYS[1]))
  for i = 4, #KEYS do redis.call('ZADD', KEYS[i], number, ARGV[i + 4]) end
end
-- What a key has comes before what it loses: a user who may not do all of this must not lose a secret by it.
local kept = {}
for _, digest in ipairs(digests(record)) do
  kept[digest] = true
  redis.call('HSET', KEYS[3], digest, name)
end
for _, digest in ipairs(digests(stored)) do
  if not kept[digest] then redis.call('HDEL', KEYS[3], digest) end
end
if verb == 'delete' then
  for i = 4, #KEYS do redis.call('ZREM', KEYS[i], ARGV[i + 4]) end
  redis.call('HDEL', KEYS[2], name)
else
  redis.call('HSET', KEYS[2], name, record)
end
return 'OK'
