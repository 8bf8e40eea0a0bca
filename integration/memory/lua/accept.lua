-- From when on deliveries are remembered (ms), from when on they are told of and how many of them, then for each
-- delivery: the digest of its id ('' for a hint of our own), how many hints follow, what is told of it, and for each hint:
-- ref, watermark (ms or ''), cause, job. Answers for each delivery: 1 when it is new.
-- What makes a delivery seen comes last: should anything fail before it, the same delivery once more is new.
local past = redis.call('ZCOUNT', SEEN, '-inf', ARGV[5])
if past > 0 then redis.call('ZREMRANGEBYRANK', SEEN, 0, math.min(past, 1000) - 1) end
local REFS = 20 -- of one delivery, that are told
local answers, at = {}, 8
while ARGV[at] do
  local digest, hints = ARGV[at], tonumber(ARGV[at + 1])
  local new = digest == '' or not redis.call('ZSCORE', SEEN, digest)
  local told = {now, new and '1' or '0', ARGV[at + 2]}
  at = at + 3
  for _ = 1, hints do
    if new then
      mark(ARGV[at], ARGV[at + 1], ARGV[at + 2])
      wake(ARGV[at], at + 3)
      if digest ~= '' then
        local ref = ARGV[at]
        redis.call('HSET', LAST, string.match(ref, '^jira:[^/]+') or string.match(ref, '^[^:]+'), now)
      end
    end
    if #told < 3 + REFS then told[#told + 1] = ARGV[at] end
    at = at + 7
  end
  if digest ~= '' then
    redis.call('XADD', ARRIVALS, 'MAXLEN', '~', ARGV[7], '*', 'd', table.concat(told, '\n'))
  end
  if new and digest ~= '' then redis.call('ZADD', SEEN, now, digest) end
  answers[#answers + 1] = new and 1 or 0
end
redis.call('XTRIM', ARRIVALS, 'MINID', '~', ARGV[6]) -- last: a full Redis lets a script go on that has written
return answers
