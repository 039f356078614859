-- Phase 3: patch. The new string of a part is made, and what goes to its hashes. Nothing of
-- it counts until commit.

-- dead reports whether a state need not be kept: a bucket when it is full again, a window
-- when its Keep has long passed by both clocks. One clock that is wrong loses nothing. y is
-- how long a bucket takes to fill (µs), or when a window need not be kept (s).
local function dead(at, bucket, last, y)
  if bucket then return clock > last + y end
  return min(clock, at) > y * 1000000 + HOUR
end

-- putAside adds a field to what a part writes to a hash. The hash has to live for life (µs)
-- at least, and not longer than a key can. If its life must grow, it becomes longer by
-- spare, so that few charges change it.
local function putAside(p, suffix, field, entry, life, spare)
  life = min(life, MAX)
  p.puts = p.puts or {}
  p.puts[#p.puts + 1] = { hash = KEYS[p.k] .. suffix, field = field, entry = entry, life = life, spare = spare }
end

-- replaceStates returns the value of a part with new states of meters that it holds.
local function replaceStates(p, touched)
  local value, states, pieces, from = p.value, {}, {}, 1
  for _, m in ipairs(touched) do states[m.number] = m.state end
  for number = p.numbers, #value - 24, 24 do
    local state = states[number]
    if state then
      pieces[#pieces + 1], pieces[#pieces + 2] = sub(value, from, number), state
      from = number + 25
    end
  end
  return concat(pieces) .. sub(value, from)
end

-- pastEnds returns when the ended windows of a key expire, or nil and an error. It is for
-- a value without an end, which does not tell.
local function pastEnds(k)
  local hash = KEYS[k] .. ':past'
  local err = apart(KEYS[k], hash)
  if err then return nil, err end
  local left, pending = redis.pcall('PTTL', hash), aside[hash]
  if type(left) == 'table' then return nil, left.err end
  return clock + largest(left * 1000, pending and pending.longer or 0)
end

-- rewrite returns a new value of a part: a meter is new or has new statics, or the key must
-- live longer. Otherwise it returns nil and an error. Its functions are inside because few
-- calls need them, and to make a function takes time.
local function rewrite(p, touched)
  local longest = 0 -- how long the value must live (µs)

  -- endWindow moves a window, of which there is a newer one, to the hash. Its life there
  -- goes by the clock that is behind. A caller whose clock is ahead may have moved the
  -- window that all others still charge. The value lives as long, because a subject without
  -- a value has no past.
  local function endWindow(m)
    if dead(p.at, false, 0, m.y) then return end
    local left = m.y * 1000000 - min(clock, p.at)
    longest = largest(longest, min(left, MAX))
    putAside(p, ':past', sub(m.id, 3, -2) .. sub(m.static, 1, 8), '\1' .. m.state .. encode('<d', m.y), left + HOUR, 0)
  end

  -- The meters that the value holds, as a list and by name. A value with a lifetime that is
  -- no number of ours is damaged.
  local entries, live, from = {}, {}, 5
  for j = 1, p.stored do
    local e = {}
    e.id, from = match(p.value, NAME, from)
    e.bucket = byte(e.id, 2, 2) ~= WINDOW
    e.static = sub(p.value, p.statics + 16 * j - 15, p.statics + 16 * j)
    e.state = sub(p.value, p.numbers + 24 * j - 23, p.numbers + 24 * j)
    e.x, e.y = decode('<dd', e.static, 1)
    if e.y ~= floor(e.y) or e.y > MAX + 1 or e.y < -MAX then error(UNREADABLE) end
    entries[j], live[e.id] = e, e
  end
  for _, m in ipairs(touched) do
    local e = live[m.id]
    m.x, m.y = decode('<dd', m.static, 1)
    if not m.bucket and e and e.x > m.x then
      endWindow(m)
    else
      if e and not m.bucket and e.x < m.x then endWindow(e) end
      live[m.id] = m
    end
  end

  -- The meters of the charge come first and in its order, so that the next charge like it
  -- finds its own head.
  local names, statics, states = {}, {}, {}
  local function add(m)
    local i = #names
    names[i + 1] = m.id .. char(128 + floor(i / 128), 128 + i % 128)
    statics[i + 1], states[i + 1] = m.static, m.state
    longest = largest(longest, m.bucket and m.y or m.y * 1000000 - min(clock, p.at))
    live[m.id] = nil
  end
  for _, m in ipairs(p.meters) do
    if live[m.id] then add(live[m.id]) end
  end
  for _, e in ipairs(entries) do
    if live[e.id] and not dead(p.at, e.bucket, decode('<d', e.state, 17), e.y) then add(e) end
  end

  -- The key lives an hour longer than it must, so that its life rarely has to grow. It has
  -- no end while there is a bucket that nothing refills.
  local dies, before, err = FOREVER, p.dies, nil
  if longest <= MAX then
    if not (before < FOREVER) then before, err = pastEnds(p.k) end
    if err then return nil, err end
    dies = largest(before, clock + longest + HOUR)
  end
  return sub(p.head, 1, 2) .. char(128 + floor(#names / 128), 128 + #names % 128) .. concat(names) .. concat(statics) ..
    encode('<Bd', 1, dies) .. concat(states)
end

-- patch makes the new string of a part. It returns an error.
local function patch(p, touched)
  local inValue, same = {}, clock + p.life <= p.dies
  for _, m in ipairs(touched) do
    if m.rare then
      local life = decode('<d', m.static, 9)
      putAside(p, ':ids', sub(m.id, 3), '\2' .. m.state .. m.static, life, min(life, HOUR))
    else
      inValue[#inValue + 1], same = m, same and m.same
    end
  end
  if #inValue > 0 then
    local err
    p.whole = not same
    if same then
      p.new = replaceStates(p, inValue)
    else
      p.new, err = rewrite(p, inValue)
    end
    if err then return err end
  end
  for _, put in ipairs(p.puts or {}) do
    local err = apart(KEYS[p.k], put.hash)
    if err then return err end
  end
  return nil
end

-- commit makes the new string of a part count.
local function commit(p)
  if p.new then
    local k = p.k
    values[k], tails[k], changed[k] = p.new, nil, true
    if p.whole then heads[k], whole[k] = nil, true end
  end
  for _, put in ipairs(p.puts or {}) do
    local a = aside[put.hash]
    if not a then
      a = { fields = {}, least = 0, longer = 0, at = p.at }
      aside[put.hash] = a
    end
    a.fields[put.field] = put.entry
    a.least, a.longer, a.at = largest(a.least, put.life), largest(a.longer, put.life + put.spare), min(a.at, p.at)
  end
end

-- slow reads, decides and patches a part that the fast path cannot. It returns the reply,
-- whether the charge fits (1 or 0), and the part. Otherwise it returns nil and an error.
local function slow(k, head, figures, units, pos, denied)
  local p, err = readPart(k, head, figures, units, pos)
  if err then return nil, err end
  local ok = fits(p) and not denied and 1 or 0
  local reply, touched = apply(p, ok)
  err = #touched > 0 and patch(p, touched)
  if err then return nil, err end
  return reply, ok, p
end

-- try is slow for values that may be damaged. Lua then raises an error of its own.
local function try(k, head, figures, units, pos, denied)
  local sound, reply, ok, p = pcall(slow, k, head, figures, units, pos, denied)
  if not sound then return nil, UNREADABLE end
  return reply, ok, p
end
