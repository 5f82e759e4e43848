/* Keeps files that can be made again in a folder, up to a ceiling. */
#include "fastcgi/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"

enum {
	PATH_BYTES_MAX = 8192,
	USED_SECONDS = 3600,     /* a use is noted this long after the last one: noting each would cost more than reading */
	UNFINISHED_SECONDS = 60, /* age at which an unfinished file's process is taken for dead */
	LEFT_PERCENT = 90,       /* of the ceiling, to which files are removed once it is exceeded */
};

struct kept {
	char *dir;
	int64_t bytes_max;
	pthread_mutex_t mutex; /* protects the fields below */
	int64_t bytes;         /* on the disk; -1: not counted yet */
	bool trimming;
};

struct kept *kept_new(const char *state_dir, const char *name, int64_t bytes_max)
{
	struct kept *kept = memory_new(1, sizeof(*kept));

	kept->dir = memory_format("%s/%s", state_dir, name);
	kept->bytes_max = bytes_max;
	kept->bytes = -1;
	pthread_mutex_init(&kept->mutex, NULL);
	return kept;
}

void kept_free(struct kept *kept)
{
	if (!kept)
		return;
	pthread_mutex_destroy(&kept->mutex);
	free(kept->dir);
	free(kept);
}

static void kept_path(struct buf *path, const char *dir, const char *group, const char *name)
{
	buf_init(path, PATH_BYTES_MAX);
	buf_printf(path, "%s/%s%s%s", dir, group, name ? "/" : "", name ? name : "");
}

static int64_t disk_bytes(const struct stat *st)
{
	return (int64_t)st->st_blocks * 512;
}

/* --- the ceiling -------------------------------------------------------------------------------------------------- */

static void remove_folder(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(path);
}

typedef void visit_file(void *data, int folder, const char *name, const struct stat *st);

static void visit_group(int parent, const char *group, visit_file *visit, void *data)
{
	int fd = openat(parent, group, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	struct stat st;

	while (folder && (entry = readdir(folder))) {
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			visit(data, fd, entry->d_name, &st);
	}
	if (folder)
		closedir(folder);
	else if (fd >= 0)
		close(fd);
}

static void kept_visit_all(const char *dir, visit_file *visit, void *data)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] != '.')
			visit_group(dirfd(folder), entry->d_name, visit, data);
	}
	if (folder)
		closedir(folder);
}

struct used {
	int64_t at, bytes;
};

struct census {
	struct used *used;
	size_t count, capacity;
	int64_t bytes;
	int64_t before; /* files used before this are removed */
};

static void count_file(void *data, int folder, const char *name, const struct stat *st)
{
	struct census *census = data;

	if (name[0] == '.' && st->st_mtim.tv_sec + UNFINISHED_SECONDS < time(NULL) && unlinkat(folder, name, 0) == 0)
		return;
	if (census->count == census->capacity) {
		census->capacity = census->capacity ? census->capacity * 2 : 1024;
		census->used = memory_grow(census->used, census->capacity, sizeof(*census->used));
	}
	census->used[census->count++] = (struct used){.at = clock_ns_of(st->st_mtim),
	                                              .bytes = disk_bytes(st)};
	census->bytes += disk_bytes(st);
}

static void remove_old(void *data, int folder, const char *name, const struct stat *st)
{
	struct census *census = data;

	if (clock_ns_of(st->st_mtim) < census->before && unlinkat(folder, name, 0) == 0)
		census->bytes -= disk_bytes(st);
}

static int by_use(const void *a, const void *b)
{
	const struct used *one = a, *other = b;

	return (one->at > other->at) - (one->at < other->at);
}

/* The time since which a file must have been used to stay. */
static int64_t oldest_left(struct census *census, int64_t bytes_max)
{
	int64_t bytes = census->bytes;
	size_t i = 0;

	if (bytes <= bytes_max)
		return INT64_MIN;
	qsort(census->used, census->count, sizeof(*census->used), by_use);
	while (i < census->count && bytes > bytes_max * LEFT_PERCENT / 100)
		bytes -= census->used[i++].bytes;
	return i < census->count ? census->used[i].at : INT64_MAX;
}

/* Counts the files' bytes, and removes the oldest if there are too many; returns how many bytes are left. */
static int64_t trim(const struct kept *kept)
{
	struct census census = {.count = 0};

	kept_visit_all(kept->dir, count_file, &census);
	census.before = oldest_left(&census, kept->bytes_max);
	if (census.before != INT64_MIN)
		kept_visit_all(kept->dir, remove_old, &census);
	free(census.used);
	return census.bytes;
}

static void kept_count(struct kept *kept, int64_t bytes)
{
	pthread_mutex_lock(&kept->mutex);
	if (kept->bytes >= 0)
		kept->bytes += bytes;
	bool trims = !kept->trimming && (kept->bytes < 0 || kept->bytes > kept->bytes_max);
	kept->trimming = kept->trimming || trims;
	pthread_mutex_unlock(&kept->mutex);
	if (!trims)
		return;
	int64_t left = trim(kept);
	pthread_mutex_lock(&kept->mutex);
	kept->bytes = left;
	kept->trimming = false;
	pthread_mutex_unlock(&kept->mutex);
}

/* --- one file ----------------------------------------------------------------------------------------------------- */

static void note_use(int fd, const struct stat *st)
{
	if (st->st_mtim.tv_sec + USED_SECONDS < time(NULL))
		futimens(fd, NULL);
}

static bool kept_read_all(int fd, const char *path, size_t len, struct buf *out)
{
	char *room = buf_reserve(out, len);
	size_t got = 0;
	ssize_t n = 1;

	while (room && got < len && (n = file_read_some(fd, path, room + got, len - got, NULL)) > 0)
		got += (size_t)n;
	out->len += room && got == len ? len : 0;
	return room && got == len;
}

/* The file begins with its version and a line break. */
static bool is_of(int fd, const char *path, const char *version, const struct stat *st)
{
	size_t len = strlen(version);
	struct buf first;

	buf_init(&first, len + 1);
	bool same = st->st_size > (off_t)len && kept_read_all(fd, path, len + 1, &first) && first.data[len] == '\n' &&
	            memcmp(first.data, version, len) == 0;
	buf_release(&first);
	return same;
}

bool kept_read(struct kept *kept, const char *group, const char *name, const char *version, struct buf *out)
{
	struct buf path;
	struct stat st;

	kept_path(&path, kept->dir, group, name);
	int fd = open(buf_text(&path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool found = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_of(fd, buf_text(&path), version, &st) &&
	             kept_read_all(fd, buf_text(&path), (size_t)st.st_size - strlen(version) - 1, out);
	if (found)
		note_use(fd, &st);
	if (fd >= 0)
		close(fd);
	buf_release(&path);
	return found;
}

static void kept_make_folders(const char *path)
{
	char *copy = memory_text(path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0700);
		*slash = '/';
	}
	mkdir(copy, 0700);
	free(copy);
}

/* Syncs the file: otherwise, after a power loss, an empty file could be served under its name for good. */
static bool kept_write(int fd, const char *version, const struct buf *bytes, struct stat *st)
{
	return file_write(fd, version, strlen(version)) == 0 && file_write(fd, "\n", 1) == 0 &&
	       file_write(fd, bytes->data, bytes->len) == 0 && fdatasync(fd) == 0 && fstat(fd, st) == 0;
}

/* Writes under another name first, so that nobody reads half a file. */
void kept_add(struct kept *kept, const char *group, const char *name, const char *version, const struct buf *bytes)
{
	char token[HASH_TOKEN_MAX];
	struct buf path, new_path, folder;
	struct stat st;

	hash_random_token(HASH_TOKEN_BYTES, token);
	kept_path(&folder, kept->dir, group, NULL);
	kept_path(&path, kept->dir, group, name);
	buf_init(&new_path, PATH_BYTES_MAX);
	buf_printf(&new_path, "%s/.%s", buf_text(&folder), token);
	int fd = open(buf_text(&new_path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == ENOENT) {
		kept_make_folders(buf_text(&folder));
		fd = open(buf_text(&new_path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd >= 0) {
		bool whole = kept_write(fd, version, bytes, &st);

		close(fd);
		if (!whole || rename(buf_text(&new_path), buf_text(&path)))
			unlink(buf_text(&new_path));
		else
			kept_count(kept, disk_bytes(&st));
	}
	buf_release(&new_path);
	buf_release(&path);
	buf_release(&folder);
}

void kept_remove(struct kept *kept, const char *group, const char *name)
{
	struct buf path;

	kept_path(&path, kept->dir, group, name);
	unlink(buf_text(&path));
	buf_release(&path);
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

static int remove_group(const char *dir, const char *group, struct err *err)
{
	char token[HASH_TOKEN_MAX];
	struct buf path, new_path;
	int failed = 0;

	/* Renames the group first: from that moment on nobody is given a file of it. */
	hash_random_token(HASH_TOKEN_BYTES, token);
	kept_path(&path, dir, group, NULL);
	buf_init(&new_path, PATH_BYTES_MAX);
	buf_printf(&new_path, "%s/.%s", dir, token);
	if (rename(buf_text(&path), buf_text(&new_path)) == 0)
		remove_folder(buf_text(&new_path));
	else if (errno != ENOENT)
		failed = err_errno(err, ERR_UNAVAILABLE, "%s cannot be removed", buf_text(&path));
	buf_release(&path);
	buf_release(&new_path);
	return failed;
}

int kept_remove_group(const char *state_dir, const char *name, const char *group, struct err *err)
{
	struct buf dir;

	kept_path(&dir, state_dir, name, NULL);
	int failed = remove_group(buf_text(&dir), group, err);
	buf_release(&dir);
	return failed;
}

int kept_sweep(const char *state_dir, const char *name, kept_wanted *wanted, void *data, struct err *err)
{
	struct buf dir;
	const struct dirent *entry;
	int failed = 0;

	kept_path(&dir, state_dir, name, NULL);
	DIR *folder = opendir(buf_text(&dir));
	while (folder && !failed && (entry = readdir(folder))) {
		bool kept = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || wanted(data, entry->d_name);

		failed = kept ? 0 : remove_group(buf_text(&dir), entry->d_name, err);
	}
	if (folder)
		closedir(folder);
	buf_release(&dir);
	return failed;
}
