# shellcheck shell=bash disable=SC2034,SC2154 # its variables are image-label-server's too
# Gives the stores' secrets, which are in the environment, only to the programs that open the stores: sourced by
# image-label-server.

declare -A secrets=([datasets]="MONGODB_CONN_STRING" [images]="AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN")

any_secret=

keep_secrets() { # in this process only, from here on
	local names name
	read -ra names <<<"${secrets[*]}"
	for name in "${names[@]}"; do
		[ -z "${!name:-}" ] || any_secret=yes
	done
	export -n "${names[@]}"
}

give_secrets() { # NAMES OF STORES: from here on, in this subshell
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
