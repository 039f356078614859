-- Returns the text at pos, which has its length before it, and where it ends. Returns nothing if the record ends before the text.
local function text(record, pos)
  local a, b, c, d = string.byte(record, pos, pos + 3)
  local stop = d and pos + 4 + ((a * 256 + b) * 256 + c) * 256 + d
  if not d or stop > #record + 1 then return end
  return string.sub(record, pos + 4, stop - 1), stop
end
