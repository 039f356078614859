-- What the scripts of a whole subject share: its value, its mark, and when nothing is lost
-- with it. at is the caller's clock (µs).
local MARK, VALUE = 'M\2', 'R\2'
local MOVED, LEAVING, ARRIVING, ARRIVED = '0', '1', '2', '3'
local HOUR, FOREVER = 3600000000, 2 ^ 60
local sub, char = string.sub, string.char

local written = false -- whether the step has changed anything

-- write runs a command that changes something.
local function write(...)
  local reply = redis.call(...)
  written = true
  return reply
end

local function count(s, pos)
  local high, low = byte(s, pos, pos + 1)
  return (high - 128) * 128 + low - 128
end

-- mark returns the value of a subject that is closed: its phase, the other subject of the
-- Move, and what is kept in it.
local function mark(phase, other, kept)
  return MARK .. phase .. char(128 + math.floor(#other / 128), 128 + #other % 128) .. other .. kept
end

-- read returns the value of a key, and of a mark its phase, other subject and what it keeps.
-- Without a value it returns an empty string. It returns nothing for a value that it does
-- not know.
local function read(key)
  local value = redis.call('GET', key)
  if not value then return '' end
  if #value > 5 and sub(value, 1, 2) == MARK then
    local n = count(value, 4)
    return value, sub(value, 3, 3), sub(value, 6, 5 + n), sub(value, 6 + n)
  end
  if #value > 12 and sub(value, 1, 2) == VALUE and #value - 40 * count(value, 3) - 9 >= 4 then return value, nil, nil, '' end
  return nil
end

-- dead reports whether a state need not be kept. It is the same as for a charge.
local function dead(bucket, last, y)
  if bucket then return clock > last + y end
  return math.min(clock, at) > y * 1000000 + HOUR
end

-- spent reports whether nothing is lost with a subject.
local function spent(value, hashes)
  local pos, n = 5, value ~= '' and count(value, 3) or 0
  local numbers = #value - 24 * n
  local statics = numbers - 9 - 16 * n
  for i = 1, n do
    local id
    id, pos = string.match(value, '^(\n%a[^\n]*\n)..()', pos)
    local _, y = decode('<dd', value, statics + 16 * i - 15)
    if not dead(byte(id, 2, 2) ~= byte('w'), decode('<d', value, numbers + 24 * i - 7), y) then return false end
  end
  for _, hash in ipairs(hashes) do
    local entries = redis.call('HGETALL', hash)
    for i = 2, #entries, 2 do
      local e = entries[i]
      if #e == 33 and not dead(false, 0, decode('<d', e, 26)) then return false end
      if #e == 41 and not dead(true, decode('<d', e, 18), decode('<d', e, 34)) then return false end
    end
  end
  return true
end

local function closed(i, phase, other) return { 'CLOSED', tostring(i), phase, other } end

-- setFor sets a key for a time in milliseconds. A negative time has no end.
local function setFor(key, value, ms)
  if tonumber(ms) < 0 then
    write('SET', key, value)
  else
    write('SET', key, value, 'PX', ms)
  end
end

-- setUntil sets the value of an open subject. It expires when its tail says.
local function setUntil(key, value)
  local dies = decode('<d', value, #value - 24 * count(value, 3) - 7)
  setFor(key, value, dies < FOREVER and string.format('%.0f', math.max(math.ceil((dies - clock) / 1000), 1)) or -1)
end
