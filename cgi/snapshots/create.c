/* Making a snapshot: the manifest of all samples as of one moment goes to the image store, its digest to the
 * dataset. */
#include "snapshots.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "blob/key.h"
#include "dataset/split.h"
#include "fastcgi/bytes.h"
#include "fastcgi/manifest.h"
#include "intake/intent.h"
#include "intake/spool.h"

enum { PAGE = 500, PIECE_BYTES = 64 * 1024, LOCATION_MAX = 8192 };

struct making {
	struct call *call;
	struct snapshot snapshot;
	bool is_split;
	struct split split;
	struct images images;
	struct digests digests;
	struct spool spool;
	struct buf out; /* lines on their way into it */
	bool may_read;  /* images, to hash them; else it ends at the first one for which that is needed, and */
	bool must_read; /* is set */
};

static bool making_left(struct making *making)
{
	return making->snapshot.size % PAGE == 0 && request_is_gone(making->call->request);
}

/* Hashes the images that lie in base_dir. */
static int hash_images(struct making *making, struct err *err)
{
	struct sample *page;
	char sha256[HASH_SHA256_HEX];
	int64_t after = -1;
	size_t count = PAGE;
	int failed = 0;

	while (!failed && count == PAGE) {
		if (dataset_samples(making->call->dataset, NULL, after, PAGE, &page, &count, err))
			return -1;
		for (size_t i = 0; i < count; i++) {
			after = page[i].id;
			if (!failed && digests_of(&making->digests, &page[i], sha256, err) && err->code != ERR_NOT_FOUND)
				failed = -1;
			sample_release(&page[i]);
		}
		free(page);
		if (!failed && request_is_gone(making->call->request))
			failed = err_set(err, ERR_BAD_REQUEST, "The client went away");
	}
	digests_keep(&making->digests);
	return failed;
}

static int manifest_flush(struct making *making, struct err *err)
{
	int failed = making->out.overflow ? err_set(err, ERR_INTERNAL, "A line of a manifest is longer than its bound")
	                                  : spool_write(&making->spool, buf_text(&making->out), making->out.len, err);

	buf_clear(&making->out);
	return failed;
}

/* An image that is not there has no digest. */
static int making_digest(struct making *making, const struct sample *sample, char out[HASH_SHA256_HEX], struct err *err)
{
	int failed = making->may_read ? digests_of(&making->digests, sample, out, err)
	                              : digests_known(&making->digests, sample, out, err);

	if (failed && err->code == ERR_NOT_FOUND) {
		out[0] = '\0';
		return 0;
	}
	making->must_read = !failed && !out[0];
	return failed || making->must_read;
}

static int manifest_add_sample(void *data, const struct sample *sample, struct err *err)
{
	struct making *making = data;
	char sha256[HASH_SHA256_HEX] = "";

	if (making_left(making))
		return err_set(err, ERR_BAD_REQUEST, "The client went away");
	if (making_digest(making, sample, sha256, err))
		return -1;
	manifest_add(&making->out, sample, sha256,
	             making->is_split && sha256[0] ? split_of(&making->split, sha256) : NULL);
	making->snapshot.size++;
	return making->out.len < PIECE_BYTES ? 0 : manifest_flush(making, err);
}

static int manifest_add_all(struct making *making, struct err *err)
{
	spool_release(&making->spool);
	spool_init(&making->spool, call_spool_dir(making->call), INT64_MAX);
	buf_clear(&making->out);
	making->snapshot.size = 0;
	return dataset_visit_all(making->call->dataset, manifest_add_sample, making, err) || manifest_flush(making, err);
}

/* If any image has yet to be hashed, all are first, so that the moment which the manifest shows is short. */
static int write_manifest(struct making *making, struct err *err)
{
	char digest[HASH_SHA256_HEX];
	int failed = manifest_add_all(making, err);

	if (failed && making->must_read) {
		making->may_read = true;
		failed = hash_images(making, err) || manifest_add_all(making, err);
	}
	if (failed)
		return -1;
	digests_keep(&making->digests);
	spool_finish(&making->spool);
	hash_hex(making->spool.sha256, HASH_SHA256_SIZE, digest);
	making->snapshot.digest = memory_text(digest);
	return 0;
}

static int put_manifest(struct making *making, struct err *err)
{
	const struct spool *spool = &making->spool;
	const struct blob_put put = {.key = making->snapshot.blob_key,
	                             .type = MANIFEST_TYPE,
	                             .sha256 = spool->sha256,
	                             .length = spool->length,
	                             .bytes = spool->fd < 0 ? buf_text(&spool->memory) : NULL,
	                             .fd = spool->fd,
	                             .handover = spool->fd >= 0};

	return blob_put(making->call->app->blobs, &put, err);
}

/* If the process dies between storing the manifest and the snapshot, the note lets the next start sweep it. */
static int manifest_store(struct making *making, struct err *err)
{
	struct call *call = making->call;
	struct intent *intent;

	if (intent_begin(call->app->intents, &intent, dataset_name(call->dataset), making->snapshot.blob_key, err))
		return -1;
	int failed = put_manifest(making, err) || snapshot_add(call->dataset, &making->snapshot, err);
	intent_end(call->app->intents, intent, !failed);
	return failed;
}

static int snapshot_reply(struct making *making, struct err *err)
{
	struct call *call = making->call;
	struct buf location;

	buf_init(&location, LOCATION_MAX);
	buf_printf(&location, "%s/v1/datasets/", call->request->base_path);
	text_percent_encode_segment(dataset_name(call->dataset), &location);
	buf_str(&location, "/snapshots/");
	text_percent_encode_segment(making->snapshot.name, &location);
	int failed = reply_header(call->reply, "Location", buf_text(&location), err);
	buf_release(&location);
	reply_json(call->reply, 201, snapshots_document(&making->snapshot));
	return failed;
}

static int read_request(struct making *making, struct err *err)
{
	struct call *call = making->call;
	const char *name, *split = NULL, *seed = NULL;
	struct snapshot taken;

	if (call_body(call, err) || json_string(call->body, "name", true, &name, err) ||
	    json_string(call->body, "split", false, &split, err) || json_string(call->body, "seed", false, &seed, err) ||
	    snapshot_check_name(name, err) || call_place(call, err))
		return -1;
	if (seed && !split)
		return err_set(err, ERR_BAD_REQUEST, "\"seed\" is for \"split\", which is not given");
	making->is_split = split != NULL;
	making->snapshot.name = memory_text(name);
	making->snapshot.split = memory_text(split ? split : "");
	making->snapshot.seed = memory_text(seed ? seed : "");
	making->snapshot.by = memory_text(call->request->user);
	if (split && split_parse(split, making->snapshot.seed, &making->split, err))
		return -1;
	if (snapshot_find(call->dataset, name, &taken, err) == 0) { /* before all the work */
		snapshot_release(&taken);
		return err_set(err, ERR_CONFLICT, "There is a snapshot named %s already", name);
	}
	return err->code != ERR_NOT_FOUND;
}

int snapshots_create(struct call *call, struct err *err)
{
	struct making making = {.call = call};
	char uuid[HASH_UUID_MAX], key[BLOB_KEY_MAX];

	hash_random_uuid(uuid);
	buf_init(&making.out, REPLY_BODY_MAX);
	spool_init(&making.spool, call_spool_dir(call), INT64_MAX);
	int failed = read_request(&making, err) || blob_key_manifest(key, dataset_name(call->dataset), uuid, err);
	if (!failed) {
		making.snapshot.blob_key = memory_text(key);
		making.images = call_images(call);
		digests_init(&making.digests, &making.images);
		failed = write_manifest(&making, err) || manifest_store(&making, err) || snapshot_reply(&making, err) ||
		         call_audit(call, "snapshot.create", making.snapshot.name, making.snapshot.digest, err);
	}
	spool_release(&making.spool);
	split_release(&making.split);
	buf_release(&making.out);
	snapshot_release(&making.snapshot);
	return failed;
}
