/* The answer of the obtain program. */
#ifndef OBTAIN_ANSWER_H
#define OBTAIN_ANSWER_H

#include "fastcgi/serve.h"

/* Answers the task's sample: its image with X-Response-Json, or JSON when the client asks for that. */
int answer_obtained(struct call *call, const struct task *task, const struct located *file, struct err *err);

#endif
