/* The formats of other labelling systems: "sagemaker" (Ground Truth's augmented manifest, a line a sample) and
 * "labelstudio" (Label Studio's JSON of tasks with annotations). */
#include "export.h"

#include "base/json.h"
#include "fastcgi/document.h"

/* https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html: "class" is a number, whose name is in
 * class-map. */
static cJSON *class_metadata(const struct export *export, const struct sample *sample, int64_t key)
{
	cJSON *metadata = json_new_object(), *map = json_new_object();
	char key_text[DOCUMENT_KEY_MAX];

	json_add_string(map, document_key(key, key_text), sample->label);
	json_add(metadata, "class-map", map);
	json_add_string(metadata, "class-name", sample->label);
	json_add_int64(metadata, "confidence", 1);
	json_add_string(metadata, "human-annotated", "yes");
	if (sample->labelled_at)
		json_add_time(metadata, "creation-date", sample->labelled_at);
	json_add_string(metadata, "type", "groundtruth/image-classification");
	json_add_string(metadata, "job-name", dataset_name(export->call->dataset));
	return metadata;
}

static int sagemaker_add(struct export *export, const struct sample *sample, struct err *err)
{
	cJSON *line = json_new_object();
	int64_t key = classes_key(&export->classes, sample->label);
	int failed = export_add_address(export, line, "source-ref", sample, err);

	if (sample->blob_key[0]) /* the image store's addresses do not have it, and Ground Truth passes over other fields */
		json_add_string(line, "filepath", sample->filepath);
	if (export->part)
		json_add_string(line, "split", export->part);
	if (sample->label[0]) {
		json_add_int64(line, "class", key);
		json_add(line, "class-metadata", class_metadata(export, sample, key));
	}
	export_json(export, line);
	buf_char(&export->out, '\n');
	return failed;
}

const struct form sagemaker_form = {
	.name = "sagemaker", .type = "application/x-ndjson", .ending = ".manifest", .add = sagemaker_add};

static int labelstudio_begin(struct export *export, struct err *err)
{
	(void)err;
	buf_char(&export->out, '[');
	return 0;
}

/* https://labelstud.io/guide/task_format: a choice of the element "label" for the element "image". Label Studio takes
 * only its own users for "completed_by", so another field says who it was, which it passes over. */
static cJSON *annotation(const struct sample *sample)
{
	cJSON *made = json_new_object(), *results = json_new_array(), *result = json_new_object();
	cJSON *value = json_new_object(), *choices = json_new_array();

	json_append_string(choices, sample->label);
	json_add(value, "choices", choices);
	json_add_string(result, "from_name", "label");
	json_add_string(result, "to_name", "image");
	json_add_string(result, "type", "choices");
	json_add(result, "value", value);
	json_append(results, result);
	json_add(made, "result", results);
	if (sample->labelled_at)
		json_add_time(made, "created_at", sample->labelled_at);
	if (sample->labelled_by[0])
		json_add_string(made, "labelled_by", sample->labelled_by);
	return made;
}

static int labelstudio_add(struct export *export, const struct sample *sample, struct err *err)
{
	cJSON *task = json_new_object(), *data = json_new_object(), *annotations = json_new_array();
	int failed = export_add_address(export, data, "image", sample, err);

	json_add_int64(task, "id", sample->id);
	json_add_int64(data, "id", sample->id);
	json_add_string(data, "filepath", sample->filepath);
	if (export->part)
		json_add_string(data, "split", export->part);
	if (sample->label[0])
		json_append(annotations, annotation(sample));
	json_add(task, "data", data);
	json_add(task, "annotations", annotations);
	buf_str(&export->out, export->added++ ? ",\n" : "\n");
	export_json(export, task);
	return failed;
}

static int labelstudio_end(struct export *export, struct err *err)
{
	(void)err;
	buf_str(&export->out, "\n]\n");
	return 0;
}

const struct form labelstudio_form = {.name = "labelstudio",
                                      .type = "application/json",
                                      .ending = "-labelstudio.json",
                                      .begin = labelstudio_begin,
                                      .add = labelstudio_add,
                                      .end = labelstudio_end};
