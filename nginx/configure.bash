# shellcheck shell=bash disable=SC2034,SC2154 # its variables are image-label-server's too
# Makes STATE/nginx.conf from the configuration: sourced by image-label-server, which sets config, state, port, tls_port
# (as given), libexec (the programs) and web (this folder).
#
# The functions fail with a finished sentence on stderr, and leave what is running as it is.

config_path='' users='' log_bytes='' http=0 https=0 addresses=() server_name='' base_path='' trusted=() proxy_ca='' user_header='' proxy_users='' sign_out='' certificate='' certificate_key='' json_bytes='' slow_seconds=''
form_overhead=65536 # bytes that a form with one file may have besides the file
file_bytes='' archive_bytes='' images='' image_origins=''
origin=''   # where to ask the server whether it answers
pages=()    # the addresses that are printed for people
listening='' # what nginx listens on now

complain() {
	printf '%s\n' "$*" >&2
	return 1
}

# The origins from which pages fetch images in a bucket, for the content security policy.
# shellcheck disable=SC2016 # the variables are jq's
origins_of_images='.image_store | if .type != "s3" then "" else
	.bucket as $bucket | [.public_url, if .endpoint != "" then .endpoint | sub("\\{bucket\\}"; $bucket) else
		"s3.\(.region).amazonaws.com" + (if .region | startswith("cn-") then ".cn" else "" end)
		| "https://\($bucket).\(.)", "https://\(.)" end]
	| map(select(. != "") | capture("^(?<o>https?://[A-Za-z0-9.:_\\[\\]-]+)").o) | unique | join(" ") end'

read_config() {
	local json address
	json=$(admin config ${config:+--config "$config"}) || return 1
	eval "$(jq -r "def image_origins: $origins_of_images;"'@sh "config_path=\(.path) users=\(.json_user_dir) http=\(.listen.http_port)
		https=\(.listen.https_port) addresses=(\(.listen.address)) server_name=\(.listen.server_name)
		base_path=\(.listen.base_path) trusted=(\(.listen.trusted_proxy))
		proxy_ca=\(.listen.proxy_ca) user_header=\(.listen.proxy_user_header)
		proxy_users=\(.listen.proxy_users) sign_out=\(.listen.proxy_sign_out)
		certificate=\(.listen.certificate) certificate_key=\(.listen.certificate_key)
		json_bytes=\(.limits.json_bytes) log_bytes=\(.limits.log_bytes)
		slow_seconds=\(.limits.slow_seconds)
		file_bytes=\(.limits.file_bytes) archive_bytes=\(.limits.archive_bytes) images=\(.image_store.dir) image_origins=\(image_origins)"' <<<"$json")"
	http=${port:-$http}
	https=${tls_port:-$https}
	for address in "${!addresses[@]}"; do
		[[ ${addresses[address]} != *:* || ${addresses[address]} == \[* ]] || addresses[address]=[${addresses[address]}]
		[[ ${addresses[address]} =~ ^[]0-9A-Za-z.:[-]+$ ]] ||
			complain "listen.address is no address: ${addresses[address]}" || return 1
	done
	[ "${#addresses[@]}" != 0 ] || complain "listen.address names no address" || return 1
	[[ $server_name =~ ^[0-9A-Za-z.*-]*$ ]] || complain "listen.server_name is no host name: $server_name" || return 1
	[ "$http" != 0 ] || [ "$https" != 0 ] || complain "both ports are 0: there is nothing to listen on" || return 1
	[ "$http" != "$https" ] || complain "HTTP and HTTPS cannot share port $http" || return 1
	origin=https://${addresses[0]}:$https
	[[ ${addresses[0]} != 0.0.0.0 && ${addresses[0]} != "[::]" ]] || origin=https://localhost:$https
	pages=()
	if [ "$http" != 0 ]; then
		pages=("http://127.0.0.1:$http/ui/")
	fi
	if [ "$https" = 0 ]; then
		:
	elif [[ -n $server_name && $server_name != *\** ]]; then
		pages+=("https://$server_name:$https/ui/")
	else
		pages+=("$origin/ui/")
	fi
	[ "$http" = 0 ] || origin=http://127.0.0.1:$http
}

has_ipv6() {
	grep -qs '^0\{31\}1 ' /proc/net/if_inet6
}

sockets() { # those on which proxies ask
	printf '%s\n' "${trusted[@]}" | grep '^unix:' || :
}

listens() { # the addresses to listen on, as nginx writes them
	local address
	sockets
	if [ "$http" != 0 ]; then
		echo "127.0.0.1:$http"
		! has_ipv6 || echo "[::1]:$http"
	fi
	[ "$https" != 0 ] || return 0
	for address in "${addresses[@]}"; do
		if [ "$address" != "[::]" ]; then
			echo "$address"
			continue
		fi
		echo 0.0.0.0
		! has_ipv6 || echo "[::]"
	done | awk -v port="$https" '!told[$0]++ {print $0 ":" port " ssl http2"}'
}

# Whoever reaches such a socket can say to be anybody, and nginx lets all users write to it.
check_socket() { # path
	local folder
	folder=$(dirname "$1")
	[ -d "$folder" ] || complain "listen.trusted_proxy: there is no folder $folder" || return 1
	[[ $(stat -Lc %A "$folder") == *- ]] ||
		complain "listen.trusted_proxy: everybody on this machine can reach $1, and so be any user; close the folder to others: chmod o-x $folder" || return 1
	[ ! -e "$1" ] || [ -S "$1" ] || complain "listen.trusted_proxy: $1 is no socket" || return 1
	if curl -s -o /dev/null --max-time 5 --unix-socket "$1" http://localhost/healthz; then
		complain "listen.trusted_proxy: something listens on $1 already" || return 1
	fi
	rm -f "$1" # of a server that was killed
}

# The inside of nginx's map from what a proxy says to a user: a line a name.
map_proxy_users() {
	# shellcheck disable=SC2016 # the variables are nginx's and jq's
	[ -n "$proxy_users" ] || { printf '\t\tdefault $proxy_name;\n' && return; }
	# shellcheck disable=SC2016
	jq -r 'if type != "object" or any(.[]; type != "string") then error("it must be an object of strings") else . end | to_entries[]
		| if "\(.key)\(.value)" | test("[\u0000-\u001f\"\\\\$;{}]") then error("no name may hold \" \\ $ ; { } or a control character") else . end
		| "\t\t\"~^\\Q\(.key)\\E$\" \"\(.value)\";"' "$proxy_users" 2>"$state/log/nginx-check.log" ||
		complain "listen.proxy_users, $proxy_users: $(sed 's/^jq: error[^:]*: //' "$state/log/nginx-check.log")"
}

check_ports_free() {
	local listen host
	while read -r listen _; do
		[[ $listening != *" $listen "* ]] || continue
		if [[ $listen == unix:* ]]; then
			check_socket "${listen#unix:}" || return 1
			continue
		fi
		host=${listen%:*}
		case $host in
		0.0.0.0) host=127.0.0.1 ;;
		"[::]") host=::1 ;;
		\[*) host=${host:1:-1} ;;
		esac
		if (exec 4<>"/dev/tcp/$host/${listen##*:}") 2>/dev/null; then
			complain "port ${listen##*:} is taken: something listens on $listen already" || return 1
		fi
	done < <(listens)
}

quoted() { # a path as the inside of nginx's "…"; nginx has no way to write a literal $
	[[ $1 != *[[:cntrl:]\$]* ]] || complain "nginx cannot take a path with a control character or \$: $1" || return 1
	printf '%s' "$1" | sed 's/["\\]/\\&/g'
}

# Writes STATE/nginx.conf.new and lets nginx check it.
write_nginx_conf() {
	local text listen='' tls='' become='' proxies='' real_ip='' line sum tus ca named
	local -i workers
	workers=$(nproc)
	((workers >= 2)) || workers=2
	((workers <= 4)) || workers=4
	[ "$(id -u)" != 0 ] || become="user root root;"
	while read -r line; do
		listen+=$'\t\t'"listen $line;"$'\n'
	done < <(listens)
	users=$(quoted "$users") || return 1
	images=$(quoted "$images") || return 1
	have_certificate || return 1
	if [ "$https" != 0 ]; then
		sum=$(cat "$certificate" "$certificate_key" | sha256sum | cut -c1-32)
		certificate=$(quoted "$(realpath "$certificate")") || return 1
		certificate_key=$(quoted "$(realpath "$certificate_key")") || return 1
		# With the checksum, a renewed certificate is a changed configuration.
		tls="		# $sum
		ssl_certificate \"$certificate\";
		ssl_certificate_key \"$certificate_key\";
		ssl_protocols TLSv1.2 TLSv1.3;
		ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
		ssl_prefer_server_ciphers off;
		ssl_session_cache shared:tls:1m;
		ssl_session_timeout 1d;
		ssl_session_tickets off;"
		if [ -n "$proxy_ca" ]; then
			[ -r "$proxy_ca" ] || complain "listen.proxy_ca: $proxy_ca cannot be read" || return 1
			ca=$(quoted "$proxy_ca") || return 1
			tls+="
		# $(sha256sum <"$proxy_ca" | cut -c1-32)
		ssl_client_certificate \"$ca\";
		ssl_verify_client optional;
		ssl_verify_depth 3;"
		fi
	fi
	named=$(map_proxy_users && echo x) || return 1
	text=$(<"$web/nginx.conf.in")
	text=${text//@USER@/"$become"}
	text=${text//@WORKERS@/"$workers"}
	text=${text//@JSON_BYTES@/"$json_bytes"}
	text=${text//@BODY_TIMEOUT@/"$((slow_seconds + 15))s"}
	text=${text//@LISTEN@/"$listen"}
	text=${text//@BASE_PATH@/"$base_path"}
	text=${text//@USER_HEADER@/"$(tr 'A-Z-' 'a-z_' <<<"$user_header")"}
	text=${text//@PROXY_USERS@/"${named%x}"}
	text=${text//@SIGN_OUT@/"${sign_out:-$base_path/ui/}"}
	for line in "${trusted[@]}"; do
		[[ $line == unix:* ]] || proxies+=$'\t\t'"$line 1;"$'\n'
		real_ip+=$'\t'"set_real_ip_from ${line/#unix:*/unix:};"$'\n'
	done
	text=${text//@TRUSTED@/"$proxies"}
	text=${text//@REAL_IP@/"$real_ip"}
	text=${text//@TLS@/"$tls"}
	text=${text//@ENDPOINTS@/"$(<"$web/endpoints.conf")"}
	text=${text//@FILE_BYTES@/"$file_bytes"}
	text=${text//@FORM_BYTES@/"$((file_bytes + form_overhead))"}
	text=${text//@ARCHIVE_BYTES@/"$archive_bytes"}
	text=${text//@IMAGE_ORIGINS@/"$image_origins"}
	text=${text//@IMAGES@/"$images"}
	text=${text//@USERS@/"$users"}
	tus=$web/tus.min.js # where it is installed
	[ -e "$tus" ] || tus=$web/../build/npm/tus.min.js
	tus=$(quoted "$tus") || return 1
	text=${text//@TUS@/"$tus"}
	printf '%s\n' "$text" >"$state/nginx.conf.new"
	if ! (cd "$state" && nginx -t -q -p ./ -e log/error.log -c nginx.conf.new) 2>"$state/log/nginx-check.log"; then
		line=$(grep -m 1 -F '[emerg]' "$state/log/nginx-check.log" || tail -n 1 "$state/log/nginx-check.log")
		complain "nginx refuses its configuration: ${line#*\[emerg\] }"
	fi
}

# JSON datasets and users' files, and what an earlier version left; this may take minutes. At a reload the server goes on
# answering meanwhile, of which systemd is told.
take_in() {
	local result said=
	local -a words=(admin prepare ${config:+--config "$config"} "$@")
	if [ -z "$watched" ]; then
		"${words[@]}" >"$state/log/prepare.log"
		return
	fi
	exec {result}< <("${words[@]}" >"$state/log/prepare.log" && echo well)
	until read -rt 1 -u "$result" said || (($? <= 128)); do # above 128 it was the time, or a signal
		tell_watchdog
	done
	exec {result}<&-
	[ "$said" = well ]
}

# Refuses whatever can be refused, before anything is started or changed.
prepare() { # [--first-start]: there need be no user yet
	mkdir -p "$state"/{sock,log,tmp,cache,www}
	read_config || return 1
	export IMAGE_LABEL_CONFIG=$config_path IMAGE_LABEL_STATE=$state
	take_in "$@" || return 1
	ln -sfn "$web/html" "$state/www/ui"
	write_nginx_conf || return 1
	mapfile -t programs < <(grep -o 'unix:sock/[a-z_]*\.sock' "$state/nginx.conf.new" | sed 's|.*/||; s|\.sock||' | sort -u)
	local name
	for name in "${programs[@]}"; do
		[ -x "$libexec/$name" ] || complain "the program $name is missing in $libexec (run make)" || return 1
	done
}
