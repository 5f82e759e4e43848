/* Checks the form of every argument of a correction, then asks the dataset's backend. */
#include "dataset/correct.h"

#include "base/memory.h"
#include "base/text.h"
#include "dataset/backend.h"
#include "dataset/spelling.h"

static struct sample_change make_change(enum sample_act act, int64_t id, const struct correction *correction)
{
	return (struct sample_change){.act = act,
	                              .id = id,
	                              .user = correction->user,
	                              .annotates = correction->annotates,
	                              .own = correction->own,
	                              .request = usable_request(correction->request),
	                              .lead_time_ms = -1,
	                              .of_version = correction->of_version,
	                              .version = correction->version};
}

/* Makes the changes, each of which has the label. A label that the dataset lacks may be another spelling, or a
 * former name: that is looked up only then, since most labels are given as shown. */
static int make_changes(struct dataset *dataset, struct sample_change *changes, size_t count, const char *label,
                        struct err *err)
{
	struct err ignored;
	char *meant = NULL;

	if (label[0] && text_check_label(label, err))
		return -1;
	for (size_t i = 0; i < count; i++)
		changes[i].label = label;
	int failed = count > 0 ? dataset->backend->change(dataset, changes, count, err) : 0;
	if (failed && err->code == ERR_UNPROCESSABLE && label[0] &&
	    spelling_meant(dataset, label, &meant, &ignored) == 0 && meant) {
		for (size_t i = 0; i < count; i++)
			changes[i].label = meant;
		failed = dataset->backend->change(dataset, changes, count, err);
	}
	free(meant);
	return failed;
}

static int check_id(int64_t id, struct err *err)
{
	return id >= 0 && id < INT64_MAX ? 0 : err_set(err, ERR_NOT_FOUND, "There is no sample %lld", (long long)id);
}

int sample_decide(struct dataset *dataset, int64_t id, const char *label, const struct correction *correction,
                  struct sample *out, struct err *err)
{
	struct sample_change change = make_change(SAMPLE_DECIDE, id, correction);

	memset(out, 0, sizeof(*out));
	change.out = out;
	return check_id(id, err) || make_changes(dataset, &change, 1, label, err);
}

int sample_undo(struct dataset *dataset, int64_t id, const struct correction *correction, struct sample *out,
                struct err *err)
{
	struct sample_change change = make_change(SAMPLE_UNDO, id, correction);

	memset(out, 0, sizeof(*out));
	change.out = out;
	return check_id(id, err) || dataset->backend->change(dataset, &change, 1, err);
}

int sample_mark_gold(struct dataset *dataset, int64_t id, const char *label, const struct correction *correction,
                     struct sample *out, struct err *err)
{
	struct sample_change change = make_change(SAMPLE_MARK_GOLD, id, correction);

	memset(out, 0, sizeof(*out));
	change.out = out;
	return check_id(id, err) || make_changes(dataset, &change, 1, label, err);
}

int sample_unmark_gold(struct dataset *dataset, int64_t id, const struct correction *correction, struct sample *out,
                       struct err *err)
{
	struct sample_change change = make_change(SAMPLE_UNMARK_GOLD, id, correction);

	memset(out, 0, sizeof(*out));
	change.out = out;
	return check_id(id, err) || dataset->backend->change(dataset, &change, 1, err);
}

/* --- many --------------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct sample_change *one = a, *other = b;

	return (one->id > other->id) - (one->id < other->id);
}

/* Keeps one change of each sample, in order of id, which is also the quickest for a store. */
static size_t drop_twins(struct sample_change *changes, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(changes, count, sizeof(*changes), by_id);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || changes[kept - 1].id != changes[i].id)
			changes[kept++] = changes[i];
	}
	return kept;
}

/* What is to be changed, each sample once, as its user saw it; *count becomes how many there are. NULL on failure. */
static struct sample_change *make_many(enum sample_act act, const int64_t *ids, const int64_t *versions, size_t *count,
                                       const struct correction *correction, struct err *err)
{
	if (*count > SAMPLES_DECIDED_MAX) {
		err_set(err, ERR_BAD_REQUEST, "At most %d samples may be changed at once", SAMPLES_DECIDED_MAX);
		return NULL;
	}
	for (size_t i = 0; i < *count; i++) {
		if (check_id(ids[i], err))
			return NULL;
	}
	struct sample_change *changes = memory_new(*count + 1, sizeof(*changes));
	for (size_t i = 0; i < *count; i++) {
		changes[i] = make_change(act, ids[i], correction);
		changes[i].of_version = versions;
		changes[i].version = versions ? versions[i] : 0;
	}
	*count = drop_twins(changes, *count);
	return changes;
}

int samples_decide(struct dataset *dataset, const int64_t *ids, const int64_t *versions, size_t count,
                   const char *label, const struct correction *correction, size_t *done, struct err *err)
{
	struct sample_change *changes = make_many(SAMPLE_DECIDE, ids, versions, &count, correction, err);
	int failed = !changes || make_changes(dataset, changes, count, label, err);

	*done = failed ? 0 : count;
	free(changes);
	return failed;
}

int samples_take_back(struct dataset *dataset, const int64_t *ids, const int64_t *versions, size_t count,
                      const struct correction *correction, size_t *done, struct err *err)
{
	struct sample_change *changes = make_many(SAMPLE_UNDO, ids, versions, &count, correction, err);
	int failed = !changes || (count > 0 && dataset->backend->change(dataset, changes, count, err));

	*done = failed ? 0 : count;
	free(changes);
	return failed;
}

/* --- imported ----------------------------------------------------------------------------------------------------- */

static struct sample_change import_change(const struct imported_label *label, const char *user, int64_t at)
{
	const struct correction correction = {.user = label->by ? label->by : user};
	struct sample_change change = make_change(SAMPLE_DECIDE, label->id, &correction);

	change.filepath = label->filepath;
	change.label = label->label;
	change.imported = true;
	change.says_who = label->by;
	change.says_when = label->at;
	change.at = label->at ? label->at : at;
	return change;
}

int labels_import(struct dataset *dataset, struct imported_label *labels, size_t count, const char *user, int64_t at,
                  struct err *err)
{
	if (count > LABELS_IMPORTED_MAX)
		return err_set(err, ERR_BAD_REQUEST, "At most %d labels may be imported at once", LABELS_IMPORTED_MAX);
	struct sample_change *changes = memory_new(count + 1, sizeof(*changes));
	for (size_t i = 0; i < count; i++)
		changes[i] = import_change(&labels[i], user, at);
	int failed = count > 0 ? dataset->backend->change(dataset, changes, count, err) : 0;
	for (size_t i = 0; i < count && !failed; i++)
		labels[i].added = changes[i].accepted;
	free(changes);
	return failed;
}
