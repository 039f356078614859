-- The struct library of Redis packs numbers into strings. Where it is missing (miniredis)
-- the same bytes are made here, slowly, for the two formats that are used: B, a byte, and d,
-- a double in little endian that holds a whole number.
local struct = rawget(_G, 'struct')
if not struct then
  local function double(x)
    if x == 0 then return '\0\0\0\0\0\0\0\0' end
    local sign, bytes = 0, {}
    if x < 0 then sign, x = 128, -x end
    local mantissa, exponent = math.frexp(x)
    mantissa, exponent = (mantissa * 2 - 1) * 2 ^ 52, exponent + 1022
    for i = 1, 6 do
      bytes[i] = mantissa % 256
      mantissa = (mantissa - bytes[i]) / 256
    end
    return string.char(unpack(bytes)) .. string.char(exponent % 16 * 16 + mantissa, sign + math.floor(exponent / 16))
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
    local values, out = { ... }, {}
    for i = 1, #values do
      out[i] = string.byte(format, i + 1) == 66 and string.char(values[i]) or double(values[i])
    end
    return table.concat(out)
  end

  function struct.unpack(format, s, pos)
    local out, size = {}, #format - 1
    for i = 1, size do
      if string.byte(format, i + 1) == 66 then
        out[i], pos = string.byte(s, pos, pos), pos + 1
      else
        out[i], pos = number(s, pos), pos + 8
      end
    end
    out[size + 1] = pos
    return unpack(out)
  end
end
