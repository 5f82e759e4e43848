# shellcheck shell=bash disable=SC2034,SC2154 # its variables are image-label-server's too
# Keeps the stores' secrets, which are in the environment, to those programs that open them: sourced by image-label-server.

declare -A secrets=([datasets]="MONGODB_CONN_STRING" [images]="AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN")

keep_secrets() { # to ourselves, but to go on
	local names
	read -ra names <<<"${secrets[*]}"
	export -n "${names[@]}"
}

give_secrets() { # names of stores: from here on, in this subshell
	local store name
	for store in $1; do
		for name in ${secrets[$store]}; do
			[ -z "${!name:-}" ] || export "${name?}"
		done
	done
}

admin() (
	give_secrets "datasets images"
	exec setpriv --no-new-privs "$libexec/admin" "$@"
)
