/* Fuzzes the configuration: lines "NAME=value" of the environment, then the file. An accepted one prints as a configuration
 * that is accepted again.
 *
 * Parses: lib/base/config.c lib/base/config_value.c lib/base/config_keys.c lib/base/config_env.c */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VARIABLES_MAX = 20 };
static char *variables[VARIABLES_MAX + 1];

/* A home, and the keys that S3 needs and no file may hold. */
static const char *env(const char *name)
{
	size_t len = strlen(name);

	for (char **variable = variables; *variable; variable++) {
		if (strncmp(*variable, name, len) == 0 && (*variable)[len] == '=')
			return *variable + len + 1;
	}
	if (!strcmp(name, "HOME"))
		return "/home/fuzz";
	return !strcmp(name, "AWS_ACCESS_KEY_ID") || !strcmp(name, "AWS_SECRET_ACCESS_KEY") ? "key" : NULL;
}

/* Loads a file of these bytes. */
static int load(struct config *config, const void *bytes, size_t size, struct err *err)
{
	char path[64];
	int fd = memfd_create("config.json", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int failed = config_load(config, path, env, err);
	close(fd);
	return failed;
}

/* The connection string is printed without its password, and may then be one no more. */
static void check_print(const struct config *config)
{
	struct config again;
	struct err err;
	struct buf text;

	buf_init(&text, 8 * JSON_BODY_MAX);
	if (config_print(config, &text))
		abort();
	cJSON *tree = json_parse_object(buf_text(&text), text.len, &err);
	if (!tree)
		abort();
	cJSON_DeleteItemFromObject(tree, "path");
	cJSON_DeleteItemFromObject(cJSON_GetObjectItem(tree, "dataset_store"), "uri");
	cJSON_DeleteItemFromObject(cJSON_GetObjectItem(tree, "dataset_store"), "type");
	buf_clear(&text);
	if (json_print(tree, &text) || load(&again, buf_text(&text), text.len, &err))
		abort();
	if (strcmp(again.json_db_dir, config->json_db_dir) ||
	    strcmp(again.image_store.dir, config->image_store.dir) ||
	    again.limits.json_bytes != config->limits.json_bytes ||
	    again.image_roots.count != config->image_roots.count)
		abort();
	config_release(&again);
	cJSON_Delete(tree);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *file = size > 0 ? memchr(data, '{', size) : NULL;
	size_t before = file ? (size_t)(file - data) : size, count = 0;
	char *text = strndup((const char *)data, before), *rest = text;
	struct config config;
	struct err err = { 0 };

	for (char *line; count < VARIABLES_MAX && (line = strsep(&rest, "\n"));)
		variables[count++] = line;
	variables[count] = NULL;
	if (load(&config, data + before, size - before, &err)) {
		if (!err.code || !text_utf8_valid(err.text, strlen(err.text)))
			abort();
	} else {
		check_print(&config);
		config_release(&config);
	}
	free(text);
	return 0;
}
