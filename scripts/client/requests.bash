# shellcheck shell=bash disable=SC2034,SC2154 # shares its variables with scripts/image-label-client
# Requests of image-label-client: curl, to which secrets go only through its standard input.

setting() { # NAME VALUE: a line of curl's configuration language
	local value=${2//\\/\\\\}
	value=${value//\"/\\\"}
	value=${value//$'\n'/\\n}
	value=${value//$'\r'/\\r}
	printf '%s = "%s"\n' "$1" "${value//$'\t'/\\t}"
}

# With a netrc, curl reads the user's name from the URL and the password from the file.
url() { # URL
	local user=${given[user]-}
	if [[ -z $password && -n $user && ${1#*://} != *@* ]]; then
		printf '%s://%s@%s' "${1%%://*}" "$(encoded "$user")" "${1#*://}"
	else
		printf '%s' "$1"
	fi
}

encoded() { # TEXT
	jq -rn --arg text "$1" '$text | @uri'
}

# Secrets go to curl only through its standard input: everybody on the machine can read a command line.
curl_config() { # URL
	setting url "$(url "$1")"
	if [[ -n $password ]]; then
		setting user "${given[user]}:$password"
	else
		setting netrc-file "$netrc"
	fi
	[[ ! -v given[cacert] ]] || setting cacert "${given[cacert]}"
	[[ ! -v given[insecure] ]] || printf 'insecure\n'
	setting noproxy "${no_proxy-${NO_PROXY-}},127.0.0.1,localhost,::1"
}

post() { # ROUTE JSON FILE [option of curl]…
	printf '%s' "$2" >"$work/asked"
	ask "$3" --header 'Content-Type: application/json' --data-binary "@$work/asked" "${@:4}" < <(curl_config "$base$1")
}

# Writes the answer to $work/answer; ends the program unless it is a success. ROUTE is below /v1.
request() { # METHOD ROUTE [JSON]
	local more=()
	[[ $1 == GET ]] || more=(--request "$1")
	if (($# > 2)); then
		printf '%s' "$3" >"$work/asked"
		more+=(--header 'Content-Type: application/json' --data-binary "@$work/asked")
	fi
	: >"$work/answer"
	ask "$work/answer" --header 'Accept: application/json' "${more[@]}" < <(curl_config "$base/v1$2")
	check_status "$work/answer"
	[[ ! -s $work/answer ]] || jq -e 'objects' "$work/answer" >"$work/checked" 2>/dev/null || fail 1 'the answer is not that of an image-label-server'
}

# Fetches an address from an answer: on this server, or elsewhere, where our password must not go.
fetch() { # ADDRESS FILE
	local host=${base#*://}
	if [[ $1 == /* ]]; then
		ask "$2" < <(curl_config "${base%%://*}://${host%%/*}$1")
	else
		ask "$2" < <(setting url "$1")
	fi
}

ask() { # FILE, options of curl; its settings on standard input: the answer's body to FILE; sets status, type and described (X-Response-Json)
	local answer report lines
	if ! answer=$(curl --disable --config - --silent --show-error --proto =http,https \
		--connect-timeout 10 --speed-limit 1 --speed-time 120 --output "$@" \
		--write-out '%{http_code}\n%header{content-type}\n%header{x-response-json}' 2>"$work/error"); then
		report=$(head -n 1 "$work/error")
		fail 1 "$base does not answer: ${report#curl: }"
	fi
	mapfile -t lines <<<"$answer"
	status=${lines[0]} type=${lines[1]-} described=${lines[2]-}
}

check_status() { # FILE: ends the program unless the answer was a success
	local message
	[[ $status != 2* ]] || return 0
	message=$(jq -r '.message // .detail // empty | tostring' "$1" 2>/dev/null | head -n 1) || true
	[[ $message != 'Sample not found' ]] || fail 3 "$message in dataset $dataset"
	fail 1 "the server answered $status${message:+: $message}"
}
