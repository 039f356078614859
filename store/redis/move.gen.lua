-- Code generated from lua/move.lua by go generate. DO NOT EDIT.
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
local step, from, to, at, life = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]) * 1000000, ARGV[5]
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
local value, phase, other, kept = read(KEYS[1])
if not value then return redis.error_reply('LAYOUT of the value: not one that this version of the store reads') end
local steps = {}
function steps.all()
  if phase == MOVED and other == to then return { 'OK' } end
  if phase then return closed(0, phase, other) end
  local target, itsPhase, itsOther = read(KEYS[4])
  if not target then return redis.error_reply('LAYOUT of the value: not one that this version of the store reads') end
  if itsPhase and itsPhase ~= MOVED then return closed(1, itsPhase, itsOther) end
  if not itsPhase and not spent(target, { KEYS[5], KEYS[6] }) then return { 'USED' } end
  for i = 1, 3 do
    if redis.call('EXISTS', KEYS[i]) == 1 then
      write('RENAME', KEYS[i], KEYS[i + 3])
    else
      write('DEL', KEYS[i + 3])
    end
  end
  setFor(KEYS[1], mark(MOVED, to, ''), life)
  return { 'OK' }
end
function steps.look()
  if not phase then
    for i = 2, 3 do
      local kind = redis.call('TYPE', KEYS[i]).ok
      if kind ~= 'none' and kind ~= 'hash' then return redis.error_reply('WRONGTYPE of a hash: it is a ' .. kind) end
    end
    return { 'OPEN' }
  end
  if other ~= to or phase ~= MOVED and phase ~= LEAVING then return closed(0, phase, other) end
  return { phase == MOVED and 'MOVED' or 'LEAVING' }
end
function steps.claim()
  if phase and phase ~= MOVED then
    if (phase == ARRIVING or phase == ARRIVED) and other == from then return { 'OK' } end
    return closed(1, phase, other)
  end
  if not phase and not spent(value, { KEYS[2], KEYS[3] }) then return { 'USED' } end
  setFor(KEYS[1], mark(ARRIVING, from, phase and value or ''), life)
  if not phase then write('DEL', KEYS[2], KEYS[3]) end
  return { 'OK' }
end
function steps.close()
  if phase == MOVED and other == to then return { 'MOVED' } end
  if phase and not (phase == LEAVING and other == to) then return closed(0, phase, other) end
  local state = phase and kept or value
  local reply = { 'OK', state }
  for i = 2, 3 do
    local entries = redis.call('HGETALL', KEYS[i])
    reply[#reply + 1] = tostring(redis.call('PTTL', KEYS[i]))
    reply[#reply + 1] = tostring(#entries)
    for _, text in ipairs(entries) do reply[#reply + 1] = text end
  end
  if not phase then
    local left = value == '' and 0 or redis.call('PTTL', KEYS[1])
    setFor(KEYS[1], mark(LEAVING, to, state), left < 0 and -1 or string.format('%.0f', math.max(left, tonumber(life))))
  end
  return reply
end
function steps.copy()
  if phase == ARRIVED and other == from then return { 'OK' } end
  if phase ~= ARRIVING or other ~= from then return { 'LOST' } end
  local i = 7
  for k = 2, 3 do
    local ms, n = ARGV[i], tonumber(ARGV[i + 1])
    write('DEL', KEYS[k])
    for j = i + 2, i + 1 + n, 1000 do
      write('HSET', KEYS[k], unpack(ARGV, j, math.min(j + 999, i + 1 + n)))
    end
    if n > 0 and tonumber(ms) > 0 then write('PEXPIRE', KEYS[k], ms) end
    i = i + 2 + n
  end
  write('SET', KEYS[1], mark(ARRIVED, from, ARGV[6]))
  return { 'OK' }
end
function steps.drop()
  if phase == LEAVING and other == to then
    write('DEL', KEYS[2], KEYS[3])
    setFor(KEYS[1], mark(MOVED, to, ''), life)
  end
  return { 'OK' }
end
function steps.open()
  if other ~= from or phase ~= ARRIVED and phase ~= ARRIVING then return { 'OK' } end
  if kept == '' then
    write('DEL', KEYS[1])
  elseif phase == ARRIVED then
    setUntil(KEYS[1], kept)
  else
    setFor(KEYS[1], kept, life)
  end
  return { 'OK' }
end
local done, reply = pcall(steps[step])
if done then return reply end
if written then return redis.error_reply('WRITE of a part of the move: ' .. (type(reply) == 'table' and reply.err or reply)) end
error(reply, 0)
