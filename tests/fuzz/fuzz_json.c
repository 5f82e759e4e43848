/* Fuzzes the JSON wrapper: accepted text is bounded, prints as JSON, and reads the same again.
 *
 * Parses: lib/base/json.c lib/base/jsonstream.c lib/base/jsonscan.c */
#include <math.h>
#include <stdint.h>

#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What json.h promises of every tree; returns how many values there are. */
static size_t check_tree(const cJSON *tree, int depth)
{
	const cJSON *item;
	size_t count = 1;

	if (depth > JSON_DEPTH_MAX)
		abort();
	if (cJSON_IsString(tree) && !text_utf8_valid(tree->valuestring, strlen(tree->valuestring)))
		abort();
	cJSON_ArrayForEach(item, tree) {
		bool inside = cJSON_IsObject(item) || cJSON_IsArray(item);
		/* The first of that name: no other has it. */
		if (cJSON_IsObject(tree) && cJSON_GetObjectItemCaseSensitive(tree, item->string) != item)
			abort();
		count += check_tree(item, depth + inside);
	}
	if (count > JSON_NODES_MAX)
		abort();
	return count;
}

/* Numbers beyond a double print as null, so they may not come back. */
static bool has_infinity(const cJSON *tree)
{
	const cJSON *item;

	if (cJSON_IsNumber(tree) && !isfinite(tree->valuedouble))
		return true;
	cJSON_ArrayForEach(item, tree)
		if (has_infinity(item))
			return true;
	return false;
}

static void check_print(const cJSON *tree, bool ascii)
{
	struct buf out;
	struct err err;

	buf_init(&out, 8 * JSON_BODY_MAX);
	if (ascii ? json_print_ascii(tree, &out) : json_print(tree, &out))
		abort();
	for (size_t i = 0; i < out.len; i++)
		if ((ascii && (out.data[i] < 0x20 || out.data[i] > 0x7e)) || !out.data[i])
			abort();
	cJSON *again = out.len > JSON_BODY_MAX ? NULL : json_parse_object(buf_text(&out), out.len, &err);
	if (out.len <= JSON_BODY_MAX && !again)
		abort();
	if (again && !has_infinity(tree) && !cJSON_Compare(tree, again, true))
		abort();
	cJSON_Delete(again);
	buf_release(&out);
}

static void read_fields(const cJSON *tree)
{
	const cJSON *any;
	const char *text;
	struct err err;
	int64_t number = 0;
	bool truth;

	json_string(tree, "a", true, &text, &err);
	json_bool(tree, "a", true, &truth, &err);
	json_object(tree, "a", true, &any, &err);
	json_string_array(tree, "a", true, &any, &err);
	json_int64(tree, "a", true, -1000, 1000, &number, &err);
	if (number < -1000 || number > 1000)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	cJSON *tree = json_parse_object((const char *)data, size, &err);

	if (!tree) {
		if (!err.code || !text_utf8_valid(err.text, strlen(err.text)))
			abort();
		return 0;
	}
	check_tree(tree, true);
	check_print(tree, false);
	check_print(tree, true);
	read_fields(tree);
	cJSON_Delete(tree);
	return 0;
}
