/* GET /healthz: whether the stores work. */
#include "base/json.h"
#include "health.h"

const char *health_word(const struct err *err)
{
	return err->code == ERR_NONE ? "ok" : err->text;
}

/* Every failure is 503, whatever an upload would get: a monitor only asks whether to send people here. */
static int reply_ill(struct call *call, cJSON *answer, const struct health *health)
{
	struct err failure;
	bool datasets = health->datasets.code != ERR_NONE, both = datasets && health->images.code != ERR_NONE;

	err_set(&failure, ERR_UNAVAILABLE, "%s%s%s", datasets ? health->datasets.text : health->images.text,
	        both ? "; " : "", both ? health->images.text : "");
	reply_error_with(call->reply, &failure, answer);
	return 0;
}

int health_healthz(struct call *call, struct err *err)
{
	struct health health;
	cJSON *answer = json_new_object();

	(void)err;
	health_check(call->app, &health);
	bool well = health.datasets.code == ERR_NONE && health.images.code == ERR_NONE;
	json_add_string(answer, "status", well ? "ok" : "unavailable");
	json_add_string(answer, "dataset_store", health_word(&health.datasets));
	json_add_string(answer, "image_store", health_word(&health.images));
	if (!well)
		return reply_ill(call, answer, &health);
	reply_json(call->reply, 200, answer);
	return 0;
}
