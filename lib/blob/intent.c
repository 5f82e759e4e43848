/* Keeps notes of objects about to be stored. */
#include "blob/intent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"

enum { PATH_BYTES_MAX = 8192, NOTE_BYTES_MAX = 4096 };

struct intent {
	char *path;
};

static char *path_of(const char *dir, const char *name)
{
	struct buf path;

	buf_init(&path, PATH_BYTES_MAX);
	buf_printf(&path, "%s/%s", dir, name);
	return buf_detach(&path);
}

/* "dataset\nkey\n": neither holds a line break. */
static int write_note(const char *path, const char *dataset, const char *key, struct err *err)
{
	struct buf note;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	buf_init(&note, NOTE_BYTES_MAX);
	buf_printf(&note, "%s\n%s\n", dataset, key);
	bool whole = fd >= 0 && write(fd, note.data, note.len) == (ssize_t)note.len;
	int failed = whole ? 0 : err_errno(err, ERR_UNAVAILABLE, "The upload cannot be noted");
	buf_release(&note);
	if (fd >= 0)
		close(fd);
	if (failed)
		unlink(path);
	return failed;
}

int intent_begin(struct intent **out, const char *dir, const char *dataset, const char *key, struct err *err)
{
	char token[HASH_TOKEN_MAX];
	struct intent *intent = calloc(1, sizeof(*intent));

	if (!intent)
		abort();
	hash_random_token(HASH_TOKEN_BYTES, token);
	intent->path = path_of(dir, token);
	mkdir(dir, 0700);
	*out = intent;
	if (write_note(intent->path, dataset, key, err) == 0)
		return 0;
	intent_end(intent, false);
	return -1;
}

void intent_end(struct intent *intent, bool done)
{
	if (done)
		unlink(intent->path);
	free(intent->path);
	free(intent);
}

static bool is_old(const char *path, int64_t older_than_seconds)
{
	struct stat now;

	return stat(path, &now) == 0 && S_ISREG(now.st_mode) && time(NULL) - now.st_mtime >= older_than_seconds;
}

static bool visit_note(const char *path, intent_visit *visit, void *data)
{
	struct buf note;
	struct err ignored;
	bool remove = true; /* a note cut short by a crash is of nothing stored */

	buf_init(&note, NOTE_BYTES_MAX);
	char *key = file_read(path, NOTE_BYTES_MAX, &note, &ignored) || !note.data ? NULL : strchr(note.data, '\n');
	char *end = key ? strchr(key + 1, '\n') : NULL;
	if (end) {
		*key = *end = '\0';
		remove = visit(data, note.data, key + 1);
	}
	buf_release(&note);
	return remove;
}

int intent_each(const char *dir, int64_t older_than_seconds, intent_visit *visit, void *data, struct err *err)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;

	if (!folder)
		return errno == ENOENT ? 0 : err_errno(err, ERR_UNAVAILABLE, "The folder %s cannot be read", dir);
	while ((entry = readdir(folder))) {
		char *path = path_of(dir, entry->d_name);

		if (is_old(path, older_than_seconds) && visit_note(path, visit, data))
			unlink(path);
		free(path);
	}
	closedir(folder);
	return 0;
}
