/* Compiles the users' files into what nginx and auth.h read. */
#include "auth/users.h"

#include "auth/password.h"
#include "auth/userset.h"
#include "base/json.h"
#include "base/text.h"

#define HTPASSWD ".htpasswd"
#define GRANTS ".grants"
#define HUMAN ".human"

enum { COMPILED_MAX = 256 * 1024 * 1024 };

/* The hashes nginx has now, so that a plain password keeps its salt. */
struct old_hashes {
	struct buf text; /* its ':' and line ends are replaced by NULs */
	struct old_hash {
		const char *user, *hash;
	} *items;
	size_t count;
};

static int compare_hashes(const void *a, const void *b)
{
	return strcmp(((const struct old_hash *)a)->user, ((const struct old_hash *)b)->user);
}

static void old_hashes_read(struct old_hashes *old, const struct userdir *dir)
{
	*old = (struct old_hashes){0};
	buf_init(&old->text, COMPILED_MAX);
	if (userdir_read(dir, HTPASSWD, &old->text, NULL) != 0 || !old->text.data)
		return;
	old->text.data[old->text.len] = '\0'; /* buf_reserve leaves that to its caller */
	size_t lines = 1;
	for (size_t i = 0; i < old->text.len; i++)
		lines += old->text.data[i] == '\n';
	old->items = calloc(lines, sizeof(*old->items));
	if (!old->items)
		abort();
	for (char *line = old->text.data; line;) {
		char *next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		char *colon = strchr(line, ':');
		if (colon) {
			*colon = '\0';
			old->items[old->count++] = (struct old_hash){line, colon + 1};
		}
		line = next;
	}
	if (old->count > 1)
		qsort(old->items, old->count, sizeof(*old->items), compare_hashes);
}

static const char *old_hashes_find(const struct old_hashes *old, const char *user)
{
	struct old_hash key = {user, NULL}, *found = NULL;
	if (old->count > 0)
		found = bsearch(&key, old->items, old->count, sizeof(key), compare_hashes);
	return found ? found->hash : NULL;
}

static void old_hashes_release(struct old_hashes *old)
{
	free(old->items);
	buf_release(&old->text);
}

static bool is_live(const struct user_entry *entry, int64_t now)
{
	int64_t expires = entry->user.expires_us;
	return entry->usable && !entry->shadowed && (expires == 0 || expires > now);
}

static void add_htpasswd(struct buf *out, const struct user_file *user, const struct old_hashes *old)
{
	char made[PASSWORD_HASH_MAX];
	const char *hash = user->password_hash;
	if (!hash) {
		password_ssha(user->password, old_hashes_find(old, user->user), made);
		hash = made;
	}
	buf_printf(out, "%s:%s\n", user->user, hash);
}

static void add_grants(struct buf *out, const struct user_file *user)
{
	cJSON *line = json_new_object();
	json_add_string(line, "user", user->user);
	userfile_put_roles(line, user);
	char expires[TEXT_TIME_MAX];
	if (user->expires_us != 0)
		json_add_string(line, "expires", text_time(user->expires_us, expires));
	json_print(line, out);
	buf_char(out, '\n');
	cJSON_Delete(line);
}

/* A marker is a file name, so a name that cannot be one has none, and its rate is not limited. */
static bool needs_marker(const struct user_file *user)
{
	return user->password_hash && !password_is_fast(user->password_hash) && !strchr(user->user, '/') &&
	       strcmp(user->user, ".") != 0 && strcmp(user->user, "..") != 0;
}

struct compiled {
	struct buf htpasswd, grants;
	char **human; /* names belong to the set */
	size_t human_count, count;
};

static void compile(struct compiled *out, const struct userset *set, const struct old_hashes *old)
{
	*out = (struct compiled){.human = calloc(set->count + 1, sizeof(*out->human))};
	if (!out->human)
		abort();
	buf_init(&out->htpasswd, COMPILED_MAX);
	buf_init(&out->grants, COMPILED_MAX);
	int64_t now = text_now();
	for (size_t i = 0; i < set->count; i++) {
		const struct user_entry *entry = &set->entries[i];
		if (!is_live(entry, now))
			continue;
		add_htpasswd(&out->htpasswd, &entry->user, old);
		add_grants(&out->grants, &entry->user);
		if (needs_marker(&entry->user))
			out->human[out->human_count++] = entry->user.user;
		out->count++;
	}
}

/* Limits are in place before the passwords that they slow down, and are lifted after. */
static int put(const struct compiled *made, const struct userdir *dir, struct err *err)
{
	if (made->htpasswd.overflow || made->grants.overflow)
		return err_set(err, ERR_TOO_LARGE, "the users of %s are too many", dir->path);
	if (userdir_markers(dir, HUMAN, made->human, made->human_count, true, err) ||
	    userdir_write(dir, GRANTS, buf_text(&made->grants), made->grants.len, err) ||
	    userdir_write(dir, HTPASSWD, buf_text(&made->htpasswd), made->htpasswd.len, err) ||
	    userdir_markers(dir, HUMAN, made->human, made->human_count, false, err))
		return -1;
	return 0;
}

int users_compile(const char *json_user_dir, size_t *count, struct buf *warn, struct err *err)
{
	struct userdir dir;
	if (userdir_open(&dir, json_user_dir, err) != 0)
		return -1;
	struct userset set;
	userset_read(&set, &dir, warn);
	struct old_hashes old;
	old_hashes_read(&old, &dir);
	struct compiled made;
	compile(&made, &set, &old);

	int result = put(&made, &dir, err);
	if (result == 0 && count)
		*count = made.count;

	buf_release(&made.htpasswd);
	buf_release(&made.grants);
	free(made.human);
	old_hashes_release(&old);
	userset_release(&set);
	userdir_close(&dir);
	return result;
}
