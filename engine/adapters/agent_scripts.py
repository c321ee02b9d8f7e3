"""The scripts of ``agent_streams.py``, in Lua: each is done wholly or not at all, whoever dies meanwhile."""

from __future__ import annotations

_GONE = """
local function out(stream, group, id)
  redis.call('XACK', stream, group, id)
  redis.call('XDEL', stream, id)
end
local function there(record)
  local at = redis.call('HMGET', record, 'stream', 'message')
  return at[1] and at[2] and #redis.call('XRANGE', at[1], at[2], at[2]) > 0 and at[1] .. ' ' .. at[2] or false
end
"""

NEXT = """
local function text(fields)
  for i = 1, #fields, 2 do if fields[i] == 'event' then return fields[i + 1] end end
  return ''
end
local group, consumer, lease = ARGV[1], ARGV[2], ARGV[3]
for _, stream in ipairs(KEYS) do
  redis.pcall('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
  local left = redis.call('XPENDING', stream, group, 'IDLE', lease, '-', '+', 1)
  if #left > 0 then
    local got = redis.call('XCLAIM', stream, group, consumer, lease, left[1][1])
    if got[1] and got[1][2] then return {'entry', stream, got[1][1], text(got[1][2])} end
    redis.call('XACK', stream, group, left[1][1])
  end
end
for _, stream in ipairs(KEYS) do
  local got = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', 1, 'STREAMS', stream, '>')
  if got and got[1] then
    local entry = got[1][2][1]
    return {'entry', stream, entry[1], text(entry[2])}
  end
end
local last = {'none'}
for i, stream in ipairs(KEYS) do
  local about = redis.call('XINFO', 'STREAM', stream)
  for j = 1, #about, 2 do
    if about[j] == 'last-generated-id' then last[i + 1] = about[j + 1] end
  end
end
return last
"""

TIDY = """
local group, leaving, idle = ARGV[1], ARGV[2], tonumber(ARGV[3])
local gone = 0
for _, stream in ipairs(KEYS) do
  local found = redis.pcall('XINFO', 'CONSUMERS', stream, group)
  for _, consumer in ipairs(found.err and {} or found) do
    local about = {}
    for i = 1, #consumer, 2 do about[consumer[i]] = consumer[i + 1] end
    if about.pending == 0 and (about.name == leaving or about.idle > idle) then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, about.name)
      gone = gone + 1
    end
  end
end
return gone
"""

FORWARD = (
    _GONE
    + """
local id, group, text, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if #redis.call('XRANGE', KEYS[2], id, id) == 0 then return 0 end
local new = redis.call('XADD', KEYS[3], '*', 'event', text)
local known = redis.call('HMGET', KEYS[1], 'stream', 'message')
if not known[2] or (known[1] == KEYS[2] and known[2] == id) then
  redis.call('HSET', KEYS[1], 'stream', KEYS[3], 'message', new)
  redis.call('EXPIRE', KEYS[1], keep)
end
out(KEYS[2], group, id)
return 1
"""
)

REFUSE = (
    _GONE
    + """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'event', ARGV[3])
out(KEYS[1], ARGV[2], ARGV[1])
return 1
"""
)

TAKE = (
    _GONE
    + """
local id, group, event, token, owner, keep = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local known = redis.call('HMGET', KEYS[1], 'done', 'withdrawn')
if known[1] or known[2] then out(KEYS[3], group, id) return {'done', 0} end
local first = there(KEYS[1])
if first and first ~= KEYS[3] .. ' ' .. id then out(KEYS[3], group, id) return {'duplicate', 0} end
local newest = tonumber(redis.call('HGET', KEYS[2], 'token') or '0')
if newest > token then out(KEYS[3], group, id) return {'stale', 0} end
redis.call('HSET', KEYS[1], 'stream', KEYS[3], 'message', id)
redis.call('HSET', KEYS[2], 'token', token, 'owner', owner, 'event', event)
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[4]}) do redis.call('EXPIRE', key, keep) end
return {'taken', redis.call('HINCRBY', KEYS[1], 'taken', 1)}
"""
)

RENEW = """
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[4] then return 0 end
redis.call('XCLAIM', KEYS[3], ARGV[2], ARGV[3], 0, ARGV[1], 'JUSTID')
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[4]}) do redis.call('EXPIRE', key, ARGV[5]) end
return 1
"""

FINISH = (
    _GONE
    + """
local id, group, event, owner, text, keep, most, after = unpack(ARGV)
if redis.call('HGET', KEYS[2], 'owner') ~= owner then
  if redis.call('HGET', KEYS[2], 'event') == event and not redis.call('HGET', KEYS[1], 'withdrawn') then
    return 'taken over'
  end
  out(KEYS[3], group, id)
  return 'superseded'
end
if text == '' then return 'kept' end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', most, '*', 'event', text)
redis.call('HDEL', KEYS[1], 'stream', 'message')
redis.call('HSET', KEYS[1], 'done', 1)
redis.call('SET', KEYS[6], text, 'EX', after)
redis.call('EXPIRE', KEYS[1], keep)
redis.call('HDEL', KEYS[2], 'owner')
redis.call('EXPIRE', KEYS[5], after)
out(KEYS[3], group, id)
return 'told'
"""
)

HAND_BACK = (
    _GONE
    + """
local id, group, owner, text, keep = unpack(ARGV)
if redis.call('HGET', KEYS[2], 'owner') ~= owner then return 0 end
redis.call('HDEL', KEYS[2], 'owner')
local new = redis.call('XADD', KEYS[3], '*', 'event', text)
redis.call('HSET', KEYS[1], 'stream', KEYS[3], 'message', new)
redis.call('HINCRBY', KEYS[1], 'taken', -1)
redis.call('EXPIRE', KEYS[1], keep)
out(KEYS[3], group, id)
return 1
"""
)

STEP = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*', 'event', ARGV[4])
return 1
"""

LOOK = (
    _GONE
    + """
local known = redis.call('HMGET', KEYS[1], 'done', 'withdrawn')
if known[1] then return {'result', redis.call('GET', KEYS[2]) or ''} end
return {(known[2] or there(KEYS[1])) and 'there' or 'gone', ''}
"""
)

SEND = (
    _GONE
    + """
local known = redis.call('HMGET', KEYS[1], 'done', 'withdrawn')
if known[1] or known[2] or there(KEYS[1]) then return 0 end
local id = redis.call('XADD', KEYS[2], '*', 'event', ARGV[1])
redis.call('HSET', KEYS[1], 'stream', KEYS[2], 'message', id)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
)

SEED = """
for i = 2, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""

WITHDRAW = (
    _GONE
    + """
if redis.call('HGET', KEYS[1], 'done') then return 0 end
local at = redis.call('HMGET', KEYS[1], 'stream', 'message')
if at[1] and at[2] then out(at[1], ARGV[2], at[2]) end
redis.call('HDEL', KEYS[1], 'stream', 'message')
redis.call('HSET', KEYS[1], 'withdrawn', 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
if redis.call('HGET', KEYS[2], 'event') == ARGV[1] then redis.call('HDEL', KEYS[2], 'owner') end
return 1
"""
)
