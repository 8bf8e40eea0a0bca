-- Ref, the job that should have come ('' for none), how long ago is too long (ms), job. Something was lost: once more.
local ref = ARGV[5]
local seen = redis.call('ZSCORE', PATIENCE, ref)
if not seen or tonumber(seen) > tonumber(ARGV[7]) then return 0 end
if (redis.call('HGET', WAKING, ref) or '') ~= ARGV[6] or redis.call('EXISTS', lock_of(ref)) == 1 then return 0 end
redis.call('HDEL', WAKING, ref)
return wake(ref, 8, true)
