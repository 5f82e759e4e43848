/* Finds what a line means in the dataset, and writes a thousand lines at once: a durable write for each would take a
 * hundred times as long. */
#include "take.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/spelling.h"
#include "fastcgi/lines.h"

/* A line that is not yet answered. */
struct pending {
	struct import_place place;
	int64_t id, at;
	char *filepath, *label, *by; /* filepath NULL: by id; by NULL: not said */
	char *error;                 /* why it is refused; */
	const char *skipped;         /* or passed over; */
	bool added;                  /* or written: whether that added anything */
};

/* What a spreadsheet would execute; csv exports put "'" before it. */
static const char FORMULA[] = "=+-@\t\r";

static bool waits(const struct pending *pending)
{
	return !pending->error && !pending->skipped;
}

/* --- what it means ------------------------------------------------------------------------------------------------ */

/* The same text without the "'" of an export, or NULL. */
static const char *unquoted(const struct import_line *line, const char *text)
{
	return line->is_quoted && text[0] == '\'' && text[1] && strchr(FORMULA, text[1]) ? text + 1 : NULL;
}

static int label_find(struct import *import, const char *label, char **out, struct err *err)
{
	const char *known = dataset_labels_find(&import->call->info.labels, label);

	*out = known ? memory_text(known) : NULL;
	return known || text_check_label(label, err) ? 0 : spelling_meant(import->call->dataset, label, out, err);
}

/* An error that is the line's, not the store's. */
static int not_there(struct err *err, bool *found)
{
	*found = false;
	return err->code != ERR_NOT_FOUND && err->code != ERR_BAD_REQUEST;
}

static int path_find(struct import *import, const char *filepath, struct sample *out, bool *found, struct err *err)
{
	*found = true;
	if (dataset_sample_by_path(import->call->dataset, filepath, out, err))
		return not_there(err, found);
	return 0;
}

static int take_label(struct import *import, const struct import_line *line, struct pending *out, struct err *err)
{
	const char *bare = unquoted(line, line->label);
	char *other = NULL;

	if (label_find(import, line->label, &out->label, err) || (bare && label_find(import, bare, &other, err)))
		return -1;
	if (out->label && other) {
		free(other);
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has both the label %s and %s", line->label, bare);
	}
	out->label = out->label ? out->label : other;
	return out->label ? 0 : err_set(err, ERR_UNPROCESSABLE, "The dataset has no label %s", line->label);
}

static int take_sample_at(struct import *import, const struct import_line *line, struct sample *sample, struct err *err)
{
	const char *bare = unquoted(line, line->filepath);
	struct sample other;
	bool found, also = false;

	if (path_find(import, line->filepath, sample, &found, err))
		return -1;
	if (bare && path_find(import, bare, &other, &also, err)) {
		if (found)
			sample_release(sample);
		return -1;
	}
	if (found && also) {
		sample_release(sample);
		sample_release(&other);
		return err_set(err, ERR_UNPROCESSABLE, "The dataset has both %s and %s", line->filepath, bare);
	}
	if (also)
		*sample = other;
	return found || also ? 0 : err_set(err, ERR_NOT_FOUND, "There is no sample with the filepath %s", line->filepath);
}

static int take_sample_of(struct import *import, const char *text, struct sample *sample, struct err *err)
{
	int64_t id;

	if (text_int64(text, 0, INT64_MAX - 1, &id))
		return err_set(err, ERR_BAD_REQUEST, "The id must be a number from 0: %s", text);
	if (dataset_sample(import->call->dataset, id, sample, err))
		return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "There is no sample %s", text) : -1;
	return 0;
}

static int take_time(const struct import_line *line, int64_t *out, struct err *err)
{
	*out = 0;
	if (!line->at || !line->at[0])
		return 0;
	if (text_time_parse(line->at, out) || *out <= 0)
		return err_set(err, ERR_BAD_REQUEST, "This is no time such as 2026-01-31T12:34:56Z: %s", line->at);
	return *out <= text_now() ? 0 : err_set(err, ERR_BAD_REQUEST, "This time is yet to come: %s", line->at);
}

static int take_by(const struct import_line *line, const char **out, struct err *err)
{
	*out = line->by && line->by[0] ? line->by : NULL;
	if (!*out || (strlen(*out) <= IMPORT_BY_MAX && !text_has_control(*out) && text_utf8_valid(*out, strlen(*out))))
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "Who gave the label must be at most %d bytes of UTF-8 without control characters",
	               IMPORT_BY_MAX);
}

/* Fails with the line's error, or the store's. */
static int take_meaning(struct import *import, const struct import_line *line, struct pending *out, struct err *err)
{
	struct sample sample;
	const char *by;

	if (!line->filepath && !line->id)
		return err_set(err, ERR_BAD_REQUEST, "Neither a filepath nor an id says which sample is meant");
	if (take_time(line, &out->at, err) || take_by(line, &by, err) ||
	    (line->filepath ? take_sample_at(import, line, &sample, err) : take_sample_of(import, line->id, &sample, err)))
		return -1;
	out->id = sample.id;
	out->filepath = line->filepath ? memory_text(sample.filepath) : NULL;
	int failed = 0;
	if (!line->label || !line->label[0]) {
		out->skipped = "it has no label";
	} else if (!(failed = take_label(import, line, out, err))) {
		out->by = by ? memory_text(by) : NULL;
	}
	sample_release(&sample);
	return failed;
}

const char *import_utc(const char *time, char out[IMPORT_TIME_MAX])
{
	int64_t ignored;

	if (!time || !time[0] || text_time_parse(time, &ignored) == 0)
		return time;
	snprintf(out, IMPORT_TIME_MAX, "%sZ", time);
	return out;
}

/* --- the lines that wait ------------------------------------------------------------------------------------------ */

static bool is_waiting(const struct import *import, int64_t id)
{
	for (size_t i = 0; i < import->count; i++) {
		if (import->pending[i].id == id && waits(&import->pending[i]))
			return true;
	}
	return false;
}

static void pending_release(struct pending *pending)
{
	free(pending->filepath);
	free(pending->label);
	free(pending->by);
	free(pending->error);
	*pending = (struct pending){.place = pending->place, .id = -1};
}

static void forget_lines(struct import *import)
{
	for (size_t i = 0; i < import->count; i++)
		pending_release(&import->pending[i]);
	import->count = 0;
}

void take_release(struct import *import)
{
	forget_lines(import);
	free(import->pending);
	import->pending = NULL;
}

/* Where the next line waits; NULL when those before it cannot be written. */
static struct pending *pending_next(struct import *import, struct import_place place)
{
	if (import->count == LABELS_IMPORTED_MAX && take_write(import))
		return NULL;
	if (!import->pending)
		import->pending = memory_new(LABELS_IMPORTED_MAX, sizeof(*import->pending));
	struct pending *next = &import->pending[import->count];
	*next = (struct pending){.place = place, .id = -1};
	return next;
}

int import_refuse(struct import *import, struct import_place place, const char *why)
{
	struct pending *next = pending_next(import, place);

	if (!next)
		return -1;
	next->error = memory_text(why);
	import->count++;
	return 0;
}

static int take_as(struct import *import, const struct import_line *line, struct pending *next)
{
	struct err err;

	if (take_meaning(import, line, next, &err) == 0)
		return 0;
	pending_release(next);
	if (err_is_ours(&err)) {
		import->broken = err;
		return -1;
	}
	next->error = memory_text(err.text);
	return 0;
}

int import_take(struct import *import, const struct import_line *line)
{
	struct pending *next = pending_next(import, line->place);

	if (!next || take_as(import, line, next))
		return -1;
	/* A sample's second line is about what its first one leaves. */
	if (!next->error && is_waiting(import, next->id)) {
		pending_release(next);
		if (take_write(import) || !(next = pending_next(import, line->place)) || take_as(import, line, next))
			return -1;
	}
	import->count++;
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static struct imported_label pending_label(const struct pending *pending)
{
	return (struct imported_label){.id = pending->id,
	                               .filepath = pending->filepath,
	                               .label = pending->label,
	                               .by = pending->by,
	                               .at = pending->at};
}

static int write_some(struct import *import, struct imported_label *labels, size_t count, struct err *err)
{
	return labels_import(import->call->dataset, labels, count, import->call->request->user, import->at, err);
}

/* After one of them was refused, because a sample or a label has gone meanwhile. */
static int write_one_by_one(struct import *import, struct err *err)
{
	for (size_t i = 0; i < import->count; i++) {
		struct pending *pending = &import->pending[i];
		struct imported_label label = pending_label(pending);

		if (!waits(pending))
			continue;
		if (write_some(import, &label, 1, err) == 0)
			pending->added = label.added;
		else if (err_is_ours(err))
			return -1;
		else
			pending->error = memory_text(err->text);
	}
	return 0;
}

static int write_all(struct import *import, struct err *err)
{
	struct imported_label *labels = memory_new(LABELS_IMPORTED_MAX, sizeof(*labels)), *written = labels;
	size_t count = 0;

	for (size_t i = 0; i < import->count; i++) {
		if (waits(&import->pending[i]))
			labels[count++] = pending_label(&import->pending[i]);
	}
	int failed = write_some(import, labels, count, err);
	for (size_t i = 0; i < import->count && !failed; i++) {
		if (waits(&import->pending[i]))
			import->pending[i].added = (written++)->added;
	}
	free(labels);
	return failed && !err_is_ours(err) ? write_one_by_one(import, err) : failed;
}

static int take_tell(struct import *import, const struct pending *pending, struct err *err)
{
	cJSON *line = json_new_object();

	json_add_int64(line, "line", pending->place.line);
	if (pending->place.element > 0)
		json_add_int64(line, "element", pending->place.element);
	if (pending->error) {
		import->failed++;
		json_add_string(line, "error", pending->error);
		return lines_add(&import->answer, line, err);
	}
	json_add_int64(line, "id", pending->id);
	if (pending->skipped)
		json_add_string(line, "skipped", pending->skipped);
	if (!pending->skipped && !pending->added)
		json_add_bool(line, "unchanged", true);
	*(pending->skipped ? &import->skipped : pending->added ? &import->labelled : &import->unchanged) += 1;
	return lines_add(&import->answer, line, err);
}

int take_write(struct import *import)
{
	int failed = write_all(import, &import->broken);

	for (size_t i = 0; i < import->count && !failed; i++)
		failed = take_tell(import, &import->pending[i], &import->broken);
	forget_lines(import);
	return failed;
}
