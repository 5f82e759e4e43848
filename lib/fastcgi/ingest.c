/* Checks and stores uploaded images. */
#include "fastcgi/ingest.h"

#include "base/text.h"
#include "fastcgi/address.h"
#include "fastcgi/document.h"
#include "fastcgi/collect.h"
#include "fastcgi/serve.h"
#include "intake/intent.h"

enum { POLICY_CHANGES_MAX = 8 }; /* between public and private, while one image is stored */

void ingest_from_spool(const struct spool *spool, struct ingest_source *out)
{
	out->bytes = spool->fd < 0 ? buf_text(&spool->memory) : NULL;
	out->fd = spool->fd;
	out->length = spool->length;
	memcpy(out->sha256, spool->sha256, sizeof(out->sha256));
}

int ingest_from_file(int fd, int64_t length, struct ingest_source *out, struct err *err)
{
	unsigned char digest[64];

	if (!hash_file("sha256", fd, 0, length, digest))
		return err_errno(err, ERR_UNAVAILABLE, "The upload cannot be read");
	*out = (struct ingest_source){.fd = fd, .length = length};
	memcpy(out->sha256, digest, sizeof(out->sha256));
	return 0;
}

int ingest_info(struct call *call, struct err *err)
{
	return call_place(call, err) || (call->app->config.limits.dataset_bytes > 0 && call_counts(call, err));
}

int ingest_label(struct call *call, const char *given, char **out, struct err *err)
{
	const struct dataset_labels *labels = &call->info.labels;

	if (*given && call_labels(call, err))
		return -1;
	const char *found = *given ? dataset_labels_find(labels, given) : "";
	for (size_t i = 0; !found && i < labels->count; i++) {
		char key[DOCUMENT_KEY_MAX];

		if (strcmp(document_key(labels->item[i].key, key), given) == 0)
			found = labels->item[i].name;
	}
	if (!found)
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", given);
	*out = strdup(found);
	if (!*out)
		abort();
	return 0;
}

int ingest_filepath(const char *filepath, struct err *err)
{
	if (text_check_filepath(filepath, err))
		return -1;
	if (text_has_control(filepath))
		return err_set(err, ERR_BAD_REQUEST, "The filepath has a control character");
	for (const char *segment = filepath;;) {
		size_t len = strcspn(segment, "/");

		if (len == 0 || (len <= 2 && strspn(segment, ".") >= len))
			return err_set(err, ERR_BAD_REQUEST, "The filepath has an empty part, \".\" or \"..\"");
		if (segment[len] == '\0')
			return 0;
		segment += len + 1;
	}
}

static int ingest_check(const struct call *call, const struct ingest_source *source, struct image_info *info,
                        struct err *err)
{
	int64_t pixels_max = call->app->config.limits.image_pixels;

	if (source->length == 0)
		return err_set(err, ERR_BAD_REQUEST, "The file is empty");
	return source->bytes ? image_check_bytes(source->bytes, (size_t)source->length, pixels_max, info, err)
	                     : image_check_fd(source->fd, pixels_max, info, err);
}

/* Refuses what it can before the bytes are stored; the write checks the same again. */
static int check_room(struct call *call, const struct ingest_image *image, struct err *err)
{
	int64_t quota = call->app->config.limits.dataset_bytes;
	struct sample taken;

	if (quota > 0 && call->info.counts.bytes + image->source.length > quota)
		return err_set(err, ERR_NO_SPACE, "The dataset's quota of %lld bytes is full", (long long)quota);
	if (!image->filepath)
		return 0;
	if (dataset_sample_by_path(call->dataset, image->filepath, &taken, err))
		return err->code != ERR_NOT_FOUND;
	sample_release(&taken);
	return err_set(err, ERR_CONFLICT, "Another image is at %s already", image->filepath);
}

static int store_bytes(struct call *call, const struct ingest_source *source, const char *key, const char *type,
                       struct err *err)
{
	struct blob_put put = {.key = key,
	                       .type = type,
	                       .public_read = call->info.place.policy.public_images,
	                       .sha256 = source->sha256,
	                       .length = source->length,
	                       .bytes = source->bytes,
	                       .fd = source->fd,
	                       .handover = true};

	return blob_put(call->app->blobs, &put, err);
}

static const char *key_dataset(const struct call *call)
{
	return blob_key_dataset(dataset_name(call->dataset), call->app->config.default_dataset);
}

static int store_metadata(struct call *call, const struct ingest_image *image, const struct image_info *info,
                          const char *key, const char *sha256, struct sample *out, bool *duplicate, struct err *err)
{
	const char *unnamed = blob_key_filepath(key, key_dataset(call));
	struct buf url;
	struct sample named = {.blob_key = (char *)key, .filepath = (char *)(image->filepath ? image->filepath : unnamed)};

	buf_init(&url, COLLECT_URL_MAX);
	int failed = call->info.place.policy.public_images ? ingest_url(call, &named, &url, err) : 0;
	struct dataset_image row = {.filepath = named.filepath,
	                            .label = image->label,
	                            .blob_key = key,
	                            .type = info->type,
	                            .sha256 = sha256,
	                            .filename = image->filename,
	                            .url = buf_text(&url),
	                            .is_public = call->info.place.policy.public_images,
	                            .bytes = image->source.length,
	                            .width = info->width,
	                            .height = info->height,
	                            .user = call->request->user};
	failed = failed || dataset_add_image(call->dataset, &row, call->app->config.limits.dataset_bytes, out, duplicate, err);
	buf_release(&url);
	return failed;
}

/* If the process dies between storing the bytes and the metadata, the intent's note lets the next start sweep the
 * bytes. */
static int note_and_store(struct call *call, const struct ingest_image *image, struct ingest_step *step,
                          struct err *err)
{
	if (intent_begin(call->app->intents, &step->intent, dataset_name(call->dataset), step->key, err))
		return -1;
	if (store_bytes(call, &image->source, step->key, step->info.type, err) == 0)
		return 0;
	intent_end(call->app->intents, step->intent, false);
	return -1;
}

/* Looks whether the dataset has these bytes already. */
static int find_twin(struct call *call, const struct ingest_step *step, struct sample *out, bool *duplicate,
                     struct err *err)
{
	*duplicate = dataset_sample_by_sha256(call->dataset, step->sha256, out, err) == 0;
	return !*duplicate && err->code != ERR_NOT_FOUND;
}

/* What takes the place, or fills the quota, may be the same image, sent by another request while this one was
 * checked. */
static int find_room(struct call *call, const struct ingest_image *image, const struct ingest_step *step,
                     struct sample *out, bool *duplicate, struct err *err)
{
	struct err refusal;

	if (check_room(call, image, &refusal) == 0)
		return 0;
	if (find_twin(call, step, out, duplicate, err))
		return -1;
	if (*duplicate)
		return 0;
	*err = refusal;
	return -1;
}

int ingest_bytes(struct call *call, const struct ingest_image *image, struct ingest_step *step, struct sample *out,
                 bool *duplicate, struct err *err)
{
	char uuid[HASH_UUID_MAX];

	if (image->filepath && ingest_filepath(image->filepath, err))
		return -1;
	hash_hex(image->source.sha256, sizeof(image->source.sha256), step->sha256);
	if (find_twin(call, step, out, duplicate, err))
		return -1;
	if (*duplicate)
		return 0;
	if (ingest_check(call, &image->source, &step->info, err) || find_room(call, image, step, out, duplicate, err))
		return -1;
	if (*duplicate)
		return 0;
	hash_image_uuid(dataset_name(call->dataset), image->source.sha256, uuid);
	return blob_key_image(step->key, key_dataset(call), image->label, uuid, step->info.type, err) ||
	       note_and_store(call, image, step, err);
}

/* If the dataset became public or private since its policy was read, makes the object so, too: the request that
 * changed the policy has seen only the samples that were there. Returns whether it did. */
static bool follow_policy(struct call *call, const char *key, struct err *err)
{
	struct dataset_place now;
	struct err later;

	if (dataset_place_now(call->dataset, &now, &later))
		return false;
	bool is_public = now.policy.public_images, changed = is_public != call->info.place.policy.public_images;
	dataset_place_release(&now);
	call->info.place.policy.public_images = is_public;
	return changed && blob_set_public(call->app->blobs, key, is_public, err) == 0;
}

int ingest_metadata(struct call *call, const struct ingest_image *image, struct ingest_step *step, struct sample *out,
                    bool *duplicate, struct err *err)
{
	int failed = store_metadata(call, image, &step->info, step->key, step->sha256, out, duplicate, err);

	for (int changes = 0; failed && err->code == ERR_CONFLICT && changes < POLICY_CHANGES_MAX; changes++) {
		if (!follow_policy(call, step->key, err))
			break;
		failed = store_metadata(call, image, &step->info, step->key, step->sha256, out, duplicate, err);
	}
	intent_end(call->app->intents, step->intent, !failed && strcmp(out->blob_key, step->key) == 0);
	return failed;
}

int ingest_store(struct call *call, const struct ingest_image *image, struct sample *out, bool *duplicate,
                 struct err *err)
{
	struct ingest_step step;

	if (ingest_bytes(call, image, &step, out, duplicate, err))
		return -1;
	return *duplicate ? 0 : ingest_metadata(call, image, &step, out, duplicate, err);
}

int ingest_url(struct call *call, const struct sample *sample, struct buf *out, struct err *err)
{
	struct buf url;

	buf_init(&url, COLLECT_URL_MAX);
	int failed = sample->blob_key[0] ? blob_url(call->app->blobs, sample->blob_key, call->info.place.policy.public_images,
	                                            SERVE_URL_SECONDS, &url, err)
	                                 : 0;
	if (!failed && url.len == 0)
		document_image_path(dataset_name(call->dataset), sample->filepath, &url);
	if (!failed && url.data[0] == '/')
		address_of_server(call->request, out);
	if (!failed)
		buf_str(out, buf_text(&url));
	buf_release(&url);
	return failed;
}
