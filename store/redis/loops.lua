-- Everything else, in loops: a first charge, a new window, an ended one, other meters in the value, reads, refunds.
local floor, min, largest = math.floor, math.min, math.max
local byte, sub, match = string.byte, string.sub, string.match
local MAX, HOUR, FOREVER = 2 ^ 53 - 1, 3600000000, 2 ^ 60
local WINDOW, RARE = byte('wr', 1, 2)
local NAME = '^(\n%a[^\n]*\n)..()'

-- The count, or the index, at pos.
local function count(s, pos)
  local high, low = byte(s, pos, pos + 1)
  return (high - 128) * 128 + low - 128
end

local function loops(key, head, figures, pos, value)
  local past, ids = key .. ':past', key .. ':ids'
  local now, shape = clock, byte(figures, pos)
  local life, at
  life, at, pos = decode('<dd', figures, pos + 1)
  at = at * 1000000

  -- The state of a bucket as it was, brought to now. Its part is in a denominator that may have changed.
  local function fill(m, tokens, part, last, before)
    if before ~= m.per then part = min(floor(part / before * m.per), m.per - 1) end
    m[3] = largest(now, last)
    m[1], m[2] = refill(tokens, part, m[3] - last, m.max, m.rate, m.per)
  end

  -- A bucket is dead when it is full again, a window when Keep has long passed by both clocks: one that is wrong alone
  -- loses nothing. y is how long it takes to fill (µs), or when it need not be kept (s).
  local function dead(bucket, last, y)
    if bucket then return now > last + y end
    return min(now, at) > y * 1000000 + HOUR
  end

  -- A life of at most MAX, 285 years: a server that counts it in nanoseconds would overflow after 292.
  local function milliseconds(us) return string.format('%.0f', math.ceil(min(us, MAX) / 1000)) end

  -- The string and a hash are looked for in one command before the hash is used. In a Cluster that moves their slot one may
  -- be here and one there, which a command with a single key would not notice: it would find nothing, and begin anew.
  local together = {}
  local function apart(hash)
    if together[hash] then return nil end
    local found = redis.pcall('EXISTS', key, hash)
    if type(found) ~= 'table' then
      together[hash] = true
      return nil
    end
    if not find(found.err, 'non local key', 1, true) then return found end
    return redis.error_reply('TRYAGAIN the slot of the subject is being moved')
  end

  -- What goes to the hashes: ended windows and rare buckets, field by field, to live for so long at least (µs). Where that
  -- must change it becomes a little longer, so that few charges change it.
  local aside, least, longer = { [past] = {}, [ids] = {} }, { [past] = 0, [ids] = 0 }, { [past] = 0, [ids] = 0 }
  local function put(hash, field, entry, life, spare)
    local fields = aside[hash]
    fields[#fields + 1], fields[#fields + 2] = field, entry
    least[hash], longer[hash] = largest(least[hash], life), largest(longer[hash], life + spare)
  end

  -- Whether an entry of a hash need not be kept.
  local function over(entry)
    if #entry == 25 then return dead(false, 0, decode('<d', entry, 18)) end
    return #entry == 41 and dead(true, decode('<d', entry, 18), decode('<d', entry, 34))
  end

  -- A few entries of a hash, chosen at random, are looked at each time it is written. The dead ones go. More are looked at
  -- while half of them are dead: what many charges have left behind goes soon, though few come now.
  local function sweep(hash)
    for _ = 1, 32 do
      local some, gone = redis.call('HRANDFIELD', hash, 8, 'WITHVALUES'), {}
      for i = 1, #some, 2 do
        if over(some[i + 1]) then gone[#gone + 1] = some[i] end
      end
      if #gone > 0 then redis.call('HDEL', hash, unpack(gone)) end
      if #gone < 4 then return end
    end
  end

  local function flush()
    for hash, fields in pairs(aside) do
      local fault = #fields > 0 and apart(hash)
      if fault then return fault end
    end
    for hash, fields in pairs(aside) do
      if #fields > 0 then
        sweep(hash)
        redis.call('HSET', hash, unpack(fields))
        if redis.call('PTTL', hash) * 1000 < least[hash] then redis.call('PEXPIRE', hash, milliseconds(longer[hash])) end
      end
    end
    return nil
  end

  -- How many meters the value holds, and where their statics and numbers start, less one.
  local stored, statics, numbers, dies = 0, 0, 0, 0
  if value then
    if #value > 12 and sub(value, 1, 2) == sub(head, 1, 2) then
      stored = count(value, 3)
      numbers = #value - 24 * stored
      statics = numbers - 9 - 16 * stored
    end
    if statics < 4 then
      return redis.error_reply('LAYOUT of the value: not one that this version of the store reads')
    end
    dies = decode('<d', value, numbers - 7)
  end

  -- The charge's meters, each with its state as it stands: m[1], m[2] and m[3]. Windows that the value does not hold may
  -- have ended. Rare buckets are never in the value.
  local meters, size, from = {}, count(head, 3), 5
  local absent, fields = { [past] = {}, [ids] = {} }, { [past] = {}, [ids] = {} }
  local function lookFor(hash, m, field)
    local i = #absent[hash] + 1
    absent[hash][i], fields[hash][i] = m, field
  end
  for i = 1, size do
    local id, found, number, held, _
    id, from = match(head, NAME, from)
    local static = sub(head, #head + 1 - 16 * (size - i + 1), #head - 16 * (size - i))
    if value then _, found = find(value, id, 5, true) end
    if found and found < statics then
      local j = count(value, found + 1)
      number, held = numbers + 24 * j, sub(value, statics + 16 * j + 1, statics + 16 * j + 16)
    end
    local m = { 0, 0, 0, id = id, bucket = byte(id, 2) ~= WINDOW, rare = byte(id, 2) == RARE, n = 0, max = 0, rate = 0, per = 1,
      number = number, same = held == static, static = static, state = false }
    meters[i] = m
    m.n, m.max, pos = decode('<dd', figures, pos)
    if m.bucket then
      m.rate, m.per, pos = decode('<dd', figures, pos)
      m[1], m[3] = m.max, now
    end
    if m.rare then
      lookFor(ids, m, sub(id, 3))
    elseif m.bucket and number then
      local tokens, part, last = decode('<ddd', value, number + 1)
      fill(m, tokens, part, last, m.same and m.per or decode('<d', held, 1))
    elseif m.bucket then -- full
    elseif m.same or held and sub(held, 1, 8) == sub(static, 1, 8) then
      m[1], m[2] = decode('<dd', value, number + 1)
    elseif value then -- which lives longer than what it has ended
      lookFor(past, m, sub(id, 3, -2) .. sub(static, 1, 8))
    end
  end
  for hash, missing in pairs(absent) do
    local fault = #missing > 0 and apart(hash)
    if fault then return fault end
    local held = #missing > 0 and redis.call('HMGET', hash, unpack(fields[hash]))
    for i, m in ipairs(missing) do
      if held[i] and m.rare and byte(held[i]) == 2 and #held[i] == 41 then
        fill(m, decode('<dddd', held[i], 2))
      elseif held[i] and not m.rare and byte(held[i]) == 1 and #held[i] == 25 then
        m[1], m[2] = decode('<dd', held[i], 2)
      elseif held[i] then
        return redis.error_reply('LAYOUT of what is kept aside: not one that this version of the store reads')
      end
    end
  end

  -- The decision, and the charge.
  local setting, ok = shape == 6, 1
  for _, m in ipairs(meters) do
    local left = m[1]
    if not m.bucket then
      left = (m.max < MAX and min(m.max + m[2], MAX) or MAX) - m[1]
    end
    if m.n > 0 and m.n > left and not setting then ok = 0 end
  end
  local reply, touched, patch = { encode('<Bd', ok, now) }, {}, now + life <= dies
  for i, m in ipairs(meters) do
    local change = ok == 1 and m.n ~= 0
    if setting then
      change = m.n >= 0
      if change and m.bucket then
        m[1], m[2] = min(m.n, m.max), 0
      elseif change then
        m[2] = min(m.n, MAX - m[1]) + m[1] - m.max
      end
    elseif change and m.bucket then
      m[1] = min(m[1] - m.n, m.max)
      if m[1] == m.max then m[2] = 0 end
    elseif change then
      m[1] = largest(m[1] + m.n, 0)
    end
    reply[i + 1] = encode('<ddd', m[1], m[2], m[3])
    if change then
      m.state = reply[i + 1]
      if m.rare then
        local life = decode('<d', m.static, 9)
        put(ids, sub(m.id, 3), '\2' .. m.state .. m.static, life, min(life, HOUR))
      else
        touched[#touched + 1] = m
        patch = patch and m.same
      end
    end
  end
  reply = table.concat(reply)
  if patch or #touched == 0 then -- what can fail comes before the first write, and the value is written last
    local fault = flush()
    if fault then return fault end
  end
  if patch and #touched > 0 then
    local start, run = touched[1].number, touched[1].state
    for i = 2, #touched do
      local m = touched[i]
      if m.number ~= start + #run then
        redis.call('SETRANGE', key, start, run)
        start, run = m.number, ''
      end
      run = run .. m.state
    end
    redis.call('SETRANGE', key, start, run)
  end
  if patch or #touched == 0 then return reply end

  -- The value is written anew: a meter came, or changed, or the key must live longer.
  local entries, live = {}, {}
  from = 5
  for j = 1, stored do
    local e = {}
    e.id, from = match(value, NAME, from)
    e.bucket = byte(e.id, 2) ~= WINDOW
    e.static = sub(value, statics + 16 * j - 15, statics + 16 * j)
    e.state = sub(value, numbers + 24 * j - 23, numbers + 24 * j)
    e.x, e.y = decode('<dd', e.static, 1)
    entries[j], live[e.id] = e, e
  end

  -- A window of which there is a newer one moves to the other key. Its life there is by the clock that is behind: one that is
  -- ahead may have moved the window that all others still charge.
  local function ending(m)
    if dead(false, 0, m.y) then return end
    put(past, sub(m.id, 3, -2) .. sub(m.static, 1, 8), '\1' .. sub(m.state, 1, 16) .. encode('<d', m.y), m.y * 1000000 - min(now, at) + HOUR, 0)
  end
  for _, m in ipairs(touched) do
    local e = live[m.id]
    m.x, m.y = decode('<dd', m.static, 1)
    if not m.bucket and e and e.x > m.x then
      ending(m)
    else
      if e and not m.bucket and e.x < m.x then ending(e) end
      live[m.id] = m
    end
  end

  -- The charge's meters come first, in its order, so that the next one like it finds its own head.
  local names, heads, tails, longest = {}, {}, {}, 0
  local function add(m)
    local i = #names
    names[i + 1] = m.id .. string.char(128 + floor(i / 128), 128 + i % 128)
    heads[i + 1], tails[i + 1] = m.static, m.state
    longest = largest(longest, m.bucket and m.y or m.y * 1000000 - min(now, at))
    live[m.id] = nil
  end
  for _, m in ipairs(meters) do
    if live[m.id] then add(live[m.id]) end
  end
  for _, e in ipairs(entries) do
    if live[e.id] and not dead(e.bucket, decode('<d', e.state, 17), e.y) then add(e) end
  end

  -- The key lives an hour longer than it must, so that this is rarely needed, and its life only grows. It has no end while
  -- there is a bucket that nothing refills.
  if longest > MAX then
    dies = FOREVER
  else
    dies = largest(dies < FOREVER and dies or 0, now + longest + HOUR)
  end
  local size = string.char(128 + floor(#names / 128), 128 + #names % 128)
  value = sub(head, 1, 2) .. size .. table.concat(names) .. table.concat(heads) ..
    encode('<Bd', 1, dies) .. table.concat(tails)

  local fault = flush()
  if fault then return fault end
  if dies < FOREVER then
    redis.call('SET', key, value, 'PX', milliseconds(dies - now))
  else
    redis.call('SET', key, value)
  end
  return reply
end
