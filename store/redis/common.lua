-- One decision for one subject: all of its meters, or none. layout.go describes the strings.
--
-- KEYS[1] is the subject's value, KEYS[2] the hash of its ended windows, ARGV[1] the head of a value that holds the
-- charge's meters and no others, ARGV[2] the figures. The reply is the tail of such a value: whether the charge was
-- applied, and the state of its meters, its buckets refilled.
local encode, decode, find = struct.pack, struct.unpack, string.find
local head, figures = ARGV[1], ARGV[2]
local value = redis.call('GET', KEYS[1])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local shape = string.byte(figures)

-- The tokens, and the part of another, that a bucket holds once it is refilled. Every product is at most 2^53, but for
-- elapsed * rate, which needs to be exact only where it is less than what the bucket lacks.
local function refill(tokens, part, elapsed, max, rate, per)
  if elapsed * rate >= (max - tokens) * per - part then return max, 0 end
  part = part + elapsed * rate
  local rest = part % per
  return tokens + (part - rest) / per, rest
end

-- The common shapes (a bucket, a window, both, both and another window) where the value holds these meters and no others:
-- straight-line code that patches the tail. A life that must grow and an extended allowance are left to the loops.
if shape < 5 and value and find(value, head, 1, true) == 1 then
  local from = #head + 2
  local life, dies, ok, tail, _ = 0, 0, 0
  local n, max, rate, per, tokens, part, last = 0, 0, 0, 1, 0, 0, 0
  local n1, max1, used1, extra1, n2, max2, used2, extra2 = 0, 0, 0, 0, 0, 0, 0, 0
  if shape == 4 then
    life, _, n, max, rate, per, n1, max1, n2, max2 = decode('<dddddddddd', figures, 2)
    dies, tokens, part, last, used1, extra1, _, used2, extra2 = decode('<ddddddddd', value, from)
  elseif shape == 3 then
    life, _, n, max, rate, per, n1, max1 = decode('<dddddddd', figures, 2)
    dies, tokens, part, last, used1, extra1 = decode('<dddddd', value, from)
  elseif shape == 2 then
    life, _, n1, max1 = decode('<dddd', figures, 2)
    dies, used1, extra1 = decode('<ddd', value, from)
  else
    life, _, n, max, rate, per = decode('<dddddd', figures, 2)
    dies, tokens, part, last = decode('<dddd', value, from)
  end
  if now + life <= dies and extra1 == 0 and extra2 == 0 then
    if now < last then now = last end
    tokens, part = refill(tokens, part, now - last, max, rate, per)
    if n <= tokens and n1 <= max1 - used1 and n2 <= max2 - used2 then
      ok, tokens, used1, used2 = 1, tokens - n, used1 + n1, used2 + n2
    end
    if shape == 4 then
      tail = encode('<Bdddddddddd', ok, dies, tokens, part, now, used1, 0, 0, used2, 0, 0)
    elseif shape == 3 then
      tail = encode('<Bddddddd', ok, dies, tokens, part, now, used1, 0, 0)
    elseif shape == 2 then
      tail = encode('<Bdddd', ok, dies, used1, 0, 0)
    else
      tail = encode('<Bdddd', ok, dies, tokens, part, now)
    end
    if ok == 1 then redis.call('SETRANGE', KEYS[1], #head, tail) end
    return tail
  end
end
