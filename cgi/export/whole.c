/* GET …/export: finds the requested format, and streams it. */
#include "export.h"

#include "base/text.h"
#include "fastcgi/filter.h"

enum {
	PIECE_BYTES = 64 * 1024,
	DISPOSITION_MAX = 4096,
	LABELS_AT_ONCE = 1000, /* read from the store */
	GONE_EACH = 20,        /* images hashed between two checks whether the client is still there */
};

static const struct form *const forms[] = {&csv_form, &json_form, &jsonl_form, &sagemaker_form, &labelstudio_form,
                                           &classfolders_tar_form, &classfolders_zip_form, &huggingface_form,
                                           &croissant_form};
enum { FORMS = sizeof(forms) / sizeof(*forms) };

static int refuse_format(const char *given, struct err *err)
{
	const char *before = "";
	struct buf names;

	buf_init(&names, ERR_TEXT_MAX);
	for (size_t i = 0; i < FORMS; i++) {
		if (strcmp(before, forms[i]->name) != 0)
			buf_printf(&names, "%s%s", i == 0 ? "" : i + 1 < FORMS ? ", " : " and ", forms[i]->name);
		before = forms[i]->name;
	}
	err_set(err, ERR_BAD_REQUEST, "\"format\" must be one of %s", buf_text(&names));
	buf_release(&names);
	return given ? err_prefix(err, "There is no format \"%.32s\"", given) : -1;
}

static const struct form *find_form(const struct call *call, struct err *err)
{
	const char *name = request_query(call->request, "format"), *as = request_query(call->request, "as");
	bool known = false;

	for (size_t i = 0; name && i < FORMS; i++) {
		if (strcmp(forms[i]->name, name) != 0)
			continue;
		known = true;
		if (!as || (forms[i]->as && strcmp(forms[i]->as, as) == 0))
			return forms[i];
	}
	if (known)
		err_set(err, ERR_BAD_REQUEST, "\"as\" is tar or zip for the format classfolders, and not given for others");
	else
		refuse_format(name, err);
	return NULL;
}

/* RFC 6266: the name as ASCII for clients that know only that, and unchanged. */
int export_headers(struct call *call, const char *ending, struct err *err)
{
	struct buf value;

	buf_init(&value, DISPOSITION_MAX);
	buf_str(&value, "attachment; filename=\"");
	for (const char *c = dataset_name(call->dataset); *c; c++)
		buf_char(&value, (unsigned char)*c < 0x80 && *c != '"' && *c != '\\' && *c != '%' ? *c : '_');
	buf_printf(&value, "%s\"; filename*=UTF-8''", ending);
	text_percent_encode_segment(dataset_name(call->dataset), &value);
	buf_str(&value, ending);
	int failed = reply_header(call->reply, "Content-Disposition", buf_text(&value), err);
	buf_release(&value);
	return failed;
}

int export_is_gone(struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "The client went away");
}

int export_send(struct export *export, bool all, struct err *err)
{
	if (export->out.overflow)
		return err_set(err, ERR_INTERNAL, "A piece of the export is larger than its bound");
	if (!all && export->out.len < PIECE_BYTES)
		return 0;
	int failed = reply_stream_write(export->call->reply, buf_text(&export->out), export->out.len);
	buf_clear(&export->out);
	return failed ? export_is_gone(err) : 0;
}

int export_is_there(struct call *call, struct err *err)
{
	struct dataset *now;
	struct dataset_place place = {.base_dir = NULL};

	if (dataset_open(call->app->store, dataset_name(call->dataset), &now, err))
		return -1;
	int failed = dataset_place(now, &place, err);
	if (!failed && strcmp(place.uuid, call->info.place.uuid) != 0)
		failed = err_set(err, ERR_NOT_FOUND, "The dataset was replaced while it was exported");
	dataset_place_release(&place);
	dataset_close(now);
	return failed;
}

static int read_split(struct export *export, struct err *err)
{
	const struct request *request = export->call->request;
	const char *text = request_query(request, "split"), *seed = request_query(request, "seed");

	if (!text && export->snapshot.name && export->snapshot.split[0]) {
		text = export->snapshot.split;
		seed = seed ? seed : export->snapshot.seed;
	}
	export->is_split = text != NULL;
	if (!text)
		return seed ? err_set(err, ERR_BAD_REQUEST, "\"seed\" is for \"split\", which is not given") : 0;
	return split_parse(text, seed ? seed : "", &export->split, err);
}

/* Those fields of samples are not in a manifest. */
static int refuse_filter(const struct request *request, struct err *err)
{
	static const char *const unknown[] = {"by", "flagged", "since"};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		if (request_query(request, unknown[i]))
			return err_set(err, ERR_BAD_REQUEST, "A snapshot does not know \"%s\": filter it by state, label or q",
			               unknown[i]);
	}
	return 0;
}

static int read_snapshot(struct export *export, struct err *err)
{
	const char *name = request_query(export->call->request, "snapshot");

	if (!name)
		return 0;
	if (refuse_filter(export->call->request, err) || call_may_read_snapshots(export->call, err) ||
	    snapshot_find(export->call->dataset, name, &export->snapshot, err))
		return -1;
	each_of_snapshot(&export->each, export->call->app->blobs, export->snapshot.blob_key);
	return 0;
}

int export_digest(struct export *export, const struct sample *sample, char out[HASH_SHA256_HEX], struct err *err)
{
	if (export->digests.count % GONE_EACH == 1 && request_is_gone(export->call->request))
		return export_is_gone(err);
	return digests_of(&export->digests, sample, out, err);
}

/* By what the manifest has. The bytes of an uploaded image never change; a file in base_dir may. */
static int find_part_then(struct export *export, const struct sample *sample, struct err *err)
{
	const char *then = sample->sha256;
	struct sample as_it_is = *sample;
	char now[HASH_SHA256_HEX] = "", unknown[] = "";

	as_it_is.sha256 = unknown;
	if (export->is_split && then[0])
		export->part = split_of(&export->split, then);
	export->changed = false;
	if (sample->blob_key[0])
		return 0;
	if (export_digest(export, &as_it_is, now, err) && err->code != ERR_NOT_FOUND)
		return -1;
	export->changed = strcmp(now, then) != 0;
	return 0;
}

int export_find_part(struct export *export, const struct sample *sample, struct err *err)
{
	char sha256[HASH_SHA256_HEX];

	export->part = NULL;
	if (export->snapshot.name)
		return find_part_then(export, sample, err);
	if (!export->is_split)
		return 0;
	if (export_digest(export, sample, sha256, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	export->part = split_of(&export->split, sha256);
	return 0;
}

int export_send_piece(struct export *export, const void *bytes, size_t len, struct err *err)
{
	if (len < PIECE_BYTES) {
		buf_add(&export->out, bytes, len);
		return export_send(export, false, err);
	}
	if (export->out.len > 0 && export_send(export, true, err))
		return -1;
	return reply_stream_write(export->call->reply, bytes, len) ? export_is_gone(err) : 0;
}

void export_look_ahead(struct export *export, const struct sample *sample)
{
	struct ahead *ahead = export->images.ahead;
	const struct sample *next;

	if (!ahead)
		return;
	ahead_pass(ahead, sample->id);
	ahead_want(ahead, sample);
	for (size_t i = 0; (next = each_peek(&export->each, i)) && i < AHEAD_IMAGES; i++) {
		if (next->label[0] || export->unlabelled)
			ahead_want(ahead, next);
	}
}

static int send_piece(void *export, const void *bytes, size_t len, struct err *err)
{
	return export_send_piece(export, bytes, len, err);
}

static void open_bundle(struct export *export, const struct form *form)
{
	const char *dir = call_spool_dir(export->call);

	if (!form->is_bundle)
		return;
	export->unlabelled = form->unlabelled;
	export->images.ahead = ahead_new(export->call->app->blobs);
	bundle_init(&export->bundle, form->bundle, dir, send_piece, export);
	spool_init(&export->missing, dir, INT64_MAX);
	for (int i = 0; i < SPLIT_PARTS; i++)
		spool_init(&export->rows[i], dir, INT64_MAX);
}

static void close_bundle(struct export *export, const struct form *form)
{
	if (!form->is_bundle)
		return;
	bundle_release(&export->bundle);
	spool_release(&export->missing);
	for (int i = 0; i < SPLIT_PARTS; i++)
		spool_release(&export->rows[i]);
}

static bool is_of_all(const struct export *export)
{
	const struct sample_filter *filter = &export->each.filter;

	return export->each.view.count == 0 && !export->snapshot.name && !export->is_split && !filter->of_state &&
	       !filter->label && !filter->by && !filter->q && filter->flagged == SAMPLE_FLAGGED_OR_NOT && !filter->since;
}

static int stream_labels(struct export *export, const struct form *form, struct err *err)
{
	int64_t after = -1;
	size_t count = LABELS_AT_ONCE;

	while (count == LABELS_AT_ONCE) {
		if (dataset_each_label(export->call->dataset, &after, LABELS_AT_ONCE, form->add_label, export, &count, err) ||
		    export_send(export, false, err))
			return -1;
	}
	return 0;
}

static int stream_samples(struct export *export, const struct form *form, struct err *err)
{
	const struct sample *sample;
	int more;

	while ((more = each_next(&export->each, &sample, err)) == 1) {
		if (export_find_part(export, sample, err) || form->add(export, sample, err) ||
		    export_send(export, false, err))
			return -1;
	}
	return more;
}

static int stream(struct export *export, const struct form *form, struct err *err)
{
	bool fast = form->add_label && is_of_all(export);

	if (reply_stream_start(export->call->reply, 200, form->type))
		return export_is_gone(err);
	if ((form->begin && form->begin(export, err)) || export_send(export, true, err) ||
	    (fast ? stream_labels(export, form, err) : stream_samples(export, form, err)))
		return -1;
	if (export_is_there(export->call, err) || (form->end && form->end(export, err)) ||
	    (form->is_bundle && bundle_end(&export->bundle, err)))
		return -1;
	return export_send(export, true, err);
}

int export_open(struct export *export, struct call *call, struct err *err)
{
	*export = (struct export){.call = call};
	buf_init(&export->out, REPLY_BODY_MAX);
	each_init(&export->each, call->dataset);
	if (call_view(call, &export->each.view, err) || read_snapshot(export, err) || read_split(export, err) ||
	    filter_of_query(call->request, &export->each.filter, err) || call_place(call, err) ||
	    call_labels(call, err))
		return -1;
	export->images = call_images(call);
	digests_init(&export->digests, &export->images);
	classes_init(&export->classes, &call->info.labels);
	return 0;
}

void export_close(struct export *export)
{
	digests_keep(&export->digests);
	ahead_free(export->images.ahead);
	hash_stream_free(export->hash);
	each_release(&export->each);
	snapshot_release(&export->snapshot);
	split_release(&export->split);
	classes_release(&export->classes);
	buf_release(&export->out);
}

int export_whole(struct call *call, struct err *err)
{
	const struct form *form = find_form(call, err);
	struct export export;

	if (!form)
		return -1;
	int failed = export_open(&export, call, err) || export_headers(call, form->ending, err) ||
	             each_start(&export.each, err);
	if (!failed && strcmp(call->request->method, "HEAD") == 0) {
		failed = reply_header(call->reply, "Content-Type", form->type, err);
	} else if (!failed) {
		open_bundle(&export, form);
		failed = stream(&export, form, err);
		close_bundle(&export, form);
	}
	export_close(&export);
	return failed;
}
