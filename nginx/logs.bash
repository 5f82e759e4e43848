# shellcheck shell=bash disable=SC2034,SC2154 # its variables are image-label-server's too
# Keeps STATE/log within bounds: sourced by image-label-server, which asks now and then while it serves.

# A log that has grown large is started anew, whichever program writes it; four older ones are kept. nginx is told
# to open its log again; other programs keep writing to theirs, which is copied and then emptied.
logs_kept=4
logs_rotated=0 # when they were last checked, in seconds
rotate_logs() {
	local log
	((SECONDS - logs_rotated >= 2)) || return 0
	logs_rotated=$SECONDS
	while read -r log; do
		event info "log begun anew" "$log"
		rotate "$log" 2>/dev/null || event warn "a log could not be kept" "$log"
	done < <(find "$state/log" -name '*.log' -size "+$((log_bytes - 1))c" -printf '%f\n')
}

rotate() { # name of a file
	local -i number
	local file=$state/log/$1
	for ((number = logs_kept - 1; number > 0; number--)); do
		[ ! -e "$file.$number" ] || mv -f "$file.$number" "$file.$((number + 1))"
	done
	case $1 in
	requests.log | error.log) mv -f "$file" "$file.1" && kill -USR1 "${pid_of[nginx]}" ;;
	supervisor.log) mv -f "$file" "$file.1" ;;
	*)
		cp "$file" "$file.1" || rm -f "$file.1" # if there is no room: new lines matter more
		: >"$file"
		log_size[${1%.log}]=0
		;;
	esac
}
