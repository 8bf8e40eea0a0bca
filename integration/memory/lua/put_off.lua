-- Ref, token, until when (ms). The entry stays; until then nobody is to miss it.
local ref = ARGV[5]
redis.call('ZADD', LATER, 'LT', ARGV[7], ref)
if redis.call('GET', lock_of(ref)) ~= ARGV[6] then return 0 end
redis.call('DEL', lock_of(ref))
redis.call('ZADD', PATIENCE, 'XX', ARGV[7], ref)
return 1
