/* Reads and writes one user as JSON. */
#include "auth/userfile.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void userfile_forget_passwords(struct user_file *user)
{
	wipe(user->password);
	wipe(user->password_hash);
	user->password = user->password_hash = NULL;
}

void userfile_release(struct user_file *user)
{
	free(user->user);
	userfile_forget_passwords(user);
	for (size_t i = 0; i < user->grant_count; i++)
		free(user->grants[i].dataset);
	free(user->grants);
	*user = (struct user_file){0};
}

int userfile_check_name(const char *name, struct err *err)
{
	if (name[0] == '\0')
		return err_set(err, ERR_BAD_REQUEST, "the key \"user\" is empty");
	if (strlen(name) > USERFILE_NAME_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the user's name is longer than %d bytes",
		               USERFILE_NAME_MAX);
	if (strchr(name, ':') || text_has_control(name))
		return err_set(err, ERR_BAD_REQUEST,
		               "the user's name holds ':' or a control character: not in Basic auth");
	if (name[0] == '#')
		return err_set(err, ERR_BAD_REQUEST,
		               "the user's name begins with '#', which nginx takes for a comment");
	return 0;
}

/* The index of a dataset among the grants, or where it belongs. */
static size_t grant_place(const struct user_file *user, const char *dataset, bool *found)
{
	size_t low = 0, high = user->grant_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(user->grants[middle].dataset, dataset);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = false;
	return low;
}

static void grant_set(struct user_file *user, const char *dataset, enum role role)
{
	if (strcmp(dataset, USERFILE_EVERY_DATASET) == 0) {
		user->role = role;
		return;
	}
	bool found;
	size_t at = grant_place(user, dataset, &found);
	if (!found) {
		user->grants = memory_grow(user->grants, user->grant_count + 1, sizeof(*user->grants));
		memmove(&user->grants[at + 1], &user->grants[at],
		        (user->grant_count - at) * sizeof(*user->grants));
		user->grants[at].dataset = memory_text(dataset);
		user->grant_count++;
	}
	user->grants[at].role = role;
}

static void grant_drop(struct user_file *user, const char *dataset)
{
	bool found;
	size_t at = grant_place(user, dataset, &found);
	if (!found)
		return;
	free(user->grants[at].dataset);
	user->grant_count--;
	memmove(&user->grants[at], &user->grants[at + 1], (user->grant_count - at) * sizeof(*user->grants));
}

enum role userfile_role(const struct user_file *user, const char *dataset)
{
	if (!dataset || user->role == ROLE_ADMIN)
		return user->role;
	bool found;
	size_t at = grant_place(user, dataset, &found);
	return found ? user->grants[at].role : user->role;
}

void userfile_grant(struct user_file *user, const char *dataset, enum role role)
{
	if (dataset) {
		grant_set(user, dataset, role);
		if (role == ROLE_NONE && user->role == ROLE_NONE)
			grant_drop(user, dataset);
		return;
	}
	user->role = role;
	while (role != ROLE_NONE && user->grant_count > 0)
		grant_drop(user, user->grants[user->grant_count - 1].dataset);
}

/* Reads "datasets": a list of names, on each of which `role` holds, or an object name → role. */
static int userfile_datasets(const cJSON *datasets, enum role role, struct user_file *out, struct err *err)
{
	if (!cJSON_IsArray(datasets) && !cJSON_IsObject(datasets))
		return err_set(err, ERR_BAD_REQUEST,
		               "the key \"datasets\" must be a list of names or an object of name and role");
	if (cJSON_GetArraySize(datasets) > USERFILE_DATASETS_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the key \"datasets\" has more than %d entries",
		               USERFILE_DATASETS_MAX);
	const cJSON *item;
	cJSON_ArrayForEach(item, datasets) {
		if (!cJSON_IsString(item))
			return err_set(err, ERR_BAD_REQUEST, "the key \"datasets\" must hold strings only");
		enum role granted = role;
		if (cJSON_IsObject(datasets) && role_parse(item->valuestring, &granted, err) != 0)
			return err_prefix(err, "datasets");
		grant_set(out, cJSON_IsObject(datasets) ? item->string : item->valuestring, granted);
	}
	return 0;
}

static int read_fields(const cJSON *tree, struct user_file *out, struct err *err)
{
	const char *user = NULL, *password = NULL, *password_hash = NULL, *role_text = NULL, *expires = NULL;
	if (json_string(tree, "user", true, &user, err) ||
	    json_string(tree, "password", false, &password, err) ||
	    json_string(tree, "password_hash", false, &password_hash, err) ||
	    json_string(tree, "role", false, &role_text, err) ||
	    json_string(tree, "expires", false, &expires, err) || userfile_check_name(user, err))
		return -1;

	enum role role = ROLE_ANNOTATOR; /* a file of A has no role, and its user may label */
	if (role_text && role_parse(role_text, &role, err) != 0)
		return -1;
	if (expires && text_time_parse(expires, &out->expires_us) != 0)
		return err_set(err, ERR_BAD_REQUEST,
		               "the key \"expires\" must be a time such as 2030-01-31T12:00:00Z (RFC 3339)");
	const cJSON *datasets = cJSON_GetObjectItemCaseSensitive(tree, "datasets");
	if (!datasets || cJSON_IsNull(datasets))
		out->role = role;
	else if (userfile_datasets(datasets, role, out, err) != 0)
		return -1;

	out->user = memory_text(user);
	out->password = password ? memory_text(password) : NULL;
	out->password_hash = password_hash ? memory_text(password_hash) : NULL;
	return 0;
}

int userfile_from_json(const cJSON *tree, struct user_file *out, struct err *err)
{
	*out = (struct user_file){0};
	if (read_fields(tree, out, err) == 0)
		return 0;
	userfile_release(out);
	return -1;
}

int userfile_parse(const char *bytes, size_t len, struct user_file *out, struct err *err)
{
	cJSON *tree = json_parse_object(bytes, len, err);
	if (!tree)
		return -1;
	int result = userfile_from_json(tree, out, err);
	cJSON_Delete(tree);
	return result;
}

void userfile_put_roles(cJSON *tree, const struct user_file *user)
{
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "role");
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "datasets");
	if (user->grant_count == 0 && user->role != ROLE_NONE) {
		json_add_string(tree, "role", role_name(user->role));
		return;
	}
	cJSON *datasets = json_new_object();
	if (user->role != ROLE_NONE)
		json_add_string(datasets, USERFILE_EVERY_DATASET, role_name(user->role));
	for (size_t i = 0; i < user->grant_count; i++)
		json_add_string(datasets, user->grants[i].dataset, role_name(user->grants[i].role));
	json_add(tree, "datasets", datasets);
}
