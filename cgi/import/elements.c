/* Splits a body into the elements of its JSON array. Only one is held at a time, and one that is broken takes no other
 * with it; yajl, which reads JSON as a stream, would stop there. */
#include "elements.h"

#include <inttypes.h>

#include "base/memory.h"
#include "body.h"

struct elements {
	struct body body;
	struct buf text;      /* the present element */
	bool in_array;        /* else objects follow one another */
	int64_t line, begins; /* the present one, from 1; and where the element began */
	int64_t count;        /* with the present one */
	int depth;            /* of arrays and objects within it */
	bool in_string, escaped;
	int ended_by; /* the byte behind it, in an array */
};

static int elements_byte(struct elements *elements, struct err *err)
{
	int byte = body_next(&elements->body, err);

	elements->line += byte == '\n';
	return byte;
}

/* The next byte that is no space. */
static int elements_mark(struct elements *elements, struct err *err)
{
	int byte;

	do
		byte = elements_byte(elements, err);
	while (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n');
	return byte;
}

static void elements_follow(struct elements *elements, int byte)
{
	if (elements->in_string) {
		elements->in_string = byte != '"' || elements->escaped;
		elements->escaped = byte == '\\' && !elements->escaped;
	} else if (byte == '"') {
		elements->in_string = true;
	} else if (byte == '{' || byte == '[') {
		elements->depth++;
	} else if ((byte == '}' || byte == ']') && elements->depth > 0) {
		elements->depth--;
	}
}

/* Reads the element that begins with the byte, to its end. */
static int elements_one(struct elements *elements, int byte, struct err *err)
{
	buf_clear(&elements->text);
	elements->count++;
	elements->begins = elements->line;
	elements->depth = 0;
	elements->in_string = elements->escaped = false;
	for (; byte >= 0; byte = elements_byte(elements, err)) {
		bool inside = elements->in_string || elements->depth > 0;

		elements->ended_by = byte;
		if (elements->in_array && !inside && (byte == ',' || byte == ']'))
			return 0;
		buf_char(&elements->text, (char)byte);
		elements_follow(elements, byte);
		if (!elements->in_array && elements->depth == 0)
			return 0;
	}
	return byte == BODY_FAILED
	               ? -1
	               : err_set(err, ERR_BAD_REQUEST,
	                         "The body ends within element %" PRId64 ", which begins in line %" PRId64,
	                         elements->count, elements->begins);
}

static int elements_give(const struct elements *elements, elements_take *take, void *data)
{
	const struct import_place place = {.line = elements->begins, .element = elements->count};
	struct err err, why;

	err_set(&why, ERR_TOO_LARGE, "The element has more than %d bytes", ELEMENT_MAX);
	cJSON *object = elements->text.overflow
	                        ? NULL
	                        : json_parse_object(buf_text(&elements->text), elements->text.len, &err);
	if (!object && !elements->text.overflow) {
		const char *where = strstr(err.text, "line ");

		err_set(&why, ERR_BAD_REQUEST, "The element is no JSON object%s%s", where ? ": in its " : "", where ? where : "");
	}
	int failed = take(data, place, object, why.text);
	cJSON_Delete(object);
	return failed;
}

static int elements_end(struct elements *elements, struct err *err)
{
	int byte = elements_mark(elements, err);

	if (byte < 0)
		return byte == BODY_FAILED;
	return err_set(err, ERR_BAD_REQUEST, "Something that is no %s follows element %" PRId64 ", in line %" PRId64,
	               elements->in_array ? "part of the array" : "JSON object", elements->count, elements->line);
}

static int elements_each(struct elements *elements, elements_take *take, void *data, struct err *err)
{
	int byte = elements_mark(elements, err);

	elements->in_array = byte == '[';
	if (byte != '[' && byte != '{')
		return byte == BODY_FAILED ? -1 : err_set(err, ERR_BAD_REQUEST, "The body must be a JSON array of objects: [{…}, …]");
	if (elements->in_array && (byte = elements_mark(elements, err)) == ']')
		return elements_end(elements, err);
	for (;;) {
		if (elements_one(elements, byte, err) || elements_give(elements, take, data))
			return -1;
		if (elements->in_array && elements->ended_by == ']')
			return elements_end(elements, err);
		byte = elements_mark(elements, err);
		if (!elements->in_array && byte != '{') {
			if (byte >= 0)
				body_put_back(&elements->body, &(char){(char)byte}, 1);
			return byte == BODY_FAILED || elements_end(elements, err);
		}
	}
}

int elements_read(struct import *import, elements_take *take, void *data)
{
	struct elements *elements = memory_new(1, sizeof(*elements));

	elements->line = 1;
	buf_init(&elements->text, ELEMENT_MAX);
	int failed = body_begin(&elements->body, import->call->request, IMPORT_BODY_MAX, IMPORT_LINE_MAX, &import->broken) ||
	             elements_each(elements, take, data, &import->broken);
	body_release(&elements->body);
	buf_release(&elements->text);
	free(elements);
	return failed;
}
