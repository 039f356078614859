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
local subjects, call = KEYS, redis.pcall -- locals are found faster than globals
local values = redis.call('MGET', unpack(subjects))
--> refill.lua
--> list.lua

-- slowPath returns what the fast path does not need, since most calls never make it.
local function slowPath()
  --> read.lua
  --> decide.lua
  --> patch.lua
  --> write.lua
  return try, commit, write
end
local try, commit, write

-- readTerms returns the terms at an index: the figures of a common shape, decoded once a
-- call, and what both paths need. They are in the order in which the loop below has them.
local terms, offsets = {}, {}
local function readTerms(index)
  local head, figures = ARGV[3 * index + 2], ARGV[3 * index + 4]
  local high, low = byte(head, 3, 4)
  local meters = (high - 128) * 128 + low - 128
  local t = { byte(figures, 1, 1), head, figures, #head + 9 + 24 * meters, 8 * meters, 0, 0, 0, 1, 0, 0, 0, 0, false }
  if t[1] == 4 then
    t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13] = decode('<dddddddd', figures, 10)
  elseif t[1] == 3 then
    t[6], t[7], t[8], t[9], t[10], t[11] = decode('<dddddd', figures, 10)
  elseif t[1] == 2 then
    t[6], t[10], t[11] = decode('<ddd', figures, 10)
  elseif t[1] == 1 then
    t[6], t[7], t[8], t[9] = decode('<dddd', figures, 10)
  elseif t[1] == 5 then
    t[6], t[14] = decode('<d', figures, 10), { decode('<' .. string.rep('Bddd', meters), figures, 18) }
  end
  terms[index], offsets[head] = t, ARGV[3 * index + 3]
  return t
end

-- fail returns the reply of a decision in whose i-th part something failed.
local function fail(i, err)
  if byte(err, 1, 1) == 3 then return '\3' .. encode('<d', #err) .. string.char(i - 1) .. string.sub(err, 2) end
  return encode('<Bd', 2, #err) .. err
end

-- The fast path is no function, because a frame would cost as much as its arithmetic. The
-- terms of the last part stay decoded, since most parts have the same.
local records, pos, replies, size = ARGV[1], 1, {}, 0
local its, shape, head, figures, length, width, life, max, rate, per, max1, span1, max2, span2, listed
local keys, parts = {}, {}
while pos <= #records do
  local count, first, denied, at = byte(records, pos, pos), size, false, pos
  -- A decision of several parts that is refused is made twice. The second time every part is
  -- denied, so that a part that has room shows its state without the charge.
  repeat
    local all, failed, only = 1, nil, denied or count == 1
    size, at = first, pos + 1
    for i = 1, count do
      local a, b, c, d = byte(records, at, at + 3)
      local k, index = (a - 128) * 128 + b - 127, (c - 128) * 128 + d - 128
      if index ~= its then
        its = index
        shape, head, figures, length, width, life, max, rate, per, max1, span1, max2, span2, listed = unpack(terms[index] or readTerms(index))
      end
      local text, from, tail, ok, part = tails[k], 2, nil, 0, false
      if shape > 5 then
        text = nil
      elseif not text then
        text, from = values[k], #head + 2
        if text and heads[k] ~= head then
          if #text == length and find(text, head, 1, true) == 1 then heads[k] = head else text = nil end
        end
      elseif heads[k] ~= head then
        text = nil
      end
      if text and shape == 5 then
        tail, ok = list(listed, life, text, from, records, at + 4, denied)
      elseif text then
        local n, n1, n2 = 0, 0, 0
        if shape == 4 then
          n, n1, n2 = decode('<ddd', records, at + 4)
        elseif shape == 3 then
          n, n1 = decode('<dd', records, at + 4)
        elseif shape == 2 then
          n1 = decode('<d', records, at + 4)
        else
          n = decode('<d', records, at + 4)
        end
        --> state.lua
        --> quick.lua
      end
      if not tail then
        if not try then try, commit, write = slowPath() end
        tail, ok, part = try(k, head, figures, records, at + 4, denied)
      end
      if not tail then
        failed, ok = failed or fail(i, ok), 0
      end
      if ok ~= 1 then all = 0 end
      keys[i], parts[i], size, at = k, part, size + 1, at + 4 + width
      replies[size] = tail
    end
    if failed then
      size = first + 1
      replies[size] = failed
    elseif all == 1 then
      for i = 1, count do
        local k = keys[i]
        if parts[i] then
          commit(parts[i])
        else
          tails[k] = replies[first + i]
        end
      end
    end
    denied = true
  until only or all == 1 or failed
  pos = at
end

-- The values that only the fast path has changed. What can fail has come before.
local written, err = false, nil
if write then written, err = write() end
for k = 1, #subjects do
  if err then break end
  if tails[k] then
    local reply = call('SETRANGE', subjects[k], offsets[heads[k]], tails[k])
    if type(reply) == 'table' then err = reply.err else written = true end
  end
end
if err then return redis.error_reply(written and 'WRITE of a part of the call: ' .. err or err) end
return table.concat(replies, '', 1, size)
