-- Code generated from lua/restore.lua by go generate. DO NOT EDIT.
local struct = rawget(_G, 'struct')
if not struct then
  local function double(x)
    if x == 0 then return '\0\0\0\0\0\0\0\0' end
    local sign, bytes = 0, {}
    if x < 0 then sign, x = 128, -x end
    local mantissa, exponent = math.frexp(x)
    mantissa, exponent = (mantissa * 2 - 1) * 2 ^ 52, exponent + 1022
    for i = 1, 6 do
      bytes[i] = mantissa % 256
      mantissa = (mantissa - bytes[i]) / 256
    end
    return string.char(unpack(bytes)) .. string.char(exponent % 16 * 16 + mantissa, sign + math.floor(exponent / 16))
  end
  local function number(s, pos)
    local a, b, c, d, e, f, g, h = string.byte(s, pos, pos + 7)
    local sign = 1
    if h > 127 then sign, h = -1, h - 128 end
    if g + h == 0 then return 0 end
    local low = g % 16
    local mantissa = ((((((low * 256 + f) * 256 + e) * 256 + d) * 256 + c) * 256 + b) * 256 + a) / 2 ^ 52
    return sign * (1 + mantissa) * 2 ^ (h * 16 + (g - low) / 16 - 1023)
  end
  struct = {}
  function struct.pack(format, ...)
    local values, out = { ... }, {}
    for i = 1, #values do
      out[i] = string.byte(format, i + 1) == 66 and string.char(values[i]) or double(values[i])
    end
    return table.concat(out)
  end
  function struct.unpack(format, s, pos)
    local out, size = {}, #format - 1
    for i = 1, size do
      if string.byte(format, i + 1) == 66 then
        out[i], pos = string.byte(s, pos, pos), pos + 1
      else
        out[i], pos = number(s, pos), pos + 8
      end
    end
    out[size + 1] = pos
    return unpack(out)
  end
end
local encode, decode, find, byte = struct.pack, struct.unpack, string.find, string.byte
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
local at = clock
local MARK, VALUE = 'M\2', 'R\2'
local MOVED, LEAVING, ARRIVING, ARRIVED = '0', '1', '2', '3'
local HOUR, FOREVER = 3600000000, 2 ^ 60
local sub, char = string.sub, string.char
local written = false -- whether the step has changed anything
local function write(...)
  local reply = redis.call(...)
  written = true
  return reply
end
local function count(s, pos)
  local high, low = byte(s, pos, pos + 1)
  return (high - 128) * 128 + low - 128
end
local function mark(phase, other, kept)
  return MARK .. phase .. char(128 + math.floor(#other / 128), 128 + #other % 128) .. other .. kept
end
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
local function dead(bucket, last, y)
  if bucket then return clock > last + y end
  return math.min(clock, at) > y * 1000000 + HOUR
end
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
local function setFor(key, value, ms)
  if tonumber(ms) < 0 then
    write('SET', key, value)
  else
    write('SET', key, value, 'PX', ms)
  end
end
local function setUntil(key, value)
  local dies = decode('<d', value, #value - 24 * count(value, 3) - 7)
  setFor(key, value, dies < FOREVER and string.format('%.0f', math.max(math.ceil((dies - clock) / 1000), 1)) or -1)
end
local MAX, RARE, WINDOW = 2 ^ 53 - 1, byte('rw', 1, 2)
local max, min = math.max, math.min
local value, phase, other = read(KEYS[1])
if not value then return redis.error_reply('LAYOUT of the value: not one that this version of the store reads') end
local function milliseconds(us) return string.format('%.0f', math.ceil(min(us, MAX) / 1000)) end
if ARGV[1] == 'moved' then
  local to, left = ARGV[2], tonumber(ARGV[3]) * 1000000 - clock
  if phase == MOVED and other == to then left = max(left, redis.call('PTTL', KEYS[1]) * 1000) end
  if phase and not (phase == MOVED and other == to) then return closed(0, phase, other) end
  if not phase and not spent(value, { KEYS[2], KEYS[3] }) then return { 'USED' } end
  if left > 0 then
    write('DEL', KEYS[2], KEYS[3])
    setFor(KEYS[1], mark(MOVED, to, ''), milliseconds(left))
  end
  return { 'OK' }
end
if phase then return closed(0, phase, other) end
local function later(window, a, perA, b, perB)
  local x, y, z = decode('<ddd', a, 1)
  local u, v, w = decode('<ddd', b, 1)
  if window then
    if x ~= u then return x > u end
    if y ~= v then return y < v end
    return z > w
  end
  if z ~= w then return z > w end
  if x ~= u then return x < u end
  return y / perA < v / perB
end
local entries, live, pos, stored = {}, {}, 5, value ~= '' and count(value, 3) or 0
local numbers = #value - 24 * stored
local longest = 0 -- how long the value must live (µs)
local function meter(id, static, state)
  local e = { id = id, static = static, state = state, window = byte(id, 2, 2) == WINDOW }
  e.x, e.y = decode('<dd', static, 1)
  return e
end
for i = 1, stored do
  local id
  id, pos = string.match(value, '^(\n%a[^\n]*\n)..()', pos)
  local static = numbers - 9 - 16 * stored + 16 * i
  entries[i] = meter(id, sub(value, static - 15, static), sub(value, numbers + 24 * i - 23, numbers + 24 * i))
  live[id] = entries[i]
end
local aside = { { fields = {}, life = 0 }, { fields = {}, life = 0 } }
local function putAside(i, field, e, entry, size, life)
  local held = aside[i].fields[field] or redis.call('HGET', KEYS[i + 1], field)
  if held and #held == size then
    local per = e.window and 1 or decode('<d', held, 26)
    if not later(e.window, e.state, e.x, sub(held, 2, 25), per) then return end
  end
  aside[i].fields[field] = entry
  aside[i].life = max(aside[i].life, min(life, MAX))
end
local function endWindow(e)
  local left = e.y * 1000000 - clock
  if dead(false, 0, e.y) then return end
  longest = max(longest, min(left, MAX))
  putAside(1, sub(e.id, 3, -2) .. sub(e.static, 1, 8), e, '\1' .. e.state .. encode('<d', e.y), 33, left + HOUR)
end
local function isPast(e)
  local held = value ~= '' and e.window and redis.call('HGET', KEYS[2], sub(e.id, 3, -2) .. sub(e.static, 1, 8))
  return held and #held == 33 and not later(true, e.state, 1, sub(held, 2, 25), 1)
end
local function put(e)
  if byte(e.id, 2, 2) == RARE then
    return putAside(2, sub(e.id, 3), e, '\2' .. e.state .. e.static, 41, e.y + min(e.y, HOUR))
  end
  local held = live[e.id]
  if held and e.window and held.x > e.x then return endWindow(e) end
  if held and e.window and held.x < e.x then
    endWindow(held)
  elseif held and not later(e.window, e.state, e.x, held.state, held.x) then
    return
  end
  if not held and isPast(e) then return end
  if not held then entries[#entries + 1] = e end
  live[e.id] = e
  return true
end
local changed = false
for i = 2, #ARGV, 3 do
  changed = put(meter(ARGV[i], ARGV[i + 1], ARGV[i + 2])) or changed
end
for i, a in ipairs(aside) do
  local list = {}
  for field, entry in pairs(a.fields) do
    list[#list + 1], list[#list + 2] = field, entry
  end
  for j = 1, #list, 1000 do
    write('HSET', KEYS[i + 1], unpack(list, j, min(j + 999, #list)))
  end
  if #list > 0 and redis.call('PTTL', KEYS[i + 1]) * 1000 < a.life then write('PEXPIRE', KEYS[i + 1], milliseconds(a.life)) end
end
if not changed and longest == 0 then return { 'OK' } end
local names, statics, states = {}, {}, {}
for _, e in ipairs(entries) do
  e = live[e.id]
  local i = #names
  names[i + 1] = e.id .. char(128 + math.floor(i / 128), 128 + i % 128)
  statics[i + 1], states[i + 1] = e.static, e.state
  longest = max(longest, e.window and e.y * 1000000 - clock or e.y)
end
local dies = stored > 0 and decode('<d', value, numbers - 7) or 0
dies = longest > MAX and FOREVER or max(dies, clock + longest + HOUR)
local new = VALUE .. char(128 + math.floor(#names / 128), 128 + #names % 128) .. table.concat(names) .. table.concat(statics) ..
  encode('<Bd', 1, dies) .. table.concat(states)
setFor(KEYS[1], new, dies < FOREVER and milliseconds(dies - clock) or '-1')
return { 'OK' }
