-- The struct library of Redis packs numbers into strings. Where it is missing (miniredis) the same bytes are made here,
-- slowly, for the two formats that are used: B, a byte, and d, a double in little endian that holds a whole number.
local struct = rawget(_G, 'struct')
if not struct then
  local function double(x)
    if x == 0 then return string.rep('\0', 8) end
    local mantissa, exponent = math.frexp(math.abs(x))
    mantissa, exponent = (mantissa * 2 - 1) * 2 ^ 52, exponent + 1022
    local bytes = {}
    for i = 1, 6 do
      bytes[i] = mantissa % 256
      mantissa = (mantissa - bytes[i]) / 256
    end
    bytes[7] = exponent % 16 * 16 + mantissa
    bytes[8] = math.floor(exponent / 16) + (x < 0 and 128 or 0)
    return string.char(unpack(bytes))
  end

  local function number(s, pos)
    local a, b, c, d, e, f, g, h = string.byte(s, pos, pos + 7)
    local sign = 1
    if h > 127 then sign, h = -1, h - 128 end
    if g + h == 0 then return 0 end
    local low = g % 16
    local mantissa = ((((((low * 256 + f) * 256 + e) * 256 + d) * 256 + c) * 256 + b) * 256 + a) / 2 ^ 52
    return sign * (1 + mantissa) * 2 ^ (h * 16 + (g - low) / 16 - 1023)
  end

  struct = {}

  function struct.pack(format, ...)
    local out = {}
    for f in string.gmatch(format, '%a') do
      local x = select(#out + 1, ...)
      out[#out + 1] = f == 'B' and string.char(x) or double(x)
    end
    return table.concat(out)
  end

  function struct.unpack(format, s, pos)
    local out = {}
    for f in string.gmatch(format, '%a') do
      out[#out + 1] = f == 'B' and string.byte(s, pos) or number(s, pos)
      pos = pos + (f == 'B' and 1 or 8)
    end
    out[#out + 1] = pos
    return unpack(out)
  end
end
