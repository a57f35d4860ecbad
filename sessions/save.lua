-- Compare and set: the record moves from the expected version, or nothing is written. A call that is over keeps no card.
-- KEYS record, pointer, number, expiry, hung up
-- ARGV expected, payload, ttl_s, pointer_ttl_s, vault_ttl_s, erase, number, expiry
local current = redis.call('GETRANGE', KEYS[1], 0, 11)
local version = string.match(current, '^(%d+)|') or '0'
if version ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
if version == '0' then redis.call('SET', KEYS[2], KEYS[1], 'EX', ARGV[4]) end
if ARGV[6] == '1' then redis.call('DEL', KEYS[3], KEYS[4]) end
if ARGV[7] .. ARGV[8] == '' or redis.call('EXISTS', KEYS[5]) == 1 then return 1 end
if ARGV[7] ~= '' then redis.call('SET', KEYS[3], ARGV[7], 'EX', ARGV[5]) end
if ARGV[8] ~= '' then redis.call('SET', KEYS[4], ARGV[8], 'EX', ARGV[5]) end
return 1
