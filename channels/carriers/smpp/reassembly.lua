-- One part of a long message arrives. KEYS parts, done, begun, torn (same hash tag); ARGV number, value, total, ttl_s,
-- mark bytes, connection, join_s, data coding, mixed_join_s, a name for what may be dropped.
-- A value begins with its mark, which tells one text from another without showing either.
-- Answers {what, torn}: 'repeat' for a part of a message that was complete and kept, the number of parts still missing,
-- or all parts; and the name of what was dropped for this one and is not answered yet, or ''.
local width = tonumber(ARGV[5])
local function same(value) return value and string.sub(value, 1, width) == string.sub(ARGV[2], 1, width) end
local function torn() return redis.call('GET', KEYS[4]) or '' end
local function drop()
  if redis.call('DEL', KEYS[1]) == 1 then redis.call('SET', KEYS[4], ARGV[10], 'EX', ARGV[4], 'NX') end
end
if same(redis.call('HGET', KEYS[2], ARGV[1])) then
  -- over the connection that brought the message before, the reference has come round with the same words
  local by = redis.call('HGET', KEYS[2], 'by')
  if not by or by == '' or by ~= ARGV[6] then return {'repeat', torn()} end
end
local there = redis.call('HGET', KEYS[1], ARGV[1])
-- the same number says something else: the sender's reference has come round, this is another message
if there and not same(there) then drop() end
-- nor does a part join what the same connection brought too long ago and never finished; parts that are coded
-- differently are of one message only where they come together
local now = tonumber(redis.call('TIME')[1])
local begun = redis.call('GET', KEYS[3])
if begun then
  local at, by, coding = string.match(begun, '^(%d+)|([^|]*)|?(%d*)$')
  local gap = now - tonumber(at or now)
  local unlike = coding and coding ~= '' and coding ~= ARGV[8] and gap > tonumber(ARGV[9])
  if by == ARGV[6] and (unlike or gap > tonumber(ARGV[7])) then
    -- nothing is lost where all that is there has come again
    if same(there) and redis.call('HLEN', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) else drop() end
  end
end
redis.call('SET', KEYS[3], now .. '|' .. ARGV[6] .. '|' .. ARGV[8], 'EX', ARGV[4])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
local total = tonumber(ARGV[3])
local missing = total - redis.call('HLEN', KEYS[1])
if missing > 0 then return {missing, torn()} end
local parts = {}
for number = 1, total do parts[number] = redis.call('HGET', KEYS[1], tostring(number)) end
return {parts, torn()}
