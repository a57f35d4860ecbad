-- One card a call for a while that nothing makes longer; none once the call is over.
-- KEYS card, over; ARGV ttl_s, two names of fields, two sealed values.
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4], ARGV[3], ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
