/* The handlers of the datasets program, and what they share. */
#ifndef DATASETS_H
#define DATASETS_H

#include "fastcgi/app.h"

app_handler datasets_list, datasets_show, datasets_create, datasets_change, datasets_remove;

/* Answers with call->dataset's present state. */
int datasets_reply(struct call *call, int status, struct err *err);

/* Makes all uploaded images of call->dataset public or private, as its policy says. The policy is changed first, so
 * that new images are right from the start. After a failure, repeating the request goes on. */
int datasets_publish(struct call *call, struct err *err);

#endif
