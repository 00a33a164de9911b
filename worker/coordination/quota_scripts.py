"""The quota's arithmetic, in Lua: it must be one step for everybody, by one clock, which is Redis'.

Kept per user: two sorted sets of the permits taken (`stamps`, `reads`; member a number, score when, in microseconds),
over two windows so that an answer can be compared with what had been taken when its request was sent; and a hash:

    born           when the log began: before that we know nothing of what was spent
    seen           a header came for a request sent after that: now we do
    last           the latest time any script saw; the clock may step back (a failover), the log must not
    server_limit   Alegra's limit, by its headers
    foreign        requests Alegra counts and we did not make …
    foreign_until  … until its window resets
    blocked        Alegra asked for silence until then
    sequence       the next permit's number
"""

from __future__ import annotations

from typing import Final

_COMMON: Final = """
local logs = {stamp = KEYS[1], read = KEYS[2]}
local state = KEYS[3]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept_for_reads, first_grant = tonumber(ARGV[3]), tonumber(ARGV[4])

local function text(number) return string.format('%.0f', number) end

local kept = {}
local fields = {'born', 'seen', 'last', 'server_limit', 'foreign', 'foreign_until', 'blocked'}
for i, value in ipairs(redis.call('HMGET', state, unpack(fields))) do
  kept[fields[i]] = value and tonumber(value) or nil
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if kept.last and kept.last > now then
  if kept.last - now > window then
    kept = {}
  else
    now = kept.last
  end
end

local foreign = (kept.foreign_until or 0) > now and kept.foreign or 0
local foreign_until = kept.foreign_until or 0
local blocked = kept.blocked or 0
local server_limit = kept.server_limit or limit
local born = kept.born or now
local learning = not kept.seen and now < born + window

local function used(purpose)
  return kept.born and redis.call('ZCOUNT', logs[purpose], '(' .. text(now - window), '+inf') or 0
end

-- What may be spent in a window, and how much of it by stamps, if others spend so much.
local function ceiling(by_others) return math.min(limit, server_limit - by_others) end
local function stamp_ceiling(by_others)
  return math.max(1, math.floor(ceiling(by_others) * (1000 - kept_for_reads) / 1000))
end

local function free(purpose, stamps, reads)
  if blocked > now then return 0 end
  local left = ceiling(foreign) - stamps - reads
  if learning then left = math.min(left, first_grant - stamps - reads) end
  if purpose == 'stamp' then left = math.min(left, stamp_ceiling(foreign) - stamps) end
  return math.max(left, 0)
end

local function keep()
  if not kept.born then redis.call('DEL', logs.stamp, logs.read, state) end
  redis.call('HSET', state, 'born', text(born), 'last', text(now))
end

local function expire()
  local milliseconds = math.ceil(2 * window / 1000)
  redis.call('PEXPIRE', logs.stamp, text(milliseconds))
  redis.call('PEXPIRE', logs.read, text(milliseconds))
  -- A quiet user is not an unknown one: the hash outlives the log by a day, and by any wait Alegra asked for.
  redis.call('PEXPIRE', state, text(math.ceil(math.max(blocked - now, 0) / 1000) + milliseconds + 86400000))
end
"""

TAKE: Final = (
    _COMMON
    + """
local wanted, purpose = tonumber(ARGV[5]), ARGV[6]
local taken = {stamp = used('stamp'), read = used('read')}
local granted = math.min(wanted, free(purpose, taken.stamp, taken.read))
keep()
for _, log in pairs(logs) do
  redis.call('ZREMRANGEBYSCORE', log, '-inf', text(now - 2 * window))
end
if granted > 0 then
  local sequence = redis.call('HINCRBY', state, 'sequence', text(granted))
  for number = sequence - granted + 1, sequence do
    redis.call('ZADD', logs[purpose], text(now), text(number))
  end
  taken[purpose] = taken[purpose] + granted
end
expire()
if granted == wanted then
  return {granted, 0}
end

-- When the next permit comes: when so many of the oldest have left the window.
local function times(names)
  local all = {}
  for _, name in ipairs(names) do
    local entries = redis.call('ZRANGEBYSCORE', logs[name], '(' .. text(now - window), '+inf', 'WITHSCORES')
    for i = 2, #entries, 2 do all[#all + 1] = tonumber(entries[i]) end
  end
  table.sort(all)
  return all
end
local all, stamps = times({'stamp', 'read'}), times({'stamp'})

local function left_by(entries, count)
  if count <= 0 then return now end
  return entries[count] and entries[count] + window or math.huge
end

local function next_permit(by_others)
  local at = left_by(all, #all - ceiling(by_others) + 1)
  if purpose == 'stamp' then
    at = math.max(at, left_by(stamps, #stamps - stamp_ceiling(by_others) + 1))
  end
  return at
end

local at = next_permit(foreign)
if foreign > 0 then
  at = math.min(at, math.max(next_permit(0), foreign_until))
end
if learning and #all >= first_grant then
  -- The next answer's headers end this; nobody knows when it comes, but a window without wipes is as good.
  at = math.max(at, math.min(born + window, now + window / 60))
end
return {granted, math.ceil(math.max(at, blocked) - now)}
"""
)

GIVE_BACK: Final = (
    _COMMON
    + """
local unused, purpose = tonumber(ARGV[5]), ARGV[6]
if unused > 0 and kept.born then
  -- The oldest go: whichever were not used, the log then lets go of none too early.
  local oldest = redis.call(
    'ZRANGEBYSCORE', logs[purpose], '(' .. text(now - window), '+inf', 'LIMIT', 0, text(unused))
  for _, number in ipairs(oldest) do
    redis.call('ZREM', logs[purpose], number)
  end
end
return 0
"""
)

OBSERVE: Final = (
    _COMMON
    + """
local said_limit, remaining, reset = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local retry_after, throttled, age = tonumber(ARGV[8]), ARGV[9] == '1', tonumber(ARGV[10])
local sent = now - age
keep()
if said_limit > 0 then
  server_limit = said_limit
  redis.call('HSET', state, 'server_limit', text(said_limit))
end
if remaining >= 0 and sent >= born then
  redis.call('HSET', state, 'seen', '1')
end
local silence = retry_after
if throttled then silence = math.max(retry_after, reset) end
if throttled and silence < 0 then silence = window end
if silence > 0 then blocked = math.max(blocked, now + silence) end
if blocked > now then
  redis.call('HSET', state, 'blocked', text(blocked))
end
if remaining >= 0 and reset >= 0 and sent + reset > now then
  local ours = 0
  for _, log in pairs(logs) do
    ours = ours + redis.call('ZCOUNT', log, '(' .. text(sent - window), text(sent))
  end
  -- Requests of ours that Alegra had not counted yet hide others', never the reverse: the largest figure is the truest.
  local others = server_limit - ours - remaining
  if others > 0 and others >= foreign then
    redis.call('HSET', state, 'foreign', text(others), 'foreign_until', text(sent + reset))
  end
end
expire()
return 0
"""
)

PEEK: Final = (
    _COMMON
    + """
local stamps, reads = used('stamp'), used('read')
local whole_at = math.max(blocked, foreign > 0 and foreign_until or 0)
for _, log in pairs(logs) do
  local newest = kept.born and redis.call('ZRANGE', log, -1, -1, 'WITHSCORES')[2]
  if newest then whole_at = math.max(whole_at, tonumber(newest) + window) end
end
return {
  math.min(limit, server_limit), free('read', stamps, reads), free('stamp', stamps, reads), foreign,
  math.max(whole_at - now, 0), math.max(blocked - now, 0), learning and 1 or 0
}
"""
)
