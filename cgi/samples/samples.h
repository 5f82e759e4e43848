/* The handlers of the samples program. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "dataset/correct.h"
#include "fastcgi/app.h"

app_handler samples_list, samples_ids, samples_show, samples_image, samples_thumb, samples_history, samples_label,
	samples_undo, samples_label_many, samples_undo_many, samples_flag, samples_unflag, samples_mark_gold,
	samples_unmark_gold, samples_remove;
/* Removes what this machine keeps of samples that were removed through other machines. */
void samples_follow(struct app *app);

/* Lists what this user says; a part of samples_list. */
int samples_said(struct call *call, const char *user, struct err *err);
enum { SAMPLES_LIMIT_DEFAULT = 100 }; /* of a list's page */

/* Finds the sample that the path's {id} names, after call_place. */
int samples_find(struct call *call, struct sample *out, struct err *err);
/* Reads only its number, which may not be any sample's. */
int samples_id(struct call *call, int64_t *id, struct err *err);
/* The correction's user, for this call. */
struct correction samples_correction(const struct call *call);
/* Answers with the sample's document, and releases the sample. */
int samples_reply(struct call *call, struct sample *sample, struct err *err);

#endif
