/* The image store in files: opening it, and everything but writing objects (put.c). */
#include "blob/fs/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { FOLDER_MODE = 0750 };

static const char *const tree_names[FS_TREES] = {"private", "public"};

static void fs_free(struct blob_store *store)
{
	struct fs_store *fs = (struct fs_store *)store;
	for (int i = 0; i < FS_TREES; i++)
		if (fs->tree[i] >= 0)
			close(fs->tree[i]);
	if (fs->tmp >= 0)
		close(fs->tmp);
	if (fs->root >= 0)
		close(fs->root);
	fs_durable_clear(&fs->durable);
	pthread_mutex_destroy(&fs->durable.lock);
	free(fs);
}

/* mkdir -p; syncs each new folder into the one above it. */
static int tree_make_folders(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/", dir) >= (int)sizeof(path))
		return err_set(err, ERR_BAD_REQUEST, "image_store.dir is too long");
	for (char *p = path + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		if (mkdir(path, FOLDER_MODE) != 0) {
			if (errno == EEXIST || errno == EISDIR)
				continue;
			return err_errno(err, ERR_UNAVAILABLE, "can't make the folder %s of image_store.dir",
			                 path);
		}
		char above[PATH_MAX + 3];
		snprintf(above, sizeof(above), "%s/..", path);
		int made = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (made >= 0 && fd >= 0)
			file_give(made, fd);
		if (made >= 0)
			close(made);
		if (fd >= 0)
			close(fd);
		if (file_sync_folder(above) != 0)
			return err_errno(err, ERR_UNAVAILABLE, "can't sync the folder above %s of image_store.dir", path);
	}
	return 0;
}

static int tree_open_folder(struct fs_store *fs, const char *name, int *out, struct err *err)
{
	bool made = mkdirat(fs->root, name, FOLDER_MODE) == 0;
	if (!made && errno != EEXIST)
		return err_errno(err, ERR_UNAVAILABLE, "can't make the folder %s/%s", fs->dir, name);
	*out = openat(fs->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*out < 0 || (made && file_give(*out, fs->root)))
		return err_errno(err, ERR_UNAVAILABLE, "can't open the folder %s/%s", fs->dir, name);
	return 0;
}

static int open_folders(struct fs_store *fs, const char *dir, struct err *err)
{
	if (*dir == '\0')
		return err_set(err, ERR_BAD_REQUEST, "image_store.dir is empty");
	if (tree_make_folders(dir, err) != 0)
		return -1;
	if (!realpath(dir, fs->dir))
		return err_errno(err, ERR_UNAVAILABLE, "can't find image_store.dir %s", dir);
	fs->root = open(fs->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->root < 0)
		return err_errno(err, ERR_UNAVAILABLE, "can't open image_store.dir %s", fs->dir);
	for (int i = 0; i < FS_TREES; i++)
		if (tree_open_folder(fs, tree_names[i], &fs->tree[i], err) != 0)
			return -1;
	if (tree_open_folder(fs, "tmp", &fs->tmp, err) != 0)
		return -1;
	if (fsync(fs->root) != 0)
		return err_errno(err, ERR_UNAVAILABLE, "can't sync image_store.dir %s", fs->dir);
	return 0;
}

static int fs_open(struct blob_store **out, const struct config *config, struct err *err)
{
	struct fs_store *fs = memory_new(1, sizeof(*fs));
	fs->config = config;
	fs->root = fs->tmp = -1;
	for (int i = 0; i < FS_TREES; i++)
		fs->tree[i] = -1;
	pthread_mutex_init(&fs->durable.lock, NULL);
	if (open_folders(fs, config->image_store.dir, err) != 0) {
		fs_free(&fs->base);
		return -1;
	}
	*out = &fs->base;
	return 0;
}

/* Looks several times: an object that is being hidden or published may have moved to the tree just looked at. */
static const enum fs_tree lookups[] = {FS_PRIVATE, FS_PUBLIC, FS_PRIVATE, FS_PUBLIC, FS_PRIVATE, FS_PUBLIC};
enum { LOOKUPS = sizeof(lookups) / sizeof(lookups[0]) };

/* ERR_NOT_FOUND if the store's folder is still the one that was opened: otherwise its disk is gone, or another is
 * there. */
static int tree_not_found(struct fs_store *fs, const char *key, struct err *err)
{
	struct stat opened, there;
	if (fstat(fs->root, &opened) != 0 || stat(fs->dir, &there) != 0)
		return err_errno(err, ERR_UNAVAILABLE, "the image store %s can't be used", fs->dir);
	if (opened.st_dev != there.st_dev || opened.st_ino != there.st_ino)
		return err_set(err, ERR_UNAVAILABLE, "the image store %s is another folder than when it was opened: reload",
		               fs->dir);
	return err_set(err, ERR_NOT_FOUND, "there is no object '%s'", key);
}

static int tree_look(struct fs_store *fs, const char *key, enum fs_tree *out, struct stat *st, struct err *err)
{
	for (int i = 0; i < LOOKUPS; i++) {
		if (fstatat(fs->tree[lookups[i]], key, st, 0) == 0) {
			if (!S_ISREG(st->st_mode))
				break;
			*out = lookups[i];
			return 0;
		}
		if (errno != ENOENT && errno != ENOTDIR)
			return err_errno(err, ERR_UNAVAILABLE, "can't look for the object '%s'", key);
	}
	return tree_not_found(fs, key, err);
}

static int fs_url(struct blob_store *store, const char *key, bool public_read, int64_t expires_seconds,
                  struct buf *out, struct err *err)
{
	(void)expires_seconds;
	struct fs_store *fs = (struct fs_store *)store;
	if (!public_read)
		return 0;
	const char *base = fs->config->image_store.public_url;
	size_t len = strlen(base);
	while (len > 0 && base[len - 1] == '/')
		len--;
	if (len > 0)
		buf_add(out, base, len);
	else
		buf_str(out, "/public");
	buf_char(out, '/');
	text_percent_encode(key, out);
	return out->overflow ? err_set(err, ERR_INTERNAL, "an object's URL is too long") : 0;
}

static int fs_path(struct blob_store *store, const char *key, char out[PATH_MAX], struct err *err)
{
	struct fs_store *fs = (struct fs_store *)store;
	enum fs_tree tree;
	struct stat st;
	if (tree_look(fs, key, &tree, &st, err) != 0)
		return -1;
	if (snprintf(out, PATH_MAX, "%s/%s/%s", fs->dir, tree_names[tree], key) >= PATH_MAX)
		return err_set(err, ERR_INTERNAL, "an object's path is too long");
	return 0;
}

static int open_object(struct fs_store *fs, const char *key, int *out, struct err *err)
{
	for (int i = 0; i < LOOKUPS; i++) {
		*out = openat(fs->tree[lookups[i]], key, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (*out >= 0)
			return 0;
		if (errno != ENOENT && errno != ENOTDIR)
			return err_errno(err, ERR_UNAVAILABLE, "can't open the object '%s'", key);
	}
	return tree_not_found(fs, key, err);
}

static int fs_stat(struct blob_store *store, const char *key, struct blob_info *out, struct err *err)
{
	struct fs_store *fs = (struct fs_store *)store;
	enum fs_tree tree;
	struct stat st;
	if (tree_look(fs, key, &tree, &st, err) != 0)
		return -1;
	memset(out, 0, sizeof(*out));
	out->bytes = st.st_size;
	out->modified_us = clock_us_of(st.st_mtim);
	return 0;
}

static int fs_read(struct blob_store *store, const char *key, int64_t offset, void *bytes, size_t len,
                   size_t *got, struct err *err)
{
	int fd, result = 0;
	if (open_object((struct fs_store *)store, key, &fd, err) != 0)
		return -1;
	*got = 0;
	while (*got < len) {
		ssize_t n = pread(fd, (char *)bytes + *got, len - *got, offset + (int64_t)*got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = err_errno(err, ERR_UNAVAILABLE, "can't read the object '%s'", key);
		if (n <= 0)
			break;
		*got += (size_t)n;
	}
	close(fd);
	return result;
}

/* Does not sync: if a power cut undoes the removal, the sweep finds the object, to which no sample refers. */
static int fs_remove(struct blob_store *store, const char *key, struct err *err)
{
	struct fs_store *fs = (struct fs_store *)store;
	for (int i = 0; i < FS_TREES; i++)
		if (unlinkat(fs->tree[i], key, 0) != 0 && errno != ENOENT && errno != ENOTDIR &&
		    errno != EISDIR) /* a folder of objects is no object */
			return err_errno(err, ERR_UNAVAILABLE, "can't delete the object '%s'", key);
	return 0;
}

static int fs_sweep(struct blob_store *store, const char *prefix, int64_t older_than_seconds,
                    int64_t *removed, struct err *err)
{
	(void)prefix; /* an unfinished file has no key yet */
	struct fs_store *fs = (struct fs_store *)store;
	int fd = openat(fs->root, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return err_errno(err, ERR_UNAVAILABLE, "can't open the folder %s/tmp", fs->dir);
	}
	int64_t limit = text_now() / MICROSECONDS - older_than_seconds;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		struct stat st;
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtim.tv_sec <= limit && unlinkat(fd, entry->d_name, 0) == 0)
			(*removed)++;
	}
	closedir(dir);
	return 0;
}

static int fs_ping(struct blob_store *store, struct err *err)
{
	struct fs_store *fs = (struct fs_store *)store;
	struct statvfs vfs;
	if (statvfs(fs->dir, &vfs) != 0 || access(fs->dir, R_OK | W_OK | X_OK) != 0)
		return err_errno(err, ERR_UNAVAILABLE, "the image store %s can't be used", fs->dir);
	if ((vfs.f_flag & ST_RDONLY) != 0)
		return err_set(err, ERR_UNAVAILABLE, "the image store %s is on a read-only file system",
		               fs->dir);
	if (vfs.f_bavail == 0)
		return err_set(err, ERR_NO_SPACE, "the disk of the image store %s is full", fs->dir);
	return 0;
}

static const char *fs_spool_dir(struct blob_store *store)
{
	return ((struct fs_store *)store)->config->image_store.dir;
}

const struct blob_backend blob_fs = {
	.open = fs_open,
	.free = fs_free,
	.put = fs_put,
	.set_public = fs_set_public,
	.url = fs_url,
	.path = fs_path,
	.stat = fs_stat,
	.read = fs_read,
	.remove = fs_remove,
	.sweep = fs_sweep,
	.list = fs_list,
	.ping = fs_ping,
	.spool_dir = fs_spool_dir,
};
