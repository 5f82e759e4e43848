-- One client that uploads images by tus, each another one: a POST that makes the upload, and a PATCH with its bytes. Arguments:
-- authorization, path of the uploads, the image's file, what tells this client's images from those of others, how many, seconds
-- at most.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "client.lua")

local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
	return (text:gsub("..?.?", function(part)
		local a, b, c = part:byte(1, 3)
		local bits = a * 65536 + (b or 0) * 256 + (c or 0)
		local out = ""
		for place = 3, 3 - #part, -1 do
			local letter = math.floor(bits / 64 ^ place) % 64 + 1
			out = out .. letters:sub(letter, letter)
		end
		return out .. ("="):rep(3 - #part)
	end))
end

function init(arguments)
	set_headers(arguments[1], "*/*")
	wrk.headers["Content-Type"] = nil
	wrk.headers["Tus-Resumable"] = "1.0.0"
	local file = assert(io.open(arguments[3], "rb"))
	local image = file:read("*a")
	file:close()
	local number, location, bytes = 0, nil, nil
	begin(tonumber(arguments[5]), tonumber(arguments[6]), 2, function(step)
		local headers = {}
		for name, value in pairs(wrk.headers) do
			headers[name] = value
		end
		if step == 1 then
			-- As with_comment in pictures.py: a comment after the first marker makes the same picture other bytes.
			local name = arguments[4] .. "-" .. number
			bytes = image:sub(1, 2) .. "\xff\xfe" .. string.char(0, #name + 2) .. name .. image:sub(3)
			headers["Upload-Length"], headers["Upload-Metadata"] = #bytes, "filename " .. base64(name .. ".jpg")
			return wrk.format("POST", arguments[2], headers, "")
		end
		headers["Upload-Offset"], headers["Content-Type"] = 0, "application/offset+octet-stream"
		return wrk.format("PATCH", location, headers, bytes)
	end, function(step, status, headers)
		if step == 1 then
			location = (headers.Location or ""):gsub("^https?://[^/]*", "")
			return status == 201 and location ~= "" and true or nil
		end
		number = number + 1
		return status == 204 and true or nil
	end)
end
