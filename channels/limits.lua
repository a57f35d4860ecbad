-- Counters in fixed windows: all of them are spent, or none. A window begins with the first thing it counts.
-- KEYS counters in one slot; ARGV three a key: most (0 = count only), window_s, cost (0 = look only).
-- Gives the number of the first counter that is used up, 0 when there was none.
for i, key in ipairs(KEYS) do
  local most = tonumber(ARGV[3 * i - 2])
  if most > 0 and tonumber(redis.call('GET', key) or '0') >= most then return i end
end
for i, key in ipairs(KEYS) do
  local cost = tonumber(ARGV[3 * i])
  if cost > 0 and redis.call('INCRBY', key, cost) == cost then
    redis.call('EXPIRE', key, ARGV[3 * i - 1])
  end
end
return 0
