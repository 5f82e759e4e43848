/* The format "jsonl": a JSON object a line, as the export writes them: filepath or id, label, labelled_by,
 * labelled_at. */
#include "objects.h"

#include <inttypes.h>

#include "base/json.h"

static int jsonl_texts(const cJSON *object, struct import_line *line, struct err *err)
{
	return json_string(object, "filepath", false, &line->filepath, err) ||
	       json_string(object, "label", false, &line->label, err) ||
	       json_string(object, "labelled_by", false, &line->by, err) ||
	       json_string(object, "labelled_at", false, &line->at, err);
}

static int jsonl_object(struct import *import, struct import_place place, const cJSON *object)
{
	const int64_t largest = (int64_t)1 << 53; /* exact as a double */
	struct import_line line = {.place = place};
	int64_t id = -1;
	char id_text[24];
	struct err err;

	if (jsonl_texts(object, &line, &err) || json_int64(object, "id", false, 0, largest, &id, &err))
		return import_refuse(import, place, err.text);
	snprintf(id_text, sizeof(id_text), "%" PRId64, id);
	line.id = id < 0 ? NULL : id_text;
	return import_take(import, &line);
}

int import_jsonl(struct import *import)
{
	return objects_read(import, jsonl_object);
}
