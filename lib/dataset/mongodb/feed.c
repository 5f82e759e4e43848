/* The feed of a dataset in MongoDB: first what is there, sample by sample, then what a change stream has.
 *
 * A key is how far both have been read: the last sample of the history (P), and the server's logical time (C) up to
 * which the stream was read. Each read first takes the stream's changes after C, up to a time C'. Of these it passes
 * over those of samples behind P: the history still comes to them. Then it reads the next samples behind P as they
 * were at C', exactly, and moves P behind them. So what was committed at time T about sample S comes once. Let R be the
 * time as of which the history is read for S. If T <= R, the history has the change; in the stream it comes while P is
 * before S, and is passed over. If T > R, the history lacks it; in the stream it comes when P is behind S.
 *
 * Keys end between logical times, and all of a transaction has one time. So the stream gives its items in the order of
 * commits; the history gives those of a sample in their order. */
#include "dataset/mongodb/internal.h"

#include <inttypes.h>

#include "base/text.h"

enum {
	CODE_SNAPSHOT_TOO_OLD = 239,
	CODE_SNAPSHOT_UNAVAILABLE = 246,
	CODE_HISTORY_LOST = 286,
	CODE_INVALID_RESUME = 260,
	SAMPLES_AT_ONCE = 200, /* of the history */
	AWAIT_MS = 20,         /* the server's pause until it says that there is nothing */
	TIME_DIGITS = 16,
};

/* A logical time of the server: seconds, and a count within the second. */
static uint64_t time_of_parts(uint32_t seconds, uint32_t count)
{
	return (uint64_t)seconds << 32 | count;
}

struct following {
	const char *dataset;
	size_t limit, count;
	feed_visit *visit;
	void *data;
	int64_t upto;  /* P: samples up to this have been read; INT64_MAX: all */
	uint64_t time; /* C; 0: from now on */
	uint64_t seen; /* of the last change in the stream */
};

static int feed_key_read(const char *after, struct following *out, struct err *err)
{
	char *end;

	out->upto = -1;
	if (!*after)
		return 0;
	out->upto = strtoll(after, &end, 10);
	bool timed = end != after && *end == '.';
	if (timed)
		out->time = strtoull(end + 1, &end, 16);
	return timed && !*end ? 0 : feed_gone("it is of another store", err);
}

static void tell(struct following *following, enum feed_kind kind, int64_t id, const char *label, const char *by,
                 int64_t at)
{
	const struct feed_item item = {.kind = kind, .id = id, .label = label, .by = by, .at = at};

	following->count++;
	following->visit(following->data, &item);
}

static void tell_upload(struct following *following, const bson_t *image)
{
	if (number_in(image, "uploaded_at") > 0)
		tell(following, FEED_UPLOAD, number_in(image, "id"), "", text_in(image, "uploaded_by"),
		     number_in(image, "uploaded_at"));
}

static void tell_removal(struct following *following, const bson_t *tombstone)
{
	tell(following, FEED_REMOVE, number_in(tombstone, "id"), "", text_in(tombstone, "by"), number_in(tombstone, "at"));
}

static int64_t sample_of_event(const bson_t *event)
{
	bson_iter_t iter, sample;

	return bson_iter_init(&iter, event) && bson_iter_find_descendant(&iter, "_id.sample", &sample)
	               ? bson_iter_as_int64(&sample)
	               : -1;
}

static void tell_label(struct following *following, const bson_t *event)
{
	tell(following, FEED_LABEL, sample_of_event(event), text_in(event, "label"), text_in(event, "by"),
	     number_in(event, "at"));
}

/* --- the stream --------------------------------------------------------------------------------------------------- */

/* Reads a document within a change; false: there is none. */
static bool part_of(const bson_t *change, const char *path, bson_t *out)
{
	bson_iter_t iter, part;
	const uint8_t *bytes;
	uint32_t len;

	if (!bson_iter_init(&iter, change) || !bson_iter_find_descendant(&iter, path, &part) ||
	    !BSON_ITER_HOLDS_DOCUMENT(&part))
		return false;
	bson_iter_document(&part, &len, &bytes);
	return bson_init_static(out, bytes, len);
}

static uint64_t time_of_change(const bson_t *change)
{
	bson_iter_t iter;
	uint32_t seconds = 0, count = 0;

	if (bson_iter_init_find(&iter, change, "clusterTime") && BSON_ITER_HOLDS_TIMESTAMP(&iter))
		bson_iter_timestamp(&iter, &seconds, &count);
	return time_of_parts(seconds, count);
}

static void see_change(struct following *following, const bson_t *change)
{
	bson_iter_t iter, collection;
	bson_t document;

	if (!part_of(change, "fullDocument", &document) && !part_of(change, "updateDescription.updatedFields", &document))
		return;
	bool is_event = bson_iter_init(&iter, change) && bson_iter_find_descendant(&iter, "ns.coll", &collection) &&
	                strcmp(bson_iter_utf8(&collection, NULL), "events") == 0;
	bool is_removal = !is_event && strcmp(bson_iter_utf8(&collection, NULL), "removed") == 0;
	int64_t sample = is_event ? sample_of_event(&document) : number_in(&document, "id");
	if (sample > following->upto)
		return;
	if (is_event)
		tell_label(following, &document);
	else if (is_removal)
		tell_removal(following, &document);
	else
		tell_upload(following, &document);
}

/* New events, samples and tombstones, and documents of the older system that become samples. */
static bson_t *changes_wanted(const char *dataset)
{
	return BCON_NEW("pipeline", "[", "{", "$match", "{", "$or", "[",
	                "{", "ns.coll", BCON_UTF8("events"), "operationType", BCON_UTF8("insert"),
	                "documentKey._id.dataset", BCON_UTF8(dataset), "}",
	                "{", "ns.coll", BCON_UTF8("images"), "operationType", "{", "$in", "[", BCON_UTF8("insert"),
	                BCON_UTF8("replace"), "]", "}", "fullDocument.dataset", BCON_UTF8(dataset), "}",
	                "{", "ns.coll", BCON_UTF8("images"), "operationType", BCON_UTF8("update"),
	                "updateDescription.updatedFields.dataset", BCON_UTF8(dataset), "}",
	                "{", "ns.coll", BCON_UTF8("removed"), "operationType", BCON_UTF8("insert"),
	                "fullDocument.dataset", BCON_UTF8(dataset), "}",
	                "]", "}", "}", "]");
}

/* How far the stream has come when there was no change: its token begins with a logical time, as a key string of type
 * timestamp (0x82). Changes of that time may still come. */
static uint64_t time_of_token(const bson_t *token)
{
	const char *hex = token ? text_in(token, "_data") : "";
	char digits[TIME_DIGITS + 1];

	if (strncmp(hex, "82", 2) != 0 || strlen(hex) < 2 + TIME_DIGITS)
		return 0;
	memcpy(digits, hex + 2, TIME_DIGITS);
	digits[TIME_DIGITS] = '\0';
	uint64_t time = strtoull(digits, NULL, 16);
	return time > 0 ? time - 1 : 0;
}

static int stream_fail(struct work *work, const bson_error_t *error, const bson_t *reply, struct err *err)
{
	if (error->code == CODE_HISTORY_LOST || error->code == CODE_INVALID_RESUME)
		return feed_gone("MongoDB's log does not reach back so far", err);
	return work_fail(work, error, reply, err);
}

static int stream_take(struct work *work, mongoc_change_stream_t *stream, struct following *following, struct err *err)
{
	const bson_t *change, *reply = NULL;
	bson_error_t error;

	while (mongoc_change_stream_next(stream, &change)) {
		uint64_t time = time_of_change(change);

		if (time != following->seen && following->count >= following->limit) {
			following->time = following->seen;
			return 0;
		}
		following->seen = time;
		see_change(following, change);
	}
	if (mongoc_change_stream_error_document(stream, &error, &reply))
		return stream_fail(work, &error, reply, err);
	uint64_t reached = time_of_token(mongoc_change_stream_get_resume_token(stream));
	reached = reached > following->seen ? reached : following->seen;
	following->time = reached > following->time ? reached : following->time;
	return 0;
}

static int stream_changes(struct work *work, struct following *following, struct err *err)
{
	mongoc_database_t *database =
		mongoc_client_get_database(work->client, work->store->config->dataset_store.database);
	bson_t *pipeline = changes_wanted(following->dataset);
	bson_t *opts = BCON_NEW("maxAwaitTimeMS", BCON_INT64(AWAIT_MS));
	uint64_t from = following->time + 1;

	if (following->time)
		BSON_APPEND_TIMESTAMP(opts, "startAtOperationTime", (uint32_t)(from >> 32), (uint32_t)from);
	mongoc_change_stream_t *stream = mongoc_database_watch(database, pipeline, opts);
	int failed = stream_take(work, stream, following, err);
	mongoc_change_stream_destroy(stream);
	bson_destroy(opts);
	bson_destroy(pipeline);
	mongoc_database_destroy(database);
	return failed;
}

/* --- the history -------------------------------------------------------------------------------------------------- */

struct piece {
	struct following *following;
	int64_t last; /* the last sample of it */
	size_t count; /* samples */
	bool too_old;
};

/* Runs a find command as of following->time. */
static int find_as_of(struct work *work, struct piece *piece, bson_t *command, work_visit *visit, struct err *err)
{
	uint64_t time = piece->following->time;
	bson_t reply, opts = BSON_INITIALIZER;
	bson_error_t error;
	const bson_t *document, *why = NULL;
	int result = 0;

	BCON_APPEND(command, "readConcern", "{", "level", BCON_UTF8("snapshot"), "atClusterTime",
	            BCON_TIMESTAMP((int32_t)(time >> 32), (int32_t)time), "}");
	mongoc_server_description_t *primary = mongoc_client_select_server(work->client, true, NULL, &error);
	uint32_t server = primary ? mongoc_server_description_id(primary) : 0;
	mongoc_server_description_destroy(primary);
	bson_init(&reply);
	bool found = server && mongoc_client_command_simple_with_server_id(
				       work->client, work->store->config->dataset_store.database, command, NULL,
				       server, &reply, &error);
	BSON_APPEND_INT32(&opts, "serverId", (int32_t)server); /* whose cursor it is */
	bson_destroy(command);
	if (!found) {
		piece->too_old = error.code == CODE_SNAPSHOT_TOO_OLD || error.code == CODE_SNAPSHOT_UNAVAILABLE;
		result = piece->too_old ? err_set(err, ERR_UNAVAILABLE, "MongoDB does not keep what was so far back")
		                        : work_fail(work, &error, &reply, err);
		bson_destroy(&reply);
		bson_destroy(&opts);
		return result;
	}
	mongoc_cursor_t *cursor = mongoc_cursor_new_from_command_reply_with_opts(work->client, &reply, &opts);
	while (result == 0 && mongoc_cursor_next(cursor, &document))
		result = visit(piece, document, err);
	if (result == 0 && mongoc_cursor_error_document(cursor, &error, &why))
		result = work_fail(work, &error, why, err);
	mongoc_cursor_destroy(cursor);
	bson_destroy(&opts);
	return result;
}

static int see_image(void *data, const bson_t *document, struct err *err)
{
	struct piece *piece = data;

	(void)err;
	piece->last = number_in(document, "id");
	piece->count++;
	tell_upload(piece->following, document);
	return 0;
}

static int see_label_event(void *data, const bson_t *document, struct err *err)
{
	struct piece *piece = data;

	(void)err;
	tell_label(piece->following, document);
	return 0;
}

static int see_tombstone(void *data, const bson_t *document, struct err *err)
{
	struct piece *piece = data;

	(void)err;
	tell_removal(piece->following, document);
	return 0;
}

/* The uploads of some samples, then their labels, then what was removed among them: so a sample's come in order. */
static int history_read(struct work *work, struct following *following, struct err *err)
{
	struct piece piece = {.following = following};

	if (following->time == 0)
		return err_set(err, ERR_INTERNAL, "MongoDB: the change stream does not say how far it is");
	bson_t *images = BCON_NEW("find", BCON_UTF8("images"), "filter", "{", "dataset", BCON_UTF8(following->dataset), "id",
	                          "{", "$gt", BCON_INT64(following->upto), "}", "}", "sort", "{", "dataset", BCON_INT32(1),
	                          "id", BCON_INT32(1), "}", "hint", BCON_UTF8("id"), "limit", BCON_INT32(SAMPLES_AT_ONCE),
	                          "projection", "{", "id", BCON_INT32(1), "uploaded_at", BCON_INT32(1), "uploaded_by",
	                          BCON_INT32(1), "}");

	if (find_as_of(work, &piece, images, see_image, err))
		return piece.too_old ? 0 : -1;
	if (piece.count < SAMPLES_AT_ONCE)
		piece.last = INT64_MAX - 1;
	bson_t *removed = BCON_NEW("find", BCON_UTF8("removed"), "filter", "{", "dataset", BCON_UTF8(following->dataset),
	                           "id", "{", "$gt", BCON_INT64(following->upto), "$lte", BCON_INT64(piece.last), "}", "}",
	                           "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}", "hint",
	                           BCON_UTF8("id"));
	if (piece.count > 0) {
		bson_t *filter = events_filter(following->dataset, following->upto + 1, piece.last + 1);
		bson_t *events = BCON_NEW("find", BCON_UTF8("events"), "filter", BCON_DOCUMENT(filter), "sort", "{", "_id",
		                          BCON_INT32(1), "}");

		bson_destroy(filter);
		if (find_as_of(work, &piece, events, see_label_event, err)) {
			bson_destroy(removed);
			return -1;
		}
	}
	if (find_as_of(work, &piece, removed, see_tombstone, err))
		return -1;
	following->upto = piece.count < SAMPLES_AT_ONCE ? INT64_MAX : piece.last;
	return 0;
}

int mongodb_feed_read(struct dataset *base, const char *after, size_t limit, feed_visit *visit, void *data,
                      char next[FEED_KEY_MAX], struct err *err)
{
	struct following following = {.dataset = base->name, .limit = limit, .visit = visit, .data = data};
	struct work work;

	if (feed_key_read(after, &following, err))
		return -1;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) || stream_changes(&work, &following, err);
	while (!failed && following.upto < INT64_MAX && following.count < limit) {
		int64_t before = following.upto;

		failed = history_read(&work, &following, err);
		if (following.upto == before)
			break;
	}
	work_end(&work);
	snprintf(next, FEED_KEY_MAX, "%" PRId64 ".%" PRIx64, following.upto, following.time);
	return failed;
}
