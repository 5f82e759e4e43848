/* The formats "json", in which the older system's datasets are seeded, and "jsonl", a line for each sample with
 * everything that is known of it. */
#include "export.h"

#include "base/json.h"
#include "base/memory.h"
#include "fastcgi/address.h"
#include "fastcgi/document.h"

enum { ADDRESS_MAX = 64 * 1024 };

void export_json(struct export *export, cJSON *tree)
{
	json_print(tree, &export->out);
	cJSON_Delete(tree);
}

int export_add_address(struct export *export, cJSON *object, const char *key, const struct sample *sample,
                       struct err *err)
{
	struct buf address;

	buf_init(&address, ADDRESS_MAX);
	int failed = address_of_image(export->call, sample, &address, err);
	if (!failed)
		json_add_string(object, key, buf_text(&address));
	buf_release(&address);
	return failed;
}

void export_text(struct export *export, const char *text)
{
	export_json(export, memory_must(cJSON_CreateString(text)));
}

static int json_begin(struct export *export, struct err *err)
{
	const struct dataset_labels *labels = &export->call->info.labels;
	cJSON *names = json_new_array();

	(void)err;
	for (size_t i = 0; i < labels->count; i++)
		json_append_string(names, labels->item[i].name);
	buf_str(&export->out, "{\"dataset_name\":");
	export_text(export, dataset_name(export->call->dataset));
	buf_str(&export->out, ",\"base_dir\":");
	export_text(export, export->call->info.place.base_dir);
	buf_str(&export->out, ",\"labels\":");
	export_json(export, names);
	buf_str(&export->out, ",\"samples\":[");
	return 0;
}

static int json_add_sample(struct export *export, const struct sample *sample, struct err *err)
{
	(void)err;
	buf_str(&export->out, export->added++ ? ",\n{\"filepath\":" : "\n{\"filepath\":");
	export_text(export, sample->filepath);
	buf_str(&export->out, ",\"label\":");
	export_text(export, sample->label);
	if (export->part)
		buf_printf(&export->out, ",\"split\":\"%s\"", export->part);
	buf_char(&export->out, '}');
	return 0;
}

static int json_end(struct export *export, struct err *err)
{
	(void)err;
	buf_str(&export->out, "\n]}\n");
	return 0;
}

const struct form json_form = {.name = "json",
                               .type = "application/json",
                               .ending = ".json",
                               .begin = json_begin,
                               .add = json_add_sample,
                               .end = json_end};

static int add_sha256(struct export *export, const struct sample *sample, bool compute, cJSON *line, struct err *err)
{
	char sha256[HASH_SHA256_HEX];

	snprintf(sha256, sizeof(sha256), "%s", sample->sha256);
	/* What was stored for a file is useless once the file has changed. */
	if (!sha256[0] && (compute || sample->file_sha256[0]) && export_digest(export, sample, sha256, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		sha256[0] = '\0';
	}
	document_add_text(line, "sha256", sha256);
	return 0;
}

int export_add_line(struct export *export, const struct sample *sample, bool compute, struct err *err)
{
	cJSON *line = json_new_object();

	json_add_int64(line, "id", sample->id);
	json_add_string(line, "filepath", sample->filepath);
	json_add_string(line, "label", sample->label);
	json_add_string(line, "state", sample_state_name(sample->state));
	json_add_int64(line, "version", sample->version);
	json_add_time(line, "labelled_at", sample->labelled_at);
	document_add_text(line, "labelled_by", sample->labelled_by);
	int failed = add_sha256(export, sample, compute, line, err);
	document_add_number(line, "bytes", sample->bytes);
	document_add_text(line, "type", sample->type);
	document_add_number(line, "width", sample->width);
	document_add_number(line, "height", sample->height);
	json_add_time(line, "uploaded_at", sample->uploaded_at);
	document_add_text(line, "uploaded_by", sample->uploaded_by);
	failed = failed || export_add_address(export, line, "image_url", sample, err);
	if (export->is_split)
		json_add_string_or_null(line, "split", export->part);
	export_json(export, line);
	buf_char(&export->out, '\n');
	return failed;
}

static int jsonl_add(struct export *export, const struct sample *sample, struct err *err)
{
	return export_add_line(export, sample, false, err);
}

const struct form jsonl_form = {
	.name = "jsonl", .type = "application/x-ndjson", .ending = ".jsonl", .add = jsonl_add};
