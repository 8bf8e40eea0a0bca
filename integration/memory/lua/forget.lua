-- Ref. Somebody has decided that nothing is to be done for it: what waits is forgotten, and a run under way loses the
-- issue, so that it begins nothing more.
local ref = ARGV[5]
redis.call('DEL', lock_of(ref))
local waited = redis.call('ZREM', DIRTY, ref) + redis.call('ZREM', LATER, ref)
redis.call('ZREM', PATIENCE, ref)
for _, kept in ipairs({GENERATION, WATERMARK, CAUSE, WAKING}) do redis.call('HDEL', kept, ref) end
return waited > 0 and 1 or 0
