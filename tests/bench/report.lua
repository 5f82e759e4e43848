-- What every script tells at its end: requests, errors and the histogram of latencies, as one line of JSON.

function done(summary, latency)
	local bars, errors = {}, 0
	for i = 0, #latency - 1 do
		local microseconds, count = latency(i)
		bars[#bars + 1] = string.format("[%d,%d]", microseconds, count)
	end
	for _, count in pairs(summary.errors) do
		errors = errors + count
	end
	io.write(string.format('BENCH {"requests":%d,"seconds":%.6f,"errors":%d,"histogram":[%s]}\n',
		summary.requests, summary.duration / 1e6, errors, table.concat(bars, ",")))
end

function set_headers(authorization, accept)
	wrk.headers["Content-Type"] = "application/json"
	wrk.headers.Accept = accept
	if authorization ~= "" then
		wrk.headers.Authorization = authorization
	end
end
