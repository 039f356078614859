-- Phase 4: write. Each value and each hash is written once, whatever the decisions share.

-- milliseconds returns a life (µs) of at most MAX, 285 years. A server that counts it in
-- nanoseconds would overflow after 292.
local function milliseconds(us) return string.format('%.0f', math.ceil(min(us, MAX) / 1000)) end

local written = false -- whether anything was charged

-- writeAside writes the hashes. It returns an error. Its functions are inside because few
-- calls need them.
local function writeAside()
  -- over reports whether an entry of a hash need not be kept.
  local function over(at, entry)
    if #entry == 33 then return dead(at, false, 0, decode('<d', entry, 26)) end
    return #entry == 41 and dead(at, true, decode('<d', entry, 18), decode('<d', entry, 34))
  end

  -- sweep drops dead entries of a hash that is written. It looks at eight, chosen at random,
  -- and at eight more while half of them are dead. So what many charges have left behind goes
  -- soon, though few charges come now.
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

  -- writeFields writes the fields of a hash. It returns an error.
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

-- write writes the hashes, and every value that the fast path does not write. It returns
-- whether it wrote anything, and an error. An error before the first write is the server's:
-- nothing was charged.
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
