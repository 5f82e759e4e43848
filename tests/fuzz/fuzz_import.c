/* Fuzzes imports: the input's first byte is the format, its second the size of the pieces, the rest the body. Every line
 * of it is answered, what is written keeps the contract of labels_import, and reading in pieces gives the same as reading
 * at once.
 *
 * Parses: cgi/import/body.c cgi/import/csv.c cgi/import/elements.c cgi/import/jsonl.c cgi/import/labelstudio.c
 * cgi/import/locate.c cgi/import/objects.c cgi/import/reference.c cgi/import/sagemaker.c cgi/import/take.c */
#include <inttypes.h>
#include <stdint.h>

#include "../../cgi/import/take.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/spelling.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* In place of the real ones (Makefile). */
ssize_t __wrap_request_read(struct request *request, void *bytes, size_t len, struct err *err);
int __wrap_dataset_sample(struct dataset *dataset, int64_t id, struct sample *out, struct err *err);
int __wrap_dataset_sample_by_path(struct dataset *dataset, const char *filepath, struct sample *out, struct err *err);
int __wrap_labels_import(struct dataset *dataset, struct imported_label *labels, size_t count, const char *user,
                         int64_t at, struct err *err);
int __wrap_spelling_meant(struct dataset *dataset, const char *label, char **out, struct err *err);

enum { SAMPLES = 50, MOMENT = 1000 };
#define SAMPLE_NAME "%" PRId64 ".png"

static struct {
	const uint8_t *bytes;
	size_t len, piece;
} body;
static struct dataset_label names[] = {{.name = "cat"}, {.key = 1, .name = "dog"}, {.key = 2, .name = "=1+1"}};

static void require(bool holds)
{
	if (!holds)
		abort();
}

ssize_t __wrap_request_read(struct request *request, void *bytes, size_t len, struct err *err)
{
	size_t n = body.len < body.piece ? body.len : body.piece;

	(void)request;
	(void)err;
	n = n < len ? n : len;
	memcpy(bytes, body.bytes, n);
	body.bytes += n;
	body.len -= n;
	return (ssize_t)n;
}

int __wrap_dataset_sample(struct dataset *dataset, int64_t id, struct sample *out, struct err *err)
{
	(void)dataset;
	if (id >= SAMPLES)
		return err_set(err, ERR_NOT_FOUND, "Sample not found");
	*out = (struct sample){.id = id, .filepath = memory_format(SAMPLE_NAME, id)};
	return 0;
}

int __wrap_dataset_sample_by_path(struct dataset *dataset, const char *filepath, struct sample *out, struct err *err)
{
	char name[32];

	for (int64_t id = 0; id < SAMPLES; id++) {
		snprintf(name, sizeof(name), SAMPLE_NAME, id);
		if (strcmp(name, filepath) == 0)
			return __wrap_dataset_sample(dataset, id, out, err);
	}
	return text_check_filepath(filepath, err) || err_set(err, ERR_NOT_FOUND, "Sample not found");
}

static bool has_label(const char *label)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i].name, label) == 0)
			return true;
	}
	return false;
}

int __wrap_labels_import(struct dataset *dataset, struct imported_label *labels, size_t count, const char *user,
                         int64_t at, struct err *err)
{
	bool taken[SAMPLES] = {false};

	(void)dataset;
	(void)err;
	require(count <= LABELS_IMPORTED_MAX && at == MOMENT && strcmp(user, "ann") == 0);
	for (size_t i = 0; i < count; i++) {
		struct imported_label *label = &labels[i];

		require(label->id >= 0 && label->id < SAMPLES && !taken[label->id] && has_label(label->label) && label->at >= 0);
		require(!label->by || (label->by[0] && strlen(label->by) <= IMPORT_BY_MAX &&
		                       text_utf8_valid(label->by, strlen(label->by)) && !text_has_control(label->by)));
		taken[label->id] = true;
		label->added = i % 2;
	}
	return 0;
}

int __wrap_spelling_meant(struct dataset *dataset, const char *label, char **out, struct err *err)
{
	(void)dataset;
	(void)label;
	(void)err;
	*out = NULL;
	return 0;
}

/* Appends the answer; returns how many lines it should have. */
static int64_t answer_of(struct import *import, struct buf *out)
{
	char piece[4096];
	struct err err;

	for (int64_t at = 0; at < import->answer.length;) {
		ssize_t got = spool_read(&import->answer, at, piece, sizeof(piece), &err);

		require(got > 0);
		buf_add(out, piece, (size_t)got);
		at += got;
	}
	return import->labelled + import->unchanged + import->skipped + import->failed;
}

static void check_answer(const struct buf *answer, int64_t lines)
{
	const char *line = buf_text(answer), *end;
	struct err err;

	for (; (end = strchr(line, '\n')); line = end + 1, lines--) {
		cJSON *object = json_parse_object(line, (size_t)(end - line), &err);

		require(object != NULL);
		cJSON_Delete(object);
	}
	require(lines == 0);
}

static void import_all(import_reader *read, const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
	struct request request = {.user = "ann", .content_length = -1};
	struct call call = {.request = &request,
	                    .info = {.place.base_dir = "/pictures",
	                             .labels = {.item = names, .count = sizeof(names) / sizeof(*names)}}};
	struct import import = {.call = &call, .at = MOMENT};

	body.bytes = data;
	body.len = size;
	body.piece = piece;
	spool_init(&import.answer, "/tmp", INT64_MAX);
	if (read(&import))
		require(import.broken.code == ERR_BAD_REQUEST && text_utf8_valid(import.broken.text, strlen(import.broken.text)));
	require(take_write(&import) == 0);
	int64_t lines = answer_of(&import, out);
	check_answer(out, lines);
	take_release(&import);
	spool_release(&import.answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static import_reader *const readers[] = {import_csv, import_jsonl, import_labelstudio, import_sagemaker};
	struct buf whole, pieces;

	if (size < 2)
		return 0;
	import_reader *read = readers[data[0] % 4];
	buf_init(&whole, SIZE_MAX / 4);
	buf_init(&pieces, SIZE_MAX / 4);
	import_all(read, data + 2, size - 2, size, &whole);
	import_all(read, data + 2, size - 2, 1 + data[1], &pieces);
	require(strcmp(buf_text(&whole), buf_text(&pieces)) == 0);
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
