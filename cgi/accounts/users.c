/* /v1/users: all users, for overall admins. */
#include "auth/users.h"

#include "accounts.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "fastcgi/cursor.h"

#define LIST "users"
enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

struct listing {
	struct call *call;
	cJSON *items;
	int64_t room;
	char last[CURSOR_KEY_MAX];
	bool more;
};

static cJSON *user_document(struct call *call, const struct user_file *user)
{
	cJSON *item = json_new_object();

	json_add_string(item, "user", user->user);
	json_add_string(item, "role", role_name(user->role));
	json_add(item, "datasets", accounts_grants(user));
	accounts_add_times(item, user->expires_us, call, user->user);
	return item;
}

static bool users_add_item(void *data, const struct user_file *user)
{
	struct listing *listing = data;

	listing->more = listing->room-- == 0;
	if (listing->more)
		return false;
	json_append(listing->items, user_document(listing->call, user));
	snprintf(listing->last, sizeof(listing->last), "%s", user->user);
	return true;
}

int accounts_users(struct call *call, struct err *err)
{
	struct listing listing = {.call = call, .room = LIMIT_DEFAULT};
	char after[CURSOR_KEY_MAX];

	if (request_limit(call->request, LIMIT_MAX, &listing.room, err) || cursor_after(call, LIST, after, err))
		return -1;
	listing.items = json_new_array();
	auth_users(call->app->auth, after, users_add_item, &listing);
	cJSON *answer = json_new_object();
	json_add(answer, "items", listing.items);
	int failed = cursor_add_next(call, LIST, listing.more ? listing.last : NULL, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}

/* --- adding and changing ------------------------------------------------------------------------------------------ */

/* Reads "datasets": names, on each of which `role` holds, or an object name → role. */
static int take_grants(const cJSON *datasets, enum role role, struct user_grant *grants, size_t *count,
                       struct err *err)
{
	const cJSON *item;

	*count = 0;
	cJSON_ArrayForEach(item, datasets) {
		const char *name = cJSON_IsObject(datasets) ? item->string : item->valuestring;
		enum role granted = role;

		if (!cJSON_IsString(item))
			return err_set(err, ERR_BAD_REQUEST, "\"datasets\" must hold strings only");
		if ((cJSON_IsObject(datasets) && role_parse(item->valuestring, &granted, err)) ||
		    text_check_dataset_name(name, err))
			return err_prefix(err, "datasets");
		grants[(*count)++] = (struct user_grant){.dataset = name, .role = granted};
	}
	return 0;
}

static int check_datasets(const cJSON *datasets, struct err *err)
{
	if (!datasets || cJSON_IsNull(datasets))
		return 0;
	if (!cJSON_IsArray(datasets) && !cJSON_IsObject(datasets))
		return err_set(err, ERR_BAD_REQUEST, "\"datasets\" must be a list of names, or an object of names and roles");
	if (!datasets->child)
		return err_set(err, ERR_UNPROCESSABLE, "\"datasets\" names no dataset, so the user could do nothing");
	if (cJSON_GetArraySize(datasets) > USERS_GRANTS_MAX)
		return err_set(err, ERR_UNPROCESSABLE, "\"datasets\" may name at most %d datasets", USERS_GRANTS_MAX);
	return 0;
}

static int accounts_read_role(const struct call *call, enum role *role, struct err *err)
{
	const char *text = NULL;

	*role = ROLE_ANNOTATOR;
	if (json_string(call->body, "role", false, &text, err) || (text && role_parse(text, role, err)))
		return -1;
	return *role == ROLE_NONE ? err_set(err, ERR_UNPROCESSABLE, "A user without a role could do nothing") : 0;
}

/* The body's role, datasets and expiry; of_roles and of_expiry tell which are given. The caller frees *grants, whose
 * texts belong to the body. */
static int accounts_read_change(const struct call *call, struct user_change *out, struct user_grant **grants,
                                struct err *err)
{
	const cJSON *datasets = cJSON_GetObjectItemCaseSensitive(call->body, "datasets");
	const cJSON *role = cJSON_GetObjectItemCaseSensitive(call->body, "role");

	*grants = NULL;
	*out = (struct user_change){.of_roles = (role && !cJSON_IsNull(role)) || (datasets && !cJSON_IsNull(datasets)),
	                            .of_expiry = cJSON_GetObjectItemCaseSensitive(call->body, "expires_at") != NULL};
	if (accounts_read_role(call, &out->role, err) || accounts_expiry(call, &out->expires_us, err) ||
	    check_datasets(datasets, err))
		return -1;
	*grants = memory_new((size_t)cJSON_GetArraySize(datasets) + 1, sizeof(**grants));
	if (take_grants(datasets, out->role, *grants, &out->grant_count, err))
		return -1;
	out->grants = out->grant_count > 0 ? *grants : NULL;
	return 0;
}

struct wanted {
	struct call *call;
	const char *name;
	cJSON *document;
};

static bool take_document(void *data, const struct user_file *user)
{
	struct wanted *wanted = data;

	if (strcmp(user->user, wanted->name) == 0)
		wanted->document = user_document(wanted->call, user);
	return !wanted->document;
}

/* The user's present state; empty when the user has been removed meanwhile. */
static cJSON *document_of(struct call *call, const char *name)
{
	struct wanted wanted = {.call = call, .name = name};

	auth_users(call->app->auth, "", take_document, &wanted);
	return wanted.document ? wanted.document : json_new_object();
}

/* Answers also with the key, which is never shown again. */
static void reply_user(struct call *call, int status, const char *name, char key[USERS_KEY_MAX])
{
	cJSON *document = document_of(call, name);

	json_add_string(document, "password", key);
	explicit_bzero(key, USERS_KEY_MAX);
	reply_json(call->reply, status, document);
}

int accounts_user_add(struct call *call, struct err *err)
{
	const char *name;
	struct user_change wanted;
	struct user_grant *grants = NULL;
	char key[USERS_KEY_MAX];

	int failed = call_body(call, err) || json_string(call->body, "user", true, &name, err) ||
	             accounts_read_change(call, &wanted, &grants, err) ||
	             users_add(&call->app->roster.place, name, wanted.role, wanted.grants, wanted.grant_count, NULL,
	                       wanted.expires_us, key, err);
	free(grants);
	if (failed)
		return -1;
	reply_user(call, 201, name, key);
	return accounts_audit_body(call, "user.add", name, err);
}

int accounts_user_change(struct call *call, struct err *err)
{
	const char *name = call->param[0];
	struct user_change change;
	struct user_grant *grants = NULL;

	int failed = call_body(call, err) || accounts_read_change(call, &change, &grants, err) ||
	             users_change(&call->app->roster.place, name, &change, err);
	free(grants);
	if (failed)
		return -1;
	reply_json(call->reply, 200, document_of(call, name));
	return accounts_audit_body(call, "user.change", name, err);
}

/* For a user who has lost the old one. */
int accounts_user_key(struct call *call, struct err *err)
{
	const char *name = call->param[0];
	char key[USERS_KEY_MAX];

	if (call_body_or_none(call, err) || users_passwd(&call->app->roster.place, name, NULL, key, err))
		return -1;
	reply_user(call, 200, name, key);
	return call_audit(call, "user.key", name, "", err);
}

int accounts_user_remove(struct call *call, struct err *err)
{
	const char *name = call->param[0];

	if (users_remove(&call->app->roster.place, name, true, err))
		return -1;
	reply_empty(call->reply, 204);
	return call_audit(call, "user.remove", name, "", err);
}
