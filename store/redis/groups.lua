-- The groups above the key that access.lua has found. One more than usageplan.MaxGroups shows that there are too many, as in a
-- cycle. The records of the groups are not among the KEYS, because a Cluster that moves the slot would refuse each look-up in a
-- directory without groups. The caller judges records that are damaged.
local MOST = 4
local sent, groups = {}, {}
for _, plan in ipairs(plans) do sent[plan] = true end
local group = text(record, 74) or ''
while group ~= '' and #groups < 2 * MOST do
  local found = redis.pcall('HGET', directory .. 'groups', group)
  if not found then break end
  if type(found) == 'table' then return failure(found) end
  local parent, stop = text(found, 10)
  local plan = parent and text(found, stop) or ''
  groups[#groups + 1] = found
  groups[#groups + 1] = plan ~= '' and not sent[plan] and redis.call('HGET', KEYS[4], plan)
  sent[plan] = true
  group = parent or ''
end
reply[#reply + 1] = groups
return reply
