-- The common shapes (a bucket, a window, both, both and another window) where the value holds these meters and no others:
-- straight-line code that patches the tail, which is at an offset (a text: to write a number is dear). Where it does not
-- return nothing has happened: a life that must grow, an extended allowance, a clock that is behind a bucket's and all
-- else are left to the loops.
local shape = string.byte(figures, pos)
if shape <= 4 and value and find(value, head, 1, true) == 1 then
  local first, from, now = pos + 1, #head + 2, clock
  local life, dies, ok, tail, _ = 0, 0, 0
  local n, max, rate, per, tokens, part, last = 0, 0, 0, 1, 0, 0, 0
  local n1, max1, used1, extra1, n2, max2, used2, extra2 = 0, 0, 0, 0, 0, 0, 0, 0
  if shape == 4 then
    life, _, n, max, rate, per, n1, max1, n2, max2 = decode('<dddddddddd', figures, first)
    dies, tokens, part, last, used1, extra1, _, used2, extra2 = decode('<ddddddddd', value, from)
  elseif shape == 3 then
    life, _, n, max, rate, per, n1, max1 = decode('<dddddddd', figures, first)
    dies, tokens, part, last, used1, extra1 = decode('<dddddd', value, from)
  elseif shape == 2 then
    life, _, n1, max1 = decode('<dddd', figures, first)
    dies, used1, extra1 = decode('<ddd', value, from)
  else
    life, _, n, max, rate, per = decode('<dddddd', figures, first)
    dies, tokens, part, last = decode('<dddd', value, from)
  end
  if now + life <= dies and extra1 == 0 and extra2 == 0 and now >= last then
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
    if ok == 1 then redis.call('SETRANGE', key, offset, tail) end
    return tail
  end
end
