# shellcheck shell=bash disable=SC2154 # its variables are image-label-server's too
# Whether a server with this state folder runs, and the processes that a killed one left: sourced by image-label-server.

# The supervisor holds an exclusive lock on STATE/lock for as long as it lives.
running() {
	[ -e "$state/lock" ] && ! flock -n -s "$state/lock" true
}

supervisor_pid() {
	grep -s . "$state/supervisor.pid" || die "it is starting or stopping just now"
}

pause() { # SECONDS: at most so long, without a process of its own that could be left behind
	[ -n "$silence" ] || exec {silence}<> <(:) # a pipe into which only a signal's handler writes
	read -rt "$1" -u "$silence" || :
}
end_pause() {
	[ -z "$silence" ] || echo >&"$silence"
}
silence=

alive() { # false for a zombie, too
	local line # not by its exe, which cannot be read if the process has capabilities
	[ -n "${1:-}" ] || return 1
	if read -r line 2>/dev/null <"/proc/$1/stat"; then
		[[ ${line##*) } != [ZX]* ]]
	else
		[ -d "/proc/$1" ] # no descriptor can be had to look closer
	fi
}

# The processes of this state folder, whatever their parent: all of ours are started in it.
leftovers() { # [name of the program]
	local process exe
	for process in /proc/[0-9]*; do
		[ "$process/cwd" -ef "$state" ] || continue
		exe=$(readlink "$process/exe") || continue
		exe=${exe%' (deleted)'}
		case $exe in
		*/nginx | */multiwatch | */spawn-fcgi | "$libexec"/*)
			[ -n "${1:-}" ] && [ "${exe##*/}" != "$1" ] || echo "${process#/proc/}"
			;;
		esac
	done
}

end_leftovers() { # [name of the program]: what a killed supervisor or nginx left
	local signal pids
	for signal in TERM KILL; do
		for _ in {1..40}; do
			mapfile -t pids < <(leftovers "${1:-}")
			[ "${#pids[@]}" -gt 0 ] || return 0
			kill "-$signal" "${pids[@]}" 2>/dev/null || :
			pause 0.05
		done
	done
}
