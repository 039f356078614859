-- Reads the state of a common shape: text has it, with the time of expiry at from.
local dies, tokens, part, last, used1, extra1, last1, used2, extra2, last2 = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
if shape == 4 then
  dies, tokens, part, last, used1, extra1, last1, used2, extra2, last2 = decode('<dddddddddd', text, from)
elseif shape == 3 then
  dies, tokens, part, last, used1, extra1, last1 = decode('<ddddddd', text, from)
elseif shape == 2 then
  dies, used1, extra1, last1 = decode('<dddd', text, from)
else
  dies, tokens, part, last = decode('<dddd', text, from)
end
