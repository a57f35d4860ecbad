-- A dialog begins: this record if it is there already (a repeat), else the caller's previous one.
-- KEYS record, pointer; the pointed-to key shares their hash tag, so it lies in the same slot.
local record = redis.call('GET', KEYS[1])
if record then return {record, false} end
local pointed = redis.call('GET', KEYS[2])
if not pointed then return {false, false} end
return {false, redis.call('GET', pointed)}
