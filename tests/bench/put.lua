-- Images put one after the other, each another one. Arguments: authorization, path of a folder, the image's file, and what tells
-- this run's images from those of others.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "report.lua")

function init(arguments)
	set_headers(arguments[1], "application/json")
	wrk.headers["Content-Type"] = "image/jpeg"
	folder, run, number = arguments[2], arguments[4], 0
	local file = assert(io.open(arguments[3], "rb"))
	local image = file:read("*a")
	file:close()
	start, rest = image:sub(1, 2), image:sub(3)
end

-- As with_comment in pictures.py: a comment after the first marker makes the same picture other bytes.
function request()
	local comment = run .. "-" .. number
	local length = #comment + 2
	number = number + 1
	return wrk.format("PUT", folder .. comment .. ".jpg", nil,
		start .. "\xff\xfe" .. string.char(math.floor(length / 256), length % 256) .. comment .. rest)
end
