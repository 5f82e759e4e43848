/* The handlers of the samples program. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "fastcgi/app.h"

app_handler samples_list, samples_show, samples_image, samples_thumb, samples_history;

/* Finds the sample that the path's {id} names, after call_place. */
int samples_find(struct call *call, struct sample *out, struct err *err);

#endif
