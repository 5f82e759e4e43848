/* Copies the users' files of a machine into the store that several machines share. */
#include "auth/password.h"
#include "auth/users.h"
#include "auth/userset.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

#define TAKEN ".taken"    /* a line for each user: the digest of the file that was last copied, and the name */
#define TAKEN_KEY "taken" /* in a document: the digest of the file that it was made from */

enum { TAKEN_MAX = 64 * 1024 * 1024 };

/* One file, and what is done with it. */
struct candidate {
	char *user; /* NULL: it is a token's */
	char *file;
	cJSON *tree;
	char digest[HASH_SHA256_HEX];
};

struct taking {
	const struct user_place *place;
	struct candidate *candidates;
	size_t count;
	struct buf before, after; /* of TAKEN */
	struct buf *warn;
};

/* --- what there is ------------------------------------------------------------------------------------------------ */

static void digest_of(const cJSON *tree, char out[HASH_SHA256_HEX])
{
	unsigned char digest[HASH_SHA256_SIZE];
	struct buf text;

	buf_init(&text, 2 * JSON_BODY_MAX);
	json_print(tree, &text);
	hash_sha256(buf_text(&text), text.len, digest);
	hash_hex(digest, sizeof(digest), out);
	explicit_bzero(text.data, text.len);
	buf_release(&text);
}

static void add_candidate(struct taking *taking, const struct userdir *files, const char *file, const char *user)
{
	struct candidate candidate = {.tree = userdir_json(files, file, NULL)};

	if (!candidate.tree)
		return;
	candidate.file = memory_text(file);
	candidate.user = user ? memory_text(user) : NULL;
	digest_of(candidate.tree, candidate.digest);
	taking->candidates = memory_grow(taking->candidates, taking->count + 1, sizeof(candidate));
	taking->candidates[taking->count++] = candidate;
}

static int read_files(struct taking *taking, struct err *err)
{
	const struct user_place place = {.dir = taking->place->dir};
	struct userdir files;
	struct userset set;

	if (userdir_open(&files, &place, err) != 0)
		return -1;
	if (userset_read(&set, &files, taking->warn, err)) {
		userdir_close(&files);
		return -1;
	}
	for (size_t i = 0; i < set.count; i++)
		if (set.entries[i].usable && !set.entries[i].shadowed)
			add_candidate(taking, &files, set.entries[i].file, set.entries[i].user.user);
	for (size_t i = 0; i < files.count; i++)
		if (userdir_is(files.documents[i].name, USERDIR_TOKEN))
			add_candidate(taking, &files, files.documents[i].name, NULL);
	struct err absent;
	int failed = userdir_read(&files, TAKEN, &taking->before, &absent);
	bool is_down = failed && err_is_down(&absent);
	if (is_down)
		err_set(err, absent.code, "%s", absent.text);
	else if (failed && absent.code != ERR_NOT_FOUND)
		buf_printf(taking->warn, "%s/" TAKEN " cannot be read: %s\n", place.dir, absent.text);
	userset_release(&set);
	userdir_close(&files);
	return is_down;
}

/* The digest of the user's file that was last copied, from TAKEN; NULL: none was, on this machine. */
static const char *taken_before(const struct taking *taking, const char *user)
{
	size_t len = strlen(user);

	for (const char *line = buf_text(&taking->before); *line;) {
		size_t size = strcspn(line, "\n");

		if (size == HASH_SHA256_HEX + len && memcmp(line + HASH_SHA256_HEX, user, len) == 0)
			return line;
		line += size + (line[size] == '\n');
	}
	return NULL;
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

/* Hashes a plain password: unless it is a generated key, it counts as chosen by a person, but is checked as fast. */
static void hash_password(cJSON *tree)
{
	const char *password = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "password"));
	char hash[PASSWORD_HASH_MAX];

	if (!password)
		return;
	if (!cJSON_GetObjectItemCaseSensitive(tree, "password_hash")) {
		if (password_is_key(password))
			password_ssha(password, NULL, hash);
		else
			password_ssha_of_chosen(password, hash);
		json_add_string(tree, "password_hash", hash);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "password");
}

/* If another machine copies it at this moment, it is in the store, too. */
static int put_if_first(const struct userdir *store, const char *name, const cJSON *tree, struct err *err)
{
	return userdir_write_json(store, name, tree, err) && err->code != ERR_CONFLICT;
}

static bool is_of_file(const struct userdir *store, const char *name, const char *digest)
{
	cJSON *tree = userdir_json(store, name, NULL);
	const char *taken = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, TAKEN_KEY));
	bool same = userdir_is_removed(tree) || (taken && strcmp(taken, digest) == 0);

	cJSON_Delete(tree);
	return same;
}

static int take_user_file(struct taking *taking, const struct userdir *store, struct candidate *candidate,
                          struct err *err)
{
	const char *before = taken_before(taking, candidate->user);
	char name[USERDIR_NAME_MAX];

	buf_printf(&taking->after, "%s %s\n", candidate->digest, candidate->user);
	if (before && memcmp(before, candidate->digest, HASH_SHA256_HEX - 1) == 0)
		return 0;
	userdir_user_name(candidate->user, name);
	if (!before && userdir_has(store, name)) {
		if (taking->warn && !is_of_file(store, name, candidate->digest))
			buf_printf(taking->warn, "%s/%s: the store knows user \"%s\", and holds\n", taking->place->dir,
			           candidate->file, candidate->user);
		return 0;
	}
	json_add_string(candidate->tree, TAKEN_KEY, candidate->digest);
	hash_password(candidate->tree);
	return put_if_first(store, name, candidate->tree, err);
}

/* If the file stayed, it would bring back a token that is removed from the store. */
static int take_token_file(const struct userdir *store, const struct candidate *candidate, struct err *err)
{
	const struct user_place files = {.dir = store->place->dir};
	struct userdir folder = *store;

	if (!userdir_has(store, candidate->file) && put_if_first(store, candidate->file, candidate->tree, err))
		return -1;
	folder.place = &files;
	return userdir_remove(&folder, candidate->file, err);
}

static int take_all(struct taking *taking, struct err *err)
{
	struct userdir store;

	if (userdir_open(&store, taking->place, err) != 0)
		return -1;
	int failed = 0;
	for (size_t i = 0; i < taking->count && !failed; i++) {
		struct candidate *candidate = &taking->candidates[i];
		failed = candidate->user ? take_user_file(taking, &store, candidate, err) : take_token_file(&store, candidate, err);
	}
	failed = failed || userdir_write(&store, TAKEN, buf_text(&taking->after), taking->after.len, err);
	userdir_close(&store);
	return failed;
}

int users_take_in(const struct user_place *place, struct buf *warn, struct err *err)
{
	struct taking taking = {.place = place, .warn = warn};

	buf_init(&taking.before, TAKEN_MAX);
	buf_init(&taking.after, TAKEN_MAX);
	int failed = read_files(&taking, err) || take_all(&taking, err);
	for (size_t i = 0; i < taking.count; i++) {
		free(taking.candidates[i].user);
		free(taking.candidates[i].file);
		cJSON_Delete(taking.candidates[i].tree);
	}
	free(taking.candidates);
	buf_release(&taking.before);
	buf_release(&taking.after);
	return failed;
}
