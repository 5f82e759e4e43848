/* Fuzzes the configuration file: an accepted one prints as a configuration that is accepted again. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A home, and the keys that S3 needs and no file may hold. */
static const char *env(const char *name)
{
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
	struct config config;
	struct err err = { 0 };

	if (load(&config, data, size, &err)) {
		if (!err.code || !text_utf8_valid(err.text, strlen(err.text)))
			abort();
		return 0;
	}
	check_print(&config);
	config_release(&config);
	return 0;
}
