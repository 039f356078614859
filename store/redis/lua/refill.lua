-- refill returns the tokens, and the part of another token, that a bucket holds after a
-- time. Every product is at most 2^53, except elapsed * rate. That product needs to be
-- exact only where it is less than what the bucket lacks. The fast path has the same lines.
local function refill(tokens, part, elapsed, max, rate, per)
  if elapsed * rate >= (max - tokens) * per - part then return max, 0 end
  part = part + elapsed * rate
  local rest = part % per
  return tokens + (part - rest) / per, rest
end
