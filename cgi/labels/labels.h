/* The handlers of the labels program, and what they share. */
#ifndef LABELS_H
#define LABELS_H

#include "fastcgi/app.h"

app_handler labels_list, labels_add, labels_change, labels_merge, labels_remove;
app_handler labels_fetch, labels_add_by_path; /* of the collecting clients */

/* Answers with the label of that key as it is now. */
int labels_reply(struct call *call, int status, int64_t key, struct err *err);

/* A label that was there already is no change. */
int labels_audit_added(struct call *call, const char *name, bool created, struct err *err);

#endif
