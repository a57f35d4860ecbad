-- Counts added to one hour's hash, once: a batch whose answer was lost comes again under the same number.
-- KEYS the hash; ARGV: process, number of the batch, time to live (s), then field and count, as often as there are.
local mark = 'process|' .. ARGV[1]
if tonumber(redis.call('HGET', KEYS[1], mark) or '0') >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], mark, ARGV[2])
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
