-- Every decision begins here. A decision has four phases: read, decide, patch, write. The
-- first three change Lua tables only. The strings are described in layout.go.
--
-- One byte is read by both its bounds. The Lua of miniredis otherwise returns all bytes
-- that follow, and a long string has more of them than it can return.
local encode, decode, find, byte = struct.pack, struct.unpack, string.find, string.byte
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
