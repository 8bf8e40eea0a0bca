-- Stands before each script. ARGV: our prefix, now (ms), RQ's set of queues, RQ's queue, the script's own arguments.
-- Names are made here, not given as KEYS: one Redis, no cluster (RQ needs the same).
local prefix, now, rq_queues, rq_queue = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local DIRTY = prefix .. 'dirty'            -- zset ref -> since when it waits
local GENERATION = prefix .. 'generation'  -- hash ref -> its latest hint
local WATERMARK = prefix .. 'watermark'    -- hash ref -> the newest watermark
local CAUSE = prefix .. 'cause'            -- hash ref -> what made its hints, where no webhook did, and its latest
local PATIENCE = prefix .. 'patience'      -- zset ref -> last sign that it is being taken care of
local WAKING = prefix .. 'waking'          -- hash ref -> the job that is on its way
local LATER = prefix .. 'later'            -- zset ref -> when it becomes a hint
local SEEN = prefix .. 'seen'              -- zset digest of a delivery's id -> when it came
local LAST = prefix .. 'last'              -- hash tracker -> when its last delivery came: github, jira:main
local ARRIVALS = prefix .. 'arrivals'      -- stream of the last days' deliveries, for people
local COUNTER = prefix .. 'counter'        -- generations are never used twice

local function lock_of(ref) return prefix .. 'lock:' .. ref end
local function looks_of(ref) return prefix .. 'looks:' .. ref end -- how many of late; ends by itself

-- Where hints pour in, a few looks follow at once (FREE, above); then each waits twice as long as the one before it, so
-- that one look answers many hints. How long (ms) the next one waits.
local OF_LATE, LONGEST_REST = 5000, 4000
local function rest(ref)
  local more = tonumber(redis.call('GET', looks_of(ref)) or 0) - FREE
  return more < 0 and 0 or math.min(1000 * 2 ^ more, LONGEST_REST)
end

-- A job stands in ARGV as what it has of its own: id, data, when it was made, description. The rest is JOB, above.
-- Does what Queue.enqueue of RQ does, unless a wake-up is on its way or a run is under way (which wakes at its end).
-- An issue that was looked at again and again of late rests before, unless it is to be `at_once`.
local function wake(ref, at, at_once)
  if redis.call('HEXISTS', WAKING, ref) == 1 or redis.call('EXISTS', lock_of(ref)) == 1 then return 0 end
  local wait = at_once and 0 or rest(ref)
  if wait > 0 then
    redis.call('ZADD', LATER, 'LT', now + wait, ref)
    redis.call('ZADD', PATIENCE, now + wait, ref)
    return 0
  end
  local id, made, job = ARGV[at], ARGV[at + 2], JOB_KEY .. ARGV[at]
  redis.call('SADD', rq_queues, rq_queue)
  redis.call('HSET', job, 'data', ARGV[at + 1], 'created_at', made, 'enqueued_at', made, 'description', ARGV[at + 3])
  redis.call('HSET', job, unpack(JOB))
  redis.call('RPUSH', rq_queue, id)
  redis.call('HSET', WAKING, ref, id)
  redis.call('ZADD', PATIENCE, now, ref)
  return 1
end

-- A cause stands with the hint that it was true of: whoever hints and knows of no causes, as an older release, ends it.
local function cause_of(ref)
  local kept, hint = redis.call('HGET', CAUSE, ref), redis.call('HGET', GENERATION, ref)
  local cause, of = string.match(kept or '', '^(.*) (%d+)$')
  return of and of == hint and cause or ''
end

local function mark(ref, watermark, cause)
  if cause ~= '' and redis.call('ZSCORE', DIRTY, ref) then cause = cause_of(ref) end
  local generation = redis.call('INCR', COUNTER)
  redis.call('HSET', GENERATION, ref, generation)
  if cause == '' then
    redis.call('HDEL', CAUSE, ref)
  else
    redis.call('HSET', CAUSE, ref, cause .. ' ' .. string.format('%.0f', generation))
  end
  redis.call('ZADD', DIRTY, 'NX', now, ref)
  redis.call('ZADD', PATIENCE, 'NX', now, ref) -- whatever becomes of the run under way, it is missed
  if watermark ~= '' then
    local known = redis.call('HGET', WATERMARK, ref)
    if not known or tonumber(known) < tonumber(watermark) then redis.call('HSET', WATERMARK, ref, watermark) end
  end
end

