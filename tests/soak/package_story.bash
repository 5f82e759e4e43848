#!/bin/bash
# The life of the package on a clean system: run by test_package.py as a service of that system, whose first process is
# its own systemd, in a network of its own (lo alone). /root has the package, one of an earlier version, an image and two
# archives; what they need was downloaded before. A step that fails ends it; what it prints says how far it came.
# apparmor_story.bash runs it, too, and adds steps.
set -eEu

package=$(echo /root/image-label-server_*.deb)
service=image-label-server
data=/var/lib/image-label-server
config=/etc/image-label-server/config.json
server=https://127.0.0.1:44443
export DEBIAN_FRONTEND=noninteractive

step() {
	echo "--- $*"
}
also() { # a step of apparmor_story.bash, where that runs this one
	! declare -F "step_$1" >/dev/null || "step_$1"
}
failed() { # line, file, command
	echo "line $1 of ${2##*/} failed: $3"
	systemctl status --no-pager --full $service || :
	journalctl --no-pager --lines=50 --unit=$service || :
} >&2
trap 'failed "$LINENO" "${BASH_SOURCE[0]}" "$BASH_COMMAND"' ERR

until_so() { # a command that will succeed
	for _ in {1..6000}; do
		! "$@" || return 0
		sleep 0.1
	done
	echo "not so: $*"
	return 1
}
is() { # what a property of the service is now
	[ "$(systemctl show --value --property="$1" $service)" = "$2" ]
}
restarted() { # how often by now, by systemd itself; it serves again
	is NRestarts "$1" && is SubState running && curl -sko /dev/null --fail "$server/readyz"
}
main_pid() {
	systemctl show --value --property=MainPID $service
}
add_setting() { # lines of a drop-in, as `systemctl edit` would add them
	install -d /etc/systemd/system/$service.service.d
	printf '%s\n' '[Service]' "$@" >/etc/systemd/system/$service.service.d/override.conf
	systemctl daemon-reload
}
no_setting() {
	rm -r /etc/systemd/system/$service.service.d
	systemctl daemon-reload
}
install_package() {
	apt-get install -qq --no-install-recommends "$1" </dev/null >/root/apt 2>&1 || { cat /root/apt; return 1; }
}
ask() {
	curl -sSk --fail-with-body -u "admin:$key" -H 'Content-Type: application/json' "$@"
}
load_archive() { # file, query: of one image
	curl -sSk --fail-with-body -u "admin:$key" -T "$1" -X POST "$server/v1/datasets/leaves/archive${2-}" >/root/loaded
	[ "$(jq -c .summary /root/loaded | tail -n 1)" = '{"loaded":1,"duplicate":0,"skipped":0,"failed":0}' ] || { cat /root/loaded; return 1; }
}
nothing_lost() {
	systemctl is-active --quiet $service
	ask "$server/v1/datasets/leaves/samples" | grep -q '"oak"'
}
no_trace() { # but of these
	local found
	found=$(find / -xdev \( -name '*image-label*' -o -name '*imagelabel*' \) ! -path '/proc/*' ! -path '/root/*' \
		! -path '/var/log/*' ! -path '/var/lib/image-label-server*' ! -path '/var/cache/apt/*')
	[ -z "$found" ] || { echo "left: $found"; return 1; }
}

step "installed, it serves at once: it has a user, an admin's key for root alone, and no dataset"
install_package /root/earlier.deb
systemctl is-active --quiet $service
systemctl is-enabled --quiet $service
id _image-label
[ "$(stat -c '%a %U' /etc/image-label-server/admin-key)" = '600 root' ]
[ "$(stat -c '%a %U' /etc/default/image-label-server)" = '600 root' ]
[ "$(stat -c '%a %U' $data)" = '750 _image-label' ]
key=$(tail -n 1 /etc/image-label-server/admin-key)
[ -n "$key" ]

step "by TLS, and the page; the key is not in the journal, and the system's nginx is as it was"
curl -sSk --fail -u "admin:$key" "$server/ui/" | grep -q '<title>'
[ "$(curl -sk -o /dev/null -w '%{http_code}' "$server/ui/label")" = 401 ]
journalctl --unit=$service | grep -q https://localhost:44443/ui/
if journalctl | grep -F "$key"; then exit 1; fi
systemctl is-active --quiet nginx
curl -sS --fail http://127.0.0.1/ | grep -q 'Welcome to nginx'

step "with no more than it needs"
systemd-analyze security --no-pager --threshold=25 $service | tail -n 1
if is MemoryMax infinity; then exit 1; fi
processes=$(cat /sys/fs/cgroup/system.slice/$service.service/cgroup.procs)
[ "$(wc -w <<<"$processes")" -gt 20 ]
confined() { # process
	grep -qx $'NoNewPrivs:\t1' "/proc/$1/status" && grep -qx $'Seccomp:\t2' "/proc/$1/status" &&
		grep -qx $'CapBnd:\t0000000000000400' "/proc/$1/status" && # CAP_NET_BIND_SERVICE
		grep -q '^Max core file size  *0  *0 ' "/proc/$1/limits" && [ "$(stat -c %U "/proc/$1")" = _image-label ]
}
for pid in $processes; do
	confined "$pid" 2>/dev/null || [ ! -e "/proc/$pid" ]
done
# shellcheck disable=SC2046 # names of files
if grep -lz '^NOTIFY_SOCKET\|^WATCHDOG' $(pgrep -u _image-label -x 'nginx|size' | sed 's|.*|/proc/&/environ|'); then exit 1; fi
touch /home/secret /tmp/secret /dev/secret
seen() { # by the service: a command in its mount namespace, still as root
	nsenter --target "$(main_pid)" --mount -- "$@"
}
for folder in /etc /usr /srv; do
	said=$(seen touch $folder/new 2>&1) || [[ $said == *'Read-only file system' ]]
	[ ! -e $folder/new ]
done
seen touch $data/new
rm $data/new
for file in /home/secret /tmp/secret /dev/secret; do
	if seen test -e $file; then exit 1; fi
done

also confined

step "an admin makes a dataset, an image and an archive come in, and its configuration is read anew"
if [ -z "${enforced-}" ]; then # what profile allows strace?
	# The calls are looked at by test_package.py. By -DD the supervisor, not strace, is what systemd stops.
	add_setting 'SystemCallFilter=' 'WatchdogSec=0' 'ExecStart=' \
		"ExecStart=strace -DD -f -qq -o $data/calls $(sed -n 's/^ExecStart=//p' /lib/systemd/system/$service.service)"
	systemctl restart $service
fi
ask "$server/v1/datasets" -d '{"name": "leaves", "labels": ["oak", "elm"]}' >/dev/null
curl -sSk --fail -u "admin:$key" -T /root/1.png "$server/v1/datasets/leaves/images/1.png?label=oak" >/dev/null
load_archive /root/2.tar.gz
ask -o /dev/null "$server/v1/datasets/leaves/samples/0/thumb?size=256"
image-label-user --config $config add ann >/root/ann
rm /etc/image-label-server/admin-key
systemctl reload $service
[ "$(curl -sk -o /dev/null -w '%{http_code}' -u "ann:$(tail -n 1 /root/ann)" "$server/v1/datasets/leaves")" = 200 ]
if [ -z "${enforced-}" ]; then
	no_setting
	systemctl restart $service
	mv $data/calls /root/calls
fi
nothing_lost
ask -o /dev/null "$server/v1/datasets/leaves/samples/0/thumb?size=512" # now by the filter of the unit
load_archive /root/3.zip '?names=cp932'
also workers

step "people label, and an upload goes on after it was cut; all of it is exported, backed up, restored and checked"
ask -D /root/head -X POST -H 'Tus-Resumable: 1.0.0' -H "Upload-Length: $(stat -c %s /root/4.png)" \
	-H "Upload-Metadata: filepath $(printf 4.png | base64)" "$server/v1/datasets/leaves/uploads"
upload=$server$(tr -d '\r' </root/head | sed -n 's/^location: //p')
send() { # from one byte to another
	head -c "$2" /root/4.png | tail -c +$(($1 + 1)) | curl -sSk --fail-with-body -o /dev/null -u "admin:$key" -X PATCH -H 'Tus-Resumable: 1.0.0' \
		-H "Upload-Offset: $1" -H 'Content-Type: application/offset+octet-stream' --data-binary @- "$upload"
}
send 0 50
send 50 "$(stat -c %s /root/4.png)"
task=$(ask "$server/v1/datasets/leaves/tasks" -d '{"count": 1}' | jq -r '.tasks[0].token')
ask -o /dev/null "$server/v1/datasets/leaves/tasks/$task/label" -d '{"label": "elm"}'
ask -o /dev/null -X POST "$server/v1/datasets/leaves/samples/0/label" -d '{"label": "elm", "version": '"$(
	ask "$server/v1/datasets/leaves/samples/0" | jq .version)"'}'
ask -o /dev/null -X POST "$server/v1/datasets/leaves/samples/0/undo" -d '{}'
ask "$server/v1/datasets/leaves/export?format=csv" | grep -q '^1.png,oak'
ask "$server/v1/datasets/leaves/export?format=classfolders&as=tar" | tar -t | grep '^\(./\)\?elm/' >/dev/null
ask "$server/v1/datasets/leaves/export/webdataset/000000.tar" | tar -t | grep png >/dev/null
ask "$server/v1/datasets/leaves/stats" | jq -e '.people[0].labelled > 0' >/dev/null
image-label-backup --config $config --to /root/backup
image-label-backup --to /root/backup --verify
cat >/root/restored.json <<CONFIG
{"json_db_dir": "/root/restored/seeds", "sqlite_db_dir": "/root/restored/datasets", "json_user_dir": "/root/restored/users",
 "image_store": {"type": "fs", "dir": "/root/restored/images"}}
CONFIG
image-label-backup restore --from /root/backup --config /root/restored.json
[ "$(find /root/restored/images -type f | wc -l)" = "$(find $data/images -type f | wc -l)" ]
image-label-check --config $config --state $data/state
nothing_lost

step "killed, it is started again"
kill -KILL "$(main_pid)"
until_so restarted 1
nothing_lost

step "it is killed and started again, too, when it hangs, or what answers does"
add_setting WatchdogSec="${hang_after:-10}"
systemctl restart $service
kill -STOP "$(main_pid)"
until_so restarted 1
nothing_lost
kill -STOP "$(pgrep -x -u _image-label health)"
until_so restarted 2
nothing_lost
[ "$(journalctl --unit=$service | grep -c 'Watchdog timeout')" = 2 ]
no_setting
systemctl restart $service

step "a port below 1024, by a reload"
sed -i 's/44443/443/' $config
systemctl reload $service
server=https://127.0.0.1
nothing_lost

step "an upgrade, while it runs, keeps all, the changed configuration too, and makes no other admin"
before=$(main_pid)
load_archive /root/5.tar.gz
dpkg --unpack "$package" </dev/null
pkill -KILL -u _image-label -f '^decode$'
load_archive /root/6.tar.gz # by what the former version keeps of its files, which are gone
[ "$(main_pid)" = "$before" ]
dpkg --configure -a </dev/null
[ "$(dpkg-query -W -f '${Version}' $service)" != 0.9 ]
[ "$(main_pid)" != "$before" ]
nothing_lost
grep -q '"https_port": 443}' $config
[ ! -e /etc/image-label-server/admin-key ]
dpkg -i "$package" </dev/null
nothing_lost

step "removed, it is stopped; installed again, it is the same"
dpkg -r $service
[ ! -e /usr/bin/image-label-server ]
if pgrep -u _image-label; then exit 1; fi
dpkg -i "$package" </dev/null
nothing_lost

step "a purge asks nothing, and leaves datasets, images and users alone"
systemctl stop $service
before=$(cd $data && find sqlite_dbs images json_users -type f | sort | xargs sha256sum)
dpkg -P $service </dev/null
[ "$(cd $data && find . -type f | sort | sed 's|^./||' | xargs sha256sum)" = "$(cd $data && cut -d' ' -f3- <<<"$before" | xargs sha256sum)" ]
[ "$(cd $data && find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" = './images ./json_data ./json_users ./sqlite_dbs ' ]
no_trace

step "installed after that, it serves what was there, to the same users"
server=https://127.0.0.1:44443
dpkg -i "$package" </dev/null
[ ! -e /etc/image-label-server/admin-key ]
nothing_lost

step "where no user is left, a start makes an admin, and the journal has the key once"
systemctl stop $service
rm $data/json_users/*
systemctl start $service
key=$(journalctl --unit=$service --output=cat | grep -o '[A-Za-z0-9_-]\{22\}$' | tail -n 1)
nothing_lost
systemctl restart $service
nothing_lost
[ "$(journalctl | grep -cF -e "$key")" = 1 ]
systemctl stop $service

also taken_over
also nothing_else

step "in a container: as its first process, with any uid, and a root that cannot be written but for its data"
uid=$((100000 + RANDOM))
install -d -o $uid -g $uid /srv/labels
cat >/etc/container.json <<CONFIG
{"json_db_dir": "/srv/labels/seeds", "sqlite_db_dir": "/srv/labels/datasets", "json_user_dir": "/srv/labels/users", "when_empty": "serve",
 "image_store": {"type": "fs", "dir": "/srv/labels/images"}, "listen": {"http_port": 0, "https_port": 44443}}
CONFIG
contain() {
	rm -f /root/contained
	# shellcheck disable=SC2016 # expanded within
	unshare --mount --pid --fork --mount-proc bash -c '
		mount --bind /srv/labels /srv/labels && mount -t tmpfs tmpfs /tmp && mount -o remount,bind,ro / &&
		exec setpriv --reuid "$1" --regid "$1" --clear-groups --no-new-privs --bounding-set=-all env -i PATH="$PATH" \
			image-label-server --config /etc/container.json --state /srv/labels/state run' bash $uid >/root/contained 2>&1 &
	main=$!
	for _ in {1..300}; do
		! grep -qs 'Ctrl-C ends it' /root/contained || return 0 # after the first admin's key
		kill -0 $main || { cat /root/contained; return 1; }
		sleep 0.1
	done
	return 1
}
end_container() { # as an engine does; its first process is the one that has no parent of its own
	pkill -TERM -u $uid -o -f 'image-label-server.* run'
	wait $main
	if pgrep -u $uid; then return 1; fi
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
IMAGE_LABEL_PURGE_DATA=yes dpkg -P $service </dev/null
[ ! -e $data ]
no_trace
step "done"
