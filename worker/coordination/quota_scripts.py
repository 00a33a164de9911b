"""The quota's arithmetic, in Lua: it must be one step for everybody, by one clock, which is Redis'.

Kept per user: two sorted sets of the permits taken (`stamps`, `reads`; member a number, score when, in microseconds),
over two windows so that an answer can be compared with what had been taken when its request was sent; and a hash:

    born           when the log began: before that we know nothing of what was spent
    seen           a header came for a request sent after that: now we do
    scouted        when a permit was last given out to find that out
    wiped          it had been known before: permits of then may still be on their way
    last           the latest time any script saw; the clock may step back (a failover), the log must not
    server_limit   Alegra's limit, by its headers
    left           permits left of Alegra's own window, by its headers and by what was taken since …
    left_until     … and when that window ends
    others         requests Alegra counted in it and we did not make …
    habit          … and in the window before: they are expected again
    blocked        Alegra asked for silence until then
    sequence       the next permit's number

Two limits hold at once: never more than `limit` in any window of ours, and never more than `left` until Alegra's ends.
The first needs no answer; the second knows of other programs, and of permits that were used long after they were taken.
"""

from __future__ import annotations

from typing import Final

_COMMON: Final = """
local logs = {stamp = KEYS[1], read = KEYS[2]}
local state = KEYS[3]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept_for_reads, unknown = tonumber(ARGV[3]), tonumber(ARGV[4])

-- Between a permit and its request lies the time a worker needs to take it up.
local on_the_way = math.ceil(window / 30)
local scout_every = math.ceil(window / 60)
-- Windows end where Alegra said, give or take its rounding to whole seconds and the time a request travels.
local about = 1000000 + on_the_way

local function text(number) return string.format('%.0f', number) end

local kept = {}
local fields = {'born', 'seen', 'scouted', 'wiped', 'last', 'server_limit', 'left', 'left_until', 'others',
  'habit', 'blocked'}
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

local blocked = kept.blocked or 0
local server_limit = kept.server_limit or limit
local born = kept.born or now
local learning = not kept.seen and now < born + window

local function used(purpose)
  return kept.born and redis.call('ZCOUNT', logs[purpose], '(' .. text(now - window), '+inf') or 0
end

local function taken_since(moment)
  return redis.call('ZCOUNT', logs.stamp, '(' .. text(moment), '+inf')
    + redis.call('ZCOUNT', logs.read, '(' .. text(moment), '+inf')
end

-- What other programs use of a window: as much as the headers show, and as much as in the window before.
local function others_at(moment)
  if not kept.left or kept.left_until + window <= moment then return 0 end
  local now_theirs, expected = kept.others, kept.habit or 0
  if kept.left_until <= moment then now_theirs, expected = 0, kept.others end
  return math.max(now_theirs, expected > 0 and expected + math.ceil(limit / 50) or 0)
end

-- What is left of Alegra's window, as far as anybody knows.
local function left_at(moment)
  if not kept.left or kept.left_until <= moment then return math.huge end
  return math.max(kept.left - ((kept.habit or 0) > 0 and math.ceil(limit / 50) or 0), 0)
end

-- How many permits there are at a moment, when so many are in our window then.
local function free(purpose, taken, moment)
  if blocked > moment then return 0 end
  local spent = taken.stamp + taken.read
  local most = math.min(limit, math.max(server_limit - others_at(moment), 1), spent + left_at(moment))
  local permits = most - spent
  if purpose == 'stamp' then
    local for_stamps = math.max(1, math.floor(most * (1000 - kept_for_reads) / 1000))
    permits = math.min(permits, for_stamps - taken.stamp)
  end
  return math.max(permits, 0)
end

local function keep()
  if not kept.born then redis.call('DEL', logs.stamp, logs.read, state) end
  redis.call('HSET', state, 'born', text(born), 'last', text(now))
end

local function keep_left(left, ends)
  kept.left, kept.left_until, kept.others = math.max(left, 0), ends, kept.others or 0
  redis.call('HSET', state, 'left', text(kept.left), 'left_until', text(ends), 'others', text(kept.others))
end

local function block_until(moment)
  if moment > math.max(blocked, now) then
    blocked = moment
    redis.call('HSET', state, 'blocked', text(moment))
  end
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
local heard_left, heard_until, heard_block = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
keep()
-- What the asking process heard from Alegra itself: all there is after a wipe.
block_until(now + heard_block)
if learning and heard_until > 0 then
  redis.call('HSET', state, 'wiped', '1')
  if left_at(now) == math.huge then keep_left(heard_left - unknown, now + heard_until) end
end

local taken = {stamp = used('stamp'), read = used('read')}
local granted = math.min(wanted, free(purpose, taken, now))
if learning and granted > 0 then
  -- One request at a time finds out how things stand; one whose answer is lost must not be waited for.
  if kept.scouted and now < kept.scouted + scout_every then
    granted = 0
  else
    granted, kept.scouted = 1, now
    redis.call('HSET', state, 'scouted', text(now))
  end
end
for _, log in pairs(logs) do
  redis.call('ZREMRANGEBYSCORE', log, '-inf', text(now - 2 * window))
end
if granted > 0 then
  local sequence = redis.call('HINCRBY', state, 'sequence', text(granted))
  for number = sequence - granted + 1, sequence do
    redis.call('ZADD', logs[purpose], text(now), text(number))
  end
  taken[purpose] = taken[purpose] + granted
  if left_at(now) < math.huge then keep_left(kept.left - granted, kept.left_until) end
end
expire()
if granted == wanted then
  return {granted, 0}
end

-- The next permit comes at one of these moments: a permit leaves our window, Alegra's ends, a wait is over.
local function next_permit()
  local moments = {{at = math.max(now, blocked)}}
  if left_at(now) < math.huge then moments[2] = {at = kept.left_until} end
  for name, log in pairs(logs) do
    local entries = redis.call('ZRANGEBYSCORE', log, '(' .. text(now - window), '+inf', 'WITHSCORES')
    for i = 2, #entries, 2 do
      moments[#moments + 1] = {at = tonumber(entries[i]) + window, leaves = name}
    end
  end
  table.sort(moments, function(one, other) return one.at < other.at end)
  local rest = {stamp = taken.stamp, read = taken.read}
  for i, moment in ipairs(moments) do
    if moment.leaves then rest[moment.leaves] = rest[moment.leaves] - 1 end
    local following = moments[i + 1]
    if (not following or following.at > moment.at) and free(purpose, rest, moment.at) > 0 then
      return moment.at
    end
  end
  return now + window
end

local at = next_permit()
if learning then
  -- The next answer's headers end this; nobody knows when it comes.
  at = math.max(at, math.min(born + window, (kept.scouted or 0) + scout_every))
end
return {granted, math.ceil(at - now)}
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
  if left_at(now) < math.huge then keep_left(kept.left + #oldest, kept.left_until) end
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
local silence = retry_after
if throttled then silence = math.max(retry_after, reset) end
if throttled and silence < 0 then silence = window end
block_until(now + silence)
if remaining >= 0 and reset >= 0 and sent + reset > now then
  -- Requests of ours that had not arrived yet make `remaining` too large, never too small: the least is the truest.
  local left = remaining - taken_since(sent)
  if learning and kept.wiped then left = left - unknown end
  -- Counted from its arrival, and in whole seconds: the earliest end that was named is the truest.
  local ends = sent + math.min(age, on_the_way) + reset
  -- Over a whole window of ours, which is never less than what Alegra counted of it.
  local others = server_limit - remaining
  for _, log in pairs(logs) do
    others = others - redis.call('ZCOUNT', log, '(' .. text(sent - window), text(sent))
  end
  others = math.max(others, 0)
  if kept.left and kept.left_until > sent and ends <= kept.left_until + about then
    left = math.min(left, kept.left)
    ends = math.min(ends, kept.left_until)
    others = math.max(others, kept.others)
  else
    redis.call('HSET', state, 'habit', text(kept.others or 0))
  end
  kept.others = others
  keep_left(left, ends)
end
if remaining >= 0 and sent >= born then
  redis.call('HSET', state, 'seen', '1')
end
expire()
return 0
"""
)

PEEK: Final = (
    _COMMON
    + """
local taken = {stamp = used('stamp'), read = used('read')}
local others = left_at(now) < math.huge and kept.others or 0
local whole_at = math.max(blocked, others > 0 and kept.left_until or 0)
for _, log in pairs(logs) do
  local newest = kept.born and redis.call('ZRANGE', log, -1, -1, 'WITHSCORES')[2]
  if newest then whole_at = math.max(whole_at, tonumber(newest) + window) end
end
return {
  math.min(limit, server_limit), free('read', taken, now), free('stamp', taken, now), others,
  math.max(whole_at - now, 0), math.max(blocked - now, 0), learning and 1 or 0
}
"""
)
