/* The format "croissant": a description of the dataset as JSON-LD (http://mlcommons.org/croissant/1.1): the address
 * of its samples as jsonl, with their SHA-256, and the meaning of the fields. */
#include "export.h"

#include "base/json.h"
#include "base/text.h"
#include "fastcgi/address.h"

enum { URL_MAX = 256 * 1024 };

/* From the specification. */
static const char CONTEXT[] =
	"{\"@context\":{\"@language\":\"en\",\"@vocab\":\"https://schema.org/\",\"arrayShape\":\"cr:arrayShape\","
	"\"citeAs\":\"cr:citeAs\",\"column\":\"cr:column\",\"conformsTo\":\"dct:conformsTo\",\"containedIn\":"
	"\"cr:containedIn\",\"cr\":\"http://mlcommons.org/croissant/\",\"rai\":\"http://mlcommons.org/croissant/RAI/\","
	"\"data\":{\"@id\":\"cr:data\",\"@type\":\"@json\"},\"dataType\":{\"@id\":\"cr:dataType\",\"@type\":\"@vocab\"},"
	"\"dct\":\"http://purl.org/dc/terms/\",\"description\":{\"@container\":\"@language\"},\"equivalentProperty\":"
	"\"cr:equivalentProperty\",\"examples\":{\"@id\":\"cr:examples\",\"@type\":\"@json\"},\"extract\":\"cr:extract\","
	"\"field\":\"cr:field\",\"fileProperty\":\"cr:fileProperty\",\"fileObject\":\"cr:fileObject\",\"fileSet\":"
	"\"cr:fileSet\",\"format\":\"cr:format\",\"includes\":\"cr:includes\",\"isArray\":\"cr:isArray\","
	"\"isLiveDataset\":\"cr:isLiveDataset\",\"jsonPath\":\"cr:jsonPath\",\"key\":\"cr:key\",\"md5\":\"cr:md5\","
	"\"name\":{\"@container\":\"@language\"},\"parentField\":\"cr:parentField\",\"path\":\"cr:path\",\"recordSet\":"
	"\"cr:recordSet\",\"references\":\"cr:references\",\"regex\":\"cr:regex\",\"repeated\":\"cr:repeated\","
	"\"replace\":\"cr:replace\",\"samplingRate\":\"cr:samplingRate\",\"sc\":\"https://schema.org/\",\"separator\":"
	"\"cr:separator\",\"source\":\"cr:source\",\"subField\":\"cr:subField\",\"transform\":\"cr:transform\"},"
	"\"@type\":\"sc:Dataset\",\"conformsTo\":\"http://mlcommons.org/croissant/1.1\",\"name\":";

static const struct {
	const char *name, *type;
} fields[] = {
	{"id", "sc:Integer"}, {"filepath", "sc:Text"}, {"label", "sc:Text"}, {"sha256", "sc:Text"},
	{"image_url", "sc:URL"}, {"split", "sc:Text"},
};
enum { FIELDS = sizeof(fields) / sizeof(*fields), ALWAYS = FIELDS - 1 };

static cJSON *reference(const char *id)
{
	cJSON *made = json_new_object();

	json_add_string(made, "@id", id);
	return made;
}

static cJSON *field_of(size_t i)
{
	cJSON *field = json_new_object(), *source = json_new_object(), *extract = json_new_object();
	char id[40];

	snprintf(id, sizeof(id), "samples/%s", fields[i].name);
	json_add_string(field, "@type", "cr:Field");
	json_add_string(field, "@id", id);
	json_add_string(field, "name", id);
	json_add_string(field, "dataType", fields[i].type);
	json_add_string(extract, "column", fields[i].name);
	json_add(source, "fileObject", reference("samples.jsonl"));
	json_add(source, "extract", extract);
	json_add(field, "source", source);
	return field;
}

static cJSON *record_set(const struct export *export)
{
	cJSON *set = json_new_object(), *list = json_new_array();

	json_add_string(set, "@type", "cr:RecordSet");
	json_add_string(set, "@id", "samples");
	json_add_string(set, "name", "samples");
	json_add(set, "key", reference("samples/id"));
	for (size_t i = 0; i < (export->is_split ? FIELDS : ALWAYS); i++)
		json_append(list, field_of(i));
	json_add(set, "field", list);
	return set;
}

/* The address of the same export as jsonl. */
static void add_jsonl_url(struct export *export, struct buf *out)
{
	const struct request *request = export->call->request;

	buf_printf(out, "%s/v1/datasets/", address_of_server(export->call));
	text_percent_encode_segment(dataset_name(export->call->dataset), out);
	buf_str(out, "/export?format=jsonl");
	for (size_t i = 0; i < request->query_count; i++) {
		if (strcmp(request->query[i].name, "format") == 0)
			continue;
		buf_printf(out, "&%s=", request->query[i].name);
		text_percent_encode_segment(request->query[i].value, out);
	}
}

static void croissant_put(struct export *export, const char *before, const char *text)
{
	buf_str(&export->out, before);
	export_text(export, text);
}

static int croissant_begin(struct export *export, struct err *err)
{
	struct buf url;
	char now[TEXT_TIME_MAX];

	(void)err;
	export->hash = hash_stream_new("sha256");
	text_time(text_now(), now);
	buf_init(&url, URL_MAX);
	croissant_put(export, CONTEXT, dataset_name(export->call->dataset));
	buf_printf(&export->out, ",\"description\":\"Images and their labels, as of %s.\"", now);
	buf_printf(&export->out, ",\"datePublished\":\"%.10s\"", now);
	buf_printf(&url, "%s/v1/datasets/", address_of_server(export->call));
	text_percent_encode_segment(dataset_name(export->call->dataset), &url);
	croissant_put(export, ",\"version\":\"1.0.0\",\"url\":", buf_text(&url));
	buf_str(&export->out, ",\"recordSet\":[");
	export_json(export, record_set(export));
	buf_clear(&url);
	add_jsonl_url(export, &url);
	croissant_put(export,
	              "],\"distribution\":[{\"@type\":\"cr:FileObject\",\"@id\":\"samples.jsonl\",\"name\":\"samples.jsonl\","
	              "\"encodingFormat\":\"application/jsonlines\",\"contentUrl\":",
	              buf_text(&url));
	buf_release(&url);
	return 0;
}

/* Hashes the line instead of sending it. */
static int croissant_add(struct export *export, const struct sample *sample, struct err *err)
{
	size_t before = export->out.len;
	int failed = export_add_line(export, sample, true, err);

	hash_stream_update(export->hash, export->out.data + before, export->out.len - before);
	export->added += (int64_t)(export->out.len - before);
	export->out.len = before;
	if (!failed && export->out.overflow)
		failed = err_set(err, ERR_INTERNAL, "A line of the export is larger than its bound");
	return failed;
}

static int croissant_end(struct export *export, struct err *err)
{
	unsigned char digest[64];
	char hex[HASH_SHA256_HEX];

	(void)err;
	hash_hex(digest, hash_stream_final(export->hash, digest), hex);
	export->hash = NULL;
	buf_printf(&export->out, ",\"contentSize\":\"%lld B\",\"sha256\":\"%s\"}]}\n", (long long)export->added, hex);
	return 0;
}

const struct form croissant_form = {.name = "croissant",
                                    .type = "application/ld+json",
                                    .ending = "-croissant.json",
                                    .begin = croissant_begin,
                                    .add = croissant_add,
                                    .end = croissant_end};
