/* The image store in files: the objects that are there. */
#include "blob/fs/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "blob/key.h"

struct listing {
	const char *prefix;
	blob_visit *visit;
	void *data;
	bool ended;
	char key[PATH_MAX]; /* of the folder or object being looked at */
};

/* Whether keys that begin with the prefix can lie in this folder, whose name ends in '/'. */
static bool leads_on(const struct listing *listing, size_t len)
{
	size_t prefix = strlen(listing->prefix);

	return strncmp(listing->key, listing->prefix, len < prefix ? len : prefix) == 0;
}

static void list_object(struct listing *listing, const struct stat *st)
{
	struct blob_info info = {.bytes = st->st_size, .modified_us = clock_us_of(st->st_mtim)};

	if (strncmp(listing->key, listing->prefix, strlen(listing->prefix)) == 0 &&
	    blob_key_check(listing->key, NULL) == 0)
		listing->ended = !listing->visit(listing->data, listing->key, &info);
}

static int list_folder(struct listing *listing, int above, const char *name, size_t len, struct err *err);

/* One entry of the folder that is open as `folder`, whose path takes the first len bytes of the key. What is gone
 * by now is passed over. */
static int list_entry(struct listing *listing, int folder, const char *name, size_t len, struct err *err)
{
	struct stat st;
	int more = snprintf(listing->key + len, sizeof(listing->key) - len, "%s", name);

	if (more < 0 || (size_t)more + len + 1 >= BLOB_KEY_MAX || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (S_ISREG(st.st_mode))
		list_object(listing, &st);
	if (!S_ISDIR(st.st_mode))
		return 0;
	len += (size_t)more;
	listing->key[len++] = '/';
	listing->key[len] = '\0';
	return leads_on(listing, len) ? list_folder(listing, folder, name, len, err) : 0;
}

static int list_folder(struct listing *listing, int above, const char *name, size_t len, struct err *err)
{
	int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int failed = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return errno == ENOENT ? 0 : err_errno(err, ERR_UNAVAILABLE, "can't list the image store's folder '%s'", name);
	}
	errno = 0;
	for (struct dirent *entry; !failed && !listing->ended && (entry = readdir(dir)) != NULL; errno = 0) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			failed = list_entry(listing, fd, entry->d_name, len, err);
	}
	if (!failed && !listing->ended && errno)
		failed = err_errno(err, ERR_UNAVAILABLE, "can't list the image store's folder '%s'", name);
	closedir(dir);
	return failed;
}

int fs_list(struct blob_store *store, const char *prefix, blob_visit *visit, void *data, struct err *err)
{
	const struct fs_store *fs = (const struct fs_store *)store;
	struct listing listing = {.prefix = prefix, .visit = visit, .data = data};
	int failed = 0;

	for (int i = 0; i < FS_TREES && !failed && !listing.ended; i++)
		failed = list_folder(&listing, fs->tree[i], ".", 0, err);
	return failed;
}
