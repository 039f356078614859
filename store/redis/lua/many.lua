-- Many decisions, one after the other, each for one subject or more. KEYS are the values of
-- the subjects, each once. ARGV[1] has the decisions. Then come the distinct terms of their
-- parts, three arguments each: a head, its length, and the figures without the units. A
-- decision is the number of its parts, and for each part the index of its key, the index of
-- its terms, and the units for each meter.
--
-- The reply is all replies in one string. The reply of a decision is a tail for each part.
-- If the decision failed it is the byte 2, a length and the error. If a subject is closed
-- it is the byte 3, a length, the index of its part, and the mark's phase and text.
--> struct.lua
--> begin.lua
local tails, heads, changed, checked = {}, {}, {}, {}
local values = redis.call('MGET', unpack(KEYS))

-- slowPath returns what the fast path does not need, since most calls never make it.
local function slowPath()
  --> read.lua
  --> decide.lua
  --> patch.lua
  --> write.lua
  return try, commit, write
end
local try, commit, write

-- readTerms returns the terms at an index: for a common shape its figures, to be decoded
-- once a call.
local terms = {}
local function readTerms(index)
  local figures, head = ARGV[3 * index + 4], ARGV[3 * index + 2]
  local high, low = byte(head, 3, 4)
  local size = (high - 128) * 128 + low - 128
  local t = { byte(figures, 1, 1), 0, 0, 0, 1, 0, 0, 0, 0, head, #head + 9 + 24 * size, 8 * size, ARGV[3 * index + 3], figures }
  if t[1] == 4 then
    t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9] = decode('<dddddddd', figures, 10)
  elseif t[1] == 3 then
    t[2], t[3], t[4], t[5], t[6], t[7] = decode('<dddddd', figures, 10)
  elseif t[1] == 2 then
    t[2], t[6], t[7] = decode('<ddd', figures, 10)
  elseif t[1] == 1 then
    t[2], t[3], t[4], t[5] = decode('<dddd', figures, 10)
  end
  terms[index] = t
  return t
end

-- quick returns the tail of a part, and whether the charge fits, or nothing. The units are
-- in records at pos.
local function quick(k, t, records, pos, denied)
  local shape, text, from, head = t[1], tails[k], 2, t[10]
  if shape > 4 then return nil end
  if heads[k] ~= head then
    local value = values[k]
    if text or not value or #value ~= t[11] or find(value, head, 1, true) ~= 1 then return nil end
    heads[k] = head
  end
  if not text then text, from = values[k], #head + 2 end
  local n, n1, n2 = 0, 0, 0
  if shape == 4 then
    n, n1, n2 = decode('<ddd', records, pos)
  elseif shape == 3 then
    n, n1 = decode('<dd', records, pos)
  elseif shape == 2 then
    n1 = decode('<d', records, pos)
  else
    n = decode('<d', records, pos)
  end
  local life, max, rate, per, max1, span1, max2, span2 = t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9]
  --> state.lua
  --> quick.lua
  return tail, ok
end

-- general returns the reply of a part on the slow path, whether the charge fits (1 or 0),
-- and the part. Otherwise it returns nil and an error.
local function general(k, t, records, pos, denied)
  if not try then try, commit, write = slowPath() end
  return try(k, t[10], t[14], records, pos, denied)
end

-- fail returns the reply of a decision in whose i-th part something failed.
local function fail(i, err)
  if byte(err, 1, 1) == 3 then return '\3' .. encode('<d', #err) .. string.char(i - 1) .. string.sub(err, 2) end
  return encode('<Bd', 2, #err) .. err
end

local offsets = {}
local function accept(k, t, tail, part)
  if part then
    commit(part)
  else
    tails[k], changed[k], offsets[k] = tail, true, t[13]
  end
end

local records, pos, replies, size = ARGV[1], 1, {}, 0
local keys, its, starts, parts = {}, {}, {}, {}
while pos <= #records do
  local count, first, all, failed = byte(records, pos, pos), size, 1, nil
  pos = pos + 1
  for i = 1, count do
    local a, b, c, d = byte(records, pos, pos + 3)
    local k, index = (a - 128) * 128 + b - 127, (c - 128) * 128 + d - 128
    local t = terms[index] or readTerms(index)
    local tail, ok = quick(k, t, records, pos + 4, false)
    local part = false
    if not tail then tail, ok, part = general(k, t, records, pos + 4, false) end
    if count == 1 then
      if ok == 1 then accept(k, t, tail, part) end
    else
      keys[i], its[i], starts[i], parts[i] = k, t, pos + 4, part
    end
    if not tail then
      failed, ok = failed or fail(i, ok), 0
    end
    if ok ~= 1 then all = 0 end
    size = size + 1
    replies[size] = tail
    pos = pos + 4 + t[12]
  end
  if failed then
    size = first + 1
    replies[size] = failed
  elseif count > 1 and all == 1 then
    for i = 1, count do
      local k, t, part = keys[i], its[i], parts[i]
      if part then
        commit(part)
      else
        tails[k], changed[k], offsets[k] = replies[first + i], true, t[13]
      end
    end
  elseif count > 1 then -- a part that has room shows its state without the charge
    for i = 1, count do
      if byte(replies[first + i], 1, 1) == 1 then
        replies[first + i] = quick(keys[i], its[i], records, starts[i], true) or
          general(keys[i], its[i], records, starts[i], true)
      end
    end
  end
end

-- The values that only the fast path has changed. What can fail has come before.
local written, err = false, nil
if write then written, err = write() end
for k = 1, #KEYS do
  if err then break end
  if changed[k] and tails[k] then
    local reply = redis.pcall('SETRANGE', KEYS[k], offsets[k], tails[k])
    if type(reply) == 'table' then err = reply.err else written = true end
  end
end
if err then return redis.error_reply(written and 'WRITE of a part of the call: ' .. err or err) end
return table.concat(replies, '', 1, size)
