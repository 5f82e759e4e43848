#!/bin/bash
# The life of the package on a clean system: run by test_package.py as root in a chroot, in a network of its own (lo
# alone), where /root has the package and an image. A step that fails ends it; what it prints says how far it came.
set -eu

package=$(echo /root/image-label-server_*.deb)
data=/var/lib/image-label-server
config=/etc/image-label-server/config.json
unit=/lib/systemd/system/image-label-server.service
server=https://127.0.0.1:44443

step() {
	echo "--- $*"
}
of_unit() { # a setting of the unit
	sed -n "s/^$1=//p" "$unit"
}
serve() { # a command that runs it
	# As systemd would: that user, with that capability alone, and nothing of root's environment.
	# shellcheck disable=SC2046 # words of the unit
	setpriv --reuid "$(of_unit User)" --regid "$(of_unit Group)" --init-groups --no-new-privs \
		--inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service --bounding-set=-all,+net_bind_service \
		env -i HOME=$data PATH="$PATH" NOTIFY_SOCKET=/run/notify "$@" $(of_unit ExecStart) >/root/served 2>&1 &
	main=$!
	for _ in {1..300}; do
		! curl -sko /dev/null "$server/healthz" || return 0
		kill -0 $main || { cat /root/served; return 1; }
		sleep 0.1
	done
	return 1
}
end() {
	kill -TERM "$(cat $data/state/supervisor.pid)"
	wait $main
}
ask() {
	curl -sSk --fail-with-body -u "admin:$key" -H 'Content-Type: application/json' "$@"
}
no_trace() { # but of these
	local found
	found=$(find / -xdev \( -name '*image-label*' -o -name '*imagelabel*' \) ! -path '/proc/*' ! -path '/root/*' \
		! -path '/var/log/*' ! -path '/var/lib/image-label-server*' ! -path '/var/cache/apt/*')
	[ -z "$found" ] || { echo "left: $found"; return 1; }
}

# In place of systemd's.
# shellcheck disable=SC2016 # expanded by that sh
printf '#!/bin/sh\necho "$* $NOTIFY_SOCKET" >/tmp/notified\n' >/usr/local/bin/systemd-notify
chmod 755 /usr/local/bin/systemd-notify

step "installed, it has a user, an admin's key for root alone, and no dataset"
id _image-label
[ "$(stat -c '%a %U' /etc/image-label-server/admin-key)" = '600 root' ]
[ "$(stat -c '%a %U' /etc/default/image-label-server)" = '600 root' ]
[ "$(stat -c '%a %U' $data)" = '750 _image-label' ]
key=$(tail -n 1 /etc/image-label-server/admin-key)
[ -n "$key" ]

step "it serves TLS by the unit's command, and the page; systemd is told so"
serve strace -f -qq -o /tmp/calls
curl -sSk --fail -u "admin:$key" "$server/ui/" | grep -q '<title>'
[ "$(curl -sk -o /dev/null -w '%{http_code}' "$server/ui/label")" = 401 ]
if grep -F "$key" /root/served; then exit 1; fi
until [ -e /tmp/notified ]; do sleep 0.1; done
[ "$(cat /tmp/notified)" = '--ready /run/notify' ]
# shellcheck disable=SC2046 # names of files
if grep -l NOTIFY_SOCKET $(pgrep -u _image-label -x 'nginx|size' | sed 's|.*|/proc/&/environ|'); then exit 1; fi

step "an admin makes a dataset, an image comes in and is labelled"
ask "$server/v1/datasets" -d '{"name": "leaves", "labels": ["oak", "elm"]}' >/dev/null
curl -sSk --fail -u "admin:$key" -T /root/1.png "$server/v1/datasets/leaves/images/1.png?label=oak" >/dev/null
ask -o /dev/null "$server/v1/datasets/leaves/samples/0/thumb?size=256"
image-label-user --config $config add ann >/root/ann
rm /etc/image-label-server/admin-key

step "reload, as the unit says it"
# shellcheck disable=SC2046
setpriv --reuid "$(of_unit User)" --regid "$(of_unit Group)" --init-groups env -i PATH="$PATH" $(of_unit ExecReload)
[ "$(curl -sk -o /dev/null -w '%{http_code}' -u "ann:$(tail -n 1 /root/ann)" "$server/v1/datasets/leaves")" = 200 ]

step "a port below 1024"
end
sed -i 's/44443/443/' $config
server=https://127.0.0.1
serve
ask "$server/v1/datasets/leaves/samples" | grep -q '"oak"'
end

step "an upgrade over itself keeps all, the changed configuration too, and makes no other admin"
dpkg -i "$package" </dev/null
grep -q '"https_port": 443}' $config
[ ! -e /etc/image-label-server/admin-key ]
serve
ask "$server/v1/datasets/leaves/samples" | grep -q '"oak"'
end

step "removed and installed again, it is the same"
dpkg -r image-label-server
[ ! -e /usr/bin/image-label-server ]
dpkg -i "$package" </dev/null
serve
ask "$server/v1/datasets/leaves/samples" | grep -q '"oak"'
end

step "a purge asks nothing, and leaves datasets, images and users alone"
before=$(cd $data && find sqlite_dbs images json_users -type f | sort | xargs sha256sum)
dpkg -P image-label-server </dev/null
[ "$(cd $data && find . -type f | sort | sed 's|^./||' | xargs sha256sum)" = "$(cd $data && cut -d' ' -f3- <<<"$before" | xargs sha256sum)" ]
[ "$(cd $data && find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" = './images ./json_data ./json_users ./sqlite_dbs ' ]
no_trace

step "installed after that, it serves what was there, to the same users"
dpkg -i "$package" </dev/null
[ ! -e /etc/image-label-server/admin-key ]
server=https://127.0.0.1:44443
serve
ask "$server/v1/datasets/leaves/samples" | grep -q '"oak"'
end

step "in a container: as its first process, with any uid, and a root that cannot be written but for its data"
uid=$((100000 + RANDOM))
install -d -o $uid -g $uid /srv/labels
cat >/etc/container.json <<CONFIG
{"json_db_dir": "/srv/labels/seeds", "sqlite_db_dir": "/srv/labels/datasets", "json_user_dir": "/srv/labels/users", "when_empty": "serve",
 "image_store": {"type": "fs", "dir": "/srv/labels/images"}, "listen": {"http_port": 0, "https_port": 44443}}
CONFIG
contain() {
	# shellcheck disable=SC2016 # expanded within
	unshare --mount --pid --fork --mount-proc bash -c '
		mount --bind /srv/labels /srv/labels && mount -t tmpfs tmpfs /tmp && mount -o remount,bind,ro / &&
		exec setpriv --reuid "$1" --regid "$1" --clear-groups --no-new-privs --bounding-set=-all env -i PATH="$PATH" \
			image-label-server --config /etc/container.json --state /srv/labels/state run' bash $uid >/root/contained 2>&1 &
	main=$!
	for _ in {1..300}; do
		! curl -sko /dev/null --fail "$server/healthz" || return 0
		kill -0 $main || { cat /root/contained; return 1; }
		sleep 0.1
	done
	return 1
}
end_container() { # as an engine does; its first process is the one that has no parent of its own
	pkill -TERM -u $uid -o -f 'image-label-server.* run'
	wait $main
	[ -z "$(pgrep -u $uid)" ]
}
contain
key=$(grep -o '[A-Za-z0-9_-]\{22\}$' /root/contained | tail -n 1)
ask "$server/v1/datasets" -d '{"name": "leaves", "labels": ["oak", "elm"]}' >/dev/null
curl -sSk --fail -u "admin:$key" -T /root/1.png "$server/v1/datasets/leaves/images/1.png?label=oak" >/dev/null
end_container
contain
ask "$server/v1/datasets/leaves/samples" | grep -q '"oak"'
end_container
rm -r /srv/labels /etc/container.json

step "told so, a purge leaves nothing"
IMAGE_LABEL_PURGE_DATA=yes dpkg -P image-label-server </dev/null
[ ! -e $data ]
no_trace
step "done"
