-- Labels of samples, each once. Arguments: authorization, dataset, base_dir, number of the first sample.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")

-- As sample_name in bench: every name another one, all of them the same file.
local function sample_name(number)
	local parts = {}
	for bit = 19, 0, -1 do
		parts[#parts + 1] = math.floor(number / 2 ^ bit) % 2 == 1 and ".//" or "./"
	end
	return table.concat(parts) .. "image.png"
end

function init(arguments)
	set_headers(arguments[1], "application/json")
	start = string.format('{"dataset_name":"%s","base_dir":"%s","label":"cat","filepath":"', arguments[2], arguments[3])
	number = tonumber(arguments[4])
end

function request()
	local body = start .. sample_name(number) .. '"}'
	number = number + 1
	return wrk.format("POST", "/classify", nil, body)
end
