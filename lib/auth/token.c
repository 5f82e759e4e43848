/* Reads and writes one token as JSON. */
#include "auth/token.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

void token_release(struct token *token)
{
	if (token->password_hash)
		explicit_bzero(token->password_hash, strlen(token->password_hash));
	free(token->password_hash);
	free(token->id);
	free(token->user);
	free(token->name);
	for (size_t i = 0; i < token->dataset_count; i++)
		free(token->datasets[i]);
	free(token->datasets);
	*token = (struct token){.id = NULL};
}

int token_scope_parse(const char *scope, bool *read_only, struct err *err)
{
	*read_only = strcmp(scope, "read") == 0;
	if (*read_only || strcmp(scope, "write") == 0)
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "\"%.40s\" is no scope: read, write", scope);
}

const char *token_scope(const struct token *token)
{
	return token->read_only ? "read" : "write";
}

bool token_is(const cJSON *tree)
{
	return cJSON_GetObjectItemCaseSensitive(tree, "token") != NULL;
}

static void token_take_datasets(const cJSON *names, struct token *out)
{
	const cJSON *name;

	out->is_limited = names != NULL;
	out->datasets = memory_new((size_t)cJSON_GetArraySize(names) + 1, sizeof(*out->datasets));
	cJSON_ArrayForEach(name, names)
		out->datasets[out->dataset_count++] = memory_text(name->valuestring);
}

static int token_read_time(const char *key, const char *text, int64_t *out, struct err *err)
{
	*out = 0;
	if (!text || text_time_parse(text, out) == 0)
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "the key \"%s\" must be a time such as 2030-01-31T12:00:00Z (RFC 3339)", key);
}

/* By its beginning a token's id is told from a user's name, and by that whether it may only read. */
static int token_check_id(const char *id, struct err *err)
{
	if (userfile_check_name(id, err))
		return -1;
	return strncmp(id, TOKEN_ID_PREFIX, strlen(TOKEN_ID_PREFIX)) == 0 && strlen(id) < TOKEN_ID_MAX
	               ? 0
	               : err_set(err, ERR_BAD_REQUEST, "the key \"token\" does not begin with " TOKEN_ID_PREFIX
	                                               ", or is longer than %d bytes", TOKEN_ID_MAX - 1);
}

int token_from_json(const cJSON *tree, struct token *out, struct err *err)
{
	const char *id, *user, *name, *scope, *hash = "", *created = NULL, *expires = NULL;
	const cJSON *datasets = NULL;

	*out = (struct token){.id = NULL};
	if (json_string(tree, "token", true, &id, err) || json_string(tree, "user", true, &user, err) ||
	    json_string(tree, "name", true, &name, err) || json_string(tree, "scope", true, &scope, err) ||
	    json_string(tree, "password_hash", false, &hash, err) ||
	    json_string(tree, "created", false, &created, err) || json_string(tree, "expires", false, &expires, err) ||
	    json_string_array(tree, "datasets", false, &datasets, err) || token_check_id(id, err) ||
	    token_scope_parse(scope, &out->read_only, err) ||
	    token_read_time("created", created, &out->created_us, err) ||
	    token_read_time("expires", expires, &out->expires_us, err))
		return -1;
	out->id = memory_text(id);
	out->user = memory_text(user);
	out->name = memory_text(name);
	out->password_hash = memory_text(hash);
	token_take_datasets(datasets, out);
	return 0;
}

cJSON *token_to_json(const struct token *token)
{
	char time[TEXT_TIME_MAX];
	cJSON *tree = json_new_object(), *datasets = token->is_limited ? json_new_array() : NULL;

	json_add_string(tree, "token", token->id);
	json_add_string(tree, "user", token->user);
	json_add_string(tree, "name", token->name);
	json_add_string(tree, "scope", token_scope(token));
	json_add_string(tree, "password_hash", token->password_hash);
	json_add_string(tree, "created", text_time(token->created_us, time));
	if (token->expires_us)
		json_add_string(tree, "expires", text_time(token->expires_us, time));
	for (size_t i = 0; i < token->dataset_count; i++)
		json_append_string(datasets, token->datasets[i]);
	if (datasets)
		json_add(tree, "datasets", datasets);
	return tree;
}

enum role token_role(const struct token *token, const struct user_file *user, const char *dataset)
{
	bool is_within = !token->is_limited;

	for (size_t i = 0; dataset && !is_within && i < token->dataset_count; i++)
		is_within = strcmp(token->datasets[i], dataset) == 0;
	return is_within ? userfile_role(user, dataset) : ROLE_NONE;
}
