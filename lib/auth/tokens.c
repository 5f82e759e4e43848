/* Makes and removes tokens. */
#include "auth/tokens.h"

#include "auth/password.h"
#include "auth/users.h"
#include "auth/userset.h"
#include "base/json.h"
#include "base/text.h"

enum { DOCUMENT_NAME_MAX = TOKEN_ID_MAX + sizeof(USERDIR_TOKEN) };

_Static_assert((int)TOKENS_SECRET_MAX >= (int)PASSWORD_KEY_MAX, "a generated key fits");
_Static_assert(sizeof(TOKEN_ID_PREFIX) + PASSWORD_KEY_MAX <= TOKEN_ID_MAX, "a generated id fits");

static int tokens_check(const struct token *wanted, struct err *err)
{
	size_t len = strlen(wanted->name);

	if (len == 0 || len > TOKEN_NAME_MAX || !text_utf8_valid(wanted->name, len) || text_has_control(wanted->name))
		return err_set(err, ERR_BAD_REQUEST, "the token's name must have 1 to %d bytes of printable UTF-8",
		               TOKEN_NAME_MAX);
	if (wanted->expires_us != 0 && wanted->expires_us <= text_now())
		return err_set(err, ERR_BAD_REQUEST, "the time at which the token is to expire is past");
	if (wanted->is_limited && wanted->dataset_count == 0)
		return err_set(err, ERR_UNPROCESSABLE, "a token of no dataset could do nothing");
	if (wanted->dataset_count > TOKEN_DATASETS_MAX)
		return err_set(err, ERR_UNPROCESSABLE, "a token may name at most %d datasets", TOKEN_DATASETS_MAX);
	return 0;
}

static int tokens_check_room(const struct userset *set, const struct token *wanted, struct err *err)
{
	size_t count = 0;

	if (!userset_find(set, wanted->user))
		return err_set(err, ERR_NOT_FOUND, "there is no user \"%s\"", wanted->user);
	for (size_t i = 0; i < set->token_count; i++)
		count += strcmp(set->tokens[i].user, wanted->user) == 0;
	return count < TOKENS_A_USER_MAX
	               ? 0
	               : err_set(err, ERR_CONFLICT, "\"%s\" has %d tokens already: remove one that is not used any more",
	                         wanted->user, TOKENS_A_USER_MAX);
}

static void document_name(const char *id, char out[DOCUMENT_NAME_MAX])
{
	snprintf(out, DOCUMENT_NAME_MAX, "%.*s%s", TOKEN_ID_MAX - 1, id, USERDIR_TOKEN);
}

static int tokens_write(const struct userdir *dir, struct token wanted, char secret[TOKENS_SECRET_MAX],
                        struct token *made, struct err *err)
{
	char random[PASSWORD_KEY_MAX], hash[PASSWORD_HASH_MAX], id[TOKEN_ID_MAX], name[DOCUMENT_NAME_MAX];

	password_generate(random);
	password_generate(secret);
	password_ssha(secret, NULL, hash);
	snprintf(id, sizeof(id), "%s%s", TOKEN_ID_PREFIX, random);
	document_name(id, name);
	wanted.id = id;
	wanted.password_hash = hash;
	wanted.created_us = text_now();
	cJSON *tree = token_to_json(&wanted);
	int failed = userdir_write_json(dir, name, tree, err) || token_from_json(tree, made, err);
	cJSON_Delete(tree);
	return failed;
}

int tokens_add(const struct user_place *place, const struct token *wanted, struct token *made,
               char secret[TOKENS_SECRET_MAX], struct err *err)
{
	struct userdir dir;
	struct userset set;

	if (tokens_check(wanted, err) || userdir_open(&dir, place, err))
		return -1;
	int failed = userset_read(&set, &dir, NULL, err);
	if (!failed) {
		failed = tokens_check_room(&set, wanted, err) || tokens_write(&dir, *wanted, secret, made, err);
		userset_release(&set);
	}
	userdir_close(&dir);
	if (failed || users_compile(place, NULL, NULL, err) == 0)
		return failed;
	token_release(made);
	return -1;
}

static int tokens_find(const struct userdir *dir, const char *id, const char *user, struct token *out, struct err *err)
{
	char name[DOCUMENT_NAME_MAX];

	document_name(id, name);
	struct err why = {0};
	cJSON *tree = userdir_is(name, USERDIR_TOKEN) && userdir_has(dir, name) ? userdir_json(dir, name, &why) : NULL;
	bool is_read = tree, is_whole = tree && token_from_json(tree, out, err) == 0;
	cJSON_Delete(tree);
	if (is_whole && strcmp(out->id, id) == 0 && (!user || strcmp(out->user, user) == 0))
		return 0;
	if (is_whole)
		token_release(out);
	if (!is_read && err_is_down(&why))
		return err_set(err, why.code, "%s", why.text);
	return err_set(err, ERR_NOT_FOUND, "there is no token \"%.*s\"", TOKEN_ID_MAX, id);
}

int tokens_remove(const struct user_place *place, const char *id, const char *user, struct token *removed,
                  struct err *err)
{
	struct userdir dir;
	char name[DOCUMENT_NAME_MAX];

	document_name(id, name);
	if (userdir_open(&dir, place, err) != 0)
		return -1;
	int failed = tokens_find(&dir, id, user, removed, err);
	if (!failed && userdir_remove(&dir, name, err) != 0) {
		token_release(removed);
		failed = -1;
	}
	userdir_close(&dir);
	if (failed || users_compile(place, NULL, NULL, err) == 0)
		return failed;
	token_release(removed);
	return -1;
}
