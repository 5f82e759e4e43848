-- One client that sends one request after the other until all is done or its time is over, and then tells how much it did.
-- A script calls begin() with these: how often, for how many seconds at most, how many steps one time has, request(step), and
-- answer(step, status, headers, body), which returns false when there is nothing left to do.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "../report.lua")

local ffi = require("ffi")
ffi.cdef "struct timespec { long sec; long nsec; }; int clock_gettime(int clock, struct timespec *now);"
local now_spec = ffi.new("struct timespec")

local function now()
	ffi.C.clock_gettime(1, now_spec) -- CLOCK_MONOTONIC
	return tonumber(now_spec.sec) + tonumber(now_spec.nsec) / 1e9
end

local function tell(done, seconds, failed)
	io.write(string.format('BENCH {"requests":%d,"seconds":%.6f,"errors":%d,"histogram":[]}\n', done, seconds, failed))
	io.flush()
end

function begin(times, seconds, steps, make_request, answer)
	local step, done, started, ended = 1, 0, nil, false

	-- wrk also calls this once before it begins, so a step is over when its answer is here.
	function request()
		started = started or now()
		return make_request(step)
	end

	function response(status, headers, body)
		if ended then
			return
		end
		local goes_on = answer(step, status, headers, body)
		local failed = goes_on == nil
		if failed then
			io.write(status, " ", body:sub(1, 400), "\n")
		elseif goes_on then
			step = step % steps + 1
			done = done + (step == 1 and 1 or 0)
		end
		local took = now() - started
		if failed or not goes_on or done == times or (step == 1 and took > seconds) then
			ended = true
			tell(done, took, failed and 1 or 0)
		end
	end
end
