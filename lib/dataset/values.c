/* The values of a dataset: their names, what they own, and a lease's token. */
#include "base/memory.h"
#include "base/text.h"
#include "dataset/backend.h"

/* --- names of values ---------------------------------------------------------------------------------------------- */

static const char *const order_names[] = {
	[DATASET_ORDER_SEQUENTIAL] = "sequential",
	[DATASET_ORDER_RANDOM] = "random",
};
static const char *const skip_names[] = {
	[DATASET_SKIP_REQUEUE_FOR_ME] = "requeue_for_me",
	[DATASET_SKIP_REQUEUE_FOR_OTHERS] = "requeue_for_others",
	[DATASET_SKIP_IGNORE] = "ignore",
};
static const char *const state_names[] = {
	[SAMPLE_UNLABELLED] = "unlabelled",
	[SAMPLE_LABELLED] = "labelled",
	[SAMPLE_SKIPPED] = "skipped",
	[SAMPLE_UNREADABLE] = "unreadable",
	[SAMPLE_REVIEW] = "review",
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static int index_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

const char *dataset_order_name(enum dataset_order order)
{
	return (size_t)order < COUNT(order_names) ? order_names[order] : NULL;
}

int dataset_order_parse(const char *name, enum dataset_order *out, struct err *err)
{
	int found = index_of(order_names, COUNT(order_names), strcmp(name, "insertion") == 0 ? "sequential" : name);

	if (strcmp(name, "least_sure") == 0)
		return err_set(err, ERR_BAD_REQUEST, "The order \"least_sure\" needs predictions, and the dataset has none");
	if (found < 0)
		return err_set(err, ERR_BAD_REQUEST, "The order \"%s\" is neither sequential nor random", name);
	*out = (enum dataset_order)found;
	return 0;
}

const char *dataset_skip_name(enum dataset_skip skip)
{
	return (size_t)skip < COUNT(skip_names) ? skip_names[skip] : NULL;
}

int dataset_skip_parse(const char *name, enum dataset_skip *out, struct err *err)
{
	int found = index_of(skip_names, COUNT(skip_names), name);

	if (found < 0)
		return err_set(err, ERR_BAD_REQUEST,
		               "The skip policy \"%s\" is not one of requeue_for_me, requeue_for_others and ignore", name);
	*out = (enum dataset_skip)found;
	return 0;
}

const char *sample_state_name(enum sample_state state)
{
	return state_names[state];
}

bool sample_state_parse(const char *name, enum sample_state *out)
{
	int found = index_of(state_names, COUNT(state_names), name);

	if (found >= 0)
		*out = (enum sample_state)found;
	return found >= 0;
}

struct dataset_policy dataset_policy_default(void)
{
	return (struct dataset_policy){.overlap = 1, .skip = DATASET_SKIP_REQUEUE_FOR_ME};
}

int64_t dataset_policy_most(const struct dataset_policy *policy)
{
	int64_t most = policy->overlap_max ? policy->overlap_max : policy->overlap + DATASET_OVERLAP_MORE;

	return most < DATASET_OVERLAP_MAX ? most : DATASET_OVERLAP_MAX;
}

bool dataset_policy_shuffles(const struct dataset_policy *policy)
{
	return policy->order == DATASET_ORDER_RANDOM || policy->gold_rate > 0;
}

/* --- ownership ---------------------------------------------------------------------------------------------------- */

void sample_release(struct sample *sample)
{
	free(sample->filepath);
	free(sample->label);
	free(sample->blob_key);
	free(sample->type);
	free(sample->sha256);
	free(sample->filename);
	free(sample->uploaded_by);
	free(sample->labelled_by);
	free(sample->flag);
	free(sample->flagged_by);
	free(sample->file_sha256);
	memset(sample, 0, sizeof(*sample));
}

static char *copy_or_empty(const char *text)
{
	return memory_text(text ? text : "");
}

void sample_copy(struct sample *out, const struct sample *from)
{
	*out = *from;
	out->filepath = copy_or_empty(from->filepath);
	out->label = copy_or_empty(from->label);
	out->blob_key = copy_or_empty(from->blob_key);
	out->type = copy_or_empty(from->type);
	out->sha256 = copy_or_empty(from->sha256);
	out->filename = copy_or_empty(from->filename);
	out->uploaded_by = copy_or_empty(from->uploaded_by);
	out->labelled_by = copy_or_empty(from->labelled_by);
	out->flag = from->flag ? memory_text(from->flag) : NULL;
	out->flagged_by = copy_or_empty(from->flagged_by);
	out->file_sha256 = copy_or_empty(from->file_sha256);
}

void task_release(struct task *task)
{
	sample_release(&task->sample);
	memset(task, 0, sizeof(*task));
}

void tasks_release(struct task *tasks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		task_release(&tasks[i]);
}

void dataset_place_release(struct dataset_place *place)
{
	free(place->base_dir);
	memset(place, 0, sizeof(*place));
}

int label_unknown(int64_t key, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "The dataset has no label with the key %lld", (long long)key);
}

int feed_gone(const char *why, struct err *err)
{
	return err_set(err, ERR_GONE, "What follows \"after\" is not known any more, since %s: begin again without it", why);
}

int label_by_key(const void *a, const void *b)
{
	const struct dataset_label *one = a, *other = b;

	return (one->key > other->key) - (one->key < other->key);
}

int label_by_position(const void *a, const void *b)
{
	const struct dataset_label *one = a, *other = b;
	int place = (one->position > other->position) - (one->position < other->position);

	return place ? place : label_by_key(a, b);
}

void dataset_labels_release(struct dataset_labels *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		free(labels->item[i].name);
		free(labels->item[i].description);
	}
	free(labels->item);
	memset(labels, 0, sizeof(*labels));
}

const char *dataset_labels_find(const struct dataset_labels *labels, const char *name)
{
	for (size_t i = 0; i < labels->count; i++) {
		if (strcmp(labels->item[i].name, name) == 0)
			return labels->item[i].name;
	}
	for (size_t i = 0; !text_is_ascii(name) && i < labels->count; i++) {
		if (text_same(labels->item[i].name, name))
			return labels->item[i].name;
	}
	return NULL;
}

void dataset_info_release(struct dataset_info *info)
{
	dataset_place_release(&info->place);
	dataset_labels_release(&info->labels);
	memset(info, 0, sizeof(*info));
}

void former_labels_add(struct former_labels *labels, const char *name, const char *now)
{
	labels->item = memory_grow(labels->item, labels->count + 1, sizeof(*labels->item));
	labels->item[labels->count++] =
		(struct former_label){.name = memory_text(name), .now = now ? memory_text(now) : NULL};
}

void former_labels_release(struct former_labels *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		free(labels->item[i].name);
		free(labels->item[i].now);
	}
	free(labels->item);
	memset(labels, 0, sizeof(*labels));
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

void task_token(int64_t sample, char out[DATASET_TOKEN_MAX])
{
	char random[HASH_TOKEN_MAX];

	hash_random_token(HASH_TOKEN_BYTES, random);
	snprintf(out, DATASET_TOKEN_MAX, "%llx-%.22s", (unsigned long long)sample, random);
}

int64_t task_token_sample(const char *token)
{
	static const char digits[] = "0123456789abcdef";
	int64_t id = 0;

	for (; *token && *token != '-'; token++) {
		const char *digit = strchr(digits, *token);

		if (!digit || id > INT64_MAX >> 4)
			return -1;
		id = id * 16 + (digit - digits);
	}
	return *token == '-' ? id : -1;
}

const char *usable_request(const char *request)
{
	return request && request[0] && strlen(request) <= DATASET_REQUEST_MAX ? request : NULL;
}
