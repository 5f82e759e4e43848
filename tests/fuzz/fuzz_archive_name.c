/* Fuzzes the names of archive entries: an accepted name is a relative UTF-8 path that stays below its folder.
 *
 * Parses: lib/intake/archive_name.c */
#include <stdint.h>

#include "intake/archive_name.h"

static void check_path(const char *path)
{
	if (path[0] == '\0' || path[0] == '/' || strlen(path) > TEXT_FILEPATH_MAX)
		abort();
	for (const char *segment = path;; segment++) {
		size_t len = strcspn(segment, "/");
		if (len == 0 || (len == 1 && segment[0] == '.') || (len == 2 && memcmp(segment, "..", 2) == 0))
			abort();
		segment += len;
		if (*segment == '\0')
			return;
	}
}

/* The label is the last folder of the path, or empty. */
static void check_label(const struct archive_name *name)
{
	const char *slash = strrchr(name->path, '/'), *begin = slash;
	while (begin != NULL && begin > name->path && begin[-1] != '/')
		begin--;
	size_t len = slash == NULL ? 0 : (size_t)(slash - begin);
	if (strlen(name->label) != len || (len > 0 && memcmp(name->label, begin, len) != 0))
		abort();
	if (name->label[0] != '\0' && text_check_label(name->label, NULL) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char folder[] = "BACKGROUND_Google";
	static const struct config_list skip = {.count = 1, .item = {folder}};
	if (size == 0)
		return 0;
	char *raw = malloc(size);
	memcpy(raw, data + 1, size - 1);
	raw[size - 1] = '\0';
	struct archive_name name;
	struct err err;
	int result = archive_name_parse(raw, data[0] & 1, data[0] & 2 ? "cp932" : NULL, &skip, &name, &err);
	free(raw);
	if (!text_utf8_valid(name.path, strlen(name.path)) || !text_utf8_valid(name.label, strlen(name.label)))
		abort();
	if (result == 0) {
		check_path(name.path);
		if (name.skipped == NULL)
			check_label(&name);
	}
	return 0;
}
