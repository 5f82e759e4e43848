/* What handlers ask about a request under way: its dataset, its body, the dataset's description. */
#include "base/json.h"
#include "dataset/audit.h"
#include "fastcgi/app.h"
#include "fastcgi/images.h"
#include "fastcgi/route.h"

enum role call_role(const struct call *call, const char *dataset)
{
	return auth_role(call->app->auth, call->login, dataset);
}

int call_dataset(struct call *call, const char *name, struct err *err)
{
	call->role = call_role(call, name);
	if (call->role == ROLE_NONE)
		return err_set(err, ERR_NOT_FOUND, "Database not found");
	if (dataset_open(call->app->store, name, &call->dataset, err))
		return -1;
	if (call->role < call->route->needs)
		return err_set(err, ERR_FORBIDDEN, "This needs the role %s on the dataset; yours is %s",
		               role_name(call->route->needs), role_name(call->role));
	return 0;
}

const char *call_spool_dir(const struct call *call)
{
	const char *dir = call->app->blobs ? blob_spool_dir(call->app->blobs) : NULL;

	return dir ? dir : call->app->state_dir;
}

int call_body(struct call *call, struct err *err)
{
	call->body = request_json(call->request, (size_t)call->app->config.limits.json_bytes, err);
	return !call->body || route_check_fields(call, call->body, err);
}

int call_body_or_none(struct call *call, struct err *err)
{
	if (call->request->content_length > 0)
		return call_body(call, err);
	call->body = json_new_object();
	return 0;
}

int call_audit(struct call *call, const char *action, const char *target, const char *detail, struct err *err)
{
	const struct audit_entry entry = {
		.by = call->request->user,
		.action = action,
		.target = target,
		.dataset = call->dataset ? dataset_name(call->dataset) : "",
		.detail = detail,
	};

	return audit_add(call->app->store, &entry, err) ? err_prefix(err, "It is done, but the audit log does not say so")
	                                                : 0;
}

struct images call_images(const struct call *call)
{
	return (struct images){.blobs = call->app->blobs,
	                       .dataset = call->dataset,
	                       .place = &call->info.place,
	                       .roots = &call->app->config.image_roots};
}

const char *call_seen_by(const struct call *call)
{
	return call_role(call, dataset_name(call->dataset)) < ROLE_CONTRIBUTOR ? call->request->user : NULL;
}

int call_view(const struct call *call, struct gold_view *out, struct err *err)
{
	const char *user = call_seen_by(call);

	*out = (struct gold_view){.count = 0};
	return user ? gold_view_load(call->dataset, user, out, err) : 0;
}

int call_may_read_snapshots(const struct call *call, struct err *err)
{
	struct gold_view view;

	if (call_view(call, &view, err))
		return -1;
	bool any = view.count > 0;
	gold_view_release(&view);
	return any ? err_set(err, ERR_FORBIDDEN,
	                     "The dataset has samples with known answers: only a contributor may read its snapshots")
	           : 0;
}

/* Makes of the counts what the user sees. */
static int call_count_seen(struct call *call, struct err *err)
{
	struct gold_view view;

	if (call->info.counts.gold == 0)
		return 0;
	if (call_view(call, &view, err))
		return -1;
	if (call_seen_by(call))
		gold_view_count(&view, &call->info.counts, &call->info.labels);
	gold_view_release(&view);
	return 0;
}

int call_info(struct call *call, struct err *err)
{
	dataset_info_release(&call->info);
	return dataset_info(call->dataset, &call->info, err) || call_count_seen(call, err);
}

int call_place(struct call *call, struct err *err)
{
	return call->info.place.base_dir
	               ? 0
	               : dataset_place_since(call->dataset, call->begun_us, &call->info.place, err);
}

int call_labels(struct call *call, struct err *err)
{
	return call->info.labels.item ? 0 : dataset_labels(call->dataset, &call->info.labels, err);
}

int call_counts(struct call *call, struct err *err)
{
	return dataset_counts(call->dataset, &call->info.counts, err) || call_count_seen(call, err);
}
