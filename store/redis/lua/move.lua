-- One step of a Move. move.go describes the steps, layout.go the marks. KEYS are the value
-- of the old subject with its two hashes, or those of the new subject, or both. ARGV[1] is
-- the step, ARGV[2] the old subject, ARGV[3] the new one, ARGV[4] the caller's clock (s),
-- ARGV[5] how long a mark lives (ms). The reply is a list: a word, and what the step found.
--> struct.lua
--> begin.lua
local step, from, to, at, life = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]) * 1000000, ARGV[5]
--> subject.lua

local value, phase, other, kept = read(KEYS[1])
if not value then return redis.error_reply('LAYOUT of the value: not one that this version of the store reads') end

local steps = {}

-- Everything at once, for one server.
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

-- The old subject: how far the Move is. Hashes that close could not read are found before
-- anything is changed.
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

-- The new subject: it is closed. A mark that it has already is kept.
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

-- The old subject: it is closed, and its state is kept in the mark. The reply has the state.
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

-- The new subject: it has the state, but is closed still. ARGV[6] on are as close replied.
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

-- The old subject: its state is dropped.
function steps.drop()
  if phase == LEAVING and other == to then
    write('DEL', KEYS[2], KEYS[3])
    setFor(KEYS[1], mark(MOVED, to, ''), life)
  end
  return { 'OK' }
end

-- The new subject: it is open. If nothing was copied it is again what it was before.
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
