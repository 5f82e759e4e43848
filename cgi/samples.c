/* /v1/datasets/{d}/samples: the samples of a dataset, their images and thumbnails, corrections of their labels,
 * and their removal. */
#include "program.h"
#include "samples/samples.h"

#include "fastcgi/filter.h"
#include "fastcgi/thumb.h"

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/samples", ROLE_VIEWER, samples_list, false, "ids said_by limit after " LIST_FILTERS,
         ""},
	{"GET", "/v1/datasets/{dataset}/samples/ids", ROLE_VIEWER, samples_ids, false, "limit after " LIST_FILTERS, ""},
	{"GET", "/v1/datasets/{dataset}/samples/{id}", ROLE_VIEWER, samples_show, false, "", ""},
	{"GET", "/v1/datasets/{dataset}/samples/{id}/image", ROLE_VIEWER, samples_image, false, "", ""},
	{"GET", "/v1/datasets/{dataset}/samples/{id}/thumb", ROLE_VIEWER, samples_thumb, false, "size v", ""},
	{"GET", "/v1/datasets/{dataset}/samples/{id}/history", ROLE_VIEWER, samples_history, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/samples/{id}/label", ROLE_ANNOTATOR, samples_label, false, "", "label version"},
	{"POST", "/v1/datasets/{dataset}/samples/{id}/undo", ROLE_ANNOTATOR, samples_undo, false, "", "version own"},
	{"POST", "/v1/datasets/{dataset}/samples/label", ROLE_ANNOTATOR, samples_label_many, false, "", "ids filter label"},
	{"POST", "/v1/datasets/{dataset}/samples/undo", ROLE_ANNOTATOR, samples_undo_many, false, "", "ids versions own"},
	{"PUT", "/v1/datasets/{dataset}/samples/{id}/flag", ROLE_ANNOTATOR, samples_flag, false, "", "note"},
	{"DELETE", "/v1/datasets/{dataset}/samples/{id}/flag", ROLE_ANNOTATOR, samples_unflag, false, "", ""},
	{"PUT", "/v1/datasets/{dataset}/samples/{id}/gold", ROLE_CONTRIBUTOR, samples_mark_gold, false, "", "label"},
	{"DELETE", "/v1/datasets/{dataset}/samples/{id}/gold", ROLE_CONTRIBUTOR, samples_unmark_gold, false, "", ""},
	{"DELETE", "/v1/datasets/{dataset}/samples/{id}", ROLE_CONTRIBUTOR, samples_remove, false, "", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "samples",
	                                       .routes = routes,
	                                       .threads = THUMB_THREADS_MAX + 16,
	                                       .images = true,
	                                       .thumbs = true,
	                                       .tick = samples_follow};

	return program_run(&program, argc, argv);
}
