/* The list of a dataset's snapshots, and the manifest of one. */
#include "snapshots.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "fastcgi/cursor.h"
#include "fastcgi/manifest.h"

#define LIST "snapshots"
enum { LIMIT_DEFAULT = 100, DISPOSITION_MAX = 4096, PIECE_BYTES = 1024 * 1024 };

cJSON *snapshots_document(const struct snapshot *snapshot)
{
	cJSON *document = json_new_object();

	json_add_string(document, "name", snapshot->name);
	json_add_string(document, "digest", snapshot->digest);
	json_add_int64(document, "size", snapshot->size);
	json_add_time(document, "at", snapshot->at);
	json_add_string(document, "by", snapshot->by);
	json_add_string_or_null(document, "split", snapshot->split[0] ? snapshot->split : NULL);
	json_add_string_or_null(document, "seed", snapshot->split[0] ? snapshot->seed : NULL);
	return document;
}

int snapshots_list(struct call *call, struct err *err)
{
	char after[CURSOR_KEY_MAX] = "";
	int64_t limit = LIMIT_DEFAULT;
	struct snapshot *page;
	size_t count;

	if (request_limit(call->request, DATASET_PAGE_MAX, &limit, err) || cursor_after(call, LIST, after, err))
		return -1;
	int failed = snapshot_list(call->dataset, after, (size_t)limit, &page, &count, err);
	cJSON *answer = json_new_object(), *items = json_new_array();
	json_add(answer, "items", items);
	for (size_t i = 0; i < count; i++)
		json_append(items, snapshots_document(&page[i]));
	failed = failed || cursor_add_next(call, LIST, (int64_t)count == limit ? page[count - 1].name : NULL, answer, err);
	snapshots_free(page, count);
	reply_json(call->reply, 200, answer);
	return failed;
}

static int manifest_headers(struct call *call, const struct snapshot *snapshot, struct err *err)
{
	struct buf value;

	buf_init(&value, DISPOSITION_MAX);
	buf_str(&value, "attachment; filename*=UTF-8''");
	text_percent_encode_segment(snapshot->name, &value);
	buf_str(&value, ".jsonl");
	int failed = reply_header(call->reply, "Content-Disposition", buf_text(&value), err);
	buf_clear(&value);
	buf_printf(&value, "\"%s\"", snapshot->digest);
	failed = failed || reply_header(call->reply, "ETag", buf_text(&value), err) ||
	         reply_header(call->reply, "Content-Type", MANIFEST_TYPE, err);
	buf_release(&value);
	return failed;
}

static int manifest_stream(struct call *call, const char *key, struct err *err)
{
	char *piece = memory_raw(PIECE_BYTES);
	int64_t offset = 0;
	size_t got = PIECE_BYTES;
	int failed = 0;

	for (; !failed && got == PIECE_BYTES; offset += (int64_t)got) {
		failed = blob_read(call->app->blobs, key, offset, piece, PIECE_BYTES, &got, err) ||
		         (offset == 0 && reply_stream_start(call->reply, 200, MANIFEST_TYPE) != 0) ||
		         reply_stream_write(call->reply, piece, got) != 0;
	}
	free(piece);
	return failed;
}

int snapshots_manifest(struct call *call, struct err *err)
{
	struct snapshot snapshot;

	if (call_may_read_snapshots(call, err) || snapshot_find(call->dataset, call->param[0], &snapshot, err))
		return -1;
	int failed = manifest_headers(call, &snapshot, err);
	if (!failed && strcmp(call->request->method, "HEAD") != 0)
		failed = manifest_stream(call, snapshot.blob_key, err);
	snapshot_release(&snapshot);
	return failed;
}
