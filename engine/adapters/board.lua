-- Carries out operations on limits that several engines share, in their order. A limit is a sorted set: of a rate the
-- members are calls by when they began, of so many at a time they are places by when their lease ends; microseconds.
-- ARGV: the operations as JSON, the engine, the prefix of keys, the lease in milliseconds, the channel.
local operations, me, prefix = cjson.decode(ARGV[1]), ARGV[2], ARGV[3]
local lease, channel = tonumber(ARGV[4]), ARGV[5]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local SOON = 20000

local function taken(key, period)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - period)
  return redis.call('ZCARD', key)
end

local function keep(key, period)
  local milliseconds = period > 0 and math.ceil(period / 1000) or lease * 2
  redis.call('PEXPIRE', key, milliseconds + 1000)
end

local function wait_of(key, period, most, count)
  local index = period > 0 and math.max(0, count - most) or 0
  local first = redis.call('ZRANGE', key, index, index, 'WITHSCORES')
  return first[2] and math.max(1, tonumber(first[2]) + period - now) or 1
end

local function waits(key, wait)
  redis.call('ZADD', key .. ':waiting', now + wait + lease * 1000, me)
  redis.call('PEXPIRE', key .. ':waiting', math.ceil(wait / 1000) + lease * 2)
end

local function others(key)
  redis.call('ZREMRANGEBYSCORE', key .. ':waiting', '-inf', now)
  local count = redis.call('ZCARD', key .. ':waiting')
  return redis.call('ZSCORE', key .. ':waiting', me) and count - 1 or count
end

local does = {}

function does.take(op)
  for i, line in ipairs(op.lines) do
    local key, period, most = prefix .. line[1], line[2], line[3]
    local count = taken(key, period)
    local has = op.kept[i] ~= '' and redis.call('ZSCORE', key, op.kept[i])
    has = has or redis.call('ZSCORE', key, op.names[i])
    if not has and count >= most then
      local wait = wait_of(key, period, most, count)
      waits(key, wait)
      return {i, wait}
    end
  end
  for i, line in ipairs(op.lines) do
    local key, period = prefix .. line[1], line[2]
    if op.kept[i] ~= '' then redis.call('ZREM', key, op.kept[i]) end
    redis.call('ZADD', key, period > 0 and now or now + lease * 1000, op.names[i])
    keep(key, period)
  end
  return {0, 0}
end

function does.reserve(op)
  local key, period, most = prefix .. op.line[1], op.line[2], op.line[3]
  local room = most - taken(key, period)
  local waiting = others(key)
  local given = math.max(0, math.min(op.asked, room))
  if waiting > 0 and given == room and room > 1 then
    given = math.max(1, math.floor(room / (waiting + 1)))
  end
  for i = 1, given do
    redis.call('ZADD', key, period > 0 and now or now + op.milliseconds * 1000, op.name .. ':' .. i)
  end
  if given > 0 then keep(key, period) end
  if given == op.asked then
    redis.call('ZREM', key .. ':waiting', me)
    return {given, 0}
  end
  local wait = room > given and SOON or wait_of(key, period, most, most - room + given)
  waits(key, wait)
  return {given, wait}
end

function does.leave(op)
  for i, short in ipairs(op.keys) do
    local key = prefix .. short
    if redis.call('ZREM', key, op.names[i]) > 0 and others(key) > 0 then
      redis.call('PUBLISH', channel, cjson.encode({what = 'room', key = short, by = me}))
    end
  end
  return {0, 0}
end

function does.renew(op)
  for _, name in ipairs(op.names) do
    redis.call('ZADD', prefix .. op.key, now + lease * 1000, name)
  end
  keep(prefix .. op.key, 0)
  return {0, 0}
end

function does.enter(op)
  for i, age in ipairs(op.ages) do
    redis.call('ZADD', prefix .. op.line[1], now - age, op.names[i])
  end
  keep(prefix .. op.line[1], op.line[2])
  return {0, 0}
end

function does.probe(op)
  local key = prefix .. 'probe:' .. op.key
  if redis.call('SET', key, me, 'NX', 'PX', op.milliseconds) or redis.call('GET', key) == me then return {0, 0} end
  return {0, math.max(1, redis.call('PTTL', key))}
end

function does.unprobe(op)
  local key = prefix .. 'probe:' .. op.key
  if redis.call('GET', key) == me then redis.call('DEL', key) end
  return {0, 0}
end

local answers = {}
for i, operation in ipairs(operations) do
  answers[i] = does[operation.op](operation)
end
return answers
