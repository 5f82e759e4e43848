/* The format "sagemaker": Ground Truth's augmented manifest, a JSON object a line
 * (https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html): source-ref, and beside a key with the class
 * another one, "KEY-metadata", that names it. */
#include "import.h"
#include "objects.h"
#include "reference.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { REFERENCE_MAX = IMPORT_LINE_MAX, TIME_MAX = 64 };
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

/* Its times are of UTC and do not say so. */
static const char *sagemaker_time(const char *time, char out[TIME_MAX])
{
	int64_t ignored;

	if (text_time_parse(time, &ignored) == 0)
		return time;
	snprintf(out, TIME_MAX, "%sZ", time);
	return out;
}

/* The whole path where that leads to a sample, else this server's own address of an image, else the whole path. */
static int sagemaker_path(struct import *import, const char *reference, struct buf *out)
{
	struct sample sample;
	struct err ignored;

	for (int of_images = 0; of_images < 2; of_images++) {
		if (reference_filepath(reference, of_images, out) == 0 &&
		    dataset_sample_by_path(import->call->dataset, buf_text(out), &sample, &ignored) == 0) {
			sample_release(&sample);
			return 0;
		}
	}
	return reference_filepath(reference, false, out);
}

static int sagemaker_object(struct import *import, int64_t number, const cJSON *object)
{
	const cJSON *metadata = metadata_find(object);
	struct import_line line = {.number = number};
	const char *reference = NULL;
	struct buf filepath;
	char time[TIME_MAX];
	struct err err;

	if (json_string(object, "source-ref", true, &reference, &err) ||
	    (metadata && (json_string(metadata, "class-name", false, &line.label, &err) ||
	                  json_string(metadata, "creation-date", false, &line.at, &err))))
		return import_refuse(import, number, err.text);
	if (line.at && line.at[0])
		line.at = sagemaker_time(line.at, time);
	buf_init(&filepath, REFERENCE_MAX);
	int failed;
	if (sagemaker_path(import, reference, &filepath)) {
		failed = import_refuse(import, number, "The address in source-ref cannot be read");
	} else {
		line.filepath = buf_text(&filepath);
		failed = import_take(import, &line);
	}
	buf_release(&filepath);
	return failed;
}

int import_sagemaker(struct import *import)
{
	return objects_read(import, sagemaker_object);
}
