/* Reads which samples a request selects. */
#include "fastcgi/filter.h"

#include "base/json.h"
#include "base/text.h"

static int filter_set_state(struct sample_filter *out, const char *text, struct err *err)
{
	out->of_state = sample_state_parse(text, &out->state);
	return out->of_state ? 0
	                     : err_set(err, ERR_BAD_REQUEST,
	                               "\"state\" must be unlabelled, labelled, skipped, unreadable or review");
}

static int set_label(struct sample_filter *out, const char *text, struct err *err)
{
	out->label = text;
	return text[0] && text_check_label(text, err) ? err_prefix(err, "\"label\"") : 0;
}

static int set_by(struct sample_filter *out, const char *text, struct err *err)
{
	out->by = text;
	return text[0] ? 0 : err_set(err, ERR_BAD_REQUEST, "\"by\" must be a user");
}

static int set_q(struct sample_filter *out, const char *text, struct err *err)
{
	out->q = text;
	return strlen(text) <= TEXT_FILEPATH_MAX
	               ? 0
	               : err_set(err, ERR_BAD_REQUEST, "\"q\" is longer than %d bytes", TEXT_FILEPATH_MAX);
}

static int set_flagged(struct sample_filter *out, const char *text, struct err *err)
{
	out->flagged = strcmp(text, "true") == 0 ? SAMPLE_FLAGGED : SAMPLE_NOT_FLAGGED;
	return out->flagged == SAMPLE_FLAGGED || strcmp(text, "false") == 0
	               ? 0
	               : err_set(err, ERR_BAD_REQUEST, "\"flagged\" must be true or false");
}

static int set_since(struct sample_filter *out, const char *text, struct err *err)
{
	if (text_time_parse(text, &out->since))
		return err_set(err, ERR_BAD_REQUEST, "\"since\" must be a time such as 2026-01-31T12:34:56Z");
	if (out->since < 1)
		out->since = 1; /* labelled at any time */
	return 0;
}

/* in the order of FILTER_NAMES */
static const struct {
	const char *name;
	int (*set)(struct sample_filter *out, const char *text, struct err *err);
	bool is_bool; /* may be a boolean in JSON */
} parameters[] = {
	{"state", filter_set_state, false}, {"label", set_label, false},    {"by", set_by, false},
	{"q", set_q, false},         {"flagged", set_flagged, true}, {"since", set_since, false},
};
enum { PARAMETERS = sizeof(parameters) / sizeof(*parameters) };

int filter_of_query(const struct request *request, struct sample_filter *out, struct err *err)
{
	*out = (struct sample_filter){.of_state = false};
	for (size_t i = 0; i < PARAMETERS; i++) {
		const char *text = request_query(request, parameters[i].name);

		if (text && parameters[i].set(out, text, err))
			return -1;
	}
	return 0;
}

static int set_wanted(const struct request *request, const char *name, enum sample_wanted *out, struct err *err)
{
	const char *text = request_query(request, name);

	if (!text)
		return 0;
	*out = strcmp(text, "true") == 0 ? SAMPLE_WITH : SAMPLE_WITHOUT;
	return *out == SAMPLE_WITH || strcmp(text, "false") == 0
	               ? 0
	               : err_set(err, ERR_BAD_REQUEST, "\"%s\" must be true or false", name);
}

int filter_of_list(const struct request *request, struct sample_filter *out, struct err *err)
{
	return filter_of_query(request, out, err) || set_wanted(request, "disputed", &out->disputed, err) ||
	       set_wanted(request, "gold", &out->gold, err);
}

int filter_of_json(const cJSON *object, struct sample_filter *out, struct err *err)
{
	const char *names[PARAMETERS + 1] = {NULL};

	*out = (struct sample_filter){.of_state = false};
	for (size_t i = 0; i < PARAMETERS; i++)
		names[i] = parameters[i].name;
	if (json_only(object, "A filter", names, err))
		return -1;
	for (size_t i = 0; i < PARAMETERS; i++) {
		const cJSON *field = cJSON_GetObjectItemCaseSensitive(object, names[i]);
		const char *text = NULL;

		if (parameters[i].is_bool && cJSON_IsBool(field))
			text = cJSON_IsTrue(field) ? "true" : "false";
		if (!field || cJSON_IsNull(field))
			continue;
		if ((!text && json_string(object, names[i], true, &text, err)) || parameters[i].set(out, text, err))
			return -1;
	}
	return 0;
}
