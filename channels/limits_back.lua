-- Gives back what was counted: one less in each counter that still runs, never below nothing; windows stay as they are.
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
end
return 0
