-- Phase 2: decide.

-- fits reports whether the charge fits every meter of a part.
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

-- apply charges the meters of a part, or sets what remains of them, unless ok is 0. It
-- returns the reply, and the meters whose state has to be kept. The reply has the state of
-- a soft meter before the charge, because the Wait of its Level depends on that.
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
