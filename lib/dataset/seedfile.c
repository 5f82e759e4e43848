/* Reads a dataset's JSON as a stream. */
#include "dataset/seedfile.h"

#include "base/buf.h"
#include "base/jsonstream.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/dataset.h"

/* Where the walk is: its depth, and under which key of the file (depth 1) and of a sample (depth 3). */
enum place { ELSEWHERE, NAME, BASE_DIR, LABELS, SAMPLES };
enum { IN_FILE = 1, IN_LIST = 2, IN_SAMPLE = 3 };
enum field { OTHER_FIELD, FILEPATH, LABEL };

static const char *const place_names[] = {NULL, "dataset_name", "base_dir", "labels", "samples"};
enum { PLACES = sizeof(place_names) / sizeof(place_names[0]) };

struct walk {
	struct seedfile *out; /* NULL: only read the samples */
	bool only_name;       /* stop once the name is known */
	seedfile_visit *visit;
	void *data;

	int depth;
	enum place place;
	enum field field;
	bool has_labels, has_filepath;
	struct buf filepath, label;
};

static void seedfile_add_label(struct seedfile *out, const char *label)
{
	if ((out->label_count & (out->label_count - 1)) == 0) { /* room is always a power of two */
		size_t room = out->label_count ? 2 * out->label_count : 1;
		out->labels = memory_grow(out->labels, room, sizeof(*out->labels));
	}
	out->labels[out->label_count++] = memory_text(label);
}

/* Returns an error for a value of the wrong type; 0 where any type will do. */
static int seedfile_refuse(const struct walk *walk, struct err *err)
{
	if (walk->depth == 0)
		return err_set(err, ERR_BAD_REQUEST, "the file must hold an object");
	if (walk->depth == IN_FILE && walk->place != ELSEWHERE)
		return err_set(err, ERR_BAD_REQUEST, "the key \"%s\" must be a %s", place_names[walk->place],
		               walk->place == LABELS || walk->place == SAMPLES ? "list" : "string");
	if (walk->depth == IN_LIST && walk->place == LABELS)
		return err_set(err, ERR_BAD_REQUEST, "each of \"labels\" must be a string");
	if (walk->depth == IN_LIST && walk->place == SAMPLES)
		return err_set(err, ERR_BAD_REQUEST, "each of \"samples\" must be an object");
	if (walk->depth == IN_SAMPLE && walk->place == SAMPLES && walk->field != OTHER_FIELD)
		return err_set(err, ERR_BAD_REQUEST, "a sample's \"%s\" must be a string",
		               walk->field == FILEPATH ? "filepath" : "label");
	return 0;
}

static bool at_sample(const struct walk *walk)
{
	return walk->depth == IN_LIST && walk->place == SAMPLES;
}

static int seedfile_on_start_object(void *context, struct err *err)
{
	struct walk *walk = context;
	if (at_sample(walk)) {
		walk->field = OTHER_FIELD;
		walk->has_filepath = false;
		buf_clear(&walk->filepath);
		buf_clear(&walk->label);
	} else if (walk->depth > 0 && seedfile_refuse(walk, err) != 0) {
		return -1;
	}
	walk->depth++;
	return 0;
}

static int seedfile_on_end_object(void *context, struct err *err)
{
	struct walk *walk = context;
	walk->depth--;
	if (!at_sample(walk))
		return 0;
	if (!walk->has_filepath)
		return err_set(err, ERR_BAD_REQUEST, "a sample lacks the key \"filepath\"");
	if (walk->out)
		walk->out->sample_count++;
	if (!walk->visit)
		return 0;
	return walk->visit(walk->data, buf_text(&walk->filepath), buf_text(&walk->label), err);
}

static int seedfile_on_start_array(void *context, struct err *err)
{
	struct walk *walk = context;
	bool expected = walk->depth == IN_FILE && (walk->place == LABELS || walk->place == SAMPLES);
	if (!expected && seedfile_refuse(walk, err) != 0)
		return -1;
	if (expected && walk->place == LABELS)
		walk->has_labels = true;
	walk->depth++;
	return 0;
}

static int seedfile_on_end_array(void *context, struct err *err)
{
	(void)err;
	((struct walk *)context)->depth--;
	return 0;
}

static int seedfile_on_key(void *context, const char *key, struct err *err)
{
	(void)err;
	struct walk *walk = context;
	if (walk->depth == IN_FILE) {
		walk->place = ELSEWHERE;
		for (size_t i = 1; i < PLACES; i++)
			if (strcmp(key, place_names[i]) == 0)
				walk->place = (enum place)i;
	} else if (walk->depth == IN_SAMPLE && walk->place == SAMPLES) {
		walk->field = strcmp(key, "filepath") == 0 ? FILEPATH
		              : strcmp(key, "label") == 0  ? LABEL
		                                           : OTHER_FIELD;
	}
	return 0;
}

static int take_sample_string(struct walk *walk, const char *value, struct err *err)
{
	if (walk->field == FILEPATH) {
		walk->has_filepath = true;
		buf_str(&walk->filepath, value);
		return text_check_filepath(value, err);
	}
	if (walk->field == LABEL) {
		buf_str(&walk->label, value);
		return value[0] != '\0' ? text_check_label(value, err) : 0;
	}
	return 0;
}

static int take_file_string(struct walk *walk, const char *value, struct err *err)
{
	if (walk->place == NAME) {
		if (text_check_dataset_name(value, err) != 0)
			return -1;
		if (walk->out)
			walk->out->dataset = memory_text(value);
		if (walk->only_name) /* ends the walk; the caller sees that the name is there */
			return err_set(err, ERR_NONE, "enough");
		return 0;
	}
	if (walk->place == BASE_DIR) {
		if (walk->out)
			walk->out->base_dir = memory_text(value);
		return 0;
	}
	return seedfile_refuse(walk, err);
}

static int seedfile_on_string(void *context, const char *value, struct err *err)
{
	struct walk *walk = context;
	if (walk->depth == IN_FILE)
		return take_file_string(walk, value, err);
	if (walk->depth == IN_SAMPLE && walk->place == SAMPLES)
		return take_sample_string(walk, value, err);
	if (walk->depth == IN_LIST && walk->place == LABELS) {
		if (text_check_label(value, err) != 0)
			return err_prefix(err, "labels");
		if (walk->out && walk->out->label_count == DATASET_LABELS_MAX)
			return err_set(err, ERR_BAD_REQUEST, "more than %d labels", DATASET_LABELS_MAX);
		if (walk->out)
			seedfile_add_label(walk->out, value);
		return 0;
	}
	return seedfile_refuse(walk, err);
}

static int seedfile_on_number(void *context, const char *value, struct err *err)
{
	(void)value;
	return seedfile_refuse(context, err);
}

static int seedfile_on_boolean(void *context, bool value, struct err *err)
{
	(void)value;
	return seedfile_refuse(context, err);
}

static int seedfile_on_null(void *context, struct err *err)
{
	const struct walk *walk = context;
	bool is_no_label = walk->depth == IN_SAMPLE && walk->place == SAMPLES && walk->field == LABEL;
	bool is_no_samples = walk->depth == IN_FILE && walk->place == SAMPLES;
	return is_no_label || is_no_samples ? 0 : seedfile_refuse(walk, err);
}

static int walk_file(struct walk *walk, const char *path, struct err *err)
{
	static const struct json_events events = {
		.start_object = seedfile_on_start_object,
		.end_object = seedfile_on_end_object,
		.start_array = seedfile_on_start_array,
		.end_array = seedfile_on_end_array,
		.key = seedfile_on_key,
		.string = seedfile_on_string,
		.number = seedfile_on_number,
		.boolean = seedfile_on_boolean,
		.null = seedfile_on_null,
	};
	buf_init(&walk->filepath, JSON_TOKEN_MAX);
	buf_init(&walk->label, JSON_TOKEN_MAX);
	int result = json_walk_file(path, &events, walk, err);
	buf_release(&walk->filepath);
	buf_release(&walk->label);
	return result;
}

static int seedfile_missing(const char *path, enum place place, struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "%s lacks the key \"%s\"", path, place_names[place]);
}

int seedfile_name(const char *path, char **name, struct err *err)
{
	struct seedfile file = {0};
	struct walk walk = {.out = &file, .only_name = true};
	int result = walk_file(&walk, path, err);
	*name = file.dataset;
	file.dataset = NULL;
	seedfile_release(&file);
	if (*name)
		return 0;
	return result || seedfile_missing(path, NAME, err);
}

int seedfile_read(const char *path, struct seedfile *out, struct err *err)
{
	*out = (struct seedfile){0};
	struct walk walk = {.out = out};
	int result = walk_file(&walk, path, err);
	if (result == 0 && !out->dataset)
		result = seedfile_missing(path, NAME, err);
	if (result == 0 && !out->base_dir)
		result = seedfile_missing(path, BASE_DIR, err);
	if (result == 0 && !walk.has_labels)
		result = seedfile_missing(path, LABELS, err);
	if (result != 0)
		seedfile_release(out);
	return result;
}

void seedfile_release(struct seedfile *file)
{
	free(file->dataset);
	free(file->base_dir);
	for (size_t i = 0; i < file->label_count; i++)
		free(file->labels[i]);
	free(file->labels);
	*file = (struct seedfile){0};
}

int seedfile_samples(const char *path, seedfile_visit *visit, void *data, struct err *err)
{
	struct walk walk = {.visit = visit, .data = data};
	return walk_file(&walk, path, err);
}
