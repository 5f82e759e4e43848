/* Compiles the users' files for nginx and auth.h. */
#include "auth/users.h"

#include "auth/password.h"
#include "auth/userset.h"
#include "base/json.h"
#include "base/text.h"

#define HTPASSWD ".htpasswd"
#define GRANTS ".grants"

enum { COMPILED_MAX = 256 * 1024 * 1024 };

static bool is_live(const struct user_entry *entry, int64_t now)
{
	int64_t expires = entry->user.expires_us;
	return entry->usable && !entry->shadowed && (expires == 0 || expires > now);
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

static void add_grants(struct buf *out, const struct user_file *user, const char *hash)
{
	cJSON *line = json_new_object();
	json_add_string(line, "user", user->user);
	json_add_string(line, "password_hash", hash);
	userfile_put_roles(line, user);
	char expires[TEXT_TIME_MAX];
	if (user->expires_us != 0)
		json_add_string(line, "expires", text_time(user->expires_us, expires));
	json_print(line, out);
	buf_char(out, '\n');
	cJSON_Delete(line);
}

struct compiled {
	struct buf htpasswd, grants;
	size_t count;
};

static void compile(struct compiled *out, const struct userset *set, struct auth *before)
{
	*out = (struct compiled){0};
	buf_init(&out->htpasswd, COMPILED_MAX);
	buf_init(&out->grants, COMPILED_MAX);
	int64_t now = text_now();
	for (size_t i = 0; i < set->count; i++) {
		const struct user_entry *entry = &set->entries[i];
		char made[PASSWORD_HASH_MAX];
		if (!is_live(entry, now))
			continue;
		const char *hash = hash_of(&entry->user, before, made);
		if (userset_has_key(entry))
			buf_printf(&out->htpasswd, "%s:%s\n", entry->user.user, hash);
		add_grants(&out->grants, &entry->user, hash);
		out->count++;
	}
}

static int users_compile_put(const struct compiled *made, const struct userdir *dir, struct err *err)
{
	if (made->htpasswd.overflow || made->grants.overflow)
		return err_set(err, ERR_TOO_LARGE, "the users of %s are too many", dir->path);
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

int users_compile(const char *json_user_dir, size_t *count, struct buf *warn, struct err *err)
{
	struct userdir dir;
	if (userdir_open(&dir, json_user_dir, err) != 0)
		return -1;
	struct userset set;
	userset_read(&set, &dir, warn);
	struct auth *before = NULL;
	if (auth_open_passwords(&before, json_user_dir, NULL) != 0)
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
