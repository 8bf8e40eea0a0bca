-- Ref, token, lease (ms). How long (ms) the issue is still the run's; 0 when it is not. A lease that is fresh is left alone.
local ref, lease = ARGV[5], tonumber(ARGV[7])
if redis.call('GET', lock_of(ref)) ~= ARGV[6] then return 0 end
local left = redis.call('PTTL', lock_of(ref))
if left > lease * 0.7 then return left end
redis.call('PEXPIRE', lock_of(ref), lease)
redis.call('ZADD', PATIENCE, 'XX', now, ref)
return lease
