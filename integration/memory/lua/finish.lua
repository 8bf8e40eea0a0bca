-- Ref, token, generation, job. 1: nothing is left to do; 0: there is, or we lost the lock and cannot know.
local ref = ARGV[5]
local ours = redis.call('GET', lock_of(ref)) == ARGV[6]
if ours then redis.call('DEL', lock_of(ref)) end
if ours and redis.call('HGET', GENERATION, ref) == ARGV[7] then
  redis.call('ZREM', DIRTY, ref)
  redis.call('ZREM', PATIENCE, ref)
  redis.call('HDEL', GENERATION, ref)
  redis.call('HDEL', WATERMARK, ref)
  redis.call('HDEL', CAUSE, ref)
  redis.call('HDEL', WAKING, ref)
  return 1
end
if redis.call('ZSCORE', DIRTY, ref) then
  -- What still waits came after this run began.
  if ours then redis.call('ZADD', DIRTY, 'XX', redis.call('ZSCORE', PATIENCE, ref), ref) end
  wake(ref, 8)
end
return 0
