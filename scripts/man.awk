# Makes a manual page of a command's --help: awk -v name=… -v version=… -v purpose=… -f man.awk <HELP
# Headings, lists of options and paragraphs are set as such; examples stay as they are.

function plain(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	gsub(/'/, "\\(aq", text)
	gsub(/"/, "\\(dq", text)
	return text ~ /^\./ ? "\\&" text : text
}

function fill(wanted) { # from here on, fill lines, or leave them as they are
	if (wanted != filled)
		print wanted ? ".fi" : ".nf"
	filled = wanted
}

# A heading is set together with what follows it.
function heading(title) {
	fill(1)
	within = pending = title
}

function set(text) {
	if (pending)
		print ".SH " toupper(pending)
	pending = ""
	print text
}

# "  -o, --output FILE   the file": two spaces separate an option from its description, which may also begin on the
# next line.
function entry(text) {
	sub(/^ +/, "", text)
	fill(1)
	if (!match(text, /  +/)) {
		set(".TP\n.B " plain(text))
		return
	}
	set(".TP\n.B " plain(substr(text, 1, RSTART - 1)))
	print plain(substr(text, RSTART + RLENGTH))
}

BEGIN {
	filled = 1
	print ".TH " toupper(name) " 1 \"\" \"image\\-label\\-server " version "\""
	heading("Name")
	set(plain(name) " \\- " plain(purpose))
}

/^Usage: / {
	heading("Synopsis")
	set(".nf\n" plain(substr($0, 8)))
	filled = 0
	usage = 1
	next
}

usage && /^ / {
	sub(/^ +/, "")
	set(plain($0))
	next
}

usage {
	usage = 0
	heading("Description")
}

/^$/ {
	if (!pending)
		print filled ? ".PP" : ""
	next
}

/^[A-Z][^.]*:$/ {
	heading(substr($0, 1, length($0) - 1))
	next
}

/^Exit status: / {
	heading("Exit status")
	set(plain(substr($0, 14)))
	next
}

within == "Examples" {
	if (filled)
		set(".nf")
	filled = 0
	set(plain($0))
	next
}

/^ ? ? ? ? ? ?[^ ]/ && /^ / {
	entry($0)
	next
}

{
	sub(/^ +/, "")
	fill(1)
	set(plain($0))
}
