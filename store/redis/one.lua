-- One decision. KEYS[1] is the subject's value, ARGV[1] the head of a value that holds the charge's meters and no others,
-- ARGV[2] its length, ARGV[3] the figures. The hashes of the subject's ended windows and rare buckets are no keys of the call's:
-- most subjects have none, and where a Cluster moves their slot every call that names a key that is not there is refused.
-- The reply is a tail: whether the charge was applied, and the state of its meters, its buckets refilled. The common shapes'
-- code follows and is no function, whose frame would cost as much as their arithmetic; then the loops, which are not even
-- made where they are not needed.
local key, head, offset, figures, pos = KEYS[1], ARGV[1], ARGV[2], ARGV[3], 1
local value = redis.call('GET', key)
