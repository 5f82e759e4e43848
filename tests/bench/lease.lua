-- Leases of the next sample, each of which is then labelled. Arguments: authorization, dataset.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")

local tokens = {}

function init(arguments)
	set_headers(arguments[1], "application/json")
	tasks = "/v1/datasets/" .. arguments[2] .. "/tasks"
end

-- Whichever connection is free labels what was leased first.
function request()
	local token = table.remove(tokens, 1)
	if token then
		return wrk.format("POST", tasks .. "/" .. token .. "/label", nil, '{"label":"cat","lead_time_ms":1500}')
	end
	return wrk.format("POST", tasks, nil, '{"count":1}')
end

function response(status, _, body)
	local token = body:match('"token":"([^"]*)"')
	if token then
		tokens[#tokens + 1] = token
	end
	if status ~= 200 then
		io.write(status, " ", body, "\n")
	end
end
