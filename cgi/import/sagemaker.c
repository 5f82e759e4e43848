/* The format "sagemaker": Ground Truth's augmented manifest, a JSON object a line
 * (https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html): source-ref, and beside a key with the class
 * another one, "KEY-metadata", that names it. */
#include "import.h"
#include "locate.h"
#include "objects.h"

#include <string.h>

#include "base/json.h"

#define METADATA "-metadata"

static const cJSON *metadata_find(const cJSON *object)
{
	const cJSON *field;

	cJSON_ArrayForEach(field, object) {
		size_t len = strlen(field->string);

		if (cJSON_IsObject(field) && len > strlen(METADATA) &&
		    strcmp(field->string + len - strlen(METADATA), METADATA) == 0)
			return field;
	}
	return NULL;
}

static int sagemaker_object(struct import *import, struct import_place place, const cJSON *object)
{
	const cJSON *metadata = metadata_find(object);
	struct import_line line = {.place = place};
	const char *reference = NULL, *named = NULL; /* as this server's export of uploaded images names them */
	struct buf filepath;
	char time[IMPORT_TIME_MAX];
	struct err err;

	if (json_string(object, "source-ref", true, &reference, &err) ||
	    json_string(object, "filepath", false, &named, &err) ||
	    (metadata && (json_string(metadata, "class-name", false, &line.label, &err) ||
	                  json_string(metadata, "creation-date", false, &line.at, &err))))
		return import_refuse(import, place, err.text);
	line.at = import_utc(line.at, time);
	buf_init(&filepath, IMPORT_LINE_MAX);
	if (!named || !locate(import, named, &filepath))
		locate(import, reference, &filepath);
	line.filepath = buf_text(&filepath);
	int failed = filepath.len > 0 ? import_take(import, &line)
	                              : import_refuse(import, place, "The address in source-ref cannot be read");
	buf_release(&filepath);
	return failed;
}

int import_sagemaker(struct import *import)
{
	return objects_read(import, sagemaker_object);
}
