-- Ref, token, until when (ms), generation, job. The entry stays; until then nobody is to miss it. What came while the
-- run was under way does not wait as long: it was told that the run would wake it at its end.
local ref = ARGV[5]
local ours = redis.call('GET', lock_of(ref)) == ARGV[6]
if ours or redis.call('ZSCORE', DIRTY, ref) then redis.call('ZADD', LATER, 'LT', ARGV[7], ref) end -- else it was forgotten
if not ours then return 0 end
redis.call('DEL', lock_of(ref))
redis.call('ZADD', PATIENCE, 'XX', ARGV[7], ref)
if redis.call('ZSCORE', DIRTY, ref) and redis.call('HGET', GENERATION, ref) ~= ARGV[8] then wake(ref, 9) end
return 1
