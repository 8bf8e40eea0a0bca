-- Ref, token, lease (ms). The mark goes before anything is fetched: what comes from now on wakes again.
local ref = ARGV[5]
redis.call('HDEL', WAKING, ref)
local since = redis.call('ZSCORE', DIRTY, ref)
if not since or not redis.call('SET', lock_of(ref), ARGV[6], 'NX', 'PX', ARGV[7]) then return false end
redis.call('ZADD', PATIENCE, now, ref)
redis.call('INCR', looks_of(ref))
redis.call('PEXPIRE', looks_of(ref), OF_LATE)
return {redis.call('HGET', GENERATION, ref), redis.call('HGET', WATERMARK, ref) or '', since,
  redis.call('HGET', CAUSE, ref) or ''}
