-- One annotator: the next image, its label, and again. Arguments: whose ("ours" or "label-studio"), authorization, dataset or
-- number of the project, how many, seconds at most.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "client.lua")

local ways = {
	ours = function(dataset)
		local tasks, token = "/v1/datasets/" .. dataset .. "/tasks", nil
		return function(step)
			if step == 1 then
				return wrk.format("POST", tasks, nil, '{"count":1}')
			end
			return wrk.format("POST", tasks .. "/" .. token .. "/label", nil, '{"label":"cat","lead_time_ms":1500}')
		end, function(step, status, _, body)
			if step == 1 and status == 204 then
				return false
			end
			token = step == 1 and body:match('"token":"([^"]*)"') or token
			return status == 200 and token and true or nil
		end
	end,
	["label-studio"] = function(project)
		local task
		local label = '{"result":[{"from_name":"choice","to_name":"image","type":"choices","value":{"choices":["cat"]}}],"lead_time":1.5}'
		return function(step)
			if step == 1 then
				return wrk.format("GET", "/api/projects/" .. project .. "/next", nil, "")
			end
			return wrk.format("POST", "/api/tasks/" .. task .. "/annotations/", nil, label)
		end, function(step, status, _, body)
			if step == 1 and status == 404 then
				return false
			end
			task = step == 1 and body:match('^{"id":(%d+)') or task
			return (status == 200 or status == 201) and task and true or nil
		end
	end,
}

function init(arguments)
	set_headers(arguments[2], "application/json")
	local make_request, answer = ways[arguments[1]](arguments[3])
	begin(tonumber(arguments[4]), tonumber(arguments[5]), 2, make_request, answer)
end
