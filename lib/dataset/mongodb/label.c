/* Changing the labels of a dataset in MongoDB. */
#include "dataset/mongodb/internal.h"

/* --- writing while no name is being changed ----------------------------------------------------------------------- */

enum { WAITS_MAX = 100 }; /* changes of names begun by others, each of which is completed first */

struct label_job {
	struct mongodb_dataset *dataset;
	int64_t key;
	const char *name;
	bool waits; /* it must wait until the change under way is complete, and has written nothing */
	/* one of these: */
	const struct label_change *change;
	int64_t into;
	const char *user;
	int64_t added;

	/* as read by job_begin, and released by job_end: */
	struct settings settings;
	struct label_set labels; /* in order of name */
	struct formers formers;
	char *was; /* the name of the key's label */
};

static void job_end(struct label_job *job)
{
	settings_release(&job->settings);
	label_set_release(&job->labels);
	formers_release(&job->formers);
	free(job->was);
	job->was = NULL;
}

static int job_begin(struct label_job *job, struct work *work, struct err *err)
{
	const char *name = job->dataset->base.name;

	job_end(job);
	job->waits = false;
	if (settings_read(work, name, &job->settings, err) || labels_read(work, name, &job->labels, err) ||
	    formers_read(work, name, &job->formers, err))
		return -1;
	job->was = label_set_name(&job->labels, job->key);
	return 0;
}

/* Runs the job, and everything that follows from it. */
static int job_run(struct label_job *job, work_run *run, struct err *err)
{
	int failed = 0;

	pthread_mutex_lock(&job->dataset->structure);
	for (unsigned waits = 0; !failed && waits < WAITS_MAX; waits++) {
		failed = work_transaction(job->dataset->store, run, job, err) || settings_refresh(job->dataset, err) ||
		         catch_up(job->dataset, err);
		if (!job->waits)
			break;
	}
	pthread_mutex_unlock(&job->dataset->structure);
	if (!failed && job->waits)
		failed = err_set(err, ERR_UNAVAILABLE, "Others are changing the dataset's labels");
	job_end(job);
	return failed;
}

/* Sets the name of the label with this key (NULL: removes it). */
static int set_name(struct work *work, const char *dataset, int64_t key, const char *name, struct err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)key);
	return work_update(work, "labels", BCON_NEW("_id", BCON_UTF8(dataset)),
	                   name ? BCON_NEW("$set", "{", text, BCON_UTF8(name), "}")
	                        : BCON_NEW("$unset", "{", text, BCON_UTF8(""), "}"),
	                   false, NULL, err);
}

/* From now on the labels are changed; merged -1: it is a new name. */
static int relabelling_begin(struct label_job *job, struct work *work, const char *to, int64_t merged, struct err *err)
{
	bson_oid_t id = new_revision();

	return formers_write(work, job->dataset->base.name, &job->formers, err) ||
	       work_update(work, "datasets", filter_dataset(job->dataset->base.name),
	                   BCON_NEW("$set", "{", "revision", BCON_OID(&id), "relabelling", "{", "id", BCON_OID(&id), "from",
	                            BCON_UTF8(job->was), "to", BCON_UTF8(to), "merged", BCON_INT64(merged), "by",
	                            BCON_UTF8(job->user ? job->user : ""), "}", "}"),
	                   false, NULL, err);
}

/* --- adding ------------------------------------------------------------------------------------------------------- */

static int run_label_add(struct work *work, void *data, struct err *err)
{
	struct label_job *job = data;
	const char *name = job->dataset->base.name;

	if (job_begin(job, work, err))
		return -1;
	job->waits = job->settings.relabelling.from && strcmp(job->settings.relabelling.from, job->name) == 0;
	return !job->waits && (labels_insert(work, name, &job->settings, &job->name, 1, &job->key, &job->added, err) ||
	                       (job->added && settings_save(work, name, &job->settings, err)));
}

int mongodb_label_add(struct dataset *base, const char *name, int64_t *key, bool *created, struct err *err)
{
	struct label_job job = {.dataset = mongodb_dataset(base), .name = name};

	pthread_mutex_lock(&job.dataset->structure);
	int failed = work_transaction(job.dataset->store, run_label_add, &job, err);
	pthread_mutex_unlock(&job.dataset->structure);
	job_end(&job);
	if (!failed && job.waits)
		failed = job_run(&job, run_label_add, err);
	*key = job.key;
	*created = job.added > 0;
	return failed;
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

static bson_t *details_update(const struct label_job *job)
{
	const struct label_change *change = job->change;
	bson_t *update = bson_new(), set;
	char field[64];

	BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
	snprintf(field, sizeof(field), "of.%lld.colour", (long long)job->key);
	if (change->colour)
		BSON_APPEND_UTF8(&set, field, change->colour);
	snprintf(field, sizeof(field), "of.%lld.description", (long long)job->key);
	if (change->description)
		BSON_APPEND_UTF8(&set, field, change->description);
	snprintf(field, sizeof(field), "of.%lld.position", (long long)job->key);
	if (change->moves)
		BSON_APPEND_DOUBLE(&set, field, change->position);
	bson_append_document_end(update, &set);
	return update;
}

static int job_rename(struct label_job *job, struct work *work, struct err *err)
{
	const char *name = job->change->name;
	const struct dataset_label *holder = label_set_find(&job->labels, name);

	job->waits = job->settings.relabelling.from;
	if (job->waits)
		return 0;
	formers_forget(&job->formers, name);
	formers_note(&job->formers, job->was, job->key, job->key, "");
	return rules_rename(job->key, name, holder ? holder->key : -1, err) ||
	       set_name(work, job->dataset->base.name, job->key, name, err) || relabelling_begin(job, work, name, -1, err);
}

static int run_label_change(struct work *work, void *data, struct err *err)
{
	struct label_job *job = data;
	const struct label_change *change = job->change;

	if (job_begin(job, work, err))
		return -1;
	if (!job->was)
		return label_unknown(job->key, err);
	if (change->name && strcmp(change->name, job->was) != 0 && job_rename(job, work, err))
		return -1;
	if (job->waits || (!change->colour && !change->description && !change->moves))
		return 0;
	return work_update(work, "label_details", BCON_NEW("_id", BCON_UTF8(job->dataset->base.name)), details_update(job),
	                   true, NULL, err);
}

int mongodb_label_change(struct dataset *base, int64_t key, const struct label_change *change, struct err *err)
{
	struct label_job job = {.dataset = mongodb_dataset(base), .key = key, .change = change};

	if (change->name)
		return job_run(&job, run_label_change, err);
	int failed = work_transaction(job.dataset->store, run_label_change, &job, err);
	job_end(&job);
	return failed;
}

/* --- ending ------------------------------------------------------------------------------------------------------- */

/* What had become the first label is the other one now. */
static void formers_follow(struct formers *formers, int64_t key, int64_t into, const char *user)
{
	for (size_t i = 0; i < formers->count; i++) {
		struct former *former = &formers->item[i];

		if (former->key != key)
			continue;
		former->key = into;
		if (former->by[0] == '\0') {
			free(former->by);
			former->by = memory_text(user);
		}
	}
}

static int run_label_merge(struct work *work, void *data, struct err *err)
{
	struct label_job *job = data;

	if (job_begin(job, work, err))
		return -1;
	job->waits = job->settings.relabelling.from;
	if (job->waits)
		return 0;
	if (!job->was)
		return label_unknown(job->key, err);
	char *into = label_set_name(&job->labels, job->into);
	int failed = rules_merge_labels(job->key, job->into, into, err);
	if (!failed) {
		formers_follow(&job->formers, job->key, job->into, job->user);
		formers_note(&job->formers, job->was, job->into, job->key, job->user);
		failed = relabelling_begin(job, work, into, job->key, err);
	}
	free(into);
	return failed;
}

int mongodb_label_merge(struct dataset *base, int64_t key, int64_t into, const char *user, struct err *err)
{
	struct label_job job = {.dataset = mongodb_dataset(base), .key = key, .into = into, .user = user};

	return job_run(&job, run_label_merge, err);
}

static int note_used(void *data, const bson_t *document, struct err *err)
{
	(void)document;
	(void)err;
	*(bool *)data = true;
	return WORK_ENOUGH;
}

static int uses_any(struct work *work, const char *dataset, const char *field, const char *label, bool *used,
                    struct err *err)
{
	return work_find(work, "images", BCON_NEW("dataset", BCON_UTF8(dataset), field, BCON_UTF8(label)),
	                 opts_hint("id", 1), note_used, used, err);
}

static int sum_count(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(int64_t *)data += number_in(document, "n");
	return 0;
}

/* Checks the counters first; only then all samples. */
static int uses_find(struct work *work, const char *dataset, const char *label, struct rules_uses *uses,
                     struct err *err)
{
	*uses = (struct rules_uses){0};
	if (work_find(work, "counters",
	              BCON_NEW("dataset", BCON_UTF8(dataset), "kind", BCON_UTF8("label"), "name", BCON_UTF8(label)), NULL,
	              sum_count, &uses->samples, err))
		return -1;
	return uses->samples == 0 && (uses_any(work, dataset, "votes.label", label, &uses->votes, err) ||
	                              uses_any(work, dataset, "decision.label", label, &uses->decisions, err));
}

static int run_label_remove(struct work *work, void *data, struct err *err)
{
	struct label_job *job = data;
	bson_oid_t revision = new_revision();

	if (job_begin(job, work, err))
		return -1;
	job->waits = job->settings.relabelling.from;
	if (job->waits)
		return 0;
	if (!job->was)
		return label_unknown(job->key, err);
	if (strcmp(job->was, job->name) != 0)
		return err_set(err, ERR_CONFLICT, "The label %s was renamed meanwhile", job->name);
	for (size_t i = 0; i < job->formers.count; i++) {
		if (job->formers.item[i].key == job->key)
			job->formers.item[i].key = -1;
	}
	formers_note(&job->formers, job->was, -1, job->key, "");
	return set_name(work, job->dataset->base.name, job->key, NULL, err) ||
	       formers_write(work, job->dataset->base.name, &job->formers, err) ||
	       work_update(work, "datasets", filter_dataset(job->dataset->base.name),
	                   BCON_NEW("$set", "{", "revision", BCON_OID(&revision), "}"), false, NULL, err);
}

/* Checks the label that is to be removed; the caller frees *name in any case. */
static int check_unused(struct mongodb_dataset *dataset, int64_t key, char **name, struct err *err)
{
	struct label_set labels = {.count = 0};
	struct rules_uses uses;
	struct work work;
	int failed = work_begin(&work, dataset->store, err) || labels_read(&work, dataset->base.name, &labels, err);

	if (!failed) {
		*name = label_set_name(&labels, key);
		failed = *name ? uses_find(&work, dataset->base.name, *name, &uses, err) ||
		                         rules_remove_label(*name, &uses, err)
		               : label_unknown(key, err);
	}
	label_set_release(&labels);
	work_end(&work);
	return failed;
}

/* The check comes before, outside of a transaction, since it may take long. If somebody gives the label meanwhile,
 * it is put back (relabel_late). */
int mongodb_label_remove(struct dataset *base, int64_t key, struct err *err)
{
	char *name = NULL;
	int failed = check_unused(mongodb_dataset(base), key, &name, err);
	struct label_job job = {.dataset = mongodb_dataset(base), .key = key, .name = name};

	failed = failed || job_run(&job, run_label_remove, err);
	free(name);
	return failed;
}

/* --- names of before ---------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct former_label *)a)->name, ((const struct former_label *)b)->name);
}

int mongodb_label_former(struct dataset *base, struct former_labels *out, struct err *err)
{
	struct formers formers = {.count = 0};
	struct label_set labels = {.count = 0};
	struct work work;
	int failed = work_begin(&work, mongodb_dataset(base)->store, err) ||
	             formers_read(&work, base->name, &formers, err) ||
	             (formers.count > 0 && labels_read(&work, base->name, &labels, err));

	work_end(&work);
	*out = (struct former_labels){.count = 0};
	for (size_t i = 0; i < formers.count && !failed; i++) {
		char *now = label_set_name(&labels, formers.item[i].key);

		former_labels_add(out, formers.item[i].name, now);
		free(now);
	}
	if (out->count > 1)
		qsort(out->item, out->count, sizeof(*out->item), by_name);
	label_set_release(&labels);
	formers_release(&formers);
	return failed;
}
