-- May this request leave now? Looks at all rests and windows at once; counts it in all of them, or in none.
-- ARGV: prefix, now (ms), 1 when it is only a look; how many rests, their names; how many lanes (0 or 1), its name,
-- slot, how many at once and for how long (ms); how many windows, each with name, cost, limit and length (ms).
-- Answers with how long to wait (ms, 0: go), and over how long those who are turned away are to be spread (ms).
local prefix, now, look = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local at = 3
local function word() at = at + 1; return ARGV[at] end
local function number() return tonumber(word()) end

local STEPS = 10 -- parts that a window is counted in; the part that is half over counts whole
local wait, over, pause, most = 0, nil, 0, 0

local function delay(name, ms, each, longest)
  if ms > wait then wait, over, pause, most = ms, name, each, longest end
end

for _ = 1, number() do
  local name = prefix .. 'rest:' .. word()
  local ends = redis.call('GET', name)
  if ends then delay(name, tonumber(ends) - now, 100, 60000) end
end

local lane
if number() == 1 then
  lane = {name = prefix .. 'lane:' .. word(), slot = word(), at_once = number(), stays = number()}
  redis.call('ZREMRANGEBYSCORE', lane.name, '-inf', now)
  if redis.call('ZCARD', lane.name) >= lane.at_once then delay(lane.name, 500, 50, 5000) end
end

local windows = {}
for _ = 1, number() do
  local one = {name = prefix .. 'window:' .. word(), cost = number(), limit = number(), length = number()}
  one.part = one.length / STEPS
  one.now = math.floor(now / one.part)
  local used, parts, past = 0, {}, {}
  local counted = redis.call('HGETALL', one.name)
  for i = 1, #counted, 2 do
    local part, cost = tonumber(counted[i]), tonumber(counted[i + 1])
    if part < one.now - STEPS then
      past[#past + 1] = counted[i]
    else
      used = used + cost
      parts[#parts + 1] = {part, cost}
    end
  end
  if #past > 0 then redis.call('HDEL', one.name, unpack(past)) end
  local wanted = math.min(one.cost, one.limit) -- what is more than the whole waits for an empty window
  if used + wanted > one.limit then
    table.sort(parts, function(a, b) return a[1] < b[1] end)
    local free = one.now
    for _, each in ipairs(parts) do
      used, free = used - each[2], each[1] + STEPS + 1
      if used + wanted <= one.limit then break end
    end
    delay(one.name, math.ceil(free * one.part) - now, one.length * wanted / one.limit, 10 * one.length)
  end
  windows[#windows + 1] = one
end

if wait > 0 then
  local turned = over .. ':turned'
  local many = redis.call('INCR', turned)
  if many == 1 then redis.call('PEXPIRE', turned, math.max(wait, 1000)) end
  return {wait, math.ceil(math.min(many * pause, most))}
end
if not look then
  for _, one in ipairs(windows) do
    redis.call('HINCRBY', one.name, one.now, one.cost)
    redis.call('PEXPIRE', one.name, one.length + 2 * math.ceil(one.part))
  end
  if lane then
    redis.call('ZADD', lane.name, now + lane.stays, lane.slot)
    redis.call('PEXPIRE', lane.name, lane.stays)
  end
end
return {0, 0}
