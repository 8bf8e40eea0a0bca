-- Ref, job. Its time has come: a hint like any other.
local ref = ARGV[5]
local at = redis.call('ZSCORE', LATER, ref)
if not at or tonumber(at) > tonumber(now) then return 0 end
redis.call('ZREM', LATER, ref)
mark(ref, '', 'time')
return wake(ref, 6, true)
