/* Lets the environment win over the configuration file: the collecting system's variables, and AWS's own. */
#include <limits.h>
#include <stdlib.h>

#include "base/config_keys.h"

/* An empty variable counts as unset. */
static const char *config_env_get(config_env *env, const char *name)
{
	const char *value = env(name);

	return value && *value ? value : NULL;
}

static int set(struct config *config, const char *name, const char *what, const char *value,
               const struct config_places *places, struct err *err)
{
	return config_set(config, config_find(name), what, value, places, err);
}

/* A connection string chooses MongoDB, and a bucket S3. What goes with them (a database's name, AWS's keys, which
 * people also set for other programs) chooses nothing alone. */
static int choose_stores(struct config *config, config_env *env, const struct config_places *places,
                         struct err *err)
{
	if (config_env_get(env, "MONGODB_CONN_STRING") &&
	    set(config, "dataset_store.type", "dataset_store.type", "mongodb", places, err))
		return -1;
	if (config_env_get(env, "AWS_BUCKET_NAME") &&
	    set(config, "image_store.type", "image_store.type", "s3", places, err))
		return -1;
	return 0;
}

/* Keys of a store that isn't used are ignored, including its secrets. */
static bool is_used(const struct config *config, const struct config_key *key)
{
	bool of_datasets = strncmp(key->name, "dataset_store.", 14) == 0;

	return of_datasets ? !config_datasets_are_files(config) : !config_images_are_files(config);
}

/* A path in the environment is relative to the current folder, as for every other program that reads the variable. */
static int take_path(struct config *config, const struct config_key *key, const char *variable, const char *value,
                     const struct config_places *places, struct err *err)
{
	char here[PATH_MAX];
	const struct config_places from_here = {.folder = realpath(".", here) ? here : places->folder, .home = places->home};

	return config_set(config, key, variable, value, &from_here, err);
}

static int take_variables(struct config *config, config_env *env, const struct config_places *places,
                          struct err *err)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		if (!key->variable || !is_used(config, key))
			continue;
		const char *variable = key->variable;
		if (!strcmp(variable, "AWS_REGION") && !config_env_get(env, variable))
			variable = "AWS_DEFAULT_REGION";
		const char *value = config_env_get(env, variable);
		if (!value)
			continue;
		if (key->kind == CONFIG_PATH ? take_path(config, key, variable, value, places, err)
		                             : config_set(config, key, variable, value, places, err))
			return -1;
	}
	return 0;
}

/* The collecting system had one dataset, named like its database. So have servers that set only its variables, with
 * SQLite, too. */
static int name_default_dataset(struct config *config, config_env *env, const struct config_places *places,
                                struct err *err)
{
	const char *name = config_env_get(env, "DATABASE_NAME");

	if (!name || config->default_dataset[0])
		return 0;
	return set(config, "default_dataset", "DATABASE_NAME", name, places, err);
}

static int config_env_missing(const struct config *config, const char *what, const char *because, struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "%s%s%s is missing: %s", config->path,
	               *config->path ? ": " : "", what, because);
}

static int check_complete(const struct config *config, int stores, struct err *err)
{
	static const char mongodb[] = "the datasets are to be kept in MongoDB";
	static const char s3[] = "the images are to be kept in S3";

	bool mongodb_opened = !config_datasets_are_files(config) && (stores & CONFIG_DATASETS);
	bool s3_opened = !config_images_are_files(config) && (stores & CONFIG_IMAGES);

	if (mongodb_opened && !config->dataset_store.uri[0])
		return config_env_missing(config, "\"dataset_store.uri\" (or MONGODB_CONN_STRING)", mongodb, err);
	if (mongodb_opened && !config->dataset_store.database[0])
		return config_env_missing(config, "\"dataset_store.database\" (or DATABASE_NAME)", mongodb, err);
	if (s3_opened && !config->image_store.bucket[0])
		return config_env_missing(config, "\"image_store.bucket\" (or AWS_BUCKET_NAME)", s3, err);
	if (s3_opened && !config->image_store.access_key[0])
		return config_env_missing(config, "AWS_ACCESS_KEY_ID in the environment", s3, err);
	if (s3_opened && !config->image_store.secret_key[0])
		return config_env_missing(config, "AWS_SECRET_ACCESS_KEY in the environment", s3, err);
	if (config->listen.certificate[0] && !config->listen.certificate_key[0])
		return config_env_missing(config, "\"listen.certificate_key\"", "\"listen.certificate\" is given", err);
	if (!config->listen.certificate[0] && config->listen.certificate_key[0])
		return config_env_missing(config, "\"listen.certificate\"", "\"listen.certificate_key\" is given", err);
	return 0;
}

int config_environment(struct config *config, config_env *env, const struct config_places *places, int stores,
                       struct err *err)
{
	if (choose_stores(config, env, places, err) || take_variables(config, env, places, err) ||
	    name_default_dataset(config, env, places, err) || check_complete(config, stores, err))
		return -1;
	return 0;
}
