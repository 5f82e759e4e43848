/* What is done with many leases at once. */
#include "tasks.h"

#include "base/json.h"
#include "dataset/task.h"

typedef int task_use(struct call *call, const char *token, cJSON *done, struct err *err);

/* Uses each of the body's "tokens"; what is no longer its holder's is left out of the answer's list, called `name`. */
static int tasks_use_many(struct call *call, task_use *use, const char *name, struct err *err)
{
	const cJSON *list, *token;

	if (call_body(call, err))
		return -1;
	list = cJSON_GetObjectItemCaseSensitive(call->body, "tokens");
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > DATASET_TASKS_MAX)
		return err_set(err, ERR_BAD_REQUEST, "\"tokens\" must be a list of at most %d tasks' tokens", DATASET_TASKS_MAX);
	cJSON_ArrayForEach(token, list) {
		if (!cJSON_IsString(token))
			return err_set(err, ERR_BAD_REQUEST, "\"tokens\" must be a list of texts");
	}
	cJSON *answer = json_new_object(), *done = json_new_array();
	json_add(answer, name, done);
	cJSON_ArrayForEach(token, list) {
		if (use(call, token->valuestring, done, err) && err->code != ERR_CONFLICT) {
			cJSON_Delete(answer);
			return -1;
		}
	}
	reply_json(call->reply, 200, answer);
	return 0;
}

static int use_renew(struct call *call, const char *token, cJSON *done, struct err *err)
{
	int64_t expires_at;

	if (lease_renew(call->dataset, call->request->user, token, &expires_at, err))
		return -1;
	cJSON *item = json_new_object();
	json_add_string(item, "token", token);
	json_add_time(item, "expires_at", expires_at);
	json_append(done, item);
	return 0;
}

static int use_release(struct call *call, const char *token, cJSON *done, struct err *err)
{
	if (lease_give_back(call->dataset, call->request->user, token, err))
		return -1;
	json_append_string(done, token);
	return 0;
}

int tasks_renew_many(struct call *call, struct err *err)
{
	return tasks_use_many(call, use_renew, "renewed", err);
}

int tasks_release_many(struct call *call, struct err *err)
{
	return tasks_use_many(call, use_release, "released", err);
}
