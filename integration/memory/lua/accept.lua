-- The delivery's key ('' for a hint of our own), its lifetime (s), then for each hint: ref, watermark (ms or ''), cause, job.
if ARGV[5] ~= '' and not redis.call('SET', ARGV[5], now, 'NX', 'EX', ARGV[6]) then return 0 end
local at = 7
while ARGV[at] do
  mark(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  wake(ARGV[at], at + 3)
  at = at + 6 + ARGV[at + 5]
end
return 1
