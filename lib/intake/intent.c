/* Keeps notes of objects about to be stored. */
#include "intake/intent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

enum { PATH_BYTES_MAX = 8192, NOTE_BYTES_MAX = 4096 };
#define KEYS_FILE ".keys"

struct intents {
	char *dir;
	pthread_mutex_t lock;
	struct intent *unused;
};

/* The file of a note, which is locked as long as this process uses it. */
struct intent {
	char *path;
	int fd;
	int keys; /* the file of locks on keys, opened for this note alone, since locks belong to an opening */
	struct intent *next;
};

static char *intent_path(const char *dir, const char *name)
{
	struct buf path;

	buf_init(&path, PATH_BYTES_MAX);
	buf_printf(&path, "%s/%s", dir, name);
	return buf_detach(&path);
}

struct intents *intents_new(const char *dir)
{
	struct intents *intents = memory_new(1, sizeof(*intents));

	intents->dir = memory_text(dir);
	pthread_mutex_init(&intents->lock, NULL);
	return intents;
}

/* --- locks on keys ------------------------------------------------------------------------------------------------ */

/* A key's place in the file of locks, which is empty: its own byte, except for rare collisions. */
static off_t place_of(const char *key)
{
	unsigned char digest[HASH_SHA256_SIZE];
	uint64_t place;

	hash_sha256(key, strlen(key), digest);
	memcpy(&place, digest, sizeof(place));
	return (off_t)(place >> 2);
}

static int open_keys(const char *dir)
{
	char *path = intent_path(dir, KEYS_FILE);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	free(path);
	return fd;
}

/* type: F_RDLCK to store the key, F_WRLCK to remove it, F_UNLCK. */
static int lock_key(int keys, const char *key, short type, bool wait)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = place_of(key), .l_len = 1};
	int failed;

	do {
		failed = fcntl(keys, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
	} while (failed && errno == EINTR);
	return failed;
}

static void unlock_keys(int keys)
{
	struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	fcntl(keys, F_OFD_SETLK, &all);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static void close_file(struct intent *intent)
{
	if (intent->fd >= 0)
		close(intent->fd);
	if (intent->keys >= 0)
		close(intent->keys);
	free(intent->path);
	free(intent);
}

void intents_free(struct intents *intents)
{
	if (!intents)
		return;
	for (struct intent *intent = intents->unused, *next; intent; intent = next) {
		next = intent->next;
		unlink(intent->path);
		close_file(intent);
	}
	pthread_mutex_destroy(&intents->lock);
	free(intents->dir);
	free(intents);
}

static struct intent *open_file(const char *dir, struct err *err)
{
	char token[HASH_TOKEN_MAX];
	struct intent *intent = memory_new(1, sizeof(*intent));

	hash_random_token(HASH_TOKEN_BYTES, token);
	intent->path = intent_path(dir, token);
	mkdir(dir, 0700);
	intent->keys = open_keys(dir);
	intent->fd = intent->keys < 0 ? -1 : open(intent->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (intent->fd >= 0 && flock(intent->fd, LOCK_EX | LOCK_NB) == 0)
		return intent;
	err_errno(err, ERR_UNAVAILABLE, "The upload cannot be noted");
	close_file(intent);
	return NULL;
}

static struct intent *take_unused(struct intents *intents)
{
	pthread_mutex_lock(&intents->lock);
	struct intent *intent = intents->unused;
	if (intent)
		intents->unused = intent->next;
	pthread_mutex_unlock(&intents->lock);
	return intent;
}

static void keep_for_next(struct intents *intents, struct intent *intent)
{
	pthread_mutex_lock(&intents->lock);
	intent->next = intents->unused;
	intents->unused = intent;
	pthread_mutex_unlock(&intents->lock);
}

/* --- notes -------------------------------------------------------------------------------------------------------- */

/* Writes "dataset\nkey\n": neither holds a line break. Anything after it is left from an older note. */
static int intent_write(int fd, const char *dataset, const char *key, struct err *err)
{
	struct buf note;

	buf_init(&note, NOTE_BYTES_MAX);
	buf_printf(&note, "%s\n%s\n", dataset, key);
	bool whole = pwrite(fd, note.data, note.len, 0) == (ssize_t)note.len;
	int failed = whole ? 0 : err_errno(err, ERR_UNAVAILABLE, "The upload cannot be noted");
	buf_release(&note);
	return failed;
}

int intent_begin(struct intents *intents, struct intent **out, const char *dataset, const char *key, struct err *err)
{
	struct intent *intent = take_unused(intents);

	if (!intent)
		intent = open_file(intents->dir, err);
	if (!intent)
		return -1;
	int failed = lock_key(intent->keys, key, F_RDLCK, true)
	                     ? err_errno(err, ERR_UNAVAILABLE, "The upload cannot be noted")
	                     : intent_write(intent->fd, dataset, key, err);
	if (failed) {
		intent_end(intents, intent, true);
		return -1;
	}
	*out = intent;
	return 0;
}

/* Without a dataset it is no longer a note. */
void intent_end(struct intents *intents, struct intent *intent, bool done)
{
	if (done && pwrite(intent->fd, "\n", 1, 0) == 1) {
		unlock_keys(intent->keys);
		keep_for_next(intents, intent);
	} else {
		close_file(intent);
	}
}

/* --- what is left ------------------------------------------------------------------------------------------------- */

/* By the precise clock: time() lags behind it by up to a tick, and a note would be of a second yet to come. */
static bool is_old(const char *path, int64_t older_than_seconds)
{
	struct stat now;

	return stat(path, &now) == 0 && S_ISREG(now.st_mode) &&
	       text_now() / MICROSECONDS - now.st_mtime >= older_than_seconds;
}

/* A key that is being stored again waits for the next time: a sample may be about to refer to the object. */
static bool visit_locked(int keys, const char *dataset, const char *key, intent_visit *visit, void *data)
{
	if (lock_key(keys, key, F_WRLCK, false))
		return false;
	bool remove = visit(data, dataset, key);
	unlock_keys(keys);
	return remove;
}

static bool visit_note(int keys, const char *path, intent_visit *visit, void *data)
{
	struct buf note;
	struct err ignored;
	bool remove = true; /* a note cut short by a crash: nothing was stored yet */

	buf_init(&note, NOTE_BYTES_MAX);
	char *key = file_read(path, NOTE_BYTES_MAX, &note, &ignored) || !note.data ? NULL : strchr(note.data, '\n');
	char *end = key ? strchr(key + 1, '\n') : NULL;
	if (end && key > note.data) {
		*key = *end = '\0';
		remove = visit_locked(keys, note.data, key + 1, visit, data);
	}
	buf_release(&note);
	return remove;
}

static void visit_file(int keys, const char *path, int64_t older_than_seconds, intent_visit *visit, void *data)
{
	int fd = is_old(path, older_than_seconds) ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && visit_note(keys, path, visit, data))
		unlink(path);
	if (fd >= 0)
		close(fd);
}

int intent_each(const char *dir, int64_t older_than_seconds, intent_visit *visit, void *data, struct err *err)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;

	if (!folder)
		return errno == ENOENT ? 0 : err_errno(err, ERR_UNAVAILABLE, "The folder %s cannot be read", dir);
	int keys = open_keys(dir);
	int failed = keys < 0 ? err_errno(err, ERR_UNAVAILABLE, "No file can be made in %s", dir) : 0;
	while (!failed && (entry = readdir(folder))) {
		char *path = intent_path(dir, entry->d_name);

		if (entry->d_name[0] != '.')
			visit_file(keys, path, older_than_seconds, visit, data);
		free(path);
	}
	if (keys >= 0)
		close(keys);
	closedir(folder);
	return failed;
}

int intent_alone(const char *dir, const char *dataset, const char *key, intent_visit *visit, void *data, bool *visited,
                 struct err *err)
{
	mkdir(dir, 0700);
	int keys = open_keys(dir);

	if (keys < 0)
		return err_errno(err, ERR_UNAVAILABLE, "No file can be made in %s", dir);
	*visited = lock_key(keys, key, F_WRLCK, false) == 0;
	if (*visited)
		visit(data, dataset, key);
	close(keys);
	return 0;
}
