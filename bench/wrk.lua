-- wrk's side: requests that deliveries.py wrote down, each with a delivery id of its own, and a summary as one line.
-- Arguments: the file, the round.
local heads, tails, number, prefix = {}, {}, 0, ''

function init(args)
  local file = assert(io.open(args[1], 'rb'))
  prefix = string.format('%08x-0000-4000-8000-', tonumber(args[2]))
  while true do
    local length = file:read('*l')
    if not length then break end
    heads[#heads + 1] = file:read(tonumber(length))
    tails[#tails + 1] = file:read(tonumber(file:read('*l')))
  end
  file:close()
end

function request()
  number = number + 1
  local at = number % #heads + 1
  return heads[at] .. prefix .. string.format('%012d', number) .. tails[at]
end

function done(summary, latency, requests)
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('SUMMARY %d %d %d %d %d %d\n', summary.requests, summary.duration, errors.status, lost,
    latency:percentile(50), latency:percentile(99)))
end
