/* GET …/export/webdataset: the dataset in shards (https://github.com/webdataset/webdataset), each a tar at its own
 * address, and their index (wids-shard-index-v1). */
#include "export.h"

#include "base/json.h"
#include "base/text.h"
#include "fastcgi/address.h"
#include "fastcgi/filter.h"
#include "names.h"
#include "range.h"
#include "shards.h"

enum {
	BLOCK = 512, /* tar's */
	ETAG_MAX = 40,
	NAME_BYTES = 64,
	LINE_MAX_BYTES = 256 * 1024,
	URL_MAX = 256 * 1024,
	DIGITS = 6, /* in a shard's number */
	SHARDS_MAX = 1000000,
};

/* --- one sample: ID.jpg, ID.cls and ID.json ----------------------------------------------------------------------- */

struct entry {
	const struct sample *sample;
	bool present; /* it has a label and an image */
	struct bytes image;
	struct buf json;
	char cls[24]; /* the label's key */
};

static int64_t entry_padded(int64_t bytes)
{
	return BLOCK + (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

static int64_t entry_size(const struct entry *entry)
{
	return entry_padded(entry->image.size) + entry_padded((int64_t)entry->json.len) +
	       entry_padded((int64_t)strlen(entry->cls));
}

static void entry_describe(struct export *export, struct entry *entry)
{
	const struct sample *sample = entry->sample;
	int64_t key = classes_key(&export->classes, sample->label);
	cJSON *document = json_new_object();

	json_add_int64(document, "id", sample->id);
	json_add_string(document, "filepath", sample->filepath);
	json_add_string(document, "label", sample->label);
	json_add_int64(document, "class", key);
	if (sample->sha256[0])
		json_add_string(document, "sha256", sample->sha256);
	if (export->part)
		json_add_string(document, "split", export->part);
	json_print(document, &entry->json);
	cJSON_Delete(document);
	snprintf(entry->cls, sizeof(entry->cls), "%lld", (long long)key);
}

static int entry_open(struct export *export, const struct sample *sample, struct entry *entry, struct err *err)
{
	*entry = (struct entry){.sample = sample, .image.fd = -1};
	buf_init(&entry->json, LINE_MAX_BYTES);
	if (!sample->label[0])
		return 0;
	if (export_find_part(export, sample, err))
		return -1;
	if (export->changed)
		return 0;
	if (bytes_open(&entry->image, &export->images, sample, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	entry->present = true;
	entry_describe(export, entry);
	return 0;
}

static void entry_close(struct entry *entry)
{
	bytes_close(&entry->image);
	buf_release(&entry->json);
}

static int entry_write(struct export *export, struct entry *entry, struct err *err)
{
	struct bundle *bundle = &export->bundle;
	struct buf name;
	long long id = (long long)entry->sample->id;

	export_look_ahead(export, entry->sample);
	buf_init(&name, NAME_BYTES);
	buf_printf(&name, "%lld.", id);
	names_ending(entry->image.type, &name);
	int failed = bundle_add_image(bundle, buf_text(&name), &entry->image, err);
	buf_clear(&name);
	buf_printf(&name, "%lld.cls", id);
	failed = failed || bundle_add_text(bundle, buf_text(&name), entry->cls, strlen(entry->cls), err);
	buf_clear(&name);
	buf_printf(&name, "%lld.json", id);
	failed = failed || bundle_add_text(bundle, buf_text(&name), entry->json.data, entry->json.len, err);
	buf_release(&name);
	return failed;
}

/* Hashes what determines the entry's bytes, without reading the image. */
static void entry_hash(const struct entry *entry, struct hash_stream *hash)
{
	hash_stream_update(hash, entry->json.data, entry->json.len + 1);
	hash_stream_update(hash, entry->image.type, strlen(entry->image.type) + 1);
	hash_stream_update(hash, &entry->image.size, sizeof(entry->image.size));
	hash_stream_update(hash, &entry->image.modified_ns, sizeof(entry->image.modified_ns));
	hash_stream_update(hash, entry->sample->sha256, strlen(entry->sample->sha256) + 1);
}

/* --- a shard ------------------------------------------------------------------------------------------------------ */

typedef int entry_visit(void *data, struct entry *entry, struct err *err);

/* Visits the shard's present samples. */
static int shard_walk(struct export *export, const struct shard *shard, entry_visit *visit, void *data, struct err *err)
{
	const struct sample *sample;
	struct entry entry;
	int more, failed = 0;

	each_restart(&export->each, shard->from - 1);
	while (!failed && (more = each_next(&export->each, &sample, err)) == 1 && sample->id < shard->to) {
		failed = entry_open(export, sample, &entry, err) || (entry.present && visit(data, &entry, err));
		entry_close(&entry);
	}
	return failed || more < 0;
}

struct measure {
	struct hash_stream *hash;
	int64_t bytes, samples;
};

static int measure_entry(void *data, struct entry *entry, struct err *err)
{
	struct measure *measure = data;

	(void)err;
	measure->bytes += entry_size(entry);
	measure->samples++;
	entry_hash(entry, measure->hash);
	return 0;
}

/* Finds its size, its number of samples, and its version. */
static int shard_measure(struct export *export, const struct shard *shard, struct measure *out, char etag[ETAG_MAX],
                         struct err *err)
{
	unsigned char digest[64];
	char hex[33];

	*out = (struct measure){.hash = hash_stream_new("sha256"), .bytes = (int64_t)2 * BLOCK};
	int failed = shard_walk(export, shard, measure_entry, out, err);
	hash_stream_final(out->hash, digest);
	hash_hex(digest, sizeof(hex) / 2, hex);
	snprintf(etag, ETAG_MAX, "\"%s\"", hex);
	return failed;
}

struct sending {
	struct export *export;
	struct range range;
	int64_t at; /* bytes of the shard that were sent or skipped */
};

static int send_ranged(void *data, const void *bytes, size_t len, struct err *err)
{
	struct sending *sending = data;
	int64_t from = sending->range.first - sending->at, to = sending->range.last + 1 - sending->at;
	int64_t end = (int64_t)len;

	sending->at += end;
	from = from < 0 ? 0 : from;
	to = to > end ? end : to;
	return from < to ? export_send_piece(sending->export, (const char *)bytes + from, (size_t)(to - from), err) : 0;
}

static int send_entry(void *data, struct entry *entry, struct err *err)
{
	struct sending *sending = data;
	int64_t size = entry_size(entry), end = sending->at + size;

	if (end <= sending->range.first || sending->at > sending->range.last)
		sending->at = end; /* none of it was requested */
	else if (entry_write(sending->export, entry, err))
		return -1;
	return sending->at == end ? 0 : err_set(err, ERR_UNAVAILABLE, "An image changed while its shard was sent");
}

static int shard_send(struct export *export, const struct shard *shard, struct range range, int64_t size,
                      struct err *err)
{
	struct sending sending = {.export = export, .range = range};

	if (reply_stream_start(export->call->reply, range.partial ? 206 : 200, "application/x-tar"))
		return export_is_gone(err);
	export->images.ahead = ahead_new(export->call->app->blobs);
	bundle_init(&export->bundle, BUNDLE_TAR, NULL, send_ranged, &sending);
	int failed = shard_walk(export, shard, send_entry, &sending, err) || bundle_end(&export->bundle, err) ||
	             export_send(export, true, err);
	bundle_release(&export->bundle);
	if (!failed && sending.at != size)
		failed = err_set(err, ERR_UNAVAILABLE, "A label was given or taken while its shard was sent");
	return failed;
}

static int shard_headers(struct export *export, const char *etag, int64_t size, const struct range *range,
                         struct err *err)
{
	struct reply *reply = export->call->reply;
	char number[32], content_range[96];

	snprintf(number, sizeof(number), "%lld", (long long)(range->last - range->first + 1));
	if (range->partial)
		snprintf(content_range, sizeof(content_range), "bytes %lld-%lld/%lld", (long long)range->first,
		         (long long)range->last, (long long)size);
	else
		snprintf(content_range, sizeof(content_range), "bytes */%lld", (long long)size);
	return reply_header(reply, "ETag", etag, err) || reply_header(reply, "Accept-Ranges", "bytes", err) ||
	       reply_header(reply, "Cache-Control", "private, no-cache", err) ||
	       ((range->partial || range->unsatisfiable) && reply_header(reply, "Content-Range", content_range, err)) ||
	       (!range->unsatisfiable && reply_header(reply, "Content-Length", number, err));
}

static int shard_answer(struct export *export, const struct shard *shard, struct err *err)
{
	const struct request *request = export->call->request;
	const char *known = request_header(request, "HTTP_IF_NONE_MATCH");
	struct reply *reply = export->call->reply;
	struct measure measure;
	char etag[ETAG_MAX];

	if (shard_measure(export, shard, &measure, etag, err))
		return -1;
	struct range range = range_of(request_header(request, "HTTP_RANGE"), request_header(request, "HTTP_IF_RANGE"), etag,
	                              measure.bytes);
	if (known && strcmp(known, etag) == 0) {
		reply_empty(reply, 304);
		return reply_header(reply, "ETag", etag, err);
	}
	if (shard_headers(export, etag, measure.bytes, &range, err))
		return -1;
	if (range.unsatisfiable) {
		reply_empty(reply, 416);
		return 0;
	}
	if (strcmp(request->method, "HEAD") == 0)
		return reply_header(reply, "Content-Type", "application/x-tar", err);
	return shard_send(export, shard, range, measure.bytes, err);
}

/* Reads a name such as "000012.tar". */
static int shard_number(const char *name, int64_t *out, struct err *err)
{
	int64_t number = 0;

	for (int i = 0; i < DIGITS && number >= 0; i++)
		number = name[i] >= '0' && name[i] <= '9' ? number * 10 + (name[i] - '0') : -1;
	if (number < 0 || strcmp(name + DIGITS, ".tar") != 0)
		return err_set(err, ERR_NOT_FOUND, "A shard is called 000000.tar");
	*out = number;
	return 0;
}

int export_shard(struct call *call, struct err *err)
{
	struct export export;
	struct shard shard;
	char ending[40];
	int64_t number = 0;

	if (shard_number(call->param[0], &number, err))
		return -1;
	snprintf(ending, sizeof(ending), "-%06lld.tar", (long long)number);
	int failed = export_open(&export, call, err) || shards_find(&export.images, number, &shard, err) ||
	             export_headers(call, ending, err) || shard_answer(&export, &shard, err);
	export_close(&export);
	return failed;
}

/* --- the index ---------------------------------------------------------------------------------------------------- */

/* Appends a shard's address, with the query of the index's request. */
static void add_shard_url(struct export *export, int64_t number, struct buf *out)
{
	const struct request *request = export->call->request;

	buf_str(out, address_of_server(export->call));
	buf_str(out, "/v1/datasets/");
	text_percent_encode_segment(dataset_name(export->call->dataset), out);
	buf_printf(out, "/export/webdataset/%06lld.tar", (long long)number);
	for (size_t i = 0; i < request->query_count; i++) {
		buf_printf(out, "%c%s=", i == 0 ? '?' : '&', request->query[i].name);
		text_percent_encode_segment(request->query[i].value, out);
	}
}

static int add_shard(struct export *export, int64_t number, const struct shard *shard, struct err *err)
{
	struct measure measure;
	char etag[ETAG_MAX];
	struct buf url;

	if (shard_measure(export, shard, &measure, etag, err))
		return -1;
	cJSON *document = json_new_object();
	buf_init(&url, URL_MAX);
	add_shard_url(export, number, &url);
	json_add_string(document, "url", buf_text(&url));
	json_add_int64(document, "nsamples", measure.samples);
	json_add_int64(document, "filesize", measure.bytes);
	buf_str(&export->out, number == 0 ? "\n" : ",\n");
	export_json(export, document);
	buf_release(&url);
	return export_send(export, true, err);
}

static int index_stream(struct export *export, struct err *err)
{
	struct shard shard = {.to = 0};

	if (reply_stream_start(export->call->reply, 200, "application/json"))
		return export_is_gone(err);
	buf_str(&export->out, "{\"__kind__\":\"wids-shard-index-v1\",\"wids_version\":1,\"name\":");
	export_text(export, dataset_name(export->call->dataset));
	buf_str(&export->out, ",\"shardlist\":[");
	for (int64_t number = 0; number < SHARDS_MAX && shard.to < INT64_MAX; number++) {
		if (shards_step(&export->images, number, &shard, err) || add_shard(export, number, &shard, err))
			return -1;
	}
	buf_str(&export->out, "\n]}\n");
	return export_is_there(export->call, err) || export_send(export, true, err);
}

int export_index(struct call *call, struct err *err)
{
	struct export export;
	int failed = export_open(&export, call, err) || export_headers(call, "-webdataset.json", err);

	if (!failed && strcmp(call->request->method, "HEAD") == 0)
		failed = reply_header(call->reply, "Content-Type", "application/json", err);
	else if (!failed)
		failed = index_stream(&export, err);
	export_close(&export);
	return failed;
}
