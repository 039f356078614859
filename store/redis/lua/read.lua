-- Phase 1: read. What a call knows of its keys, by their index:
--   values   the string of a key as the decisions so far have left it, or false
--   tails    the tail of that string, if the fast path has changed it since
--   heads    the head with which the string is known to begin
--   checked  whether a key without a string is known to be of no other type
--   changed  whether the string in values has to be written
--   whole    whether all of it has to be written, because it has another head or expiry
-- aside has the fields of hashes that have to be written, by the hash's name.
local floor, min, largest = math.floor, math.min, math.max
local sub, match, concat, char = string.sub, string.match, table.concat, string.char
local whole, aside = {}, {}
local together = {}
local MAX, HOUR, FOREVER = 2 ^ 53 - 1, 3600000000, 2 ^ 60
local WINDOW, RARE, MARK = byte('wrM', 1, 3)
local CLOSED = '\3'
local NAME = '^(\n%a[^\n]*\n)..()'
local UNREADABLE = 'LAYOUT of the value: not one that this version of the store reads'

-- count returns the count, or the index, at pos.
local function count(s, pos)
  local high, low = byte(s, pos, pos + 1)
  return (high - 128) * 128 + low - 128
end

-- current returns the whole string of a key, or nil and an error. MGET does not tell a key
-- of another type from one that does not exist, so this function asks again.
local function current(k)
  if tails[k] then
    values[k] = sub(values[k], 1, #values[k] - #tails[k]) .. tails[k]
    tails[k], changed[k] = nil, true
  elseif not values[k] and not checked[k] then
    local found = redis.pcall('GET', KEYS[k])
    if type(found) == 'table' and found.err then return nil, found.err end
    values[k], checked[k] = found, true
  end
  return values[k]
end

-- apart returns an error if a key and one of its hashes may be on two nodes, because a
-- Cluster moves their slot. A command with a single key would not notice that: it would
-- find nothing, and the meter would begin anew. So both are looked for in one command.
local function apart(key, hash)
  if together[hash] then return nil end
  local found = redis.pcall('EXISTS', key, hash)
  if type(found) ~= 'table' then
    together[hash] = true
    return nil
  end
  if not find(found.err, 'non local key', 1, true) then return found.err end
  return 'TRYAGAIN the slot of the subject is being moved'
end

-- fill sets the state of a bucket as it was, refilled up to now. The denominator of its
-- part may have changed.
local function fill(m, tokens, part, last, before)
  if before ~= m.per then part = min(floor(part / before * m.per), m.per - 1) end
  m[3] = largest(clock, last)
  m[1], m[2] = refill(tokens, part, m[3] - last, m.max, m.rate, m.per)
end

-- readAside sets the states of meters that a hash may have. Each meter has its field. It
-- returns an error.
local function readAside(key, hash, meters)
  local fields = {}
  for i, m in ipairs(meters) do fields[i] = m.field end
  local err = apart(key, hash)
  if err then return err end
  local held = redis.pcall('HMGET', hash, unpack(fields))
  if held.err then return held.err end
  local pending = aside[hash] and aside[hash].fields or {}
  for i, m in ipairs(meters) do
    local entry = pending[m.field] or held[i]
    if entry and m.rare and byte(entry, 1, 1) == 2 and #entry == 41 then
      fill(m, decode('<dddd', entry, 2))
    elseif entry and not m.rare and byte(entry, 1, 1) == 1 and #entry == 33 then
      m[1], m[2], m[3] = decode('<ddd', entry, 2)
    elseif entry then
      return 'LAYOUT of what is kept aside: not one that this version of the store reads'
    end
  end
  return nil
end

-- readMeters returns the meters of a part, with their figures. Each has the name and the
-- statics that belong in the value, and its fresh state. The units begin at pos.
local function readMeters(head, figures, units, pos)
  local meters, size, from, at, listed = {}, count(head, 3), 5, 18, byte(figures, 1, 1) > 4
  for i = 1, size do
    local id, kind, max, rate, per, span, soft = nil, nil, 0, 0, 1, 0, 0
    id, from = match(head, NAME, from)
    kind = byte(id, 2, 2)
    if listed then
      soft, max, rate, per, at = decode('<Bddd', figures, at)
      if kind == WINDOW then span, rate, per = rate, 0, 1 end
    elseif kind == WINDOW then
      max, span, at = decode('<dd', figures, at)
    else
      max, rate, per, at = decode('<ddd', figures, at)
    end
    local static = #head - 16 * (size - i)
    meters[i] = {
      kind == WINDOW and 0 or max, 0, kind == WINDOW and 0 or clock, id = id, bucket = kind ~= WINDOW, rare = kind == RARE,
      soft = soft, n = decode('<d', units, pos + 8 * i - 8), max = max, rate = rate, per = per, span = span,
      static = sub(head, static - 15, static), number = false, same = false, state = false, fits = true,
    }
  end
  return meters
end

-- readPart returns a part of a decision: the string of its key, what the string holds, and
-- its meters with their states. Otherwise it returns nil and an error, or nil and the reply
-- of a closed subject.
local function readPart(k, head, figures, units, pos)
  local key, value, err = KEYS[k], current(k)
  if err then return nil, err end
  local p = { k = k, head = head, value = value, setting = byte(figures, 1, 1) == 7, at = 0, life = 0, stored = 0, statics = 0, numbers = 0, dies = 0 }
  p.at, p.life = decode('<dd', figures, 2)
  p.at = p.at * 1000000
  if value and byte(value, 1, 1) == MARK and byte(value, 2, 2) == byte(head, 2, 2) then
    return nil, CLOSED .. sub(value, 3, 3) .. sub(value, 6, 5 + count(value, 4))
  end
  if value then
    if #value > 12 and sub(value, 1, 2) == sub(head, 1, 2) then
      p.stored = count(value, 3)
      p.numbers = #value - 24 * p.stored
      p.statics = p.numbers - 9 - 16 * p.stored
    end
    if p.statics < 4 then return nil, UNREADABLE end
    p.dies = decode('<d', value, p.numbers - 7)
  end

  -- A window that the value does not hold may have ended. A rare bucket is in it only until
  -- it is charged again.
  local ended, rare = {}, {}
  p.meters = readMeters(head, figures, units, pos)
  for _, m in ipairs(p.meters) do
    local found, held, _
    if value then _, found = find(value, m.rare and '\nb' .. sub(m.id, 3) or m.id, 5, true) end
    if found and found < p.statics then
      local j = count(value, found + 1)
      m.number, held = p.numbers + 24 * j, sub(value, p.statics + 16 * j + 1, p.statics + 16 * j + 16)
      m.same = held == m.static
    end
    if m.rare then
      if m.number then -- it was restored from a store that does not know what is rare
        local tokens, part, last = decode('<ddd', value, m.number + 1)
        fill(m, tokens, part, last, decode('<d', held, 1))
        m.number = false
      end
      m.field, rare[#rare + 1] = sub(m.id, 3), m
    elseif m.bucket and m.number then
      local tokens, part, last = decode('<ddd', value, m.number + 1)
      fill(m, tokens, part, last, m.same and m.per or decode('<d', held, 1))
    elseif m.bucket then -- it is full
    elseif held and sub(held, 1, 8) == sub(m.static, 1, 8) then
      m[1], m[2], m[3] = decode('<ddd', value, m.number + 1)
    elseif value then -- the value lives longer than every window that it has ended
      m.field, ended[#ended + 1] = sub(m.id, 3, -2) .. sub(m.static, 1, 8), m
    end
  end
  err = #ended > 0 and readAside(key, key .. ':past', ended) or #rare > 0 and readAside(key, key .. ':ids', rare)
  if err then return nil, err end
  return p
end
