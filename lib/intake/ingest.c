/* Checks and stores uploaded images. */
#include "intake/ingest.h"

#include "base/memory.h"
#include "base/text.h"
#include "dataset/removal.h"

enum {
	POLICY_CHANGES_MAX = 8, /* between public and private, while one image is stored */
	REMOVALS_MAX = 8,       /* of the same bytes, meanwhile */
};

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

static const char *ingest_label_by_key(const struct dataset_labels *labels, const char *given)
{
	char text[32];
	int64_t key;

	if (text_int64(given, INT64_MIN, INT64_MAX, &key))
		return NULL;
	snprintf(text, sizeof(text), "%lld", (long long)key);
	for (size_t i = 0; i < labels->count && strcmp(text, given) == 0; i++) {
		if (labels->item[i].key == key)
			return labels->item[i].name;
	}
	return NULL;
}

int ingest_label(struct dataset *dataset, const char *given, char **out, struct err *err)
{
	struct dataset_labels labels = {.count = 0};

	if (*given && dataset_labels(dataset, &labels, err))
		return -1;
	const char *found = *given ? dataset_labels_find(&labels, given) : "";
	if (!found)
		found = ingest_label_by_key(&labels, given);
	*out = found ? memory_text(found) : NULL;
	dataset_labels_release(&labels);
	return found ? 0 : err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", given);
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

static int ingest_check(const struct ingest *ingest, const struct ingest_source *source, struct image_info *info,
                        struct err *err)
{
	if (source->length == 0)
		return err_set(err, ERR_BAD_REQUEST, "The file is empty");
	return source->bytes ? image_check_bytes(source->bytes, (size_t)source->length, ingest->pixels_max, info, err)
	                     : image_check_fd(source->fd, ingest->pixels_max, info, err);
}

/* Refuses what it can before the bytes are stored; the write checks the same again. */
static int ingest_check_room(struct ingest *ingest, const struct ingest_image *image, struct err *err)
{
	int64_t quota = ingest->quota_bytes;
	struct sample taken;

	if (quota > 0 && atomic_load(&ingest->bytes) + image->source.length > quota)
		return err_set(err, ERR_NO_SPACE, "The dataset's quota of %lld bytes is full", (long long)quota);
	if (!image->filepath)
		return 0;
	if (dataset_sample_by_path(ingest->dataset, image->filepath, &taken, err))
		return err->code != ERR_NOT_FOUND;
	sample_release(&taken);
	return err_set(err, ERR_CONFLICT, "Another image is at %s already", image->filepath);
}

static int store_bytes(struct ingest *ingest, const struct ingest_source *source, const struct ingest_step *step,
                       struct err *err)
{
	struct blob_put put = {.key = step->key,
	                       .type = step->info.type,
	                       .public_read = step->is_public,
	                       .sha256 = source->sha256,
	                       .length = source->length,
	                       .bytes = source->bytes,
	                       .fd = source->fd,
	                       .handover = true};

	return blob_put(ingest->blobs, &put, err);
}

int ingest_url(struct blob_store *blobs, const char *key, const char *base_url, struct buf *out, struct err *err)
{
	struct buf url;

	buf_init(&url, INGEST_URL_MAX);
	int failed = blob_url(blobs, key, true, 0, &url, err);
	if (!failed && buf_text(&url)[0] == '/') /* on this server */
		buf_str(out, base_url);
	if (!failed)
		buf_str(out, buf_text(&url));
	buf_release(&url);
	return failed;
}

static int store_metadata(struct ingest *ingest, const struct ingest_image *image, const struct ingest_step *step,
                          struct sample *out, bool *duplicate, struct err *err)
{
	struct buf url;

	buf_init(&url, INGEST_URL_MAX);
	int failed = step->is_public ? ingest_url(ingest->blobs, step->key, ingest->base_url, &url, err) : 0;
	struct dataset_image row = {.filepath = image->filepath ? image->filepath
	                                                        : blob_key_filepath(step->key, ingest->key_dataset),
	                            .label = image->label,
	                            .blob_key = step->key,
	                            .type = step->info.type,
	                            .sha256 = step->sha256,
	                            .filename = image->filename,
	                            .url = buf_text(&url),
	                            .is_public = step->is_public,
	                            .bytes = image->source.length,
	                            .width = step->info.width,
	                            .height = step->info.height,
	                            .user = ingest->user};
	failed = failed || dataset_add_image(ingest->dataset, &row, ingest->quota_bytes, out, duplicate, err);
	buf_release(&url);
	return failed;
}

/* If the process dies between storing the bytes and the metadata, the intent's note lets the next start sweep the
 * bytes. */
static int note_and_store(struct ingest *ingest, const struct ingest_image *image, struct ingest_step *step,
                          struct err *err)
{
	if (intent_begin(ingest->intents, &step->intent, dataset_name(ingest->dataset), step->key, err))
		return -1;
	if (store_bytes(ingest, &image->source, step, err) == 0)
		return 0;
	intent_end(ingest->intents, step->intent, false);
	return -1;
}

/* Looks whether the dataset has these bytes already. */
static int find_twin(struct ingest *ingest, const struct ingest_step *step, struct sample *out, bool *duplicate,
                     struct err *err)
{
	*duplicate = dataset_sample_by_sha256(ingest->dataset, step->sha256, out, err) == 0;
	return !*duplicate && err->code != ERR_NOT_FOUND;
}

/* What takes the place, or fills the quota, may be the same image, sent by another request while this one was
 * checked. */
static int find_room(struct ingest *ingest, const struct ingest_image *image, const struct ingest_step *step,
                     struct sample *out, bool *duplicate, struct err *err)
{
	struct err refusal;

	if (ingest_check_room(ingest, image, &refusal) == 0)
		return 0;
	if (find_twin(ingest, step, out, duplicate, err))
		return -1;
	if (*duplicate)
		return 0;
	*err = refusal;
	return -1;
}

/* The same bytes have the same key, so that storing them again changes nothing. But the key of a removed image is not
 * used again: another machine may still be removing its object. So the next key follows from
 * the bytes and the removed sample. */
static int name_bytes(struct ingest *ingest, const struct ingest_image *image, struct ingest_step *step,
                      struct err *err)
{
	unsigned char digest[HASH_SHA256_SIZE];
	char uuid[HASH_UUID_MAX], text[HASH_SHA256_HEX + 24];

	if (dataset_removed_bytes(ingest->dataset, step->sha256, &step->removed, err))
		return -1;
	memcpy(digest, image->source.sha256, sizeof(digest));
	if (step->removed >= 0) {
		snprintf(text, sizeof(text), "%s/%lld", step->sha256, (long long)step->removed);
		hash_sha256(text, strlen(text), digest);
	}
	hash_image_uuid(dataset_name(ingest->dataset), digest, uuid);
	return blob_key_image(step->key, ingest->key_dataset, image->label, uuid, step->info.type, err);
}

int ingest_bytes(struct ingest *ingest, const struct ingest_image *image, struct ingest_step *step, struct sample *out,
                 bool *duplicate, struct err *err)
{
	if (image->filepath && ingest_filepath(image->filepath, err))
		return -1;
	hash_hex(image->source.sha256, sizeof(image->source.sha256), step->sha256);
	step->is_public = atomic_load(&ingest->is_public);
	if (find_twin(ingest, step, out, duplicate, err))
		return -1;
	if (*duplicate)
		return 0;
	if (ingest_check(ingest, &image->source, &step->info, err) || find_room(ingest, image, step, out, duplicate, err))
		return -1;
	if (*duplicate)
		return 0;
	return name_bytes(ingest, image, step, err) || note_and_store(ingest, image, step, err);
}

/* If the dataset became public or private since its policy was read, makes the object so, too: the request that
 * changed the policy has seen only the samples that were there. Returns whether it did. */
static bool follow_policy(struct ingest *ingest, struct ingest_step *step, struct err *err)
{
	struct dataset_place now;
	struct err later;

	if (dataset_place_now(ingest->dataset, &now, &later))
		return false;
	bool is_public = now.policy.public_images, changed = is_public != step->is_public;
	dataset_place_release(&now);
	step->is_public = is_public;
	atomic_store(&ingest->is_public, is_public);
	return changed && blob_set_public(ingest->blobs, step->key, is_public, err) == 0;
}

static int store_metadata_by_policy(struct ingest *ingest, const struct ingest_image *image, struct ingest_step *step,
                                    struct sample *out, bool *duplicate, struct err *err)
{
	int failed = store_metadata(ingest, image, step, out, duplicate, err);

	for (int changes = 0; failed && err->code == ERR_CONFLICT && changes < POLICY_CHANGES_MAX; changes++) {
		if (!follow_policy(ingest, step, err))
			break;
		failed = store_metadata(ingest, image, step, out, duplicate, err);
	}
	return failed;
}

/* If these bytes were a sample that was removed since they got their key, stores them under the next one; the object of
 * the former is swept by its note. Returns whether it did. */
static bool follow_removal(struct ingest *ingest, const struct ingest_image *image, struct ingest_step *step)
{
	int64_t removed = step->removed;
	struct ingest_step next = *step;
	struct err ignored;

	if (name_bytes(ingest, image, &next, &ignored) || next.removed == removed ||
	    note_and_store(ingest, image, &next, &ignored))
		return false;
	intent_end(ingest->intents, step->intent, false);
	*step = next;
	return true;
}

int ingest_metadata(struct ingest *ingest, const struct ingest_image *image, struct ingest_step *step,
                    struct sample *out, bool *duplicate, struct err *err)
{
	int failed = store_metadata_by_policy(ingest, image, step, out, duplicate, err);

	for (int removals = 0; failed && err->code == ERR_CONFLICT && removals < REMOVALS_MAX; removals++) {
		if (!follow_removal(ingest, image, step))
			break;
		failed = store_metadata_by_policy(ingest, image, step, out, duplicate, err);
	}
	intent_end(ingest->intents, step->intent, !failed && strcmp(out->blob_key, step->key) == 0);
	if (!failed && !*duplicate)
		atomic_fetch_add(&ingest->bytes, image->source.length);
	return failed;
}

int ingest_store(struct ingest *ingest, const struct ingest_image *image, struct sample *out, bool *duplicate,
                 struct err *err)
{
	struct ingest_step step;

	if (ingest_bytes(ingest, image, &step, out, duplicate, err))
		return -1;
	return *duplicate ? 0 : ingest_metadata(ingest, image, &step, out, duplicate, err);
}

