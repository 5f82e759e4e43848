# shellcheck shell=bash disable=SC2034,SC2154 # its variables are image-label-server's too
# The self-signed certificate, for as long as none is configured: sourced by image-label-server.
#
# It is only a server's (no CA, so that trusting it means trusting it for this machine's names alone), and bears all names and
# addresses by which this machine is reached now, as STATE/tls/names lists them. It is valid for less than the 397 days that
# browsers accept (CA/Browser Forum, Baseline Requirements 6.3.2), and is made again when a month is left or a name was added.

certificate_days=396 certificate_renewed_before=$((30 * 24 * 3600))
certificate_checked=0 # when it was last checked while serving, in seconds

machine_addresses() { # but for loopback's, an interface's own (fe80::) and those that change each day
	local word address scope flags
	for word in $(hostname -I 2>/dev/null); do
		[[ $word == *:* ]] || echo "$word"
	done
	while read -r address _ _ scope flags _; do
		((0x$scope == 0 && !(0x$flags & 0x69))) || continue # of this machine only; temporary, failed, deprecated, tentative
		[[ $address =~ ^(....)(....)(....)(....)(....)(....)(....)(....)$ ]] && (IFS=: && echo "${BASH_REMATCH[*]:1}")
	done < <(cat /proc/net/if_inet6 2>/dev/null)
}

machine_names() { # without asking a name server, which could take long
	local name
	name=$(hostname 2>/dev/null) || return 0
	echo "$name"
	getent -s hosts:files hosts "$name" 2>/dev/null | cut -s -d' ' -f2- | tr -s ' ' '\n'
}

certificate_names() { # one a line, as in subjectAltName
	local name
	{
		printf 'IP:%s\n' 127.0.0.1 ::1
		for name in "${addresses[@]}" $(machine_addresses); do
			name=${name//[\[\]]/}
			case $name in
			0.0.0.0 | ::) ;;
			*[!0-9.]*[!0-9a-fA-F:.]* | *[g-zG-Z]*) echo "DNS:$name" ;;
			*) echo "IP:$name" ;;
			esac
		done
		for name in localhost "$server_name" $(machine_names); do
			[[ ! $name =~ ^[0-9A-Za-z*]([0-9A-Za-z._-]*)$ || $name =~ ^[0-9.]+$ ]] || echo "DNS:$name"
		done
	} | LC_ALL=C sort -u
}

certificate_is_current() { # for the present names
	[ -s "$state/tls/certificate.pem" ] && [ -s "$state/tls/key.pem" ] && [ -s "$state/tls/names" ] &&
		openssl x509 -in "$state/tls/certificate.pem" -noout -checkend "$certificate_renewed_before" >/dev/null 2>&1 &&
		[ -z "$(LC_ALL=C comm -13 "$state/tls/names" <(echo "$1"))" ]
}

make_certificate() { # for the present names
	local new=$state/tls/new
	mkdir -p "$state/tls"
	printf '%s\n' '[req]' 'prompt = no' 'distinguished_name = subject' 'x509_extensions = extensions' \
		'[subject]' "CN = $(cut -c-64 <<<"${server_name:-localhost}")" \
		'[extensions]' 'basicConstraints = critical, CA:FALSE' 'keyUsage = critical, digitalSignature' \
		'extendedKeyUsage = serverAuth' 'subjectKeyIdentifier = hash' "subjectAltName = $(paste -sd, <<<"$1")" >"$new.cnf"
	openssl req -x509 -config "$new.cnf" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$certificate_days" \
		-keyout "$new.key" -out "$new.pem" 2>"$state/log/openssl.log" ||
		complain "cannot make a certificate: $(tail -n 1 "$state/log/openssl.log")" || return 1
	echo "$1" >"$new.names"
	mv "$new.key" "$state/tls/key.pem" && mv "$new.pem" "$state/tls/certificate.pem" && mv "$new.names" "$state/tls/names"
	rm -f "$new.cnf"
}

# Sets certificate and certificate_key: to the configured ones, or to the self-signed one, which is made if no valid
# one exists.
have_certificate() {
	local names
	self_signed=
	[ "$https" != 0 ] || return 0
	if [ -n "$certificate" ]; then
		[ -r "$certificate" ] || complain "listen.certificate cannot be read: $certificate" || return 1
		[ -r "$certificate_key" ] || complain "listen.certificate_key cannot be read: $certificate_key" || return 1
		return 0
	fi
	self_signed=1
	certificate=$state/tls/certificate.pem
	certificate_key=$state/tls/key.pem
	names=$(certificate_names)
	certificate_is_current "$names" || make_certificate "$names"
}

# While serving: whether the certificate was renewed, so that nginx must read it.
renew_certificate() {
	local names
	[ -n "$self_signed" ] && ((SECONDS - certificate_checked >= 5)) || return 1
	certificate_checked=$SECONDS
	names=$(certificate_names)
	[ -n "$names" ] || return 1 # it lacks descriptors
	! certificate_is_current "$names" && make_certificate "$names" 2>/dev/null
}
