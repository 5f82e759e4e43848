-- One person who obtains the next one, labels it, and asks for the size, again and again; the time of each is told when
-- all are labelled.
-- Arguments: authorization, dataset, base_dir, how many to label.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")

local ffi = require("ffi")
ffi.cdef "struct timespec { long sec; long nsec; }; int clock_gettime(int clock, struct timespec *now);"
local now_spec = ffi.new("struct timespec")

local function now()
	ffi.C.clock_gettime(1, now_spec) -- CLOCK_MONOTONIC
	return tonumber(now_spec.sec) * 1e6 + tonumber(now_spec.nsec) / 1e3
end

function init(arguments)
	set_headers(arguments[1], "application/json")
	obtain = string.format('{"dataset_name":"%s"}', arguments[2])
	start = string.format('{"dataset_name":"%s","base_dir":"%s","label":"cat","filepath":"', arguments[2], arguments[3])
	left, turn = tonumber(arguments[4]), 1 -- 1: obtain, 2: classify, 3: size
	times = {{}, {}, {}}
	failed = 0
end

-- wrk also calls this once before it begins, so the turn is counted by the answers.
function request()
	local bytes
	if turn == 1 then
		bytes = wrk.format("POST", "/obtain", nil, obtain)
	elseif turn == 2 then
		bytes = wrk.format("POST", "/classify", nil, start .. filepath .. '"}')
	else
		bytes = wrk.format("POST", "/size", nil, obtain)
	end
	sent = now()
	return bytes
end

function response(status, _, body)
	times[turn][#times[turn] + 1] = string.format("%.1f", now() - sent)
	if turn == 1 then
		filepath = body:match('"filepath":"([^"]*)"') or ""
	end
	if status ~= 200 or turn == 2 and not body:find('"response":true', 1, true) then
		failed = failed + 1
	end
	if turn == 3 then
		left = left - 1
		if left == 0 then
			io.write(string.format('BENCH {"requests":%d,"seconds":1,"errors":%d,"histogram":[],'
				.. '"obtain":[%s],"classify":[%s],"size":[%s]}\n', #times[1] * 3, failed,
				table.concat(times[1], ","), table.concat(times[2], ","), table.concat(times[3], ",")))
			io.flush()
		end
	end
	turn = turn % 3 + 1
end
