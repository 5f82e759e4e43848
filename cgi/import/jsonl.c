/* The format "jsonl": a JSON object a line, as the export writes them: filepath or id, label, labelled_by,
 * labelled_at. */
#include "body.h"
#include "import.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

/* Where the error is in the line is said, without the line's number, which is always 1 to JSON's messages. */
static cJSON *jsonl_parse(struct import *import, int64_t number, const struct buf *text, int *failed)
{
	struct err err, said;
	cJSON *object = json_parse_object(buf_text(text), text->len, &err);
	const char *place = object ? NULL : strstr(err.text, "line 1, ");

	*failed = 0;
	if (object)
		return object;
	err_set(&said, ERR_BAD_REQUEST, "The line is no JSON object: %s", place ? place + strlen("line 1, ") : err.text);
	*failed = import_refuse(import, number, said.text);
	return NULL;
}

static int jsonl_texts(const cJSON *object, struct import_line *line, struct err *err)
{
	return json_string(object, "filepath", false, &line->filepath, err) ||
	       json_string(object, "label", false, &line->label, err) ||
	       json_string(object, "labelled_by", false, &line->by, err) ||
	       json_string(object, "labelled_at", false, &line->at, err);
}

static int jsonl_object(struct import *import, int64_t number, const cJSON *object)
{
	const int64_t largest = (int64_t)1 << 53; /* exact as a double */
	struct import_line line = {.number = number};
	int64_t id = -1;
	char id_text[24];
	struct err err;

	if (jsonl_texts(object, &line, &err) || json_int64(object, "id", false, 0, largest, &id, &err))
		return import_refuse(import, number, err.text);
	snprintf(id_text, sizeof(id_text), "%" PRId64, id);
	line.id = id < 0 ? NULL : id_text;
	return import_take(import, &line);
}

static int jsonl_line(struct import *import, int64_t number, const struct buf *text)
{
	char why[64];
	int failed;

	if (text->overflow) {
		snprintf(why, sizeof(why), "The line has more than %d bytes", IMPORT_LINE_MAX);
		return import_refuse(import, number, why);
	}
	if (buf_text(text)[strspn(buf_text(text), " \t\r")] == '\0' && strlen(buf_text(text)) == text->len)
		return 0;
	cJSON *object = jsonl_parse(import, number, text, &failed);
	if (object)
		failed = jsonl_object(import, number, object);
	cJSON_Delete(object);
	return failed;
}

int import_jsonl(struct import *import)
{
	struct body *body = memory_raw(sizeof(*body));
	struct buf line;
	bool more = true;

	buf_init(&line, IMPORT_LINE_MAX);
	int failed = body_begin(body, import->call->request, IMPORT_BODY_MAX, IMPORT_LINE_MAX, &import->broken);
	for (int64_t number = 1; more && !failed; number++) {
		failed = body_line(body, &line, &more, &import->broken);
		if (!failed && more)
			failed = jsonl_line(import, number, &line);
	}
	body_release(body);
	buf_release(&line);
	free(body);
	return failed;
}
