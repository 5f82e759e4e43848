/* Reads S3's XML with expat. */
#include "blob/s3/xml.h"

#include <expat.h>
#include <stdint.h>

#include "base/memory.h"

enum { DEPTH_MAX = 16, NAME_MAX_BYTES = 64 };

struct reading {
	XML_Parser parser;
	const char *root;
	s3_xml_visit *visit;
	void *data;
	size_t depth;
	char names[DEPTH_MAX + 1][NAME_MAX_BYTES]; /* names[0] is "", above the top */
	size_t len;
	char text[S3_XML_TEXT_MAX]; /* since the last tag */
};

static void start_element(void *data, const XML_Char *name, const XML_Char **attributes)
{
	(void)attributes;
	struct reading *reading = data;
	const char *colon = strrchr(name, ':');
	if (reading->depth == DEPTH_MAX) {
		XML_StopParser(reading->parser, XML_FALSE);
		return;
	}
	snprintf(reading->names[++reading->depth], NAME_MAX_BYTES, "%s", colon ? colon + 1 : name);
	if (reading->depth == 1 && strcmp(reading->names[1], reading->root) != 0)
		XML_StopParser(reading->parser, XML_FALSE);
	reading->len = 0;
}

static void end_element(void *data, const XML_Char *name)
{
	(void)name;
	struct reading *reading = data;
	char *text = reading->text;
	size_t len = reading->len;
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	text[len] = '\0';
	text += strspn(text, " \t\r\n");
	reading->visit(reading->data, reading->names[reading->depth - 1], reading->names[reading->depth],
	               text);
	reading->depth--;
	reading->len = 0;
}

static void xml_text(void *data, const XML_Char *text, int len)
{
	struct reading *reading = data;
	size_t room = sizeof(reading->text) - 1 - reading->len;
	size_t take = (size_t)len < room ? (size_t)len : room;
	memcpy(reading->text + reading->len, text, take);
	reading->len += take;
}

static void refuse_doctype(void *data, const XML_Char *name, const XML_Char *system,
                           const XML_Char *public_id,
                           int internal)
{
	(void)name, (void)system, (void)public_id, (void)internal;
	XML_StopParser(((struct reading *)data)->parser, XML_FALSE);
}

int s3_xml_parse(const char *bytes, size_t len, const char *root, s3_xml_visit *visit, void *data, struct err *err)
{
	static const XML_Memory_Handling_Suite memory = {memory_raw, memory_resize, free};
	struct reading reading = {
		.parser = memory_must(XML_ParserCreate_MM("UTF-8", &memory, NULL)), .root = root, .visit = visit, .data = data};
	XML_SetUserData(reading.parser, &reading);
	XML_SetElementHandler(reading.parser, start_element, end_element);
	XML_SetCharacterDataHandler(reading.parser, xml_text);
	XML_SetStartDoctypeDeclHandler(reading.parser, refuse_doctype);
	for (; len > 0 && strchr(" \t\r\n", *bytes) && *bytes != '\0'; bytes++)
		len--;
	int ok = len <= INT32_MAX && XML_Parse(reading.parser, bytes, (int)len, 1) == XML_STATUS_OK;
	XML_ParserFree(reading.parser);
	return ok ? 0 : err_set(err, ERR_UPSTREAM, "the image store answered with no document of S3's, or a broken one");
}
