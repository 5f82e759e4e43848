/* Loads the configuration: finds its file, reads it by the table of keys, fills in defaults. */
#include "base/config.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "base/config_keys.h"
#include "base/jsonstream.h"
#include "base/memory.h"
#include "base/text.h"

enum { NAME_MAX_BYTES = 128 }; /* for a key with its group, in messages */

/* --- reading the file --------------------------------------------------------------------------------------------- */

struct reader {
	struct config *config;
	struct config_places places;
	size_t depth;              /* how many objects are open: the whole, a group */
	bool listing;              /* inside a list */
	char name[NAME_MAX_BYTES]; /* the key or group whose value comes next */
	char group[NAME_MAX_BYTES];
	const struct config_key *key; /* that key; NULL for a group */
};

static int expected(const struct reader *reader, struct err *err)
{
	char words[160];

	if (!reader->depth)
		return err_set(err, ERR_BAD_REQUEST, "the configuration must be an object: {…}");
	if (!reader->key)
		return err_set(err, ERR_BAD_REQUEST, "\"%s\" must be an object: {…}", reader->name);
	config_expects(reader->key, words, sizeof(words));
	return err_set(err, ERR_BAD_REQUEST, "\"%s\" must be %s", reader->name, words);
}

/* Lists the names that may appear where the reader is, without their group. */
static size_t list_siblings(const struct reader *reader, const char *names[], size_t max)
{
	size_t count = 0;
	size_t skip = reader->depth == 2 ? strlen(reader->group) + 1 : 0;

	for (size_t i = 0; i < config_key_count && count < max; i++) {
		const char *name = config_keys[i].name;
		bool here = !strchr(name, '.');
		if (skip)
			here = !strncmp(name, reader->group, skip - 1) && name[skip - 1] == '.';
		if (here && config_keys[i].kind != CONFIG_SECRET)
			names[count++] = name + skip;
	}
	for (size_t i = 0; !skip && config_groups[i] && count < max; i++)
		names[count++] = config_groups[i];
	return count;
}

/* Finds a key with this last name in another group. */
static const char *find_elsewhere(const char *last)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const char *dot = strchr(config_keys[i].name, '.');
		if (!strcmp(dot ? dot + 1 : config_keys[i].name, last))
			return config_keys[i].name;
	}
	return NULL;
}

static int unknown_key(const struct reader *reader, const char *last, struct err *err)
{
	const char *siblings[64] = {NULL};
	size_t count = list_siblings(reader, siblings, sizeof(siblings) / sizeof(siblings[0]));
	const char *near = text_nearest(last, siblings, count);
	const char *elsewhere = find_elsewhere(last);
	bool grouped = reader->depth == 2;
	struct buf known;

	if (reader->key) /* a name with its dot */
		return err_set(err, ERR_BAD_REQUEST, "unknown key \"%s\"; write {\"%.*s\": {\"%s\": …}}",
		               last, (int)strcspn(last, "."), last, strchr(last, '.') + 1);
	if (elsewhere)
		return err_set(err, ERR_BAD_REQUEST, "unknown key \"%s\"; did you mean \"%s\"?", reader->name,
		               elsewhere);
	if (near)
		return err_set(err, ERR_BAD_REQUEST, "unknown key \"%s\"; did you mean \"%s%s%s\"?",
		               reader->name, grouped ? reader->group : "", grouped ? "." : "", near);
	buf_init(&known, ERR_TEXT_MAX);
	for (size_t i = 0; i < count; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", siblings[i]);
	err_set(err, ERR_BAD_REQUEST, "unknown key \"%s\"; known here: %s", reader->name, buf_text(&known));
	buf_release(&known);
	return -1;
}

static int config_on_key(void *context, const char *key, struct err *err)
{
	struct reader *reader = context;

	if (reader->depth == 2)
		snprintf(reader->name, sizeof(reader->name), "%.60s.%.60s", reader->group, key);
	else
		snprintf(reader->name, sizeof(reader->name), "%.120s", key);
	reader->name[text_utf8_span(reader->name, strlen(reader->name))] = '\0';
	reader->key = config_find(reader->name);
	if (reader->key && reader->key->kind == CONFIG_SECRET)
		return err_set(err, ERR_BAD_REQUEST, "\"%s\" can only be set in the environment: %s",
		               reader->name, reader->key->variable);
	/* A name with a dot is not accepted as a key: the group is an object. */
	bool is_key = reader->key && !strchr(key, '.');
	bool is_group = reader->depth == 1 && config_is_group(key);
	return is_key || is_group ? 0 : unknown_key(reader, key, err);
}

static int config_on_start_object(void *context, struct err *err)
{
	struct reader *reader = context;

	if (reader->depth && reader->key)
		return expected(reader, err);
	if (reader->depth)
		memcpy(reader->group, reader->name, sizeof(reader->group));
	reader->depth++;
	return 0;
}

static int config_on_end_object(void *context, struct err *err)
{
	struct reader *reader = context;

	(void)err;
	reader->depth--;
	return 0;
}

static void clear_list(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i]);
	memset(list, 0, sizeof(*list));
}

static int config_on_start_array(void *context, struct err *err)
{
	struct reader *reader = context;

	if (!reader->key || !config_is_list(reader->key) || reader->listing)
		return expected(reader, err);
	reader->listing = true;
	clear_list(config_strings(reader->config, reader->key));
	return 0;
}

static int config_on_end_array(void *context, struct err *err)
{
	struct reader *reader = context;

	(void)err;
	reader->listing = false;
	return 0;
}

static int config_on_string(void *context, const char *value, struct err *err)
{
	struct reader *reader = context;
	char what[NAME_MAX_BYTES + 2];

	bool alone = reader->key && !reader->listing && config_is_list_or_one(reader->key);
	if (!reader->key || reader->key->kind == CONFIG_INTEGER || (!alone && config_is_list(reader->key) != reader->listing))
		return expected(reader, err);
	if (alone)
		clear_list(config_strings(reader->config, reader->key));
	snprintf(what, sizeof(what), "\"%s\"", reader->name);
	return config_set(reader->config, reader->key, what, value, &reader->places, err);
}

static int config_on_number(void *context, const char *value, struct err *err)
{
	struct reader *reader = context;
	const struct config_key *key = reader->key;

	if (!key || key->kind != CONFIG_INTEGER ||
	    text_int64(value, key->min, key->max, config_integer(reader->config, key)))
		return expected(reader, err);
	return 0;
}

static int config_on_boolean(void *context, bool value, struct err *err)
{
	(void)value;
	return expected(context, err);
}

/* null keeps the default of a key, but is no group and no list entry. */
static int config_on_null(void *context, struct err *err)
{
	struct reader *reader = context;

	return reader->key && !reader->listing ? 0 : expected(reader, err);
}

static int config_read_file(struct config *config, const struct config_places *places, struct err *err)
{
	static const struct json_events events = {
		.start_object = config_on_start_object,
		.end_object = config_on_end_object,
		.start_array = config_on_start_array,
		.end_array = config_on_end_array,
		.key = config_on_key,
		.string = config_on_string,
		.number = config_on_number,
		.boolean = config_on_boolean,
		.null = config_on_null,
	};
	struct reader reader = {.config = config, .places = *places};

	return json_walk_file(config->path, &events, &reader, err);
}

/* --- defaults ----------------------------------------------------------------------------------------------------- */

/* Sets integers and lists before the file is read, which replaces them. */
static int set_first_defaults(struct config *config, const struct config_places *places, struct err *err)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		if (key->kind == CONFIG_INTEGER)
			*config_integer(config, key) = key->number;
		else if (config_is_list(key) && key->initial &&
		         config_set(config, key, key->name, key->initial, places, err))
			return -1;
	}
	return 0;
}

/* Sets the texts that the file did not: a default in a home folder that doesn't exist matters only when it is used. */
static int set_other_defaults(struct config *config, const struct config_places *places, struct err *err)
{
	struct buf images;

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		if (key->kind == CONFIG_INTEGER || config_is_list(key) || *config_text(config, key) || !key->initial)
			continue;
		if (config_set(config, key, key->name, key->initial, places, err))
			return -1;
	}
	if (config->image_store.dir)
		return 0;
	buf_init(&images, TEXT_FILEPATH_MAX + 16);
	buf_printf(&images, "%.*s/images", (int)(strrchr(config->sqlite_db_dir, '/') - config->sqlite_db_dir),
	           config->sqlite_db_dir);
	config->image_store.dir = buf_detach(&images);
	return 0;
}

/* --- which file --------------------------------------------------------------------------------------------------- */

static char *config_join(const char *folder, const char *name)
{
	struct buf path;

	buf_init(&path, 2 * TEXT_FILEPATH_MAX);
	buf_printf(&path, "%s/%s", strcmp(folder, "/") ? folder : "", name);
	return buf_detach(&path);
}

/* Makes the path absolute, and resolves its folder's symlinks; NULL with errno when there is no such folder. */
static char *absolute(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? memory_text_part(path, slash == path ? 1 : (size_t)(slash - path)) : memory_text(".");

	char *real = memory_real_path(folder);
	free(folder);
	if (!real)
		return NULL;
	char *whole = config_join(real, slash ? slash + 1 : path);
	free(real);
	return whole;
}

/* The same for a file that need not exist: NULL when it doesn't. */
static char *absolute_if_there(const char *path)
{
	char *whole = absolute(path);

	if (whole && access(whole, F_OK) && errno == ENOENT) {
		free(whole);
		return NULL;
	}
	return whole;
}

static char *find_home(config_env *env)
{
	const char *home = env("HOME");
	char space[4096];
	struct passwd entry, *found = NULL;

	if (home && home[0] == '/')
		return memory_text(home);
	if (!getpwuid_r(getuid(), &entry, space, sizeof(space), &found) && found && found->pw_dir[0] == '/')
		return memory_text(found->pw_dir);
	return NULL;
}

/* Sets *out to the file to use, or to NULL when there is none and none was named. */
static int choose_file(const char *path, config_env *env, const char *home, char **out, struct err *err)
{
	const char *variable = env("IMAGE_LABEL_CONFIG");
	const char *named = path ? path : variable && *variable ? variable : NULL;

	if (named) {
		*out = absolute(named);
		return *out ? 0 : err_errno(err, ERR_NOT_FOUND, "%s can't be opened", named);
	}
	*out = absolute_if_there("config.json");
	if (!*out && home) {
		char *folder = config_join(home, ".config/image-label-server/config.json");
		*out = absolute_if_there(folder);
		free(folder);
	}
	return 0;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static int load_config(struct config *config, const char *path, config_env *env, char *home, int stores,
                       struct err *err)
{
	struct config_places places = {.folder = "/", .home = home};
	char *file = NULL, *folder;
	int failed;

	if (set_first_defaults(config, &places, err) || choose_file(path, env, home, &file, err))
		return -1;
	config->path = file ? file : memory_text("");
	folder = file ? memory_text_part(file, (size_t)(strrchr(file, '/') - file)) : NULL;
	if (folder && *folder)
		places.folder = folder;
	failed = (file && config_read_file(config, &places, err)) || set_other_defaults(config, &places, err) ||
	         config_environment(config, env, &places, stores, err);
	free(folder);
	return failed;
}

int config_load(struct config *config, const char *path, config_env *env, struct err *err)
{
	return config_load_for(config, path, env, CONFIG_ALL, err);
}

int config_load_for(struct config *config, const char *path, config_env *env, int stores, struct err *err)
{
	char *home = find_home(env);

	memset(config, 0, sizeof(*config));
	int failed = load_config(config, path, env, home, stores, err);
	if (failed)
		config_release(config);
	free(home);
	return failed;
}

void config_release(struct config *config)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		if (config_is_list(key)) {
			clear_list(config_strings(config, key));
		} else if (key->kind != CONFIG_INTEGER) {
			char *text = *config_text(config, key);
			if (text)
				explicit_bzero(text, strlen(text));
			free(text);
		}
	}
	free(config->path);
	memset(config, 0, sizeof(*config));
}
