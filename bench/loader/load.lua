-- The request generator that wrk runs (LuaJIT). Its one argument is the file that bench/loader/lua.py wrote.
--
-- Servers are visited in turn, and all servers of a round share one sequence number. So everything except the server's
-- name and the time is rendered once a round, and a request costs one table.concat of a few pieces.
-- With several threads each thread owns every n-th server: no server is ever visited by two.

local ffi = require("ffi")
ffi.cdef [[
   typedef struct { long seconds; long microseconds; } loader_time;
   int gettimeofday(loader_time *now, void *zone);
]]
local clock = ffi.new("loader_time")

local function now_us()
   ffi.C.gettimeofday(clock, nil)
   return tonumber(clock.seconds) * 1000000 + tonumber(clock.microseconds)
end

-- A round: `pieces` in sending order, with gaps at `gaps[name]` (lists of positions) that each request fills.

local function append(round, piece, seq)
   if type(piece) == "table" and piece.slot then
      table.insert(round.pieces, "")
      table.insert(round.gaps[piece.slot], #round.pieces)
      return
   end
   if type(piece) == "table" then
      local base, step, width = piece[1], piece[2], piece[3]
      piece = string.format("%0" .. math.max(width, 1) .. "d", base + step * seq)
   end
   table.insert(round.pieces, piece)
end

local function rendered(template, seq)
   local round = {pieces = {}, gaps = {SERVER = {}, NOW = {}, NOW_MS = {}}}
   for _, piece in ipairs(template) do
      append(round, piece, seq)
   end
   return round
end

local WIDTH = {NOW = #"1700000000.000", NOW_MS = #"1700000000000"}

local function length_of(round, server_width)
   local length = #table.concat(round.pieces)
   length = length + #round.gaps.SERVER * server_width
   return length + #round.gaps.NOW * WIDTH.NOW + #round.gaps.NOW_MS * WIDTH.NOW_MS
end

local function request_template(script, seq, server_width)
   local body = script.body
   if script.opening and seq <= script.lag then
      body = script.opening
   end
   local length = length_of(rendered(body, seq), server_width)
   local request = {"POST "}
   for _, piece in ipairs(script.path) do
      table.insert(request, piece)
   end
   table.insert(request, " HTTP/1.1\r\nContent-Type: " .. script.content_type .. "\r\n")
   for name, value in pairs(wrk.headers) do
      table.insert(request, name .. ": " .. value .. "\r\n")
   end
   table.insert(request, "Content-Length: " .. length .. "\r\n\r\n")
   for _, piece in ipairs(body) do
      table.insert(request, piece)
   end
   return request
end

-- Neighbouring constant pieces become one, so that a request joins as few as possible.
local function compacted(round)
   local name_at = {}
   for name, positions in pairs(round.gaps) do
      for _, position in ipairs(positions) do
         name_at[position] = name
      end
   end
   local compact = {pieces = {}, gaps = {SERVER = {}, NOW = {}, NOW_MS = {}}}
   local run = {}
   local function close_run()
      if #run > 0 then
         table.insert(compact.pieces, table.concat(run))
         run = {}
      end
   end
   for position, piece in ipairs(round.pieces) do
      if name_at[position] then
         close_run()
         append(compact, {slot = name_at[position]})
      else
         table.insert(run, piece)
      end
   end
   close_run()
   return compact
end

local script, servers, own_servers, round, seq, position
local verifying = false
local sent_at = {}

-- Globals are what done() reads from each thread.
statuses = {}
answers = 0
first_unexpected_status = 0
first_unexpected_body = ""
shortest_gap_us = 0
last_seq = 0
next_server = 0 -- as the script counts them; what it says holds with one thread

local function begin_round(number)
   seq, last_seq, position = number, number, 1
   round = compacted(rendered(request_template(script, seq, #servers[1]), seq))
end

local function fill(gaps, text)
   local pieces = round.pieces
   for i = 1, #gaps do
      pieces[gaps[i]] = text
   end
end

local function render(server, now)
   local gaps = round.gaps
   local ms = math.floor(now / 1000)
   fill(gaps.SERVER, server)
   if #gaps.NOW > 0 then
      fill(gaps.NOW, string.format("%d.%03d", math.floor(ms / 1000), ms % 1000))
   end
   if #gaps.NOW_MS > 0 then
      fill(gaps.NOW_MS, string.format("%d", ms))
   end
   return table.concat(round.pieces)
end

-- The shortest time between two requests of one server: an answer that took longer may have been in flight with the next.
local function note_gap(now)
   local before = sent_at[position]
   sent_at[position] = now
   if before and (shortest_gap_us == 0 or now - before < shortest_gap_us) then
      shortest_gap_us = now - before
   end
end

function request()
   local now = now_us()
   if not round then
      begin_round(script.first_seq)
      if #own_servers == #servers then
         position = script.first_server + 1
      end
   elseif position > #own_servers then
      begin_round(seq + 1)
   end
   local text = render(own_servers[position], now)
   if verifying then
      -- wrk asks the first thread for one request that it parses and never sends: it must use up no sequence number.
      verifying = false
      return text
   end
   note_gap(now)
   next_server = position % #own_servers
   position = position + 1
   return text
end

function response(status, headers, body)
   answers = answers + 1
   if status == script.expected_status then
      return
   end
   statuses[status] = (statuses[status] or 0) + 1
   if first_unexpected_status == 0 then
      first_unexpected_status = status
      first_unexpected_body = body:sub(1, 500)
   end
end

local threads = {}

function setup(thread)
   table.insert(threads, thread)
   thread:set("thread_index", #threads)
end

function init(arguments)
   script = dofile(arguments[1])
   servers, own_servers = {}, {}
   for name in script.servers:gmatch("[^\n]+") do
      table.insert(servers, name)
   end
   for index = thread_index, #servers, tonumber(arguments[2]) do
      table.insert(own_servers, servers[index])
   end
   if script.pause_ms > 0 then
      delay = function() -- wrk asks for it by this name; without it no time is spent on it
         return script.pause_ms
      end
   end
   verifying = thread_index == 1
end

local function json_string(text)
   return '"' .. text:gsub('[%c"\\\127-\255]', function(character)
      return string.format("\\u%04x", character:byte())
   end) .. '"'
end

local function json_object(values)
   local members = {}
   for name, value in pairs(values) do
      table.insert(members, json_string(tostring(name)) .. ": " .. value)
   end
   return "{" .. table.concat(members, ", ") .. "}"
end

local function sum_of_threads()
   local sum = {statuses = {}, answers = 0, first_status = 0, first_body = "", last_seq = 0, shortest_gap_us = 0}
   for _, thread in ipairs(threads) do
      for status, count in pairs(thread:get("statuses")) do
         sum.statuses[status] = (sum.statuses[status] or 0) + count
      end
      sum.answers = sum.answers + thread:get("answers")
      if sum.first_status == 0 then
         sum.first_status = thread:get("first_unexpected_status")
         sum.first_body = thread:get("first_unexpected_body")
      end
      local shortest = thread:get("shortest_gap_us")
      if shortest > 0 and (sum.shortest_gap_us == 0 or shortest < sum.shortest_gap_us) then
         sum.shortest_gap_us = shortest
      end
      sum.last_seq = math.max(sum.last_seq, thread:get("last_seq"))
   end
   return sum
end

function done(summary, latency, requests)
   local sum = sum_of_threads()
   local errors = summary.errors
   print(json_object({
      answers = sum.answers,
      duration_us = summary.duration,
      p50_us = latency:percentile(50),
      p99_us = latency:percentile(99),
      p999_us = latency:percentile(99.9),
      max_us = latency.max,
      statuses = json_object(sum.statuses),
      first_status = sum.first_status,
      first_body = json_string(sum.first_body),
      socket_errors = json_object({
         connect = errors.connect, read = errors.read, write = errors.write, timeout = errors.timeout,
      }),
      shortest_gap_us = sum.shortest_gap_us,
      last_seq = sum.last_seq,
      next_server = threads[1]:get("next_server"),
   }))
end
