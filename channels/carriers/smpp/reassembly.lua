-- One part of a long message arrives. KEYS parts, done, begun (same hash tag); ARGV number, value, total, ttl_s, mark
-- bytes, connection, join_s.
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
-- nor does a part join one that the same connection brought long ago and never finished
local now = tonumber(redis.call('TIME')[1])
local begun = redis.call('GET', KEYS[3])
if begun then
  local at, by = string.match(begun, '^(%d+)|(.*)$')
  if by == ARGV[6] and now - tonumber(at) > tonumber(ARGV[7]) then redis.call('DEL', KEYS[1]) end
end
redis.call('SET', KEYS[3], now .. '|' .. ARGV[6], 'EX', ARGV[4])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
local total = tonumber(ARGV[3])
local missing = total - redis.call('HLEN', KEYS[1])
if missing > 0 then return missing end
local parts = {}
for number = 1, total do parts[number] = redis.call('HGET', KEYS[1], tostring(number)) end
return parts
