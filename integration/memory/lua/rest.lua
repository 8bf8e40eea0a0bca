-- Let nobody enter for a while. ARGV: prefix, now (ms), name, how long (ms; '' where the tracker names no time: then a
-- minute, and twice as long each time that it says so again soon after). Answers with how long (ms).
local prefix, now, name, told = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local rest, strikes = prefix .. 'rest:' .. name, prefix .. 'strikes:' .. name
local left = tonumber(redis.call('GET', rest) or now) - now
local length = tonumber(told)
if not length then
  if left > 0 then return left end -- many were under way when the first of them was told
  length = math.min(60000 * 2 ^ math.min(redis.call('INCR', strikes) - 1, 10), 3600000)
  redis.call('PEXPIRE', strikes, 3 * length)
end
if length <= left then return left end
redis.call('SET', rest, string.format('%.0f', now + length), 'PX', math.max(1, math.ceil(length)))
return math.ceil(length)
