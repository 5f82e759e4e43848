/* Becoming the owner of a folder. */
#include "owner.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static int find_owner(const char *folder, struct stat *st)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s", folder) >= sizeof(path))
		return -1;
	while (stat(path, st) != 0) {
		char *slash = strrchr(path, '/');

		if (errno != ENOENT || !slash)
			return -1;
		slash[slash == path] = '\0';
	}
	return 0;
}

static int take_groups(const struct stat *st)
{
	const struct passwd *owner = getpwuid(st->st_uid);

	return owner ? initgroups(owner->pw_name, owner->pw_gid) || setegid(owner->pw_gid)
	             : setgroups(1, &st->st_gid) || setegid(st->st_gid);
}

int owner_become(const char *folder, struct err *err)
{
	struct stat st;

	if (geteuid() != 0 || find_owner(folder, &st) != 0 || st.st_uid == 0)
		return 0;
	if (take_groups(&st) || seteuid(st.st_uid))
		return err_errno(err, ERR_INTERNAL, "Cannot go on as the owner of %s", folder);
	return 0;
}
