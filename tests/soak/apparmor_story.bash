#!/bin/bash
# The life of the package where its profile is enforced: run by test_apparmor.py as a service of an emulated machine, whose
# kernel has AppArmor. It is package_story.bash's, and between its steps what AppArmor has to say. /root also has
# taken_over.py, and an `unpack` that misbehaves as an archive tells it to.
set -eEu

profile=image-label-server
libexec=/usr/lib/image-label-server
[ "$(aa-enabled)" = Yes ]

denied() { # so far, each by the profile and the command
	dmesg --notime | grep -o 'apparmor="DENIED".*' | grep "profile=\"$profile\"" || :
}

step_confined() { # what runs now, all of it, and by what the service was started
	step "all of it is confined by the profile, which is enforced"
	local status pid
	status=$(aa-status --json)
	[ "$(jq -r ".profiles[\"$profile\"]" <<<"$status")" = enforce ]
	while read -r pid; do
		grep -qx "$profile (enforce)" "/proc/$pid/attr/current" 2>/dev/null || [ ! -e "/proc/$pid" ] ||
			{ echo "not confined: $(tr '\0' ' ' <"/proc/$pid/cmdline")"; return 1; }
	done <"/sys/fs/cgroup/system.slice/$service.service/cgroup.procs"
	[ "$(jq "[.processes[][] | select(.profile == \"$profile\" and .status == \"enforce\")] | length" <<<"$status")" -gt 20 ]
	grep -q landlock /sys/kernel/security/lsm
}

step_workers() {
	step "what decodes images and unpacks archives is confined by a filter of its own, too"
	local ours theirs worker deed
	load_archive /root/7.tar.gz # starts some
	ours=$(awk '$1 == "Seccomp_filters:" {print $2}' "/proc/$(main_pid)/status")
	for worker in $(pgrep -u _image-label -f '^decode$'); do
		theirs=$(awk '$1 == "Seccomp_filters:" {print $2}' "/proc/$worker/status")
		[ "$theirs" -gt "$ours" ]
	done
	[ -n "${worker-}" ]
	mv $libexec/unpack /root/honest-unpack
	install -m 755 /root/unpack $libexec/unpack
	systemctl restart $service
	for deed in 'open /etc/mime.types' 'create /var/lib/image-label-server/made' 'execute /bin/dash' 'socket x' 'fork x' 'kill x'; do
		printf '%s\0' "$deed" >/root/deed
		curl -sSk -u "admin:$key" -T /root/deed -X POST "$server/v1/datasets/leaves/archive" >/root/loaded
		grep -q -- '-1 Permission denied' /root/loaded || { echo "$deed:"; cat /root/loaded; return 1; }
	done
	mv /root/honest-unpack $libexec/unpack
	systemctl restart $service
}

step_taken_over() {
	step "a program of it that was taken over, even by root, is refused what the profile does not have, and the kernel says so"
	install -d /home/ann
	echo secret | tee /home/ann/letter >/etc/image-label-server/admin-key
	: >/tmp/of-another
	cp "$(realpath /usr/bin/python3)" $libexec/taken-over
	local deeds=('read /etc/shadow' 'read /home/ann/letter' 'read /root/story' 'read /dev/vda' 'read /proc/1/environ'
		'read /var/lib/dpkg/status' 'create /usr/bin/made' 'create /etc/made' 'create /srv/made' 'change /etc/image-label-server/config.json'
		"change $libexec/size" 'raw AF_INET' 'raw AF_PACKET' 'become 1' 'own /tmp/of-another'
		'change_mode /tmp/of-another' 'execute /usr/bin/perl' 'wake 1' 'mount /mnt' 'leave unconfined')
	local quiet=('read /etc/image-label-server/admin-key')
	local deed said before
	for deed in "${deeds[@]}" "${quiet[@]}"; do # may root do it, elsewhere?
		chown _image-label /tmp/of-another
		said=$($libexec/taken-over -IS /root/taken_over.py "$deed")
		[ "$said" = "$deed done" ] || [ "$deed" = 'leave unconfined' ] || { echo "not even without the profile: $said"; return 1; }
	done
	cp /root/taken_over.py /srv/taken_over.py
	for deed in "${deeds[@]}" "${quiet[@]}"; do
		chown _image-label /tmp/of-another
		before=$(denied | wc -l) # without `site` (-S), Python is denied nothing as it starts
		said=$(aa-exec -p $profile -- $libexec/taken-over -IS /srv/taken_over.py "$deed")
		[[ $said == "$deed "@(Permission denied|Operation not permitted) ]] || { echo "not refused: $said"; return 1; }
		[[ " ${quiet[*]} " == *" $deed "* ]] || until_so more_denied "$before"
	done
	rm -r $libexec/taken-over /home/ann /srv/taken_over.py /tmp/of-another /etc/image-label-server/admin-key
}
more_denied() { # than so many
	[ "$(denied | wc -l)" -gt "$1" ]
}

step_nothing_else() {
	step "nothing else was denied"
	local others
	others=$(denied | grep -v 'comm="taken-over"' || :)
	[ -z "$others" ] || { echo "$others"; return 1; }
	denied | sed 's/.*\(operation="[^"]*"\).*\(profile=.*\)/\1 \2/' | cut -c1-150
}

enforced=yes hang_after=60 # seconds: everything is slow there
# shellcheck source=tests/soak/package_story.bash
. /root/story
