/* Snapshots in MongoDB: a document for each, and reading all samples as of one moment. */
#include "dataset/mongodb/internal.h"

static void snapshot_of_document(const bson_t *document, struct snapshot *out)
{
	*out = (struct snapshot){.name = memory_text(text_in(document, "name")),
	                         .digest = memory_text(text_in(document, "digest")),
	                         .blob_key = memory_text(text_in(document, "blob_key")),
	                         .split = memory_text(text_in(document, "split")),
	                         .seed = memory_text(text_in(document, "seed")),
	                         .by = memory_text(text_in(document, "by")),
	                         .size = number_in(document, "size"),
	                         .at = number_in(document, "at")};
}

struct adding {
	const char *dataset;
	struct snapshot *snapshot;
};

static int see_taken(void *data, const bson_t *document, struct err *err)
{
	const struct snapshot *added = data;

	(void)document;
	return err_set(err, ERR_CONFLICT, "There is a snapshot named %s already", added->name);
}

/* First writes the dataset's document, so that simultaneous ones come one after the other, and none is added to a
 * dataset that is being removed. */
static int run_snapshot_add(struct work *work, void *data, struct err *err)
{
	const struct adding *adding = data;
	struct snapshot *added = adding->snapshot;

	if ((!added->at && work_now(work, &added->at, err)) ||
	    work_update(work, "datasets", filter_dataset(adding->dataset),
	                BCON_NEW("$inc", "{", "snapshots", BCON_INT64(1), "}"), false, NULL, err) ||
	    work_find(work, "snapshots",
	              BCON_NEW("dataset", BCON_UTF8(adding->dataset), "name", BCON_UTF8(added->name)), NULL, see_taken,
	              added, err))
		return -1;
	bson_t *document = BCON_NEW("dataset", BCON_UTF8(adding->dataset), "name", BCON_UTF8(added->name), "size",
	                            BCON_INT64(added->size), "at", BCON_INT64(added->at));
	BSON_APPEND_UTF8(document, "digest", added->digest);
	BSON_APPEND_UTF8(document, "blob_key", added->blob_key);
	BSON_APPEND_UTF8(document, "split", added->split);
	BSON_APPEND_UTF8(document, "seed", added->seed);
	BSON_APPEND_UTF8(document, "by", added->by);
	return work_insert(work, "snapshots", document, err);
}

int mongodb_snapshot_add(struct dataset *base, struct snapshot *snapshot, struct err *err)
{
	struct adding adding = {.dataset = base->name, .snapshot = snapshot};

	return work_transaction(mongodb_dataset(base)->store, run_snapshot_add, &adding, err);
}

struct listing {
	struct snapshot *item;
	size_t count;
};

static int see_snapshot(void *data, const bson_t *document, struct err *err)
{
	struct listing *listing = data;

	(void)err;
	snapshot_of_document(document, &listing->item[listing->count++]);
	return 0;
}

static int find_snapshots(struct dataset *base, bson_t *filter, size_t limit, struct listing *out, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err);

	out->item = memory_new(limit, sizeof(*out->item));
	if (!failed) {
		bson_t *opts = opts_hint("name", (int64_t)limit);

		BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "name", BCON_INT32(1), "}");
		failed = work_find(&work, "snapshots", filter, opts, see_snapshot, out, err);
	} else {
		bson_destroy(filter);
	}
	work_end(&work);
	return failed;
}

int mongodb_snapshot_find(struct dataset *base, const char *name, struct snapshot *out, struct err *err)
{
	struct listing found = {.count = 0};
	int failed = find_snapshots(base, BCON_NEW("dataset", BCON_UTF8(base->name), "name", BCON_UTF8(name)), 1, &found,
	                            err);

	if (!failed && found.count == 0)
		failed = err_set(err, ERR_NOT_FOUND, "There is no snapshot named %s", name);
	*out = found.item[0];
	free(found.item);
	return failed;
}

int mongodb_snapshot_list(struct dataset *base, const char *after, size_t limit, struct snapshot **out, size_t *count,
                          struct err *err)
{
	struct listing found = {.count = 0};
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(base->name), "name", "{", "$gt", BCON_UTF8(after), "}");
	int failed = find_snapshots(base, filter, limit, &found, err);

	*out = found.item;
	*count = found.count;
	return failed;
}

int snapshot_has_blob(struct dataset *base, const char *blob_key, bool *out, struct err *err)
{
	struct listing found = {.count = 0};

	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(base->name), "blob_key", BCON_UTF8(blob_key));
	int failed = find_snapshots(base, filter, 1, &found, err);

	*out = found.count > 0;
	snapshots_free(found.item, found.count);
	return failed;
}

/* --- all samples -------------------------------------------------------------------------------------------------- */

struct visiting {
	sample_visit *visit;
	void *data;
};

static int visit_document(void *data, const bson_t *document, struct err *err)
{
	const struct visiting *visiting = data;
	struct records one = {.count = 0};
	int failed = records_visit(&one, document, err) || visiting->visit(visiting->data, &one.item[0].sample, err);

	records_release(&one);
	return failed;
}

/* A cursor of a snapshot session sees the moment of its first answer until its end; for as long as the server keeps
 * that moment (minSnapshotHistoryWindowInSeconds, five minutes unless it is set otherwise) its next parts come. */
int mongodb_visit_all(struct dataset *base, sample_visit *visit, void *data, struct err *err)
{
	struct visiting visiting = {.visit = visit, .data = data};
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) || work_freeze(&work, err);

	if (!failed) {
		bson_t *opts = opts_hint("id", 0);

		BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "id", BCON_INT32(1), "}");
		failed = work_find(&work, "images", BCON_NEW("dataset", BCON_UTF8(base->name)), opts, visit_document, &visiting,
		                   err);
		mongoc_client_session_destroy(work.session);
	}
	work_end(&work);
	return failed;
}
