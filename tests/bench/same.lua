-- One request over and over. Arguments: authorization ("" = none), accept, body ("" = a GET).
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")

function init(arguments)
	set_headers(arguments[1], arguments[2])
	if arguments[3] ~= "" then
		wrk.method, wrk.body = "POST", arguments[3]
	end
	request_bytes = wrk.format()
end

function request()
	return request_bytes
end
