-- Ref, token, lease (ms). A run that is alive keeps its issue, and nobody misses it.
local ref = ARGV[5]
if redis.call('GET', lock_of(ref)) ~= ARGV[6] then return 0 end
redis.call('PEXPIRE', lock_of(ref), ARGV[7])
redis.call('ZADD', PATIENCE, 'XX', now, ref)
return 1
