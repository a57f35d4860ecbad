-- One part of a long message arrives. KEYS parts, done (same hash tag); ARGV number, value, total, ttl_s, mark bytes,
-- connection.
-- A value begins with its mark, which tells one text from another without showing either.
-- Answers 'repeat' for a part of a message that was complete and kept, the number of parts still missing, or all parts.
local width = tonumber(ARGV[5])
local function same(value) return value and string.sub(value, 1, width) == string.sub(ARGV[2], 1, width) end
if same(redis.call('HGET', KEYS[2], ARGV[1])) then
  -- over the connection that brought the message before, the reference has come round with the same words
  local by = redis.call('HGET', KEYS[2], 'by')
  if not by or by == '' or by ~= ARGV[6] then return 'repeat' end
end
local there = redis.call('HGET', KEYS[1], ARGV[1])
-- the same number says something else: the sender's reference has come round, this is another message
if there and not same(there) then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
local total = tonumber(ARGV[3])
local missing = total - redis.call('HLEN', KEYS[1])
if missing > 0 then return missing end
local parts = {}
for number = 1, total do parts[number] = redis.call('HGET', KEYS[1], tostring(number)) end
return parts
