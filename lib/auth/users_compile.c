/* Compiles the users' files for nginx and auth.h. */
#include "auth/users.h"

#include "auth/password.h"
#include "auth/userset.h"
#include "base/json.h"
#include "base/text.h"

#define HTPASSWD ".htpasswd"
#define GRANTS ".grants"

enum { COMPILED_MAX = 256 * 1024 * 1024 };

static bool has_expired(int64_t expires_us, int64_t now)
{
	return expires_us != 0 && expires_us <= now;
}

/* A plain password keeps the salt that it has so far. */
static const char *hash_of(const struct user_file *user, struct auth *before, char made[PASSWORD_HASH_MAX])
{
	char old[AUTH_HASH_MAX];
	if (user->password_hash)
		return user->password_hash;
	password_ssha(user->password, before && auth_hash(before, user->user, old) ? old : NULL, made);
	return made;
}

static void add_line(struct buf *out, cJSON *line)
{
	json_print(line, out);
	buf_char(out, '\n');
	cJSON_Delete(line);
}

static void add_grants(struct buf *out, const struct user_file *user, const char *hash)
{
	cJSON *line = json_new_object();
	json_add_string(line, "user", user->user);
	if (hash)
		json_add_string(line, "password_hash", hash);
	userfile_put_roles(line, user);
	char expires[TEXT_TIME_MAX];
	if (user->expires_us != 0)
		json_add_string(line, "expires", text_time(user->expires_us, expires));
	add_line(out, line);
}

struct compiled {
	struct buf htpasswd, grants;
	int64_t now;
	size_t count; /* users that are let in */
};

/* An expired user is still listed, but not let in. */
static void compile_user(struct compiled *out, const struct user_entry *entry, struct auth *before)
{
	char made[PASSWORD_HASH_MAX];
	bool expired = has_expired(entry->user.expires_us, out->now);
	const char *hash = expired ? NULL : hash_of(&entry->user, before, made);

	add_grants(&out->grants, &entry->user, hash);
	if (expired)
		return;
	if (userset_has_key(entry))
		buf_printf(&out->htpasswd, "%s:%s\n", entry->user.user, hash);
	out->count++;
}

/* A token ends with its maker. A token with a user's name is left out, since it would not be that user's. */
static void compile_token(struct compiled *out, const struct token *token, const struct userset *set)
{
	const struct user_entry *maker = userset_find(set, token->user);

	if (!maker || !maker->usable || userset_find(set, token->id) || !password_is_ssha_of_ours(token->password_hash))
		return;
	add_line(&out->grants, token_to_json(token));
	if (!has_expired(token->expires_us, out->now) && !has_expired(maker->user.expires_us, out->now))
		buf_printf(&out->htpasswd, "%s:%s\n", token->id, token->password_hash);
}

static void compile(struct compiled *out, const struct userset *set, struct auth *before)
{
	*out = (struct compiled){.now = text_now()};
	buf_init(&out->htpasswd, COMPILED_MAX);
	buf_init(&out->grants, COMPILED_MAX);
	for (size_t i = 0; i < set->count; i++)
		if (set->entries[i].usable && !set->entries[i].shadowed)
			compile_user(out, &set->entries[i], before);
	for (size_t i = 0; i < set->token_count; i++)
		compile_token(out, &set->tokens[i], set);
}

static int users_compile_put(const struct compiled *made, const struct userdir *dir, struct err *err)
{
	if (made->htpasswd.overflow || made->grants.overflow)
		return err_set(err, ERR_TOO_LARGE, "the users of %s are too many", dir->place->dir);
	if (userdir_write(dir, GRANTS, buf_text(&made->grants), made->grants.len, err) ||
	    userdir_write(dir, HTPASSWD, buf_text(&made->htpasswd), made->htpasswd.len, err))
		return -1;
	return 0;
}

static void users_compile_release(struct buf *secret)
{
	if (secret->data)
		explicit_bzero(secret->data, secret->len);
	buf_release(secret);
}

int users_compile(const struct user_place *place, size_t *count, struct buf *warn, struct err *err)
{
	struct userdir dir;
	if (userdir_open(&dir, place, err) != 0)
		return -1;
	struct userset set;
	if (userset_read(&set, &dir, warn, err)) {
		userdir_close(&dir);
		return -1;
	}
	struct auth *before = NULL;
	if (auth_open_passwords(&before, place->dir, NULL) != 0)
		before = NULL;
	struct compiled made;
	compile(&made, &set, before);

	int result = users_compile_put(&made, &dir, err);
	if (result == 0 && count)
		*count = made.count;

	users_compile_release(&made.htpasswd);
	users_compile_release(&made.grants);
	auth_free(before);
	userset_release(&set);
	userdir_close(&dir);
	return result;
}
