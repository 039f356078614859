-- What a decision for one subject is: all of its meters, or none. layout.go describes the strings. Here is what all begin
-- with.
local encode, decode, find = struct.pack, struct.unpack, string.find
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]

-- The tokens, and the part of another, that a bucket holds once it is refilled. Every product is at most 2^53, but for
-- elapsed * rate, which needs to be exact only where it is less than what the bucket lacks.
local function refill(tokens, part, elapsed, max, rate, per)
  if elapsed * rate >= (max - tokens) * per - part then return max, 0 end
  part = part + elapsed * rate
  local rest = part % per
  return tokens + (part - rest) / per, rest
end

