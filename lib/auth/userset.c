/* Reads all users of a folder. */
#include "auth/userset.h"

#include "auth/password.h"
#include "base/memory.h"

static void userset_warning(struct buf *warn, const struct userdir *dir, const char *file, const char *text)
{
	if (warn)
		buf_printf(warn, "%s/%s: %s\n", dir->place->dir, file, text);
}

/* *removed: the document only says that the user was removed. */
static int read_user(const struct userdir *dir, const char *file, struct user_file *out, bool *removed, struct err *err)
{
	cJSON *tree = userdir_json(dir, file, err);
	if (!tree)
		return -1;
	*removed = dir->place->store && userdir_is_removed(tree);
	if (*removed) {
		cJSON_Delete(tree);
		return 0;
	}
	int result = userfile_from_json(tree, out, err);
	if (result != 0)
		err_prefix(err, "%s/%s", dir->place->dir, file);
	cJSON_Delete(tree);
	return result;
}

/* Whether the user can log in; warns of what prevents it, and of what a person may not have meant. */
static bool is_usable(const struct user_file *user, const struct userdir *dir, const char *file,
                      struct buf *warn)
{
	if (!user->password && !user->password_hash) {
		userset_warning(warn, dir, file, "neither \"password\" nor \"password_hash\"; this user is left out");
		return false;
	}
	struct err err;
	if (user->password_hash && password_check_hash(user->password_hash, &err) != 0) {
		userset_warning(warn, dir, file, err.text);
		return false;
	}
	if (user->password_hash && user->password)
		userset_warning(warn, dir, file, "both \"password\" and \"password_hash\"; \"password_hash\" holds");
	/* The program gate checks slow hashes, and refuses empty passwords. */
	const char *hash = user->password_hash;
	bool is_empty = hash ? password_is_fast(hash) && password_matches(hash, "") : user->password[0] == '\0';
	if (is_empty)
		userset_warning(warn, dir, file, "the password is empty; this user is left out");
	return !is_empty;
}

bool userset_has_key(const struct user_entry *entry)
{
	const struct user_file *user = &entry->user;
	return user->password_hash ? password_is_ssha_of_ours(user->password_hash) : password_is_key(user->password);
}

static int compare_entries(const void *a, const void *b)
{
	const struct user_entry *one = a, *other = b;
	int order = strcmp(one->user.user, other->user.user);
	return order != 0 ? order : strcmp(one->file, other->file);
}

static void mark_shadowed(struct userset *set, const struct userdir *dir, struct buf *warn)
{
	for (size_t i = 1, first = 0; i < set->count; i++) {
		if (strcmp(set->entries[i].user.user, set->entries[first].user.user) != 0) {
			first = i;
			continue;
		}
		set->entries[i].shadowed = true;
		if (warn)
			buf_printf(warn, "%s/%s: user \"%s\" is also in %s, which holds\n", dir->place->dir,
			           set->entries[i].file, set->entries[i].user.user, set->entries[first].file);
	}
}

static int userset_compare_tokens(const void *a, const void *b)
{
	return strcmp(((const struct token *)a)->id, ((const struct token *)b)->id);
}

static int userset_add_user(struct userset *set, const struct userdir *dir, const char *file, struct buf *warn,
                            struct err *err)
{
	struct user_entry entry = {.file = file};
	bool removed;

	if (read_user(dir, file, &entry.user, &removed, err) != 0)
		return -1;
	if (removed)
		return 0;
	entry.usable = is_usable(&entry.user, dir, file, warn);
	set->entries[set->count++] = entry;
	return 0;
}

static int userset_add_token(struct userset *set, const struct userdir *dir, const char *file, struct err *err)
{
	cJSON *tree = userdir_json(dir, file, err);
	int failed = tree ? token_from_json(tree, &set->tokens[set->token_count], err) : -1;

	if (tree && failed)
		err_prefix(err, "%s/%s", dir->place->dir, file);
	cJSON_Delete(tree);
	set->token_count += failed == 0;
	return failed;
}

int userset_read(struct userset *set, const struct userdir *dir, struct buf *warn, struct err *err)
{
	*set = (struct userset){.entries = memory_new(dir->count + 1, sizeof(*set->entries)),
	                        .tokens = memory_new(dir->count + 1, sizeof(*set->tokens))};
	for (size_t i = 0; i < dir->count; i++) {
		const char *file = dir->documents[i].name;
		struct err why;
		int failed = userdir_is(file, USERDIR_USER) ? userset_add_user(set, dir, file, warn, &why)
		                                            : userset_add_token(set, dir, file, &why);

		if (failed && err_is_down(&why)) {
			userset_release(set);
			return err_set(err, why.code, "%s", why.text);
		}
		if (failed && warn)
			buf_printf(warn, "%s\n", why.text);
	}
	if (set->count > 1)
		qsort(set->entries, set->count, sizeof(*set->entries), compare_entries);
	if (set->token_count > 1)
		qsort(set->tokens, set->token_count, sizeof(*set->tokens), userset_compare_tokens);
	mark_shadowed(set, dir, warn);
	return 0;
}

void userset_release(struct userset *set)
{
	for (size_t i = 0; i < set->count; i++)
		userfile_release(&set->entries[i].user);
	for (size_t i = 0; i < set->token_count; i++)
		token_release(&set->tokens[i]);
	free(set->entries);
	free(set->tokens);
	*set = (struct userset){0};
}

struct user_entry *userset_find(const struct userset *set, const char *user)
{
	size_t low = 0, high = set->count; /* finds the first of equals, which bsearch does not promise */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(set->entries[middle].user.user, user) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < set->count && strcmp(set->entries[low].user.user, user) == 0;
	return found ? &set->entries[low] : NULL;
}
