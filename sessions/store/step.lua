-- Compare and set: the record moves from the expected version, or nothing is written.
-- KEYS record, pointer; ARGV expected, payload, ttl_s, pointer_ttl_s
local current = redis.call('GETRANGE', KEYS[1], 0, 11)
local version = string.match(current, '^(%d+)|') or '0'
if version ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
if version == '0' then redis.call('SET', KEYS[2], KEYS[1], 'EX', ARGV[4]) end
