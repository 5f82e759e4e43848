/* The format "labelstudio": what Label Studio exports as JSON, a task an image with its annotations
 * (https://labelstud.io/guide/task_format), or as JSON_MIN, an object an annotation, an image's newest first
 * (https://labelstud.io/guide/export); and what this server exports. */
#include "base/memory.h"
#include "base/text.h"
#include "elements.h"
#include "locate.h"

enum { SAID_MAX = 100 }; /* annotations of an image that are put in order at once */

/* What an annotation says; owns its texts. */
struct said {
	struct import_place place;
	char *label, *by, *at; /* NULL: not said */
	char *refused;         /* why it is of no use; NULL: it is */
	int64_t when;          /* the time of at; 0: none */
	size_t nth;            /* in the body's order */
};
/* What the annotations of one image say, which come together in either form. */
struct labelstudio {
	struct import *import;
	struct buf filepath;
	struct said *said;
	size_t count;
};

/* --- in order of time --------------------------------------------------------------------------------------------- */

static int by_time(const void *one, const void *other)
{
	const struct said *a = one, *b = other;

	if (a->when != b->when)
		return a->when > b->when ? 1 : -1;
	return a->nth > b->nth ? 1 : -1;
}

static int said_take(struct labelstudio *all, const struct said *said)
{
	const struct import_line line = {.place = said->place,
	                                 .filepath = buf_text(&all->filepath),
	                                 .label = said->label,
	                                 .by = said->by,
	                                 .at = said->at};

	return said->refused ? import_refuse(all->import, said->place, said->refused) : import_take(all->import, &line);
}

/* Unless it failed already: then they are only forgotten. */
static int labelstudio_flush(struct labelstudio *all, int failed)
{
	if (all->count > 1)
		qsort(all->said, all->count, sizeof(*all->said), by_time);
	for (size_t i = 0; i < all->count; i++) {
		struct said *said = &all->said[i];

		failed = failed || said_take(all, said);
		free(said->label);
		free(said->by);
		free(said->at);
		free(said->refused);
	}
	all->count = 0;
	return failed;
}

static void labelstudio_say(struct labelstudio *all, struct said said)
{
	said.nth = all->count;
	all->said = memory_grow(all->said, all->count + 1, sizeof(*all->said));
	all->said[all->count++] = said;
}

/* What follows is about this image. */
static int labelstudio_turn(struct labelstudio *all, const struct buf *filepath)
{
	if (all->count < SAID_MAX && strcmp(buf_text(&all->filepath), buf_text(filepath)) == 0)
		return 0;
	int failed = labelstudio_flush(all, 0);
	buf_clear(&all->filepath);
	return buf_str(&all->filepath, buf_text(filepath)) || failed;
}

/* --- what an annotation says -------------------------------------------------------------------------------------- */

static const cJSON *item_of(const cJSON *object, const char *key)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

static const char *string_in(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(item_of(object, key));
}

/* A person is named by an e-mail address, or else by a number. */
static char *who_is(const cJSON *person)
{
	const char *email = string_in(person, "email"), *name = email && email[0] ? email : cJSON_GetStringValue(person);
	const cJSON *number = cJSON_IsObject(person) ? item_of(person, "id") : person;

	if (name)
		return name[0] ? memory_text_part(name, strnlen(name, IMPORT_BY_MAX + 1)) : NULL;
	return cJSON_IsNumber(number) ? memory_format("%.0f", number->valuedouble) : NULL;
}

/* Older versions wrote seconds since 1970. */
static void said_time(struct said *said, const cJSON *time)
{
	const double seconds_max = 1e11, microseconds = 1e6;
	const double seconds = cJSON_IsNumber(time) ? time->valuedouble : 0;
	const char *at = cJSON_GetStringValue(time);
	char utc[IMPORT_TIME_MAX], text[TEXT_TIME_MAX];

	at = seconds > 0 && seconds < seconds_max ? text_time((int64_t)(seconds * microseconds), text) : import_utc(at, utc);
	if (!at || !at[0])
		return;
	said->at = memory_text_part(at, strnlen(at, IMPORT_TIME_MAX));
	if (text_time_parse(at, &said->when))
		said->when = 0;
}

static bool is_known(const struct import *import, const char *label)
{
	return dataset_labels_find(&import->call->info.labels, label);
}

/* A choice as text, or choices as an array of texts. */
static void said_choice(struct said *said, const struct import *import, const cJSON *choice)
{
	int count = cJSON_IsArray(choice) ? cJSON_GetArraySize(choice) : 1;
	const char *label = cJSON_GetStringValue(cJSON_IsArray(choice) ? choice->child : choice);
	struct err err;

	if (count == 0)
		return;
	if (count > 1 || !label)
		said->refused = memory_text(count > 1 ? "There are several choices" : "The choice is no text");
	else if (label[0] && !is_known(import, label) && text_check_label(label, &err))
		said->refused = memory_text(err.text);
	else
		said->label = memory_text(label);
}

static bool is_cancelled(const cJSON *annotation)
{
	return cJSON_IsTrue(item_of(annotation, "was_cancelled")) || cJSON_IsTrue(item_of(annotation, "skipped"));
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

/* Of several kinds of choices the one called "label" counts. */
static void said_results(struct said *said, const struct import *import, const cJSON *results)
{
	const cJSON *result, *only = NULL, *named = NULL;
	size_t count = 0, named_count = 0;

	cJSON_ArrayForEach(result, results) {
		const cJSON *choices = item_of(item_of(result, "value"), "choices");
		const char *name = string_in(result, "from_name");

		if (!cJSON_IsArray(choices))
			continue;
		count++;
		only = choices;
		if (name && strcmp(name, "label") == 0) {
			named_count++;
			named = choices;
		}
	}
	if (count > 1 && named_count != 1)
		said->refused = memory_text("There are several choices, and not one called label");
	else if (count > 0)
		said_choice(said, import, named ? named : only);
}

static void labelstudio_task(struct labelstudio *all, struct import_place place, const cJSON *task)
{
	const cJSON *annotations = item_of(task, "annotations"), *annotation;
	bool any = false;

	annotations = annotations ? annotations : item_of(task, "completions"); /* as older versions called them */
	cJSON_ArrayForEach(annotation, annotations) {
		struct said said = {.place = place, .by = who_is(item_of(annotation, "completed_by"))};

		if (is_cancelled(annotation)) {
			free(said.by);
			continue;
		}
		said.by = said.by ? said.by : who_is(item_of(annotation, "labelled_by"));
		said_time(&said, item_of(annotation, "created_at"));
		said_results(&said, all->import, item_of(annotation, "result"));
		labelstudio_say(all, said);
		any = true;
	}
	if (!any)
		labelstudio_say(all, (struct said){.place = place});
}

/* --- JSON_MIN ----------------------------------------------------------------------------------------------------- */

/* A choice of JSON_MIN: a text, {"choices": […]}, or a list of them. NULL: something else. */
static const cJSON *min_choice(const cJSON *value)
{
	const cJSON *first = cJSON_IsArray(value) ? value->child : value, *choices = item_of(first, "choices");

	if (!cJSON_IsString(first) && !cJSON_IsArray(choices))
		return NULL;
	if (first != value && first->next)
		return value;
	return choices ? choices : first;
}

static bool is_of_task(const char *name)
{
	static const char *const names[] = {"id", "filepath", "image", "split", "annotator",
	                                    "annotation_id", "created_at", "updated_at", "lead_time", "agreement"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_known_choice(const struct import *import, const cJSON *choice)
{
	const char *label = cJSON_GetStringValue(cJSON_IsArray(choice) ? choice->child : choice);

	return label && is_known(import, label);
}

/* The choice stands beside the task's data, under a name of the project's own: "label", "choice", or else the only one
 * that can be it. */
static void said_min(struct said *said, const struct import *import, const cJSON *object, const cJSON *image)
{
	const cJSON *field, *only = min_choice(item_of(object, "label")), *known = NULL;
	size_t count = 0, known_count = 0;

	only = only ? only : min_choice(item_of(object, "choice"));
	if (only) {
		said_choice(said, import, only);
		return;
	}
	cJSON_ArrayForEach(field, object) {
		const cJSON *choice = field == image || is_of_task(field->string) ? NULL : min_choice(field);

		if (!choice)
			continue;
		count++;
		only = choice;
		if (is_known_choice(import, choice)) {
			known_count++;
			known = choice;
		}
	}
	if (count > 1 && known_count != 1)
		said->refused = memory_text("Several of its fields may be the label, and none is called label or choice");
	else if (count > 0)
		said_choice(said, import, known ? known : only);
}

static void labelstudio_min(struct labelstudio *all, struct import_place place, const cJSON *object, const cJSON *image)
{
	struct said said = {.place = place, .by = who_is(item_of(object, "annotator"))};

	said_time(&said, item_of(object, "created_at"));
	if (!cJSON_IsNull(item_of(object, "annotation_id")))
		said_min(&said, all->import, object, image);
	labelstudio_say(all, said);
}

/* --- either ------------------------------------------------------------------------------------------------------- */

/* The field that names the image: "filepath", "image", or else the first that leads to a sample. */
static const cJSON *image_find(const struct import *import, const cJSON *data, struct buf *filepath)
{
	const cJSON *likely = item_of(data, "filepath"), *field = item_of(data, "image");

	if (cJSON_IsString(likely) && locate(import, likely->valuestring, filepath))
		return likely;
	if (cJSON_IsString(field) && locate(import, field->valuestring, filepath))
		return field;
	likely = cJSON_IsString(likely) ? likely : cJSON_IsString(field) ? field : NULL;
	cJSON_ArrayForEach(field, data) {
		if (cJSON_IsString(field) && locate(import, field->valuestring, filepath))
			return field;
		likely = likely || !cJSON_IsString(field) ? likely : field;
	}
	buf_clear(filepath);
	if (likely)
		locate(import, likely->valuestring, filepath);
	return likely;
}

static int labelstudio_element(void *to, struct import_place place, const cJSON *object, const char *why)
{
	struct labelstudio *all = to;
	const cJSON *data = item_of(object, "data"), *image;
	struct buf filepath;

	if (!object)
		return labelstudio_flush(all, 0) || import_refuse(all->import, place, why);
	buf_init(&filepath, ELEMENT_MAX);
	image = image_find(all->import, cJSON_IsObject(data) ? data : object, &filepath);
	int failed = labelstudio_turn(all, &filepath);
	if (filepath.len == 0)
		labelstudio_say(all, (struct said){.place = place, .refused = memory_text("None of its fields names an image")});
	else if (cJSON_IsObject(data))
		labelstudio_task(all, place, object);
	else
		labelstudio_min(all, place, object, image);
	buf_release(&filepath);
	return failed;
}

int import_labelstudio(struct import *import)
{
	struct labelstudio all = {.import = import};

	buf_init(&all.filepath, ELEMENT_MAX);
	int failed = elements_read(import, labelstudio_element, &all);
	failed = labelstudio_flush(&all, failed && err_is_ours(&import->broken)) || failed;
	buf_release(&all.filepath);
	free(all.said);
	return failed;
}
