-- list is the fast path for any list of meters that are neither soft nor rare: it decides
-- and patches in a loop. figures has four numbers for each meter, as readMeters reads them,
-- and the position that decode adds.
-- It returns what quick.lua leaves in tail and ok, and nothing for the same reasons.
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
