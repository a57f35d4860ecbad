-- After step.lua, where a card is put into the vault or leaves it. A call that is over keeps no card.
-- KEYS beside its own: number, expiry, hung up; ARGV beside its own: vault_ttl_s, erase, number, expiry
if ARGV[6] == '1' then redis.call('DEL', KEYS[3], KEYS[4]) end
if ARGV[7] .. ARGV[8] == '' or redis.call('EXISTS', KEYS[5]) == 1 then return 1 end
if ARGV[7] ~= '' then redis.call('SET', KEYS[3], ARGV[7], 'EX', ARGV[5]) end
if ARGV[8] ~= '' then redis.call('SET', KEYS[4], ARGV[8], 'EX', ARGV[5]) end
return 1
