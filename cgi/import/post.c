/* POST …/import: finds the requested format, reads the body by it, and answers. */
#include "base/json.h"
#include "base/text.h"
#include "fastcgi/lines.h"
#include "fastcgi/meter.h"
#include "take.h"

static const struct import_format {
	const char *name;
	import_reader *read;
} import_formats[] = {{"csv", import_csv},
                      {"jsonl", import_jsonl},
                      {"labelstudio", import_labelstudio},
                      {"sagemaker", import_sagemaker}};

static import_reader *find_reader(const struct call *call, struct err *err)
{
	const char *name = request_query(call->request, "format");

	for (size_t i = 0; name && i < sizeof(import_formats) / sizeof(*import_formats); i++) {
		if (strcmp(import_formats[i].name, name) == 0)
			return import_formats[i].read;
	}
	err_set(err, ERR_BAD_REQUEST, "\"format\" must be one of csv, jsonl, labelstudio, sagemaker");
	return NULL;
}

static int import_summary(struct import *import, const char *error, struct err *err)
{
	cJSON *line = json_new_object(), *summary = json_new_object();

	json_add_int64(summary, "labelled", import->labelled);
	json_add_int64(summary, "unchanged", import->unchanged);
	json_add_int64(summary, "skipped", import->skipped);
	json_add_int64(summary, "failed", import->failed);
	if (error)
		json_add_string(summary, "error", error);
	json_add(line, "summary", summary);
	return lines_add(&import->answer, line, err);
}

static int import_audit(const struct import *import, struct err *err)
{
	char detail[200];

	snprintf(detail, sizeof(detail), "%s: %lld labelled, %lld unchanged, %lld skipped, %lld failed",
	         request_query(import->call->request, "format"), (long long)import->labelled, (long long)import->unchanged,
	         (long long)import->skipped, (long long)import->failed);
	return import->labelled > 0
	               ? call_audit(import->call, "import.labels", dataset_name(import->call->dataset), detail, err)
	               : 0;
}

/* What was read before a body broke off is kept. */
static int import_answer(struct import *import, import_reader *read, struct err *err)
{
	int failed = read(import);
	struct err broken = import->broken;

	if (!(failed && err_is_ours(&broken)) && take_write(import)) {
		broken = failed ? broken : import->broken;
		failed = -1;
	}
	if (failed && import->answer.length == 0) {
		*err = broken;
		return -1;
	}
	if (failed)
		meter_note_failure(import->call->app->meter, &broken);
	request_drain(import->call->request);
	return import_audit(import, err) || import_summary(import, failed ? broken.text : NULL, err) ||
	       lines_send(&import->answer, import->call->reply, err);
}

int import_post(struct call *call, struct err *err)
{
	struct import import = {.call = call, .at = text_now()};
	import_reader *read = find_reader(call, err);

	if (!read || request_check_coding(call->request, err) || call_place(call, err) || call_labels(call, err))
		return -1;
	spool_init(&import.answer, call_spool_dir(call), INT64_MAX);
	int failed = import_answer(&import, read, err);
	spool_release(&import.answer);
	take_release(&import);
	return failed;
}
