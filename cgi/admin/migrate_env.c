/* Which environment variables hold for each side of a migration. */
#include "migrate_env.h"

#include "base/json.h"

/* The configuration's variables, and the keys of the file that they fill in. */
static const struct {
	const char *name;
	const char *group, *key; /* in the file; NULL: the file has no such key, and the variable holds for both sides */
	const char *type;        /* the store's type, if the file must have chosen it */
	bool chooses;            /* outside of a migration this variable chooses the store */
} variables[] = {
	{"MONGODB_CONN_STRING", "dataset_store", "uri", "mongodb", true},
	{"DATABASE_NAME", "dataset_store", "database", "mongodb", false},
	{"AWS_BUCKET_NAME", "image_store", "bucket", "s3", true},
	{"AWS_ENDPOINT_URL", "image_store", "endpoint", "s3", false},
	{"AWS_REGION", "image_store", "region", "s3", false},
	{"AWS_DEFAULT_REGION", "image_store", "region", "s3", false},
	{"AWS_CA_BUNDLE", "image_store", "ca_bundle", "s3", false},
	{"AWS_ACCESS_KEY_ID", NULL, NULL, NULL, false},
	{"AWS_SECRET_ACCESS_KEY", NULL, NULL, NULL, false},
	{"AWS_SESSION_TOKEN", NULL, NULL, NULL, false},
};
enum { VARIABLES = sizeof(variables) / sizeof(variables[0]), NAME_MAX_BYTES = 64 };

/* Global, since the function that config_load calls gets no more than a name. */
static struct {
	config_env *env;
	const char *prefix;
	cJSON *file; /* NULL: unreadable, which config_load reports */
	bool used[VARIABLES];
} loading;

static const char *migrate_env_get(const char *prefix, const char *name)
{
	char whole[NAME_MAX_BYTES];

	snprintf(whole, sizeof(whole), "%s%s", prefix, name);
	const char *value = loading.env(whole);
	return value && *value ? value : NULL;
}

static const char *file_says(const char *group, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(loading.file, group), key);

	return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
}

/* A side's own keys come together: another key's token would not fit them. */
static bool has_keys_of_its_own(void)
{
	return migrate_env_get(loading.prefix, "AWS_ACCESS_KEY_ID") ||
	       migrate_env_get(loading.prefix, "AWS_SECRET_ACCESS_KEY") ||
	       migrate_env_get(loading.prefix, "AWS_SESSION_TOKEN");
}

static bool fills_in(size_t i)
{
	if (!variables[i].group)
		return !has_keys_of_its_own();
	const char *type = file_says(variables[i].group, "type");
	return type && strcmp(type, variables[i].type) == 0 && !file_says(variables[i].group, variables[i].key);
}

static const char *variable_of_side(const char *name)
{
	if (strcmp(name, "HOME") == 0)
		return loading.env(name);
	for (size_t i = 0; i < VARIABLES; i++) {
		if (strcmp(variables[i].name, name) != 0)
			continue;
		const char *own = migrate_env_get(loading.prefix, name);
		if (own || !fills_in(i))
			return own;
		loading.used[i] = true;
		return migrate_env_get("", name);
	}
	return NULL;
}

int migrate_env_load(struct config *config, enum migrate_side side, const char *path, config_env *env, struct err *err)
{
	static const char *const prefixes[] = {"FROM_", "TO_", "BACKUP_"};
	struct err ignored;

	loading.env = env;
	loading.prefix = prefixes[side];
	loading.file = json_parse_file(path, &ignored);
	int failed = config_load(config, path, variable_of_side, err);
	cJSON_Delete(loading.file);
	loading.file = NULL;
	return failed;
}

const char *migrate_env_left_out(void)
{
	for (size_t i = 0; i < VARIABLES; i++) {
		if (variables[i].chooses && !loading.used[i] && migrate_env_get("", variables[i].name))
			return variables[i].name;
	}
	return NULL;
}
