/* The handlers of the datasets program, and what they share. */
#ifndef DATASETS_H
#define DATASETS_H

#include "fastcgi/app.h"

app_handler datasets_list, datasets_show, datasets_create, datasets_change, datasets_remove;

/* Answers with call->dataset as it is now. */
int datasets_reply(struct call *call, int status, struct err *err);

/* Brings all uploaded images of call->dataset in line with its policy, which is changed before, so that new ones are
 * right from the first. After a failure it goes on when the change is asked for again. */
int datasets_publish(struct call *call, struct err *err);

#endif
