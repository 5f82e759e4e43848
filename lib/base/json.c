/* Parses bounded JSON into cJSON trees and reads their fields by type. */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>

#include "base/file.h"
#include "base/jsonscan.h"
#include "base/jsonstream.h"
#include "base/memory.h"

static const char body_name[] = "request body";
static const int64_t exact_max = (INT64_C(1) << 53) - 1; /* a cJSON number is a double, exact up to this */

/* --- parsing ------------------------------------------------------------------------------------------------------ */

/* cJSON says of a text for which there is no memory that it is no JSON. This is set before there are threads. */
__attribute__((constructor)) static void json_begin(void)
{
	cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = memory_raw, .free_fn = free});
}

/* `name` names the text in messages. */
static cJSON *json_parse(const char *name, const char *bytes, size_t len, struct err *err)
{
	static const struct json_events check_only = {0};

	if (len > JSON_BODY_MAX) {
		err_set(err, ERR_TOO_LARGE, "%s is larger than %d bytes", name, JSON_BODY_MAX);
		return NULL;
	}
	if (json_walk(name, bytes, len, JSON_NODES_MAX, &check_only, NULL, err))
		return NULL;
	size_t mark = json_scan_mark(bytes, len);
	cJSON *tree = cJSON_ParseWithLength(bytes + mark, len - mark);
	if (!tree)
		err_set(err, ERR_BAD_REQUEST, "%s is not JSON that this program takes", name);
	return tree;
}

cJSON *json_parse_object(const char *bytes, size_t len, struct err *err)
{
	cJSON *tree = json_parse(body_name, bytes, len, err);

	if (tree && !cJSON_IsObject(tree)) {
		err_set(err, ERR_BAD_REQUEST, "%s must be a JSON object: {…}", body_name);
		cJSON_Delete(tree);
		return NULL;
	}
	return tree;
}

cJSON *json_parse_file(const char *path, struct err *err)
{
	struct buf text;
	cJSON *tree = NULL;

	buf_init(&text, JSON_BODY_MAX);
	if (!file_read(path, JSON_BODY_MAX, &text, err))
		tree = json_parse(path, buf_text(&text), text.len, err);
	buf_release(&text);
	return tree;
}

/* --- typed fields ------------------------------------------------------------------------------------------------- */

/* Sets *out to the field, or to NULL when it is absent or null and not required. */
static int json_find(const cJSON *object, const char *key, bool required, const cJSON **out, struct err *err)
{
	const cJSON *field = cJSON_GetObjectItemCaseSensitive(object, key);

	*out = cJSON_IsNull(field) ? NULL : field;
	if (*out || !required)
		return 0;
	return err_set(err, ERR_BAD_REQUEST, field ? "\"%s\" must not be null" : "\"%s\" is missing", key);
}

static int wrong_type(const char *key, const char *wanted, struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "\"%s\" must be %s", key, wanted);
}

int json_string(const cJSON *object, const char *key, bool required, const char **out, struct err *err)
{
	const cJSON *field;

	if (json_find(object, key, required, &field, err))
		return -1;
	if (!field)
		return 0;
	if (!cJSON_IsString(field))
		return wrong_type(key, "a string", err);
	*out = field->valuestring;
	return 0;
}

int json_int64(const cJSON *object, const char *key, bool required, int64_t min, int64_t max, int64_t *out,
               struct err *err)
{
	const cJSON *field;

	if (min < -exact_max)
		min = -exact_max;
	if (max > exact_max)
		max = exact_max;
	if (json_find(object, key, required, &field, err))
		return -1;
	if (!field)
		return 0;
	double value = cJSON_IsNumber(field) ? field->valuedouble : NAN;
	if (!(value >= (double)min && value <= (double)max) || value != trunc(value))
		return err_set(err, ERR_BAD_REQUEST, "\"%s\" must be an integer from %" PRId64 " to %" PRId64,
		               key, min, max);
	*out = (int64_t)value;
	return 0;
}

int json_number(const cJSON *object, const char *key, bool required, double min, double max, double *out,
                struct err *err)
{
	const cJSON *field;

	if (json_find(object, key, required, &field, err))
		return -1;
	if (!field)
		return 0;
	double value = cJSON_IsNumber(field) ? field->valuedouble : NAN;
	if (!(value >= min && value <= max))
		return err_set(err, ERR_BAD_REQUEST, "\"%s\" must be a number from %.15g to %.15g", key, min, max);
	*out = value;
	return 0;
}

int json_bool(const cJSON *object, const char *key, bool required, bool *out, struct err *err)
{
	const cJSON *field;

	if (json_find(object, key, required, &field, err))
		return -1;
	if (!field)
		return 0;
	if (!cJSON_IsBool(field))
		return wrong_type(key, "true or false", err);
	*out = cJSON_IsTrue(field);
	return 0;
}

int json_string_array(const cJSON *object, const char *key, bool required, const cJSON **out, struct err *err)
{
	const cJSON *field, *item;

	if (json_find(object, key, required, &field, err))
		return -1;
	if (field && !cJSON_IsArray(field))
		return wrong_type(key, "an array of strings", err);
	cJSON_ArrayForEach(item, field)
		if (!cJSON_IsString(item))
			return wrong_type(key, "an array of strings", err);
	*out = field;
	return 0;
}

int json_object(const cJSON *object, const char *key, bool required, const cJSON **out, struct err *err)
{
	const cJSON *field;

	if (json_find(object, key, required, &field, err))
		return -1;
	if (field && !cJSON_IsObject(field))
		return wrong_type(key, "an object", err);
	*out = field;
	return 0;
}

int json_only(const cJSON *object, const char *what, const char *const *keys, struct err *err)
{
	const cJSON *field;
	struct buf known;
	int failed = 0;

	buf_init(&known, ERR_TEXT_MAX);
	for (size_t i = 0; keys[i]; i++)
		buf_printf(&known, "%s\"%s\"", i ? ", " : "", keys[i]);
	cJSON_ArrayForEach(field, object) {
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], field->string) != 0)
			i++;
		if (!keys[i])
			failed = err_set(err, ERR_BAD_REQUEST, "%s has %s, not \"%s\"", what, buf_text(&known), field->string);
	}
	buf_release(&known);
	return failed;
}
