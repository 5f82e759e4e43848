/* Holds, lists, reads and replaces the files of the users' folder. */
#include "auth/userdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#define LOCK_NAME ".lock"

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int failed(const struct userdir *dir, const char *name, const char *what, struct err *err)
{
	return err_errno(err, ERR_INTERNAL, "%s/%s cannot be %s", dir->path, name, what);
}

static int userdir_give(const struct userdir *dir, int fd)
{
	return file_give(fd, dir->fd);
}

static bool is_user_file(const char *name)
{
	size_t len = strlen(name);
	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".json") == 0;
}

static void add_name(struct userdir *dir, size_t *capacity, const char *name)
{
	if (dir->count == *capacity) {
		*capacity = *capacity ? 2 * *capacity : 64;
		dir->names = memory_grow(dir->names, *capacity, sizeof(*dir->names));
	}
	char *copy = memory_text(name);
	dir->names[dir->count++] = copy;
}

static DIR *open_listing(int folder_fd, const char *name)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	if (fd >= 0 && !listing)
		close(fd);
	return listing;
}

static int userdir_list(struct userdir *dir)
{
	DIR *listing = open_listing(dir->fd, ".");
	if (!listing)
		return -1;
	size_t capacity = 0;
	for (const struct dirent *entry; (entry = readdir(listing)) != NULL;)
		if (is_user_file(entry->d_name))
			add_name(dir, &capacity, entry->d_name);
	closedir(listing);
	if (dir->count > 1)
		qsort(dir->names, dir->count, sizeof(*dir->names), compare_strings);
	return 0;
}

static int userdir_lock(struct userdir *dir)
{
	dir->lock_fd = openat(dir->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (dir->lock_fd < 0 || userdir_give(dir, dir->lock_fd) != 0)
		return -1;
	int result;
	do
		result = flock(dir->lock_fd, LOCK_EX);
	while (result != 0 && errno == EINTR);
	return result;
}

int userdir_open(struct userdir *dir, const char *path, struct err *err)
{
	*dir = (struct userdir){.path = path, .lock_fd = -1};
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0) {
		err_errno(err, ERR_INTERNAL, "the users' folder %s cannot be opened", path);
		userdir_close(dir);
		return -1;
	}
	if (userdir_lock(dir) != 0 || userdir_list(dir) != 0) {
		err_errno(err, ERR_INTERNAL, "the users' folder %s cannot be used", path);
		userdir_close(dir);
		return -1;
	}
	return 0;
}

void userdir_close(struct userdir *dir)
{
	for (size_t i = 0; i < dir->count; i++)
		free(dir->names[i]);
	free(dir->names);
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	if (dir->fd >= 0)
		close(dir->fd);
	*dir = (struct userdir){.fd = -1, .lock_fd = -1};
}

static void userdir_join(const struct userdir *dir, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s", dir->path, name);
}

int userdir_read(const struct userdir *dir, const char *name, struct buf *out, struct err *err)
{
	char path[PATH_MAX];
	userdir_join(dir, name, path);
	return file_read(path, out->max, out, err);
}

cJSON *userdir_json(const struct userdir *dir, const char *name, struct err *err)
{
	char path[PATH_MAX];
	userdir_join(dir, name, path);
	cJSON *tree = json_parse_file(path, err);
	if (!tree || cJSON_IsObject(tree))
		return tree;
	cJSON_Delete(tree);
	err_set(err, ERR_BAD_REQUEST, "%s must hold a JSON object", path);
	return NULL;
}

static bool holds(const struct userdir *dir, const char *name, const char *bytes, size_t len)
{
	struct stat st;
	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
	    (st.st_mode & 07777) != 0600 || (size_t)st.st_size != len)
		return false;
	struct buf now;
	buf_init(&now, len + 1);
	bool same = userdir_read(dir, name, &now, NULL) == 0 && now.len == len &&
	            (len == 0 || memcmp(now.data, bytes, len) == 0);
	buf_release(&now);
	return same;
}

int userdir_write(const struct userdir *dir, const char *name, const char *bytes, size_t len, struct err *err)
{
	static const char temporary[] = ".tmp"; /* one is enough, since the folder is locked */
	if (holds(dir, name, bytes, len))
		return 0;
	unlinkat(dir->fd, temporary, 0);
	int fd = openat(dir->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(dir, name, "written", err);
	int result = 0;
	if (fchmod(fd, 0600) != 0 || userdir_give(dir, fd) != 0 || file_write(fd, bytes, len) != 0 || fsync(fd) != 0 ||
	    renameat(dir->fd, temporary, dir->fd, name) != 0 || fsync(dir->fd) != 0)
		result = failed(dir, name, "written", err);
	close(fd);
	if (result != 0)
		unlinkat(dir->fd, temporary, 0);
	return result;
}

int userdir_remove(const struct userdir *dir, const char *name, struct err *err)
{
	if ((unlinkat(dir->fd, name, 0) != 0 && errno != ENOENT) || fsync(dir->fd) != 0)
		return failed(dir, name, "removed", err);
	return 0;
}
