/* Keeps notes of objects about to be stored. */
#include "blob/intent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"

enum { PATH_BYTES_MAX = 8192, NOTE_BYTES_MAX = 4096 };

struct intents {
	char *dir;
	pthread_mutex_t lock;
	struct intent *unused;
};

/* Its file is locked as long as this process has it. */
struct intent {
	char *path;
	int fd;
	struct intent *next;
};

static char *path_of(const char *dir, const char *name)
{
	struct buf path;

	buf_init(&path, PATH_BYTES_MAX);
	buf_printf(&path, "%s/%s", dir, name);
	return buf_detach(&path);
}

struct intents *intents_new(const char *dir)
{
	struct intents *intents = calloc(1, sizeof(*intents));

	if (!intents || !(intents->dir = strdup(dir)))
		abort();
	pthread_mutex_init(&intents->lock, NULL);
	return intents;
}

/* --- files --------------------------------------------------------------------------------------------------------- */

static void close_file(struct intent *intent)
{
	if (intent->fd >= 0)
		close(intent->fd);
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
	struct intent *intent = calloc(1, sizeof(*intent));

	if (!intent)
		abort();
	hash_random_token(HASH_TOKEN_BYTES, token);
	intent->path = path_of(dir, token);
	mkdir(dir, 0700);
	intent->fd = open(intent->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
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

static void give_back(struct intents *intents, struct intent *intent)
{
	pthread_mutex_lock(&intents->lock);
	intent->next = intents->unused;
	intents->unused = intent;
	pthread_mutex_unlock(&intents->lock);
}

/* --- notes --------------------------------------------------------------------------------------------------------- */

/* "dataset\nkey\n": neither holds a line break. What follows is of an older note. */
static int write_note(int fd, const char *dataset, const char *key, struct err *err)
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
	if (write_note(intent->fd, dataset, key, err)) {
		intent_end(intents, intent, true);
		return -1;
	}
	*out = intent;
	return 0;
}

/* A note without a dataset is none. */
void intent_end(struct intents *intents, struct intent *intent, bool done)
{
	if (done && pwrite(intent->fd, "\n", 1, 0) == 1)
		give_back(intents, intent);
	else
		close_file(intent);
}

/* --- what is left -------------------------------------------------------------------------------------------------- */

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
	if (end && key > note.data) {
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

		int fd = is_old(path, older_than_seconds) ? open(path, O_RDONLY | O_CLOEXEC) : -1;

		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && visit_note(path, visit, data))
			unlink(path);
		if (fd >= 0)
			close(fd);
		free(path);
	}
	closedir(folder);
	return 0;
}
