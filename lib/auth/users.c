/* Adds, changes, removes and lists users. */
#include "auth/users.h"

#include "auth/password.h"
#include "auth/userset.h"
#include "base/json.h"
#include "base/text.h"

_Static_assert((int)USERS_KEY_MAX >= (int)PASSWORD_KEY_MAX, "a generated key fits");

/* The locked folder, and its users. */
struct users {
	struct userdir dir;
	struct userset set;
};

static int users_open(struct users *users, const struct user_place *place, struct err *err)
{
	if (userdir_open(&users->dir, place, err) != 0)
		return -1;
	if (userset_read(&users->set, &users->dir, NULL, err) == 0)
		return 0;
	userdir_close(&users->dir);
	return -1;
}

static void users_close(struct users *users)
{
	userset_release(&users->set);
	userdir_close(&users->dir);
}

static struct user_entry *users_find(const struct users *users, const char *name, struct err *err)
{
	struct user_entry *entry = userset_find(&users->set, name);
	if (!entry)
		err_set(err, ERR_NOT_FOUND, "there is no user \"%s\" in %s", name,
		        users->dir.place->store ? "the store" : users->dir.place->dir);
	return entry;
}

static size_t characters_of(const char *utf8)
{
	size_t count = 0;

	for (; *utf8; utf8++)
		count += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return count;
}

static int check_password(const char *password, struct err *err)
{
	size_t len = strlen(password);
	if (!text_utf8_valid(password, len) || text_has_control(password))
		return err_set(err, ERR_BAD_REQUEST, "the password holds control characters or is not UTF-8");
	if (characters_of(password) < USERS_PASSWORD_MIN)
		return err_set(err, ERR_BAD_REQUEST, "the password is shorter than %d characters",
		               USERS_PASSWORD_MIN);
	if (len > USERS_PASSWORD_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the password is longer than %d bytes",
		               USERS_PASSWORD_MAX);
	return 0;
}

/* Hashes `password`, or a new key. */
static int make_hash(const char *password, char key_out[USERS_KEY_MAX], char hash[PASSWORD_HASH_MAX],
                     struct err *err)
{
	if (password)
		return password_crypt(password, hash, err);
	password_generate(key_out);
	password_ssha(key_out, NULL, hash);
	return 0;
}

/* Finds a name for a new user's document; the obvious one may hold another user. */
static void free_file_name(const struct users *users, const char *name, char out[USERDIR_NAME_MAX])
{
	if (users->dir.place->store) {
		userdir_user_name(name, out);
		return;
	}
	snprintf(out, USERDIR_NAME_MAX, "%s" USERDIR_USER, name);
	for (unsigned i = 1; userdir_has(&users->dir, out); i++)
		snprintf(out, USERDIR_NAME_MAX, "%s-%u" USERDIR_USER, name, i);
}

static void put_grants(cJSON *tree, enum role role, const struct user_grant *grants, size_t count)
{
	struct user_file user = {.role = grants ? ROLE_NONE : role};
	for (size_t i = 0; i < count; i++)
		userfile_grant(&user, grants[i].dataset, grants[i].role);
	userfile_put_roles(tree, &user);
	userfile_release(&user);
}

static int add_users(struct users *users, const char *name, enum role role, const struct user_grant *grants,
                     size_t grant_count, const char *password_hash, int64_t expires_us, struct err *err)
{
	if (userset_find(&users->set, name))
		return err_set(err, ERR_CONFLICT, "there is a user \"%s\" already", name);
	cJSON *tree = json_new_object();
	json_add_string(tree, "user", name);
	json_add_string(tree, "password_hash", password_hash);
	put_grants(tree, role, grants, grant_count);
	char expires[TEXT_TIME_MAX];
	if (expires_us != 0)
		json_add_string(tree, "expires", text_time(expires_us, expires));
	char file[USERDIR_NAME_MAX];
	free_file_name(users, name, file);
	int result = userdir_write_json(&users->dir, file, tree, err);
	cJSON_Delete(tree);
	return result;
}

int users_add(const struct user_place *place, const char *name, enum role role, const struct user_grant *grants,
              size_t grant_count, const char *password, int64_t expires_us, char key_out[USERS_KEY_MAX],
              struct err *err)
{
	char hash[PASSWORD_HASH_MAX];
	if (text_check_user_name(name, err) || (password && check_password(password, err)))
		return -1;
	for (size_t i = 0; i < grant_count; i++)
		if (text_check_dataset_name(grants[i].dataset, err) != 0)
			return -1;
	struct users users;
	if (make_hash(password, key_out, hash, err) || users_open(&users, place, err))
		return -1;
	int result = add_users(&users, name, role, grants, grant_count, hash, expires_us, err);
	users_close(&users);
	return result || users_compile(place, NULL, NULL, err);
}

static bool has_none(const struct userdir *dir)
{
	for (size_t i = 0; i < dir->count; i++)
		if (userdir_is(dir->documents[i].name, USERDIR_USER))
			return false;
	return true;
}

int users_none(const struct user_place *place, bool *none, struct err *err)
{
	struct userdir dir;
	if (userdir_open(&dir, place, err) != 0)
		return -1;
	*none = has_none(&dir);
	userdir_close(&dir);
	return 0;
}

int users_add_first(const struct user_place *place, bool *made, char key_out[USERS_KEY_MAX], struct err *err)
{
	char hash[PASSWORD_HASH_MAX];
	struct users users;
	if (make_hash(NULL, key_out, hash, err) || users_open(&users, place, err))
		return -1;
	*made = has_none(&users.dir);
	int result = *made ? add_users(&users, USERS_FIRST, ROLE_ADMIN, NULL, 0, hash, 0, err) : 0;
	users_close(&users);
	return result || (*made && users_compile(place, NULL, NULL, err));
}

/* Rewrites a user's file with a change; keys that the change does not touch stay. */
typedef void tree_change(cJSON *tree, const void *data);

static int rewrite_user(const struct users *users, const char *name, tree_change *change, const void *data,
                        struct err *err)
{
	const struct user_entry *entry = users_find(users, name, err);
	cJSON *tree = entry ? userdir_json(&users->dir, entry->file, err) : NULL;
	if (!tree)
		return -1;
	change(tree, data);
	int result = userdir_write_json(&users->dir, entry->file, tree, err);
	cJSON_Delete(tree);
	return result;
}

static int change_user(const struct user_place *place, const char *name, tree_change *change, const void *data,
                       struct err *err)
{
	struct users users;
	if (users_open(&users, place, err) != 0)
		return -1;
	int result = rewrite_user(&users, name, change, data, err);
	users_close(&users);
	return result || users_compile(place, NULL, NULL, err);
}

static void change_password(cJSON *tree, const void *hash)
{
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "password");
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "password_hash");
	json_add_string(tree, "password_hash", hash);
}

int users_passwd(const struct user_place *place, const char *name, const char *password,
                 char key_out[USERS_KEY_MAX], struct err *err)
{
	char hash[PASSWORD_HASH_MAX];
	if ((password && check_password(password, err)) || make_hash(password, key_out, hash, err))
		return -1;
	return change_user(place, name, change_password, hash, err);
}

static void change_grant(cJSON *tree, const void *data)
{
	const struct user_grant *grant = data;
	struct user_file user;
	if (userfile_from_json(tree, &user, NULL) != 0) /* cannot happen: it was parsed a moment ago */
		abort();
	userfile_grant(&user, grant->dataset, grant->role);
	userfile_put_roles(tree, &user);
	userfile_release(&user);
}

int users_grant(const struct user_place *place, const char *name, const char *dataset, enum role role,
                struct err *err)
{
	if (dataset && text_check_dataset_name(dataset, err) != 0)
		return -1;
	struct user_grant grant = {dataset, role};
	return change_user(place, name, change_grant, &grant, err);
}

/* Without an overall admin, a server could only be managed on its own machine. */
static int check_other_admin(const struct userset *set, const char *name, struct err *err)
{
	int64_t now = text_now();
	bool is_admin = false;

	for (size_t i = 0; i < set->count; i++) {
		const struct user_entry *entry = &set->entries[i];
		int64_t expires = entry->user.expires_us;

		if (!entry->usable || entry->shadowed || entry->user.role != ROLE_ADMIN || (expires != 0 && expires <= now))
			continue;
		if (strcmp(entry->user.user, name) != 0)
			return 0;
		is_admin = true;
	}
	return is_admin ? err_set(err, ERR_CONFLICT, "\"%s\" is the last admin: make another one first", name) : 0;
}

static void change_listed(cJSON *tree, const void *data)
{
	const struct user_change *change = data;
	char expires[TEXT_TIME_MAX];

	if (change->of_roles)
		put_grants(tree, change->role, change->grants, change->grant_count);
	if (!change->of_expiry)
		return;
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "expires");
	if (change->expires_us)
		json_add_string(tree, "expires", text_time(change->expires_us, expires));
}

static enum role overall_role(const struct user_change *change)
{
	enum role role = change->grants ? ROLE_NONE : change->role;

	for (size_t i = 0; i < change->grant_count; i++) {
		if (strcmp(change->grants[i].dataset, USERFILE_EVERY_DATASET) == 0)
			role = change->grants[i].role;
	}
	return role;
}

int users_change(const struct user_place *place, const char *name, const struct user_change *change, struct err *err)
{
	bool may_end_admin = (change->of_roles && overall_role(change) != ROLE_ADMIN) ||
	                     (change->of_expiry && change->expires_us);
	struct users users;

	for (size_t i = 0; i < change->grant_count; i++) {
		if (text_check_dataset_name(change->grants[i].dataset, err))
			return -1;
	}
	if (users_open(&users, place, err))
		return -1;
	int result = (may_end_admin && check_other_admin(&users.set, name, err)) ||
	             rewrite_user(&users, name, change_listed, change, err);
	users_close(&users);
	return result || users_compile(place, NULL, NULL, err);
}

static int leave_removed(const struct userdir *dir, const char *file, const char *name, struct err *err)
{
	cJSON *tree = userdir_removed_json(name);
	int result = userdir_write_json(dir, file, tree, err);

	cJSON_Delete(tree);
	return result;
}

/* Removes every document of the user: otherwise one that was shadowed until now would hold, with a password that
 * nobody expects. */
static int remove_documents(const struct users *users, const char *name, struct err *err)
{
	const struct userdir *dir = &users->dir;
	const struct user_entry *end = users->set.entries + users->set.count;
	const struct user_entry *entry = users_find(users, name, err);
	if (!entry)
		return -1;
	for (; entry < end && strcmp(entry->user.user, name) == 0; entry++)
		if (dir->place->store ? leave_removed(dir, entry->file, name, err) : userdir_remove(dir, entry->file, err))
			return -1;
	return 0;
}

/* A later user with the same name must not have them. */
static int remove_tokens(const struct users *users, const char *name, struct err *err)
{
	for (size_t i = 0; i < users->dir.count; i++) {
		const char *file = users->dir.documents[i].name;
		cJSON *tree = userdir_is(file, USERDIR_TOKEN) ? userdir_json(&users->dir, file, NULL) : NULL;
		struct token token;
		bool is_theirs = tree && token_from_json(tree, &token, NULL) == 0;
		if (is_theirs) {
			is_theirs = strcmp(token.user, name) == 0;
			token_release(&token);
		}
		cJSON_Delete(tree);
		if (is_theirs && userdir_remove(&users->dir, file, err) != 0)
			return -1;
	}
	return 0;
}

int users_remove(const struct user_place *place, const char *name, bool keep_admin, struct err *err)
{
	struct users users;
	if (users_open(&users, place, err) != 0)
		return -1;
	int result = (keep_admin && check_other_admin(&users.set, name, err)) || remove_tokens(&users, name, err) ||
	             remove_documents(&users, name, err);
	users_close(&users);
	return result || users_compile(place, NULL, NULL, err);
}

static const char *password_kind(const struct user_entry *entry)
{
	if (!entry->usable)
		return "none";
	if (userset_has_key(entry))
		return "key";
	return entry->user.password_hash ? "own" : "plain";
}

static cJSON *entry_json(const struct user_entry *entry)
{
	const struct user_file *user = &entry->user;
	cJSON *item = json_new_object();
	json_add_string(item, "user", user->user);
	json_add_string(item, "role", role_name(user->role));
	cJSON *datasets = json_new_object();
	for (size_t i = 0; i < user->grant_count; i++)
		json_add_string(datasets, user->grants[i].dataset, role_name(user->grants[i].role));
	json_add(item, "datasets", datasets);
	json_add_string(item, "password", password_kind(entry));
	char expires[TEXT_TIME_MAX];
	const char *expiry = user->expires_us ? text_time(user->expires_us, expires) : NULL;
	json_add_string_or_null(item, "expires", expiry);
	return item;
}

static void entry_text(const struct user_entry *entry, int64_t now, struct buf *out)
{
	const struct user_file *user = &entry->user;
	char expires[TEXT_TIME_MAX];
	buf_printf(out, "%-24s %-12s %-8s ", user->user, role_name(user->role), password_kind(entry));
	buf_printf(out, "%-24s ", user->expires_us == 0 ? "never" : text_time(user->expires_us, expires));
	if (user->role != ROLE_NONE || user->grant_count == 0)
		buf_str(out, user->role != ROLE_NONE ? "every dataset" : "no dataset");
	for (size_t i = 0; i < user->grant_count; i++)
		buf_printf(out, "%s%s:%s", i > 0 || user->role != ROLE_NONE ? ", " : "",
		           user->grants[i].dataset, role_name(user->grants[i].role));
	buf_str(out, user->expires_us != 0 && user->expires_us <= now ? " (expired)\n" : "\n");
}

static void list_json(const struct userset *set, struct buf *out)
{
	cJSON *list = json_new_array();
	for (size_t i = 0; i < set->count; i++)
		if (!set->entries[i].shadowed)
			json_append(list, entry_json(&set->entries[i]));
	json_print(list, out);
	buf_char(out, '\n');
	cJSON_Delete(list);
}

static void list_text(const struct userset *set, struct buf *out)
{
	int64_t now = text_now();
	buf_printf(out, "%-24s %-12s %-8s %-24s %s\n", "USER", "ROLE", "PASSWORD", "EXPIRES", "DATASETS");
	for (size_t i = 0; i < set->count; i++)
		if (!set->entries[i].shadowed)
			entry_text(&set->entries[i], now, out);
}

int users_list(const struct user_place *place, bool as_json, struct buf *out, struct err *err)
{
	struct users users;
	if (users_open(&users, place, err) != 0)
		return -1;
	if (as_json)
		list_json(&users.set, out);
	else
		list_text(&users.set, out);
	users_close(&users);
	return out->overflow ? err_set(err, ERR_TOO_LARGE, "the list of users is too long") : 0;
}
