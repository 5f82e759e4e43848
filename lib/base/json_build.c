/* Builds JSON trees. */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

cJSON *json_new_object(void)
{
	return memory_must(cJSON_CreateObject());
}

cJSON *json_new_array(void)
{
	return memory_must(cJSON_CreateArray());
}

void json_add(cJSON *object, const char *key, cJSON *value)
{
	if (!cJSON_AddItemToObject(object, key, memory_must(value)))
		abort();
}

void json_append(cJSON *array, cJSON *value)
{
	if (!cJSON_AddItemToArray(array, memory_must(value)))
		abort();
}

void json_add_string(cJSON *object, const char *key, const char *value)
{
	json_add(object, key, cJSON_CreateString(value));
}

void json_append_string(cJSON *array, const char *value)
{
	json_append(array, cJSON_CreateString(value));
}

void json_add_string_or_null(cJSON *object, const char *key, const char *value)
{
	if (value)
		json_add_string(object, key, value);
	else
		json_add_null(object, key);
}

void json_add_int64(cJSON *object, const char *key, int64_t value)
{
	json_add(object, key, cJSON_CreateNumber((double)value));
}

void json_add_number(cJSON *object, const char *key, double value)
{
	json_add(object, key, cJSON_CreateNumber(value));
}

void json_add_bool(cJSON *object, const char *key, bool value)
{
	json_add(object, key, cJSON_CreateBool(value));
}

void json_add_null(cJSON *object, const char *key)
{
	json_add(object, key, cJSON_CreateNull());
}

void json_add_time(cJSON *object, const char *key, int64_t microseconds)
{
	char text[TEXT_TIME_MAX];

	json_add_string_or_null(object, key, microseconds ? text_time(microseconds, text) : NULL);
}
