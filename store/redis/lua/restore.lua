-- Restores what another store has kept of a subject. KEYS are its value and its two hashes.
-- ARGV[1] is "moved", followed by the subject to which this one has moved and the second
-- until which it is closed. Otherwise it is "states", followed by three texts for each
-- state: its name and its statics, as in a value, and its numbers.
--> struct.lua
--> begin.lua
local at = clock
--> subject.lua
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

-- later reports whether the numbers a supersede the numbers b of the same meter.
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

-- The meters that the value holds, as a list and by name.
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

-- aside has the fields of the hashes that are written, and how long each hash must live.
local aside = { { fields = {}, life = 0 }, { fields = {}, life = 0 } }

-- putAside puts a state into a hash, unless the hash has one that supersedes it.
local function putAside(i, field, e, entry, size, life)
  local held = aside[i].fields[field] or redis.call('HGET', KEYS[i + 1], field)
  if held and #held == size then
    local per = e.window and 1 or decode('<d', held, 26)
    if not later(e.window, e.state, e.x, sub(held, 2, 25), per) then return end
  end
  aside[i].fields[field] = entry
  aside[i].life = max(aside[i].life, min(life, MAX))
end

-- endWindow puts a window into the hash of those that have ended.
local function endWindow(e)
  local left = e.y * 1000000 - clock
  if dead(false, 0, e.y) then return end
  longest = max(longest, min(left, MAX))
  putAside(1, sub(e.id, 3, -2) .. sub(e.static, 1, 8), e, '\1' .. e.state .. encode('<d', e.y), 33, left + HOUR)
end

-- isPast reports whether the hash of ended windows has a state of e that supersedes it.
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

-- A window that was put aside lengthens the life of the value, too.
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
