-- Code generated from lua/one.lua by go generate. DO NOT EDIT.
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
local head, figures = ARGV[1], ARGV[3]
local value, shape = redis.call('GET', KEYS[1]), byte(figures, 1, 1)
local function refill(tokens, part, elapsed, max, rate, per)
  if elapsed * rate >= (max - tokens) * per - part then return max, 0 end
  part = part + elapsed * rate
  local rest = part % per
  return tokens + (part - rest) / per, rest
end
if shape == 5 and value then
  local function list(figures, life, text, from, units, pos, denied)
    local size, ok = (#figures - 1) / 4, denied and 0 or 1
    local states = { decode('<' .. string.rep('d', 1 + 3 * size), text, from) }
    local costs = { decode('<' .. string.rep('d', size), units, pos) }
    if clock + life > states[1] then return nil end
    for i = 1, size do
      local max, rate, per, at, n = figures[4 * i - 2], figures[4 * i - 1], figures[4 * i], 3 * i - 1, costs[i]
      local left = max - states[at]
      if per > 0 then
        local last = states[at + 2]
        if clock < last then return nil end
        states[at], states[at + 1] = refill(states[at], states[at + 1], clock - last, max, rate, per)
        states[at + 2], left = clock, states[at]
      elseif states[at + 1] ~= 0 then
        return nil
      end
      if n > 0 and n > left then ok = 0 end
    end
    for i = 1, ok * size do
      local max, span, per, at, n = figures[4 * i - 2], figures[4 * i - 1], figures[4 * i], 3 * i - 1, costs[i]
      if per > 0 then
        states[at] = math.min(states[at] - n, max)
        if states[at] == max then states[at + 1] = 0 end
      else
        states[at] = math.max(states[at] + n, 0)
        if n > 0 and span > states[at + 2] then states[at + 2] = span end
      end
    end
    return encode('<B' .. string.rep('d', 1 + 3 * size), ok, unpack(states, 1, 1 + 3 * size)), ok
  end
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
  local dies, tokens, part, last, used1, extra1, last1, used2, extra2, last2 = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
  if shape == 4 then
    dies, tokens, part, last, used1, extra1, last1, used2, extra2, last2 = decode('<dddddddddd', text, from)
  elseif shape == 3 then
    dies, tokens, part, last, used1, extra1, last1 = decode('<ddddddd', text, from)
  elseif shape == 2 then
    dies, used1, extra1, last1 = decode('<dddd', text, from)
  else
    dies, tokens, part, last = decode('<dddd', text, from)
  end
  if clock + life <= dies and extra1 == 0 and extra2 == 0 and clock >= last then
    if clock > last or tokens >= max then -- as refill
      local more = part + (clock - last) * rate
      if more >= (max - tokens) * per then
        tokens, part = max, 0
      else
        part = more % per
        tokens = tokens + (more - part) / per
      end
    end
    if n <= tokens and n1 <= max1 - used1 and n2 <= max2 - used2 and not denied then
      ok, tokens, used1, used2 = 1, tokens - n, used1 + n1, used2 + n2
      if span1 > last1 then last1 = span1 end
      if span2 > last2 then last2 = span2 end
    end
    if shape == 4 then
      tail = encode('<Bdddddddddd', ok, dies, tokens, part, clock, used1, 0, last1, used2, 0, last2)
    elseif shape == 3 then
      tail = encode('<Bddddddd', ok, dies, tokens, part, clock, used1, 0, last1)
    elseif shape == 2 then
      tail = encode('<Bdddd', ok, dies, used1, 0, last1)
    else
      tail = encode('<Bdddd', ok, dies, tokens, part, clock)
    end
  end
  if tail then
    if ok == 1 then redis.call('SETRANGE', KEYS[1], ARGV[2], tail) end
    return tail
  end
end
local values, tails, heads, checked, changed = { value }, {}, {}, { true }, {}
local floor, min, largest = math.floor, math.min, math.max
local sub, match, concat, char = string.sub, string.match, table.concat, string.char
local whole, aside = {}, {}
local together = {}
local MAX, HOUR, FOREVER = 2 ^ 53 - 1, 3600000000, 2 ^ 60
local WINDOW, RARE, MARK = byte('wrM', 1, 3)
local CLOSED = '\3'
local NAME = '^(\n%a[^\n]*\n)..()'
local UNREADABLE = 'LAYOUT of the value: not one that this version of the store reads'
local function count(s, pos)
  local high, low = byte(s, pos, pos + 1)
  return (high - 128) * 128 + low - 128
end
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
local function fill(m, tokens, part, last, before)
  if before ~= m.per then part = min(floor(part / before * m.per), m.per - 1) end
  m[3] = largest(clock, last)
  m[1], m[2] = refill(tokens, part, m[3] - last, m.max, m.rate, m.per)
end
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
local function fits(p)
  if p.setting then return true end
  for _, m in ipairs(p.meters) do
    local left = m[1]
    if not m.bucket then
      left = (m.max < MAX and min(m.max + m[2], MAX) or MAX) - m[1]
    end
    m.fits = m.n <= 0 or m.n <= left
    if not m.fits and m.soft == 0 then return false end
  end
  return true
end
local function apply(p, ok)
  local reply, touched, setting = { encode('<Bd', ok, clock) }, {}, p.setting
  for i, m in ipairs(p.meters) do
    local before, n = m.soft == 1 and not setting and encode('<ddd', m[1], m[2], m[3]), m.n
    local keep = ok == 1 and n ~= 0
    if setting then
      keep = n >= 0
      if keep and m.bucket then
        m[1], m[2] = min(n, m.max), 0
      elseif keep then
        m[2] = min(n, MAX - m[1]) + m[1] - m.max
      end
    elseif keep and not m.bucket then
      m[1] = largest(m[1] + min(n, MAX - m[1]), 0)
      if n > 0 then m[3] = largest(m[3], m.span) end
    elseif keep and m.fits then
      m[1] = min(m[1] - n, m.max)
      if m[1] == m.max then m[2] = 0 end
    end
    m.state = encode('<ddd', m[1], m[2], m[3])
    reply[i + 1] = before or m.state
    if keep then touched[#touched + 1] = m end
  end
  return concat(reply), touched
end
local function dead(at, bucket, last, y)
  if bucket then return clock > last + y end
  return min(clock, at) > y * 1000000 + HOUR
end
local function putAside(p, suffix, field, entry, life, spare)
  life = min(life, MAX)
  p.puts = p.puts or {}
  p.puts[#p.puts + 1] = { hash = KEYS[p.k] .. suffix, field = field, entry = entry, life = life, spare = spare }
end
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
local function pastEnds(k)
  local hash = KEYS[k] .. ':past'
  local err = apart(KEYS[k], hash)
  if err then return nil, err end
  local left, pending = redis.pcall('PTTL', hash), aside[hash]
  if type(left) == 'table' then return nil, left.err end
  return clock + largest(left * 1000, pending and pending.longer or 0)
end
local function rewrite(p, touched)
  local longest = 0 -- how long the value must live (µs)
  local function endWindow(m)
    if dead(p.at, false, 0, m.y) then return end
    local left = m.y * 1000000 - min(clock, p.at)
    longest = largest(longest, min(left, MAX))
    putAside(p, ':past', sub(m.id, 3, -2) .. sub(m.static, 1, 8), '\1' .. m.state .. encode('<d', m.y), left + HOUR, 0)
  end
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
  local dies, before, err = FOREVER, p.dies, nil
  if longest <= MAX then
    if not (before < FOREVER) then before, err = pastEnds(p.k) end
    if err then return nil, err end
    dies = largest(before, clock + longest + HOUR)
  end
  return sub(p.head, 1, 2) .. char(128 + floor(#names / 128), 128 + #names % 128) .. concat(names) .. concat(statics) ..
    encode('<Bd', 1, dies) .. concat(states)
end
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
local function slow(k, head, figures, units, pos, denied)
  local p, err = readPart(k, head, figures, units, pos)
  if err then return nil, err end
  local ok = fits(p) and not denied and 1 or 0
  local reply, touched = apply(p, ok)
  err = #touched > 0 and patch(p, touched)
  if err then return nil, err end
  return reply, ok, p
end
local function try(k, head, figures, units, pos, denied)
  local sound, reply, ok, p = pcall(slow, k, head, figures, units, pos, denied)
  if not sound then return nil, UNREADABLE end
  return reply, ok, p
end
local function milliseconds(us) return string.format('%.0f', math.ceil(min(us, MAX) / 1000)) end
local written = false -- whether anything was charged
local function writeAside()
  local function over(at, entry)
    if #entry == 33 then return dead(at, false, 0, decode('<d', entry, 26)) end
    return #entry == 41 and dead(at, true, decode('<d', entry, 18), decode('<d', entry, 34))
  end
  local function sweep(hash, at)
    for _ = 1, 32 do
      local some, gone = redis.pcall('HRANDFIELD', hash, 8, 'WITHVALUES'), {}
      if some.err then return some.err end
      for i = 1, #some, 2 do
        if over(at, some[i + 1]) then gone[#gone + 1] = some[i] end
      end
      local reply = #gone > 0 and redis.pcall('HDEL', hash, unpack(gone))
      if type(reply) == 'table' then return reply.err end
      if #gone < 4 then return nil end
    end
  end
  local function writeFields(hash, a)
    local err = sweep(hash, a.at)
    if err then return err end
    local list = {}
    for field, entry in pairs(a.fields) do
      list[#list + 1], list[#list + 2] = field, entry
    end
    local reply = redis.pcall('HSET', hash, unpack(list))
    if type(reply) == 'table' then return reply.err end
    written = true
    local left = redis.pcall('PTTL', hash)
    if type(left) == 'table' then return left.err end
    reply = left * 1000 < a.least and redis.pcall('PEXPIRE', hash, milliseconds(a.longer))
    return type(reply) == 'table' and reply.err or nil
  end
  for hash, a in pairs(aside) do
    local err = writeFields(hash, a)
    if err then return err end
  end
  return nil
end
local function write()
  local err = next(aside) and writeAside()
  if err then return written, err end
  for k = 1, #KEYS do
    if changed[k] and (whole[k] or not tails[k]) then
      local value, reply = current(k), nil
      local tail = #value - 24 * count(value, 3) - 9
      local dies = decode('<d', value, tail + 2)
      if not whole[k] then
        reply = redis.pcall('SETRANGE', KEYS[k], tail, sub(value, tail + 1))
      elseif dies < FOREVER then
        reply = redis.pcall('SET', KEYS[k], value, 'PX', milliseconds(dies - clock))
      else
        reply = redis.pcall('SET', KEYS[k], value)
      end
      if type(reply) == 'table' and reply.err then return written, reply.err end
      written = true
    end
  end
  return written, nil
end
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
