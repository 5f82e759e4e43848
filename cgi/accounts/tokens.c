/* /v1/tokens: tokens for scripts, which act as the users who made them. */
#include "auth/tokens.h"

#include "accounts.h"
#include "base/json.h"
#include "base/text.h"
#include "fastcgi/cursor.h"

#define LIST "tokens"
enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

struct listing {
	struct call *call;
	cJSON *items;
	const char *user; /* whose */
	int64_t room;
	char last[TOKEN_ID_MAX];
	bool more;
};

static cJSON *token_document(struct call *call, const struct token *token)
{
	cJSON *item = json_new_object(), *datasets = token->is_limited ? json_new_array() : NULL;

	json_add_string(item, "id", token->id);
	json_add_string(item, "name", token->name);
	json_add_string(item, "user", token->user);
	json_add_string(item, "scope", token_scope(token));
	for (size_t i = 0; i < token->dataset_count; i++)
		json_append_string(datasets, token->datasets[i]);
	if (datasets)
		json_add(item, "datasets", datasets);
	else
		json_add_null(item, "datasets");
	json_add_time(item, "created_at", token->created_us);
	accounts_add_times(item, token->expires_us, call, token->id);
	return item;
}

static bool add_item(void *data, const struct token *token)
{
	struct listing *listing = data;

	if (strcmp(token->user, listing->user) != 0)
		return true;
	listing->more = listing->room-- == 0;
	if (listing->more)
		return false;
	json_append(listing->items, token_document(listing->call, token));
	snprintf(listing->last, sizeof(listing->last), "%s", token->id);
	return true;
}

/* One's own; an overall admin may ask for anybody's. */
static int whose_tokens(const struct call *call, const char **user, struct err *err)
{
	const char *asked = request_query(call->request, "user");

	*user = asked ? asked : call->request->user;
	return strcmp(*user, call->request->user) != 0 && call_role(call, NULL) != ROLE_ADMIN
	               ? err_set(err, ERR_FORBIDDEN, "Only an admin of everything may see the tokens of others")
	               : 0;
}

int accounts_tokens(struct call *call, struct err *err)
{
	struct listing listing = {.call = call, .room = LIMIT_DEFAULT};
	char after[CURSOR_KEY_MAX];

	if (whose_tokens(call, &listing.user, err) ||
	    request_limit(call->request, LIMIT_MAX, &listing.room, err) || cursor_after(call, LIST, after, err))
		return -1;
	listing.items = json_new_array();
	auth_tokens(call->app->auth, after, add_item, &listing);
	cJSON *answer = json_new_object();
	json_add(answer, "items", listing.items);
	int failed = cursor_add_next(call, LIST, listing.more ? listing.last : NULL, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}

/* --- adding ------------------------------------------------------------------------------------------------------- */

/* Each dataset must exist, and its maker must be allowed to see it: otherwise the name is mistyped. */
static int take_datasets(struct call *call, const cJSON *names, struct token *wanted, struct err *err)
{
	const cJSON *name;

	wanted->is_limited = names != NULL;
	if (cJSON_GetArraySize(names) > TOKEN_DATASETS_MAX)
		return err_set(err, ERR_UNPROCESSABLE, "A token may name at most %d datasets", TOKEN_DATASETS_MAX);
	cJSON_ArrayForEach(name, names) {
		struct dataset *dataset = NULL;

		if (call_role(call, name->valuestring) == ROLE_NONE ||
		    dataset_open(call->app->store, name->valuestring, &dataset, err))
			return err_set(err, ERR_NOT_FOUND, "There is no dataset \"%.*s\"", TEXT_DATASET_NAME_MAX,
			               name->valuestring);
		dataset_close(dataset);
		wanted->datasets[wanted->dataset_count++] = name->valuestring;
	}
	return 0;
}

static int token_read(struct call *call, struct token *wanted, struct err *err)
{
	const char *name, *scope;
	const cJSON *datasets = NULL;

	wanted->user = (char *)(uintptr_t)call->request->user;
	if (call_body(call, err) || json_string(call->body, "name", true, &name, err) ||
	    json_string(call->body, "scope", true, &scope, err) ||
	    json_string_array(call->body, "datasets", false, &datasets, err) ||
	    accounts_expiry(call, &wanted->expires_us, err) || token_scope_parse(scope, &wanted->read_only, err))
		return -1;
	wanted->name = (char *)(uintptr_t)name;
	return take_datasets(call, datasets, wanted, err);
}

int accounts_token_add(struct call *call, struct err *err)
{
	char *datasets[TOKEN_DATASETS_MAX], secret[TOKENS_SECRET_MAX];
	struct token wanted = {.datasets = datasets}, made; /* its texts belong to the request */

	if (token_read(call, &wanted, err) || tokens_add(&call->app->roster.place, &wanted, &made, secret, err))
		return -1;
	cJSON *document = token_document(call, &made);
	json_add_string(document, "secret", secret); /* never shown again */
	explicit_bzero(secret, sizeof(secret));
	reply_json(call->reply, 201, document);
	json_add_string(call->body, "id", made.id);
	int failed = accounts_audit_body(call, "token.add", made.name, err);
	token_release(&made);
	return failed;
}

/* Users remove their own tokens; an overall admin may remove anybody's. */
int accounts_token_remove(struct call *call, struct err *err)
{
	const char *id = call->param[0], *maker = call_role(call, NULL) == ROLE_ADMIN ? NULL : call->request->user;
	struct token removed;

	if (tokens_remove(&call->app->roster.place, id, maker, &removed, err))
		return -1;
	reply_empty(call->reply, 204);
	int failed = call_audit(call, "token.remove", removed.name, id, err);
	token_release(&removed);
	return failed;
}
