/* Builds the JSON documents of datasets, samples and tasks. */
#include "fastcgi/document.h"

#include "base/image_type.h"
#include "base/json.h"
#include "base/text.h"
#include "dataset/task.h"

enum { PATH_BYTES_MAX = 4 * (TEXT_FILEPATH_MAX + TEXT_DATASET_NAME_MAX) };

static cJSON *counts_document(const struct dataset_counts *counts)
{
	cJSON *document = json_new_object();

	json_add_int64(document, "labelled", counts->labelled);
	json_add_int64(document, "unlabelled", counts->unlabelled);
	json_add_int64(document, "skipped", counts->skipped);
	json_add_int64(document, "unreadable", counts->unreadable);
	json_add_int64(document, "review", counts->review);
	json_add_int64(document, "leased", counts->leased);
	return document;
}

const char *document_key(int64_t key, char out[DOCUMENT_KEY_MAX])
{
	snprintf(out, DOCUMENT_KEY_MAX, "%lld", (long long)key);
	return out;
}

cJSON *document_label(const struct dataset_label *label)
{
	cJSON *document = json_new_object();
	char key[DOCUMENT_KEY_MAX];

	json_add_string(document, "key", document_key(label->key, key));
	json_add_string(document, "name", label->name);
	json_add_int64(document, "count", label->count);
	json_add_string_or_null(document, "colour", label->colour[0] ? label->colour : NULL);
	json_add_string(document, "description", label->description ? label->description : "");
	json_add_number(document, "position", label->position);
	return document;
}

static cJSON *labels_document(const struct dataset_labels *all)
{
	cJSON *labels = json_new_array();

	for (size_t i = 0; i < all->count; i++)
		json_append(labels, document_label(&all->item[i]));
	return labels;
}

static cJSON *document_policy(const struct dataset_policy *policy)
{
	cJSON *document = json_new_object();

	json_add_int64(document, "overlap", policy->overlap);
	json_add_int64(document, "overlap_max", dataset_policy_most(policy));
	json_add_int64(document, "lease_seconds", policy->lease_seconds);
	json_add_string(document, "order", dataset_order_name(policy->order));
	json_add_string(document, "skip", dataset_skip_name(policy->skip));
	json_add_bool(document, "public", policy->public_images);
	json_add_int64(document, "gold_rate", policy->gold_rate);
	return document;
}

int document_policy_parse(const cJSON *document, struct dataset_policy *policy, unsigned *fields, struct err *err)
{
	/* in the order of enum dataset_policy_field's bits */
	static const char *const keys[] = {"overlap", "lease_seconds", "order", "skip", "public", "overlap_max",
	                                   "gold_rate", NULL};
	const char *order = NULL, *skip = NULL;

	if (!document)
		return 0;
	for (unsigned i = 0; keys[i]; i++) {
		const cJSON *field = cJSON_GetObjectItemCaseSensitive(document, keys[i]);

		if (field && !cJSON_IsNull(field))
			*fields |= 1U << i;
	}
	return json_only(document, "A policy", keys, err) ||
	       json_int64(document, "overlap", false, 1, DATASET_OVERLAP_MAX, &policy->overlap, err) ||
	       json_int64(document, "overlap_max", false, 1, DATASET_OVERLAP_MAX, &policy->overlap_max, err) ||
	       json_int64(document, "lease_seconds", false, 1, DATASET_LEASE_SECONDS_MAX,
	                  &policy->lease_seconds, err) ||
	       json_string(document, "order", false, &order, err) ||
	       (order && dataset_order_parse(order, &policy->order, err)) ||
	       json_string(document, "skip", false, &skip, err) ||
	       (skip && dataset_skip_parse(skip, &policy->skip, err)) ||
	       json_bool(document, "public", false, &policy->public_images, err) ||
	       json_int64(document, "gold_rate", false, 0, 100, &policy->gold_rate, err);
}

cJSON *document_dataset(const char *name, const struct dataset_info *info)
{
	cJSON *document = json_new_object();

	json_add_string(document, "name", name);
	json_add_string(document, "base_dir", info->place.base_dir);
	json_add_int64(document, "size", info->counts.size);
	json_add(document, "counts", counts_document(&info->counts));
	json_add(document, "labels", labels_document(&info->labels));
	json_add(document, "policy", document_policy(&info->place.policy));
	return document;
}

/* Browsers and nginx take "." and ".." out of an address before anyone sees them (RFC 3986, 5.2.4). */
static bool has_dot_segment(const char *filepath)
{
	for (const char *segment = filepath;; segment++) {
		size_t len = strcspn(segment, "/");

		if (len > 0 && len <= 2 && strspn(segment, ".") >= len)
			return true;
		segment += len;
		if (!*segment)
			return false;
	}
}

void document_image_path(const char *dataset, const struct sample *sample, struct buf *out)
{
	bool by_id = has_dot_segment(sample->filepath);

	buf_str(out, by_id ? "/v1/datasets/" : "/images/");
	text_percent_encode_segment(dataset, out);
	if (by_id)
		buf_printf(out, "/samples/%lld/image#", (long long)sample->id);
	else
		buf_char(out, '/');
	text_percent_encode(sample->filepath, out);
}

static void thumb_path(const char *dataset, int64_t id, int size, const char *version, struct buf *out)
{
	buf_str(out, "/v1/datasets/");
	text_percent_encode_segment(dataset, out);
	buf_printf(out, "/samples/%lld/thumb?size=%d", (long long)id, size);
	if (version[0])
		buf_printf(out, "&v=%s", version);
}

bool document_is_shown(const struct sample *sample)
{
	const struct image_type *type = sample->type && *sample->type ? image_type_of(sample->type)
	                                                              : image_type_by_name(sample->filepath);

	return !type || type->shown || !type->taken;
}

void document_add_text(cJSON *document, const char *key, const char *value)
{
	json_add_string_or_null(document, key, value && *value ? value : NULL);
}

void document_add_number(cJSON *document, const char *key, int64_t value)
{
	if (value > 0)
		json_add_int64(document, key, value);
	else
		json_add_null(document, key);
}

cJSON *document_sample(const char *dataset, const struct sample *sample, const char *image_url,
                       const char *thumb_version)
{
	cJSON *document = json_new_object();
	struct buf url;

	buf_init(&url, PATH_BYTES_MAX);
	if (!document_is_shown(sample))
		thumb_path(dataset, sample->id, DOCUMENT_RENDITION_SIZE, thumb_version, &url);
	else if (!image_url)
		document_image_path(dataset, sample, &url);
	json_add_int64(document, "id", sample->id);
	json_add_string(document, "filepath", sample->filepath);
	json_add_string(document, "label", sample->label);
	json_add_string(document, "state", sample_state_name(sample->state));
	json_add_int64(document, "version", sample->version);
	json_add_string_or_null(document, "flag", sample->flag);
	document_add_text(document, "flagged_by", sample->flagged_by);
	document_add_text(document, "sha256", sample->sha256);
	document_add_number(document, "bytes", sample->bytes);
	document_add_text(document, "type", sample->type);
	document_add_number(document, "width", sample->width);
	document_add_number(document, "height", sample->height);
	json_add_string(document, "image_url", url.len > 0 ? buf_text(&url) : image_url);
	buf_clear(&url);
	thumb_path(dataset, sample->id, DOCUMENT_THUMB_SIZE, thumb_version, &url);
	json_add_string(document, "thumb_url", buf_text(&url));
	json_add_time(document, "uploaded_at", sample->uploaded_at);
	document_add_text(document, "uploaded_by", sample->uploaded_by);
	json_add_time(document, "labelled_at", sample->labelled_at);
	document_add_text(document, "labelled_by", sample->labelled_by);
	buf_release(&url);
	return document;
}

cJSON *document_task(const struct task *task, cJSON *sample)
{
	cJSON *document = json_new_object();

	json_add_string(document, "token", task->token);
	json_add_time(document, "expires_at", task->expires_at);
	if (sample)
		json_add(document, "sample", sample);
	return document;
}
