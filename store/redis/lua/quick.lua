-- The fast path: decide and patch in straight-line code, for the common shapes of a part.
-- These are a bucket, a window, both, and both with another window. What comes before has
-- read the figures and the state of the meters. What is not there is zero.
--
-- If denied is true, another part of the charge has refused it. The output is tail, the
-- state after the decision, and ok, which is 1 if the charge fits the part. There is no tail
-- if the part needs the slow path: if the key must live longer, if an allowance was
-- extended, or if the server's clock is behind the bucket's.
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
