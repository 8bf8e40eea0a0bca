-- Ref, token, lease (ms). The mark goes before anything is fetched: what comes from now on wakes again.
local ref = ARGV[5]
redis.call('HDEL', WAKING, ref)
local since = redis.call('ZSCORE', DIRTY, ref)
if not since or not redis.call('SET', lock_of(ref), ARGV[6], 'NX', 'PX', ARGV[7]) then return false end
redis.call('ZADD', PATIENCE, now, ref)
return {redis.call('HGET', GENERATION, ref), redis.call('HGET', WATERMARK, ref) or '', since,
  cause_of(ref)}
