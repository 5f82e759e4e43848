/* The handlers of the labels program, and what they share. */
#ifndef LABELS_H
#define LABELS_H

#include "fastcgi/app.h"

app_handler labels_list, labels_add, labels_change, labels_merge, labels_remove;
app_handler labels_fetch, labels_add_by_path; /* for the collecting clients */

/* Answers with the present state of the label with that key. */
int labels_reply(struct call *call, int status, int64_t key, struct err *err);

/* Records the addition, unless the label was there already. */
int labels_audit_added(struct call *call, const char *name, bool created, struct err *err);

#endif
