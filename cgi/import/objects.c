/* Reads JSON objects, a line each. */
#include "body.h"
#include "objects.h"

#include "base/json.h"
#include "base/memory.h"

/* Where the error is in the line is said, without the line's number, which is always 1 to JSON's messages. */
static cJSON *objects_parse(struct import *import, struct import_place place, const struct buf *text, int *failed)
{
	struct err err, said;
	cJSON *object = json_parse_object(buf_text(text), text->len, &err);
	const char *where = object ? NULL : strstr(err.text, "line 1, ");

	*failed = 0;
	if (object)
		return object;
	err_set(&said, ERR_BAD_REQUEST, "The line is no JSON object: %s", where ? where + strlen("line 1, ") : err.text);
	*failed = import_refuse(import, place, said.text);
	return NULL;
}

static int objects_line(struct import *import, struct import_place place, const struct buf *text, objects_take *take)
{
	char why[64];
	int failed;

	if (text->overflow) {
		snprintf(why, sizeof(why), "The line has more than %d bytes", IMPORT_LINE_MAX);
		return import_refuse(import, place, why);
	}
	if (buf_text(text)[strspn(buf_text(text), " \t\r")] == '\0' && strlen(buf_text(text)) == text->len)
		return 0;
	cJSON *object = objects_parse(import, place, text, &failed);
	if (object)
		failed = take(import, place, object);
	cJSON_Delete(object);
	return failed;
}

int objects_read(struct import *import, objects_take *take)
{
	struct body *body = memory_raw(sizeof(*body));
	struct buf line;
	bool more = true;

	buf_init(&line, IMPORT_LINE_MAX);
	int failed = body_begin(body, import->call->request, IMPORT_BODY_MAX, IMPORT_LINE_MAX, &import->broken);
	for (struct import_place place = {.line = 1}; more && !failed; place.line++) {
		failed = body_line(body, &line, &more, &import->broken);
		if (!failed && more)
			failed = objects_line(import, place, &line, take);
	}
	body_release(body);
	buf_release(&line);
	free(body);
	return failed;
}
