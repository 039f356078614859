-- One decision for one subject. KEYS[1] is the subject's value. ARGV[1] is the head of a
-- value that holds the charge's meters and no others, ARGV[2] its length, ARGV[3] the
-- figures. The reply is a tail: whether the charge was applied, and the states of its
-- meters.
--
-- The hashes of the subject are not among the keys. Most subjects have none, and while a
-- Cluster moves a slot, every call that names a key that does not exist is refused.
--> struct.lua
--> begin.lua
local head, figures = ARGV[1], ARGV[3]
local value, shape = redis.call('GET', KEYS[1]), byte(figures, 1, 1)
--> refill.lua
if shape == 5 and value then
  --> list.lua
  local high, low = byte(head, 3, 4)
  local size = (high - 128) * 128 + low - 128
  if #value - #head == 9 + 24 * size and find(value, head, 1, true) == 1 then
    local units, life = 18 + 25 * size, decode('<d', figures, 10)
    local tail, ok = list({ decode('<' .. string.rep('Bddd', size), figures, 18) }, life, value, #head + 2, figures, units, false)
    if ok == 1 then redis.call('SETRANGE', KEYS[1], ARGV[2], tail) end
    if tail then return tail end
  end
elseif shape <= 4 and value and #value - #head == (shape == 4 and 81 or shape == 3 and 57 or 33) and
  find(value, head, 1, true) == 1 then
  -- No function, because a frame would cost as much as the arithmetic.
  local life, max, rate, per, max1, span1, max2, span2 = 0, 0, 0, 1, 0, 0, 0, 0
  local n, n1, n2, text, from, denied, ok, tail = 0, 0, 0, value, #head + 2, false, 0, nil
  if shape == 4 then
    life, max, rate, per, max1, span1, max2, span2, n, n1, n2 = decode('<ddddddddddd', figures, 10)
  elseif shape == 3 then
    life, max, rate, per, max1, span1, n, n1 = decode('<dddddddd', figures, 10)
  elseif shape == 2 then
    life, max1, span1, n1 = decode('<dddd', figures, 10)
  else
    life, max, rate, per, n = decode('<ddddd', figures, 10)
  end
  --> state.lua
  --> quick.lua
  if tail then
    if ok == 1 then redis.call('SETRANGE', KEYS[1], ARGV[2], tail) end
    return tail
  end
end

local values, tails, heads, checked, changed = { value }, {}, {}, { true }, {}
--> read.lua
--> decide.lua
--> patch.lua
--> write.lua
local size = 8 * count(head, 3)
local reply, ok, p = try(1, head, figures, figures, #figures - size + 1, false)
if not reply then
  if byte(ok, 1, 1) == byte(CLOSED, 1, 1) then return CLOSED .. encode('<d', #ok) .. '\0' .. sub(ok, 2) end
  return redis.error_reply(ok)
end
if ok == 1 then
  commit(p)
  local written, err = write()
  if err then return redis.error_reply(written and 'WRITE of a part of the call: ' .. err or err) end
end
return reply
