-- Every decision begins here. A decision has four phases: read, decide, patch, write. The
-- first three change Lua tables only. The strings are described in layout.go.
--
-- One byte is read by both its bounds. The Lua of miniredis otherwise returns all bytes
-- that follow, and a long string has more of them than it can return.
local encode, decode, find, byte = struct.pack, struct.unpack, string.find, string.byte
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]

-- refill returns the tokens, and the part of another token, that a bucket holds after a
-- time. Every product is at most 2^53, except elapsed * rate. That product needs to be
-- exact only where it is less than what the bucket lacks.
local function refill(tokens, part, elapsed, max, rate, per)
  if elapsed * rate >= (max - tokens) * per - part then return max, 0 end
  part = part + elapsed * rate
  local rest = part % per
  return tokens + (part - rest) / per, rest
end
