/* Answers who may do what, from an immutable snapshot of .grants that is replaced when the file changes. */
#include "auth/auth.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/userfile.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	GRANTS_MAX = 256 * 1024 * 1024, /* bytes of .grants; 10,000 users take about 1 MB */
	READ_BYTES = 64 * 1024,
};

/* The users at one time. Each reader holds a reference; the last to release it frees the snapshot. */
struct snapshot {
	atomic_int references;
	int fd;                  /* the file, kept open so that its inode number is not reused; -1: none */
	struct stat st;          /* of fd */
	struct user_file *users; /* sorted by name */
	size_t count;
};

struct auth {
	char *path;
	bool passwords;               /* whether their hashes are kept */
	pthread_mutex_t current_lock; /* held only while a reference is taken or the pointer replaced */
	struct snapshot *current;
	pthread_mutex_t reload_lock; /* one thread reads the file; others that saw the change wait for it */
};

static void snapshot_release(struct snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub(&snapshot->references, 1) != 1)
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		userfile_release(&snapshot->users[i]);
	free(snapshot->users);
	if (snapshot->fd >= 0)
		close(snapshot->fd);
	free(snapshot);
}

/* Adds the user of one line. A broken line grants nobody anything. */
static void add_line(struct snapshot *snapshot, bool passwords, size_t *capacity, const char *line, size_t len)
{
	struct user_file user;
	struct err err;
	if (userfile_parse(line, len, &user, &err) != 0) {
		log_write(LOG_ERROR, "a line of the users' grants is left out", "error", err.text, NULL);
		return;
	}
	if (!passwords)
		userfile_forget_passwords(&user);
	if (snapshot->count == *capacity) {
		*capacity = *capacity ? 2 * *capacity : 64;
		snapshot->users = memory_grow(snapshot->users, *capacity, sizeof(*snapshot->users));
	}
	snapshot->users[snapshot->count++] = user;
}

static int compare_users(const void *a, const void *b)
{
	return strcmp(((const struct user_file *)a)->user, ((const struct user_file *)b)->user);
}

static void parse_lines(struct snapshot *snapshot, bool passwords, const char *text, size_t len)
{
	size_t capacity = 0;
	for (const char *line = text, *end = text + len; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t line_len = (size_t)((newline ? newline : end) - line);
		if (line_len > 0)
			add_line(snapshot, passwords, &capacity, line, line_len);
		line += line_len + 1;
	}
	if (snapshot->count > 1)
		qsort(snapshot->users, snapshot->count, sizeof(*snapshot->users), compare_users);
}

static int read_all(int fd, const char *path, struct buf *out, struct err *err)
{
	for (;;) {
		char *room = buf_reserve(out, READ_BYTES);
		if (!room)
			return err_set(err, ERR_TOO_LARGE, "%s is larger than %d bytes", path, GRANTS_MAX);
		ssize_t n = file_read_some(fd, path, room, READ_BYTES, err);
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
	}
}

/* Reads the file; an absent one is an empty snapshot. NULL with err when it cannot be read. */
static struct snapshot *snapshot_read(const char *path, bool passwords, struct err *err)
{
	struct snapshot *snapshot = memory_new(1, sizeof(*snapshot));
	atomic_init(&snapshot->references, 1);
	struct err reason = {0};
	snapshot->fd = file_open(path, &reason);
	if (snapshot->fd < 0 && reason.code == ERR_NOT_FOUND)
		return snapshot;

	struct buf text;
	buf_init(&text, GRANTS_MAX);
	if (snapshot->fd < 0 || fstat(snapshot->fd, &snapshot->st) != 0 ||
	    read_all(snapshot->fd, path, &text, &reason) != 0) {
		err_set(err, ERR_INTERNAL, "the users' grants cannot be read: %s", reason.text);
		snapshot_release(snapshot);
		snapshot = NULL;
	} else {
		parse_lines(snapshot, passwords, buf_text(&text), text.len);
	}
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
	return snapshot;
}

static bool is_current(const struct snapshot *snapshot, bool exists, const struct stat *st)
{
	if (!exists || snapshot->fd < 0)
		return !exists && snapshot->fd < 0;
	return snapshot->st.st_ino == st->st_ino && snapshot->st.st_dev == st->st_dev &&
	       snapshot->st.st_size == st->st_size && snapshot->st.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       snapshot->st.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* Takes a reference; *fresh says whether the snapshot is what the file holds now. */
static struct snapshot *auth_take(struct auth *auth, bool *fresh)
{
	struct stat st;
	bool exists = stat(auth->path, &st) == 0;
	bool known = exists || errno == ENOENT || errno == ENOTDIR;

	pthread_mutex_lock(&auth->current_lock);
	struct snapshot *snapshot = auth->current;
	atomic_fetch_add(&snapshot->references, 1);
	pthread_mutex_unlock(&auth->current_lock);
	*fresh = !known || is_current(snapshot, exists, &st);
	return snapshot;
}

/* The snapshot of the file as it is now, or the last readable one when it cannot be read. */
static struct snapshot *snapshot_get(struct auth *auth)
{
	bool fresh;
	struct snapshot *snapshot = auth_take(auth, &fresh);
	if (fresh)
		return snapshot;

	snapshot_release(snapshot);
	pthread_mutex_lock(&auth->reload_lock);
	snapshot = auth_take(auth, &fresh);
	struct err err;
	struct snapshot *next = fresh ? NULL : snapshot_read(auth->path, auth->passwords, &err);
	if (next) {
		snapshot_release(snapshot);
		atomic_fetch_add(&next->references, 1);
		pthread_mutex_lock(&auth->current_lock);
		snapshot = auth->current;
		auth->current = next;
		pthread_mutex_unlock(&auth->current_lock);
		snapshot_release(snapshot);
		snapshot = next;
	} else if (!fresh) {
		log_write(LOG_ERROR, "the grants read before hold", "error", err.text, NULL);
	}
	pthread_mutex_unlock(&auth->reload_lock);
	return snapshot;
}

static int open_grants(struct auth **out, const char *json_user_dir, bool passwords, struct err *err)
{
	struct auth *auth = memory_new(1, sizeof(*auth));
	auth->passwords = passwords;
	auth->path = memory_format("%s/.grants", json_user_dir);
	pthread_mutex_init(&auth->current_lock, NULL);
	pthread_mutex_init(&auth->reload_lock, NULL);
	auth->current = snapshot_read(auth->path, passwords, err);
	if (!auth->current) {
		auth_free(auth);
		return -1;
	}
	*out = auth;
	return 0;
}

int auth_open(struct auth **out, const char *json_user_dir, struct err *err)
{
	return open_grants(out, json_user_dir, false, err);
}

int auth_open_passwords(struct auth **out, const char *json_user_dir, struct err *err)
{
	return open_grants(out, json_user_dir, true, err);
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	snapshot_release(auth->current);
	pthread_mutex_destroy(&auth->current_lock);
	pthread_mutex_destroy(&auth->reload_lock);
	free(auth->path);
	free(auth);
}

static int compare_name(const void *name, const void *user)
{
	return strcmp(name, ((const struct user_file *)user)->user);
}

static const struct user_file *find_user(const struct snapshot *snapshot, const char *name)
{
	const struct user_file *user = NULL;
	if (snapshot->count > 0)
		user = bsearch(name, snapshot->users, snapshot->count, sizeof(*user), compare_name);
	if (user && user->expires_us != 0 && user->expires_us <= text_now())
		return NULL;
	return user;
}

enum role auth_role(struct auth *auth, const char *user, const char *dataset)
{
	struct snapshot *snapshot = snapshot_get(auth);
	const struct user_file *found = find_user(snapshot, user);
	enum role role = found ? userfile_role(found, dataset) : ROLE_NONE;
	snapshot_release(snapshot);
	return role;
}

void auth_grants(struct auth *auth, const char *user, bool *all, auth_visit *visit, void *data)
{
	struct snapshot *snapshot = snapshot_get(auth);
	const struct user_file *found = find_user(snapshot, user);
	*all = found && found->role != ROLE_NONE;
	if (found && found->role != ROLE_ADMIN)
		for (size_t i = 0; i < found->grant_count; i++)
			visit(data, found->grants[i].dataset, found->grants[i].role);
	snapshot_release(snapshot);
}

bool auth_hash(struct auth *auth, const char *user, char out[AUTH_HASH_MAX])
{
	struct snapshot *snapshot = snapshot_get(auth);
	const struct user_file *found = find_user(snapshot, user);
	const char *hash = found ? found->password_hash : NULL;
	snprintf(out, AUTH_HASH_MAX, "%s", hash ? hash : "");
	snapshot_release(snapshot);
	return out[0] != '\0';
}
