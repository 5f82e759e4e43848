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
	struct token *tokens; /* sorted by id */
	size_t token_count;
};

struct auth {
	char *path;
	bool passwords;               /* whether their hashes are kept */
	pthread_mutex_t current_lock; /* held only while a reference is taken or the pointer replaced */
	struct snapshot *current;
	pthread_mutex_t reload_lock; /* one thread reads the file; others that saw the change wait for it */
};

static void grants_release(struct snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub(&snapshot->references, 1) != 1)
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		userfile_release(&snapshot->users[i]);
	for (size_t i = 0; i < snapshot->token_count; i++)
		token_release(&snapshot->tokens[i]);
	free(snapshot->users);
	free(snapshot->tokens);
	if (snapshot->fd >= 0)
		close(snapshot->fd);
	free(snapshot);
}

/* Makes room for one more: the array doubles whenever its count is a power of two. */
static void *room_for_one(void *array, size_t count, size_t size)
{
	return count & (count - 1) ? array : memory_grow(array, count ? 2 * count : 1, size);
}

static int snapshot_add_user(struct snapshot *snapshot, bool passwords, const cJSON *tree, struct err *err)
{
	snapshot->users = room_for_one(snapshot->users, snapshot->count, sizeof(*snapshot->users));
	if (userfile_from_json(tree, &snapshot->users[snapshot->count], err) != 0)
		return -1;
	if (!passwords)
		userfile_forget_passwords(&snapshot->users[snapshot->count]);
	snapshot->count++;
	return 0;
}

static int snapshot_add_token(struct snapshot *snapshot, bool passwords, const cJSON *tree, struct err *err)
{
	snapshot->tokens = room_for_one(snapshot->tokens, snapshot->token_count, sizeof(*snapshot->tokens));
	struct token *token = &snapshot->tokens[snapshot->token_count];
	if (token_from_json(tree, token, err) != 0)
		return -1;
	if (!passwords)
		explicit_bzero(token->password_hash, strlen(token->password_hash));
	snapshot->token_count++;
	return 0;
}

/* Adds the user or token of one line. A broken line grants nobody anything. */
static void snapshot_add_line(struct snapshot *snapshot, bool passwords, const char *line, size_t len)
{
	struct err err;
	cJSON *tree = json_parse_object(line, len, &err);
	if (!tree || (token_is(tree) ? snapshot_add_token(snapshot, passwords, tree, &err)
	                             : snapshot_add_user(snapshot, passwords, tree, &err)) != 0)
		log_write(LOG_ERROR, "a line of the users' grants is left out", "error", err.text, NULL);
	cJSON_Delete(tree);
}

static int compare_users(const void *a, const void *b)
{
	return strcmp(((const struct user_file *)a)->user, ((const struct user_file *)b)->user);
}

static int snapshot_compare_tokens(const void *a, const void *b)
{
	return strcmp(((const struct token *)a)->id, ((const struct token *)b)->id);
}

static void parse_lines(struct snapshot *snapshot, bool passwords, const char *text, size_t len)
{
	for (const char *line = text, *end = text + len; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t line_len = (size_t)((newline ? newline : end) - line);
		if (line_len > 0)
			snapshot_add_line(snapshot, passwords, line, line_len);
		line += line_len + 1;
	}
	if (snapshot->count > 1)
		qsort(snapshot->users, snapshot->count, sizeof(*snapshot->users), compare_users);
	if (snapshot->token_count > 1)
		qsort(snapshot->tokens, snapshot->token_count, sizeof(*snapshot->tokens), snapshot_compare_tokens);
}

static int auth_read_all(int fd, const char *path, struct buf *out, struct err *err)
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
static struct snapshot *grants_read(const char *path, bool passwords, struct err *err)
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
	    auth_read_all(snapshot->fd, path, &text, &reason) != 0) {
		err_set(err, ERR_INTERNAL, "the users' grants cannot be read: %s", reason.text);
		grants_release(snapshot);
		snapshot = NULL;
	} else {
		parse_lines(snapshot, passwords, buf_text(&text), text.len);
	}
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_release(&text);
	return snapshot;
}

static bool snapshot_is_current(const struct snapshot *snapshot, bool exists, const struct stat *st)
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
	*fresh = !known || snapshot_is_current(snapshot, exists, &st);
	return snapshot;
}

/* The snapshot of the file as it is now, or the last readable one when it cannot be read. */
static struct snapshot *snapshot_get(struct auth *auth)
{
	bool fresh;
	struct snapshot *snapshot = auth_take(auth, &fresh);
	if (fresh)
		return snapshot;

	grants_release(snapshot);
	pthread_mutex_lock(&auth->reload_lock);
	snapshot = auth_take(auth, &fresh);
	struct err err;
	struct snapshot *next = fresh ? NULL : grants_read(auth->path, auth->passwords, &err);
	if (next) {
		grants_release(snapshot);
		atomic_fetch_add(&next->references, 1);
		pthread_mutex_lock(&auth->current_lock);
		snapshot = auth->current;
		auth->current = next;
		pthread_mutex_unlock(&auth->current_lock);
		grants_release(snapshot);
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
	auth->current = grants_read(auth->path, passwords, err);
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
	grants_release(auth->current);
	pthread_mutex_destroy(&auth->current_lock);
	pthread_mutex_destroy(&auth->reload_lock);
	free(auth->path);
	free(auth);
}

/* --- who may what ------------------------------------------------------------------------------------------------ */

static int compare_name(const void *name, const void *user)
{
	return strcmp(name, ((const struct user_file *)user)->user);
}

static int compare_id(const void *id, const void *token)
{
	return strcmp(id, ((const struct token *)token)->id);
}

static bool auth_is_over(int64_t expires_us)
{
	return expires_us != 0 && expires_us <= text_now();
}

static const struct user_file *find_user(const struct snapshot *snapshot, const char *name)
{
	const struct user_file *user = NULL;
	if (snapshot->count > 0)
		user = bsearch(name, snapshot->users, snapshot->count, sizeof(*user), compare_name);
	return user && !auth_is_over(user->expires_us) ? user : NULL;
}

static const struct token *find_token(const struct snapshot *snapshot, const char *id)
{
	const struct token *token = NULL;
	if (snapshot->token_count > 0)
		token = bsearch(id, snapshot->tokens, snapshot->token_count, sizeof(*token), compare_id);
	return token && !auth_is_over(token->expires_us) ? token : NULL;
}

/* Finds the user as whom `login` acts (NULL: unknown or expired), and the token through which (NULL: none). */
static const struct user_file *find_login(const struct snapshot *snapshot, const char *login,
                                          const struct token **token)
{
	const struct user_file *user = find_user(snapshot, login);
	*token = user ? NULL : find_token(snapshot, login);
	return *token ? find_user(snapshot, (*token)->user) : user;
}

bool auth_token(struct auth *auth, const char *login, char user[USERFILE_NAME_MAX + 1], bool *read_only)
{
	if (strncmp(login, TOKEN_ID_PREFIX, strlen(TOKEN_ID_PREFIX)) != 0)
		return false;
	struct snapshot *snapshot = snapshot_get(auth);
	const struct token *token;
	find_login(snapshot, login, &token);
	if (token) {
		snprintf(user, USERFILE_NAME_MAX + 1, "%s", token->user);
		*read_only = token->read_only;
	}
	grants_release(snapshot);
	return token != NULL;
}

bool auth_knows(struct auth *auth, const char *name)
{
	struct snapshot *snapshot = snapshot_get(auth);
	bool known = find_user(snapshot, name) != NULL;

	grants_release(snapshot);
	return known;
}

enum role auth_role(struct auth *auth, const char *login, const char *dataset)
{
	struct snapshot *snapshot = snapshot_get(auth);
	const struct token *token;
	const struct user_file *user = find_login(snapshot, login, &token);
	enum role role = ROLE_NONE;
	if (user)
		role = token ? token_role(token, user, dataset) : userfile_role(user, dataset);
	grants_release(snapshot);
	return role;
}

/* Visits the roles that a limited token has on its datasets. */
static void visit_limited(const struct token *token, const struct user_file *user, auth_visit *visit, void *data)
{
	for (size_t i = 0; i < token->dataset_count; i++) {
		enum role role = userfile_role(user, token->datasets[i]);
		if (role != ROLE_NONE)
			visit(data, token->datasets[i], role);
	}
}

void auth_grants(struct auth *auth, const char *login, bool *all, auth_visit *visit, void *data)
{
	struct snapshot *snapshot = snapshot_get(auth);
	const struct token *token;
	const struct user_file *user = find_login(snapshot, login, &token);
	bool is_limited = token && token->is_limited;
	*all = user && user->role != ROLE_NONE && !is_limited;
	if (user && is_limited)
		visit_limited(token, user, visit, data);
	else if (user && user->role != ROLE_ADMIN)
		for (size_t i = 0; i < user->grant_count; i++)
			visit(data, user->grants[i].dataset, user->grants[i].role);
	grants_release(snapshot);
}

bool auth_hash(struct auth *auth, const char *login, char out[AUTH_HASH_MAX])
{
	struct snapshot *snapshot = snapshot_get(auth);
	const struct token *token;
	const struct user_file *user = find_login(snapshot, login, &token);
	const char *hash = user && token ? token->password_hash : user ? user->password_hash : NULL;
	snprintf(out, AUTH_HASH_MAX, "%s", hash ? hash : "");
	grants_release(snapshot);
	return out[0] != '\0';
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

void auth_users(struct auth *auth, const char *after, auth_user_visit *visit, void *data)
{
	struct snapshot *snapshot = snapshot_get(auth);
	size_t i = 0;
	while (i < snapshot->count && strcmp(snapshot->users[i].user, after) <= 0)
		i++;
	while (i < snapshot->count && visit(data, &snapshot->users[i]))
		i++;
	grants_release(snapshot);
}

void auth_tokens(struct auth *auth, const char *after, auth_token_visit *visit, void *data)
{
	struct snapshot *snapshot = snapshot_get(auth);
	size_t i = 0;
	while (i < snapshot->token_count && strcmp(snapshot->tokens[i].id, after) <= 0)
		i++;
	while (i < snapshot->token_count && visit(data, &snapshot->tokens[i]))
		i++;
	grants_release(snapshot);
}

static void take_earlier(int64_t *first, int64_t expires_us, int64_t since_us)
{
	if (expires_us > since_us && (*first == 0 || expires_us < *first))
		*first = expires_us;
}

int64_t auth_next_expiry(struct auth *auth, int64_t since_us)
{
	struct snapshot *snapshot = snapshot_get(auth);
	int64_t first = 0;
	for (size_t i = 0; i < snapshot->count; i++)
		take_earlier(&first, snapshot->users[i].expires_us, since_us);
	for (size_t i = 0; i < snapshot->token_count; i++)
		take_earlier(&first, snapshot->tokens[i].expires_us, since_us);
	grants_release(snapshot);
	return first;
}
