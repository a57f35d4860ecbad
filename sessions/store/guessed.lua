-- As step.lua, over a record that was not read before: the very bytes that were guessed lie there, or nothing is written.
-- KEYS record; ARGV guessed, payload, ttl_s
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
